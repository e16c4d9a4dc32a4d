package protocol_test

import (
	"fmt"
	"testing"
	"time"

	"landfall/internal/place"
	"landfall/internal/protocol"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const day = 24 * time.Hour

// red is when the evacuation order for La Soufrière was given: 8 April 2021, 16:00 local.
var red = time.Date(2021, 4, 8, 20, 0, 0, 0, time.UTC)

// soufriere is the setting of the volcano template with four receivers, active, before anybody left.
func soufriere() protocol.Setting {
	return protocol.Setting{
		Part: protocol.Active, Origin: "VCT", Receivers: []place.Party{"ATG", "GRD", "LCA", "DMA"},
		Anchors: protocol.Anchors{
			protocol.AnchorOrange:     observed(red.Add(-100 * day)),
			protocol.AnchorRed:        observed(red),
			protocol.AnchorActivation: observed(red.Add(20 * time.Minute)),
		},
	}
}

func lift(id string, to place.Party, departure, arrival protocol.Value) protocol.Movement {
	return protocol.Movement{ID: id, From: "VCT", To: to, Departure: departure, Arrival: arrival}
}

func TestPlanningForAVolcanoHangsOnOrangeAndTheRestOnRed(t *testing.T) {
	volcano := shipped(t, "volcano")
	s := soufriere()
	s.Part = protocol.Monitoring
	delete(s.Anchors, protocol.AnchorRed)
	delete(s.Anchors, protocol.AnchorActivation)
	var got []string
	for _, i := range volcano.Instances(s) {
		got = append(got, fmt.Sprintf("%s %s %s", i.Key, i.Party, i.Plan.At.Sub(red.Add(-100*day))))
	}
	want := []string{"VOL-01.1 VCT 24h0m0s", "VOL-02.1 VCT 72h0m0s", "VOL-03.1 ORG-CDEMA 120h0m0s", "VOL-04.1 VCT 120h0m0s",
		"VOL-05.1 VCT 168h0m0s", "VOL-06 VCT 168h0m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("monitoring (-want +got):\n%s", diff)
	}
	keyed := byKey(volcano.Instances(soufriere()))
	for key, after := range map[protocol.Key]time.Duration{
		"VOL-07": 0, "VOL-08": time.Hour, "VOL-09": time.Hour, "VOL-10": 3 * time.Hour, "VOL-11.GRD": 8 * time.Hour, "VOL-12.DMA": 12 * time.Hour,
		"VOL-13.1": 6 * time.Hour, "VOL-14": 48 * time.Hour, "VOL-21.1": 72 * time.Hour, "VOL-23": 7 * day, "VOL-30": 180*day + 20*time.Minute,
	} {
		if i, ok := keyed[key]; !ok || i.Plan.At.Sub(red) != after {
			t.Errorf("%s is planned %s after red, want %s", key, i.Plan.At.Sub(red), after)
		}
	}
	for key, waits := range map[protocol.Key]protocol.Anchor{
		"VOL-17": "DEPARTURE", "VOL-18.ATG": "ARRIVAL", "VOL-20.LCA": "ARRIVAL", "VOL-22.DMA.1": "ARRIVAL", "VOL-25.GRD.1": "ARRIVAL",
		"VOL-26": "ALLCLEAR", "VOL-28.ATG": "RETURN", "VOL-29.LCA": "STAY_END",
	} {
		if i, ok := keyed[key]; !ok || i.Plan.Known() || i.Plan.WaitingFor != waits {
			t.Errorf("%s: %+v, want it to wait for %s", key, i.Plan, waits)
		}
	}
}

func TestEveryRecurringStepOfTheVolcanoGivesItsFirstPeriodAndSaysWhenTheNextIsDue(t *testing.T) {
	s := soufriere()
	s.Movements = []protocol.Movement{lift("m1", "LCA", observed(red.Add(20*time.Hour)), observed(red.Add(24*time.Hour)))}
	periods := map[string]string{"VOL-01": "720h0m0s", "VOL-02": "720h0m0s", "VOL-03": "720h0m0s", "VOL-04": "720h0m0s", "VOL-05": "720h0m0s",
		"VOL-13": "6h0m0s", "VOL-21": "24h0m0s", "VOL-22": "24h0m0s", "VOL-25": "744h0m0s"} // VOL-25: from 9 May to 9 June
	got := map[string]string{}
	for _, i := range shipped(t, "volcano").Instances(s) {
		if i.Step.Repeat != protocol.PerPeriod {
			if i.Period != 0 {
				t.Errorf("%s has a period", i.Key)
			}
			continue
		}
		if i.Period != 1 || i.Key.Code() != i.Step.Code {
			t.Errorf("%s is period %d", i.Key, i.Period)
		}
		if !i.Plan.Known() {
			continue // no arrival at that receiver yet
		}
		due, missed := i.Step.Deadline.Every.Next(i.Plan.At, i.Plan.At)
		if missed != 0 {
			t.Errorf("%s missed %d periods", i.Key, missed)
		}
		got[i.Step.Code] = due.Sub(i.Plan.At).String()
	}
	if diff := cmp.Diff(periods, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, step := range shipped(t, "volcano").Steps {
		want := protocol.Anchor("")
		if step.Phase == protocol.Planning && step.Repeat == protocol.PerPeriod {
			want = protocol.AnchorOrange
		}
		if got := step.Deadline.Every.While; got != want {
			t.Errorf("%s recurs while %q, want %q", step.Code, got, want)
		}
	}
}

func TestAVesselThatDoesNotArriveIsCountedThreeHoursAfterItWasExpected(t *testing.T) {
	s := soufriere()
	eta := red.Add(30 * time.Hour)
	s.Movements = []protocol.Movement{lift("m1", "LCA", observed(eta.Add(-4*time.Hour)), forecast(eta))}
	keyed := byKey(shipped(t, "volcano").Instances(s))
	if i := keyed["VOL-18.m1"]; i.Party != "LCA" || !i.Plan.At.Equal(eta.Add(3*time.Hour)) || i.Plan.Kind != protocol.Forecast {
		t.Errorf("the count: %+v", i.Plan)
	}
	for _, key := range []protocol.Key{"VOL-19.m1", "VOL-20.LCA"} {
		if i, ok := keyed[key]; !ok || i.Plan.WaitingFor != protocol.AnchorArrival {
			t.Errorf("%s does not wait for the arrival: %+v", key, i.Plan)
		}
	}
	if diff := cmp.Diff([]string{"VOL-12.LCA", "VOL-18.m1"}, needsOf(keyed["VOL-19.m1"])); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}

func TestTheReviewOfAnEruptionComesAtTheEarliestOfThreeMoments(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*protocol.Setting)
		want   time.Duration
	}{
		"half a year after the activation": {func(*protocol.Setting) {}, 180*day + 20*time.Minute},
		"two weeks after standing down": {func(s *protocol.Setting) {
			s.Anchors[protocol.AnchorStandDown] = observed(red.Add(3 * day))
		}, 17 * day},
		"six weeks after the first return": {func(s *protocol.Setting) {
			for n, at := range []time.Duration{70 * day, 60 * day} {
				s.Movements = append(s.Movements, protocol.Movement{ID: fmt.Sprintf("r%d", n), From: "LCA", To: "VCT", Home: true,
					Departure: observed(red.Add(at)), Arrival: observed(red.Add(at))})
			}
		}, 105 * day},
	} {
		s := soufriere()
		c.change(&s)
		if i := byKey(shipped(t, "volcano").Instances(s))["VOL-30"]; i.Plan.At.Sub(red) != c.want {
			t.Errorf("%s: %s after red, want %s", name, i.Plan.At.Sub(red), c.want)
		}
	}
}

