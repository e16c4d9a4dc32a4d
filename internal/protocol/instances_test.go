package protocol_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/place"
	"landfall/internal/protocol"

	"github.com/google/go-cmp/cmp"
)

// landfall is when Maria struck Dominica: 18 September 2017, 21:15 local.
var landfall = time.Date(2017, 9, 19, 1, 15, 0, 0, time.UTC)

func forecast(at time.Time) protocol.Value {
	return protocol.Value{At: at, Kind: protocol.Forecast}
}

func observed(at time.Time) protocol.Value {
	return protocol.Value{At: at, Kind: protocol.Observed}
}

// maria is the setting of the hurricane template with two receivers, active, before anything moved.
func maria() protocol.Setting {
	return protocol.Setting{
		Part:      protocol.Active,
		Origin:    "DMA",
		Receivers: []place.Party{"ATG", "LCA"},
		Anchors: protocol.Anchors{
			protocol.AnchorLandfall:   forecast(landfall),
			protocol.AnchorActivation: observed(landfall.Add(-54 * time.Hour)),
		},
	}
}

func ferry(id string, to place.Party, departure, eta time.Time) protocol.Movement {
	return protocol.Movement{ID: id, From: "DMA", To: to, Departure: forecast(departure), Arrival: forecast(eta)}
}

func byKey(all []protocol.Instance) map[protocol.Key]protocol.Instance {
	m := map[protocol.Key]protocol.Instance{}
	for _, i := range all {
		m[i.Key] = i
	}
	return m
}

func keysOf(all []protocol.Instance, code string) []string {
	var keys []string
	for _, i := range all {
		if i.Step.Code == code {
			keys = append(keys, string(i.Key))
		}
	}
	return keys
}

func needsOf(i protocol.Instance) []string {
	var keys []string
	for _, n := range i.Needs {
		keys = append(keys, string(n.Key))
	}
	return keys
}

func TestMonitoringRunsThePlanningStepsOnly(t *testing.T) {
	s := maria()
	s.Part = protocol.Monitoring
	delete(s.Anchors, protocol.AnchorActivation)
	var got []string
	for _, i := range hurricane(t).Instances(s) {
		got = append(got, fmt.Sprintf("%s %s %s", i.Key, i.Party, i.Plan.At.Sub(landfall)))
	}
	want := []string{"HUR-01 DMA -72h0m0s", "HUR-02.ATG ATG -66h0m0s", "HUR-02.LCA LCA -66h0m0s", "HUR-03 DMA -60h0m0s", "HUR-04 DMA -56h0m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryStepIsListedOnceForEachPartyItFallsTo(t *testing.T) {
	all := hurricane(t).Instances(maria())
	parties := map[string][]string{}
	for _, i := range all {
		parties[i.Step.Code] = append(parties[i.Step.Code], string(i.Party))
	}
	for _, s := range hurricane(t).Steps {
		want := []string{"DMA"}
		switch s.Party {
		case protocol.ByEachReceiving, protocol.ByReceivingTourism:
			want = []string{"ATG", "LCA"}
		case protocol.ByRegional:
			want = []string{string(s.Organisation)}
		}
		if diff := cmp.Diff(want, parties[s.Code]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Code, diff)
		}
	}
	if got := byKey(all); len(got) != len(all) {
		t.Errorf("%d keys for %d instances", len(got), len(all))
	}
	for key, party := range map[protocol.Key]place.Party{"HUR-06": "ORG-CDEMA", "HUR-25": "ORG-CDEMA", "HUR-37": "ORG-OECS",
		"HUR-23.LCA": "LCA", "HUR-27.ATG.1": "ATG", "HUR-33.1": "DMA"} {
		if got := byKey(all)[key]; got.Party != party {
			t.Errorf("%s belongs to %q, want %s", key, got.Party, party)
		}
	}
}