// A week of orange is what the planning steps need; with less of it the granted times make up for what the planned ones cannot. The review is
// left out: it follows the first return, and the last one may come after it.
func TestNoStepOfTheVolcanoFallsDueBeforeOneItNeedsHoweverTheMonthsGo(t *testing.T) {
	volcano := shipped(t, "volcano")
	rapid.Check(t, func(t *rapid.T) {
		hours := func(low, high time.Duration, label string) time.Duration {
			return time.Duration(rapid.Int64Range(int64(low/time.Minute), int64(high/time.Minute)).Draw(t, label)) * time.Minute
		}
		s := soufriere()
		s.Receivers = []place.Party{"LCA", "DMA"}
		s.Anchors[protocol.AnchorOrange] = observed(red.Add(-hours(7*day, 200*day, "orange")))
		clear := hours(3*day, 120*day, "all clear")
		s.Anchors[protocol.AnchorAllClear] = observed(red.Add(clear))
		var lastIn time.Duration
		for n, to := range []place.Party{"LCA", "DMA"} {
			out := hours(13*time.Hour, 20*day, "out")
			in := out + hours(time.Hour, 2*day, "sailing")
			lastIn = max(lastIn, in)
			back := clear + hours(6*day, 50*day, "back")
			s.Movements = append(s.Movements, lift(fmt.Sprintf("out%d", n), to, observed(red.Add(out)), observed(red.Add(in))),
				protocol.Movement{ID: fmt.Sprintf("home%d", n), From: to, To: "VCT", Home: true, Departure: observed(red.Add(back)), Arrival: observed(red.Add(back))})
		}
		s.Anchors[protocol.AnchorStayEnd] = forecast(red.Add(max(lastIn+60*day, clear+37*day) + hours(0, 90*day, "stay")))
		all := volcano.Instances(s)
		keyed := byKey(all)
		for _, i := range all {
			if !i.Plan.Known() {
				t.Fatalf("%s waits for %s", i.Key, i.Plan.WaitingFor)
			}
			for _, need := range i.Needs {
				if needed := keyed[need.Key]; i.Key != "VOL-30" && i.Plan.At.Before(needed.Plan.At) {
					t.Fatalf("%s is due %s before %s", i.Key, needed.Plan.At.Sub(i.Plan.At), need.Key)
				}
			}
		}
	})
}