func TestAStepWithoutItsMomentWaitsForIt(t *testing.T) {
	all := byKey(hurricane(t).Instances(maria()))
	for key, anchor := range map[protocol.Key]protocol.Anchor{
		"HUR-16": "DEPARTURE", "HUR-18.ATG": "ARRIVAL", "HUR-22.ATG": "ARRIVAL", "HUR-27.LCA.1": "ARRIVAL",
		"HUR-35.ATG": "STAY_END", "HUR-36": "RETURN",
	} {
		i, ok := all[key]
		if !ok || i.Plan.Known() || i.Plan.WaitingFor != anchor {
			t.Errorf("%s: %+v, want it to wait for %s", key, i.Plan, anchor)
		}
		if perMovement := i.Step.Repeat == protocol.PerMovement; i.Placeholder != perMovement {
			t.Errorf("%s: placeholder %v", key, i.Placeholder)
		}
	}
	if review := all["HUR-37"]; review.Plan.Anchor != "ACTIVATION" || review.Plan.Offset.String() != "180d" {
		t.Errorf("the review is planned from %+v", review.Plan)
	}
}

func TestAMovementBringsItsOwnInstancesInPlaceOfThePlaceholder(t *testing.T) {
	s := maria()
	leaves := landfall.Add(-32 * time.Hour)
	s.Movements = []protocol.Movement{ferry("m1", "ATG", leaves, leaves.Add(6*time.Hour)), ferry("m2", "ATG", leaves.Add(time.Hour), leaves.Add(5*time.Hour))}
	all := hurricane(t).Instances(s)
	for code, want := range map[string][]string{
		"HUR-16": {"HUR-16.m1", "HUR-16.m2"},
		"HUR-18": {"HUR-18.m1", "HUR-18.m2", "HUR-18.LCA"},
		"HUR-20": {"HUR-20.m1", "HUR-20.m2", "HUR-20.LCA"},
		"HUR-21": {"HUR-21.ATG", "HUR-21.LCA"},
		"HUR-36": {"HUR-36"},
	} {
		if diff := cmp.Diff(want, keysOf(all, code)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
	}
	keyed := byKey(all)
	if notice := keyed["HUR-16.m1"]; notice.Party != "DMA" || notice.Movement != "m1" || !notice.Plan.At.Equal(leaves.Add(-time.Hour)) {
		t.Errorf("the notice: %+v", notice)
	}
	if count := keyed["HUR-18.m1"]; count.Party != "ATG" || !count.Plan.At.Equal(leaves.Add(9*time.Hour)) || count.Plan.Kind != protocol.Forecast {
		t.Errorf("a boat that does not arrive is counted 3 h after its ETA: %+v", count.Plan)
	}
	if screening := keyed["HUR-19.m1"]; screening.Plan.WaitingFor != "ARRIVAL" {
		t.Errorf("nobody is screened before anybody arrives: %+v", screening.Plan)
	}
}

func TestOnceStepsHangOnTheFirstArrivalAtTheirState(t *testing.T) {
	s := maria()
	first := landfall.Add(-26 * time.Hour)
	late, early, lca := ferry("m1", "ATG", first, first), ferry("m2", "ATG", first, first), ferry("m3", "LCA", first, first)
	late.Arrival, early.Arrival, lca.Arrival = observed(first.Add(time.Hour)), observed(first), forecast(first.Add(-9*time.Hour))
	s.Movements = []protocol.Movement{late, early, lca}
	all := byKey(hurricane(t).Instances(s))
	if i := all["HUR-22.ATG"]; !i.Plan.At.Equal(first.Add(12 * time.Hour)) {
		t.Errorf("planned %s after the first arrival", i.Plan.At.Sub(first))
	}
	if diff := cmp.Diff([]string{"HUR-15.ATG", "HUR-18.m2"}, needsOf(all["HUR-22.ATG"])); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
	if i := all["HUR-22.LCA"]; i.Plan.WaitingFor != "ARRIVAL" {
		t.Errorf("an expected boat counts as arrived: %+v", i.Plan)
	}
	if i := all["HUR-19.m1"]; !i.Plan.At.Equal(first.Add(7 * time.Hour)) {
		t.Errorf("the later boat is screened %s after the first", i.Plan.At.Sub(first))
	}
}

func TestNeedsStayWithinAReceiverAndAMovement(t *testing.T) {
	s := maria()
	leaves := landfall.Add(-32 * time.Hour)
	back := leaves.AddDate(0, 3, 0)
	home := protocol.Movement{ID: "r1", From: "ATG", To: "DMA", Home: true, Departure: forecast(back), Arrival: observed(back)}
	s.Movements = []protocol.Movement{ferry("m1", "ATG", leaves, leaves), ferry("m2", "LCA", leaves, leaves), home}
	all := byKey(hurricane(t).Instances(s))
	for key, want := range map[protocol.Key][]string{
		"HUR-01":       nil,
		"HUR-02.LCA":   {"HUR-01"},
		"HUR-05":       {"HUR-01", "HUR-04"},
		"HUR-06":       {"HUR-05"},
		"HUR-07.ATG":   {"HUR-02.ATG", "HUR-05"},
		"HUR-10":       {"HUR-05", "HUR-07.ATG", "HUR-07.LCA"},
		"HUR-16.m1":    {"HUR-08.ATG", "HUR-09.ATG", "HUR-14"},
		"HUR-18.m2":    {"HUR-16.m2"},
		"HUR-20.m1":    {"HUR-18.m1"},
		"HUR-23.LCA":   {"HUR-03", "HUR-15.LCA"},
		"HUR-27.ATG.1": {"HUR-18.m1", "HUR-22.ATG"},
		"HUR-35.ATG":   {"HUR-28.ATG", "HUR-33.1"},
		"HUR-36.r1":    {"HUR-35.ATG"},
		"HUR-37":       {"HUR-36.r1"},
	} {
		i, ok := all[key]
		if !ok {
			t.Errorf("%s does not exist", key)
			continue
		}
		if diff := cmp.Diff(want, needsOf(i)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	if review := all["HUR-37"]; review.Plan.Anchor != "RETURN" {
		t.Errorf("the review follows the first return: %+v", review.Plan)
	}
}

func TestEveryNeedIsAnInstanceOfTheSameSetting(t *testing.T) {
	leaves := landfall.Add(-32 * time.Hour)
	moving := maria()
	moving.Movements = []protocol.Movement{ferry("m1", "ATG", leaves, leaves), ferry("m2", "MTQ", leaves, leaves)}
	alone := maria()
	alone.Receivers = nil
	monitoring := maria()
	monitoring.Part = protocol.Monitoring
	for name, s := range map[string]protocol.Setting{"at rest": maria(), "moving": moving, "without receivers": alone, "monitoring": monitoring} {
		for _, template := range []string{"hurricane", "volcano", "spontaneous"} {
			all := templateOf(t, template).Instances(s)
			keyed := byKey(all)
			if len(keyed) != len(all) {
				t.Errorf("%s, %s: two instances share a key", template, name)
			}
			for n, i := range all {
				for _, need := range i.Needs {
					if _, ok := keyed[need.Key]; !ok && s.Part != protocol.Monitoring {
						t.Errorf("%s, %s: %s needs %s, which does not exist", template, name, i.Key, need.Key)
					}
					if slices.IndexFunc(all, func(o protocol.Instance) bool { return o.Key == need.Key }) >= n {
						t.Errorf("%s, %s: %s needs %s, which is not above it", template, name, i.Key, need.Key)
					}
				}
				if i.Key.Code() != i.Step.Code {
					t.Errorf("%s reads as step %s", i.Key, i.Key.Code())
				}
			}
		}
	}
}

func TestAMovementToNobodyNamedGivesTheOriginsStepOnly(t *testing.T) {
	s := maria()
	s.Movements = []protocol.Movement{ferry("m1", "MTQ", landfall, landfall)}
	all := hurricane(t).Instances(s)
	if diff := cmp.Diff([]string{"HUR-16.m1"}, keysOf(all, "HUR-16")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"HUR-18.ATG", "HUR-18.LCA"}, keysOf(all, "HUR-18")); diff != "" {
		t.Error(diff)
	}
}

func TestAnIslandMovesToTheRestOfItsOwnState(t *testing.T) {
	s := maria()
	s.Origin, s.Receivers = "ATG-BARBUDA", []place.Party{"ATG"}
	m := ferry("m1", "ATG-ANTIGUA", landfall, landfall.Add(3*time.Hour))
	m.From = "ATG-BARBUDA"
	s.Movements = []protocol.Movement{m}
	all := byKey(hurricane(t).Instances(s))
	if i := all["HUR-18.m1"]; i.Party != "ATG" {
		t.Errorf("the arrival belongs to %q", i.Party)
	}
	if i := all["HUR-05"]; i.Party != "ATG-BARBUDA" {
		t.Errorf("the activation belongs to %q", i.Party)
	}
}

func TestClosingTheMovementWindowMeansNothingAfterLandfall(t *testing.T) {
	for _, c := range []struct {
		after   time.Duration
		applies bool
	}{{-54 * time.Hour, true}, {-time.Nanosecond, true}, {0, false}, {10 * time.Hour, false}} {
		s := maria()
		s.Anchors[protocol.AnchorActivation] = observed(landfall.Add(c.after))
		for _, i := range hurricane(t).Instances(s) {
			want := c.applies || i.Step.Code != "HUR-17"
			if i.Applies != want || (i.Reason.EN == "") != want || (i.Reason.FR == "") != want {
				t.Errorf("activation %s from landfall: %s applies %v, because %q", c.after, i.Key, i.Applies, i.Reason.EN)
			}
		}
	}
	s := maria()
	delete(s.Anchors, protocol.AnchorLandfall)
	if i := byKey(hurricane(t).Instances(s))["HUR-17"]; !i.Applies || i.Plan.WaitingFor != "LANDFALL" {
		t.Errorf("without a landfall: %+v", i)
	}
}

func TestAStayEndMayDifferFromStateToState(t *testing.T) {
	s := maria()
	end := landfall.AddDate(0, 6, 0)
	s.Anchors[protocol.AnchorStayEnd] = forecast(end)
	s.StayEnds = map[place.Party]protocol.Value{"LCA": forecast(end.AddDate(0, 1, 0))}
	all := byKey(hurricane(t).Instances(s))
	if got := all["HUR-35.ATG"].Plan.At; !got.Equal(end.AddDate(0, 0, -30)) {
		t.Errorf("ATG decides %s", got)
	}
	if got := all["HUR-35.LCA"].Plan.At; !got.Equal(end.AddDate(0, 1, -30)) {
		t.Errorf("LCA decides %s", got)
	}
}

func TestAnOrangeNeverSetTakesTheTimeOfRed(t *testing.T) {
	s := protocol.Setting{Origin: "VCT", Anchors: protocol.Anchors{protocol.AnchorRed: observed(landfall)}}
	volcano := shipped(t, "volcano")
	if got := byKey(volcano.Instances(s))["VOL-01.1"].Plan; !got.At.Equal(landfall.Add(24 * time.Hour)) {
		t.Errorf("%+v", got)
	}
	s.Anchors[protocol.AnchorOrange] = observed(landfall.AddDate(0, 0, -100))
	if got := byKey(volcano.Instances(s))["VOL-01.1"].Plan; !got.At.Equal(landfall.AddDate(0, 0, -99)) {
		t.Errorf("%+v", got)
	}
}

func TestTheSlowModeHasItsOwnDeadlines(t *testing.T) {
	spontaneous := fromTable(t, "spontaneous")
	s := protocol.Setting{Receivers: []place.Party{"ATG"}, Anchors: protocol.Anchors{protocol.AnchorReport: observed(landfall)}}
	if got := byKey(spontaneous.Instances(s))["SPN-01.ATG"].Plan.At.Sub(landfall); got != time.Hour {
		t.Errorf("rapid: %s", got)
	}
	s.Mode = protocol.Slow
	if got := byKey(spontaneous.Instances(s))["SPN-01.ATG"].Plan.At.Sub(landfall); got != 24*time.Hour {
		t.Errorf("slow: %s", got)
	}
}

func TestTheScheduleIsTheSameInEveryZone(t *testing.T) {
	s := maria()
	s.Movements = []protocol.Movement{ferry("m1", "ATG", landfall.Add(-32*time.Hour), landfall.Add(-26*time.Hour))}
	want := hurricane(t).Instances(s)
	elsewhere := time.FixedZone("elsewhere", 13*3600+45*60)
	move := func(v protocol.Value) protocol.Value { v.At = v.At.In(elsewhere); return v }
	for a, v := range s.Anchors {
		s.Anchors[a] = move(v)
	}
	s.Movements[0].Departure, s.Movements[0].Arrival = move(s.Movements[0].Departure), move(s.Movements[0].Arrival)
	got := hurricane(t).Instances(s)
	for n := range want {
		if want[n].Plan != got[n].Plan { // exactly: location included
			t.Errorf("%s: %+v and %+v", want[n].Key, want[n].Plan, got[n].Plan)
		}
	}
}

func TestASettingIsOnlyRead(t *testing.T) {
	s := maria()
	s.Anchors[protocol.AnchorRed] = observed(landfall)
	s.Movements = []protocol.Movement{ferry("m1", "ATG", landfall, landfall)}
	hurricane(t).Instances(s)
	if _, added := s.Anchors[protocol.AnchorOrange]; added || len(s.Anchors) != 3 {
		t.Errorf("the caller's anchors were changed: %v", s.Anchors)
	}
}

// run is a setting in which every step of a template has a planned time.
type run struct {
	name, template string
	setting        protocol.Setting
	mayBeEarly     string // the one step allowed to fall before what it needs, because it does not apply
}

func runs() []run {
	at := func(d time.Duration) protocol.Value { return observed(landfall.Add(d)) }
	day := 24 * time.Hour
	there := func(departs, arrives time.Duration) protocol.Movement {
		return protocol.Movement{ID: "out", From: "DMA", To: "ATG", Departure: at(departs), Arrival: at(arrives)}
	}
	back := protocol.Movement{ID: "home", From: "ATG", To: "DMA", Home: true, Departure: at(160 * day), Arrival: at(160*day + 3*time.Hour)}
	set := func(mode protocol.Mode, out protocol.Movement, anchors map[protocol.Anchor]time.Duration) protocol.Setting {
		s := protocol.Setting{Mode: mode, Origin: "DMA", Receivers: []place.Party{"ATG"}, Movements: []protocol.Movement{out, back}, Anchors: protocol.Anchors{}}
		for a, d := range anchors {
			s.Anchors[a] = at(d)
		}
		return s
	}
	type times = map[protocol.Anchor]time.Duration
	return []run{
		{"activation 54 h before landfall", "hurricane", set("", there(-32*time.Hour, -26*time.Hour),
			times{"LANDFALL": 0, "ACTIVATION": -54 * time.Hour, "STAY_END": 180 * day}), ""},
		{"activation 10 h after landfall", "hurricane", set("", there(42*time.Hour, 48*time.Hour),
			times{"LANDFALL": 0, "ACTIVATION": 10 * time.Hour, "STAY_END": 180 * day}), "HUR-17"},
		{"100 days of orange", "volcano", set("", there(42*time.Hour, 48*time.Hour),
			times{"ORANGE": -100 * day, "RED": 0, "ACTIVATION": 0, "ALLCLEAR": 120 * day, "STAY_END": 180 * day}), ""},
		{"8 days of orange", "volcano", set("", there(42*time.Hour, 48*time.Hour),
			times{"ORANGE": -8 * day, "RED": 0, "ACTIVATION": 0, "ALLCLEAR": 120 * day, "STAY_END": 180 * day}), ""},
		{"rapid", "spontaneous", set(protocol.Rapid, there(0, 0), times{"REPORT": 0, "STAY_END": 180 * day}), ""},
		{"slow", "spontaneous", set(protocol.Slow, there(0, 0), times{"REPORT": 0, "STAY_END": 300 * day}), ""},
	}
}

func TestNoStepFallsDueBeforeAStepItNeeds(t *testing.T) {
	for _, r := range runs() {
		t.Run(r.template+", "+r.name, func(t *testing.T) {
			all := templateOf(t, r.template).Instances(r.setting)
			keyed := byKey(all)
			var early []string
			for _, i := range all {
				if !i.Plan.Known() {
					t.Errorf("%s waits for %s", i.Key, i.Plan.WaitingFor)
				}
				for _, need := range i.Needs {
					if i.Plan.At.Before(keyed[need.Key].Plan.At) {
						early = append(early, i.Step.Code)
						if i.Applies {
							t.Errorf("%s is due %s before %s", i.Key, keyed[need.Key].Plan.At.Sub(i.Plan.At), need.Key)
						}
					}
				}
			}
			if got := strings.Join(early, " "); got != r.mayBeEarly {
				t.Errorf("due before what they need: %q, want %q", got, r.mayBeEarly)
			}
		})
	}
}

// templateOf gives the shipped template, or the table's for one that does not ship yet.
func templateOf(t *testing.T, id string) *protocol.Template {
	t.Helper()
	if tmpl, ok := protocol.Lookup(id); ok {
		return tmpl
	}
	return fromTable(t, id)
}
