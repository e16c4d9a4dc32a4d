package protocol_test

import (
	"testing"
	"time"

	"landfall/internal/place"
	"landfall/internal/protocol"

	"pgregory.net/rapid"
)

var now = time.Date(2017, 9, 16, 19, 0, 0, 0, time.UTC)

// instant draws any moment that a request may name.
func instant(t *rapid.T, label string) time.Time {
	first, last := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
	s := rapid.Int64Range(first, last).Draw(t, label)
	return time.Unix(s, rapid.Int64Range(0, 999_999_999).Draw(t, label+" nanoseconds")).UTC()
}

// near draws a moment within a year of another.
func near(t *rapid.T, of time.Time, label string) time.Time {
	return of.Add(time.Duration(rapid.Int64Range(-int64(8760*time.Hour), int64(8760*time.Hour)).Draw(t, label)))
}

func TestNoStepIsBornOverdue(t *testing.T) {
	for _, c := range []struct {
		planned, granted time.Duration
		lifeSafety       bool
	}{
		{-10 * time.Hour, 2 * time.Hour, false},
		{-10 * time.Hour, time.Hour, true},
		{90 * time.Minute, 2 * time.Hour, false},
		{90 * time.Minute, 90 * time.Minute, true},
		{30 * time.Hour, 30 * time.Hour, false},
	} {
		if got := protocol.Granted(now.Add(c.planned), now, c.lifeSafety).Sub(now); got != c.granted {
			t.Errorf("planned %s, life safety %v: granted %s, want %s", c.planned, c.lifeSafety, got, c.granted)
		}
	}
}

func TestTheGrantedTimeIsNeverBeforeThePlannedAndFollowsTheAnchor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		planned, lifeSafety := instant(t, "planned"), rapid.Bool().Draw(t, "life safety")
		actionable := near(t, planned, "actionable")
		granted := protocol.Granted(planned, actionable, lifeSafety)
		if granted.Before(planned) || !granted.After(actionable) {
			t.Fatalf("granted %s", granted)
		}
		further := near(t, planned, "further")
		if g := protocol.Granted(further, actionable, lifeSafety); further.After(planned) && g.Before(granted) {
			t.Fatalf("a later plan is granted earlier: %s before %s", g, granted)
		}
		if soon := protocol.DueSoonAt(actionable, granted); soon.Before(actionable) || soon.After(granted) {
			t.Fatalf("due soon %s is outside %s to %s", soon, actionable, granted)
		}
	})
}

func TestALaterAnchorNeverMakesAStepDueEarlier(t *testing.T) {
	h := hurricane(t)
	rapid.Check(t, func(t *rapid.T) {
		s := maria()
		before := instant(t, "landfall")
		move := time.Duration(rapid.Int64Range(0, int64(240*time.Hour)).Draw(t, "move"))
		plans := map[protocol.Key]time.Time{}
		s.Anchors[protocol.AnchorLandfall] = forecast(before)
		for _, i := range h.Instances(s) {
			plans[i.Key] = i.Plan.At
		}
		s.Anchors[protocol.AnchorLandfall] = forecast(before.Add(move))
		for _, i := range h.Instances(s) {
			if i.Plan.At.Before(plans[i.Key]) {
				t.Fatalf("%s: %s before %s", i.Key, i.Plan.At, plans[i.Key])
			}
		}
	})
}

func TestNoMoveMakesAStepDueEarlierThanAnHourFromNow(t *testing.T) {
	for name, c := range map[string]struct{ before, granted, want time.Duration }{
		"later is as granted":                    {5 * time.Hour, 9 * time.Hour, 9 * time.Hour},
		"earlier is as granted":                  {9 * time.Hour, 5 * time.Hour, 5 * time.Hour},
		"into the next hour stops at the hour":   {9 * time.Hour, 10 * time.Minute, time.Hour},
		"into the past stops at the hour":        {9 * time.Hour, -9 * time.Hour, time.Hour},
		"due within the hour keeps its time":     {30 * time.Minute, -9 * time.Hour, 30 * time.Minute},
		"overdue stays overdue since then":       {-3 * time.Hour, -9 * time.Hour, -3 * time.Hour},
		"overdue gets the time of a later storm": {-3 * time.Hour, 9 * time.Hour, 9 * time.Hour},
	} {
		if got := protocol.Regranted(now.Add(c.before), now.Add(c.granted), now).Sub(now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := protocol.Regranted(time.Time{}, now.Add(time.Minute), now); !got.Equal(now.Add(time.Minute)) {
		t.Errorf("a first due time is as granted, not %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := instant(t, "now")
		before, granted := near(t, at, "before"), near(t, at, "granted")
		got := protocol.Regranted(before, granted, at)
		if got.Before(before) && got.Before(at.Add(time.Hour)) {
			t.Fatalf("moved to %s, now is %s", got, at)
		}
		if got.Before(granted) && got.Before(before) {
			t.Fatalf("due %s, before both %s and %s", got, before, granted)
		}
	})
}

func TestDueSoonIsTheLastQuarterWithinBounds(t *testing.T) {
	for allowed, lead := range map[time.Duration]time.Duration{
		40 * time.Minute: 15 * time.Minute,
		time.Hour:        15 * time.Minute,
		2 * time.Hour:    30 * time.Minute,
		24 * time.Hour:   6 * time.Hour,
		480 * time.Hour:  12 * time.Hour,
		10 * time.Minute: 10 * time.Minute,
		-time.Hour:       0,
	} {
		due := now.Add(allowed)
		want := due.Add(-lead)
		if got := protocol.DueSoonAt(now, due); !got.Equal(want) {
			t.Errorf("allowed %s: shown %s before due, want %s", allowed, due.Sub(got), lead)
		}
	}
}

func TestASmallMoveOfAForecastIsSilent(t *testing.T) {
	sooner := forecast(landfall.Add(-time.Hour))
	far := []protocol.DueChange{{Before: now.Add(30 * time.Hour), After: now.Add(28 * time.Hour)}}
	for name, c := range map[string]struct {
		before, after protocol.Value
		dues          []protocol.DueChange
		silent        bool
	}{
		"two hours":                    {forecast(landfall), forecast(landfall.Add(-2 * time.Hour)), far, true},
		"just below three":             {forecast(landfall), forecast(landfall.Add(3*time.Hour - 1)), far, true},
		"three hours":                  {forecast(landfall), forecast(landfall.Add(3 * time.Hour)), far, false},
		"three hours earlier":          {forecast(landfall), forecast(landfall.Add(-3 * time.Hour)), far, false},
		"no step at all":               {forecast(landfall), forecast(landfall.Add(time.Hour)), nil, true},
		"observed":                     {forecast(landfall), observed(landfall), far, false},
		"the first value":              {protocol.Value{}, forecast(landfall), far, false},
		"a step into the next six":     {forecast(landfall), sooner, []protocol.DueChange{{now.Add(6*time.Hour + 1), now.Add(6 * time.Hour)}}, false},
		"a step in the next six stays": {forecast(landfall), sooner, []protocol.DueChange{{now.Add(5 * time.Hour), now.Add(4 * time.Hour)}}, true},
		"a step newly due":             {forecast(landfall), sooner, []protocol.DueChange{{After: now.Add(4 * time.Hour)}}, false},
		"a step no longer due":         {forecast(landfall), sooner, []protocol.DueChange{{Before: now.Add(4 * time.Hour)}}, true},
	} {
		if got := protocol.Silent(c.before, c.after, c.dues, now); got != c.silent {
			t.Errorf("%s: silent %v", name, got)
		}
	}
}

func TestTheLadderRisesForEveryStepOfEveryTable(t *testing.T) {
	rises := func(t interface{ Fatalf(string, ...any) }, allowed time.Duration) {
		rungs := protocol.Ladder(allowed)
		for i := 1; i < len(rungs); i++ {
			if rungs[0] != 0 || rungs[i] <= rungs[i-1] {
				t.Fatalf("allowed %s: %v", allowed, rungs)
			}
		}
	}
	steps := 0
	for name := range table(t) {
		for _, s := range fromTable(t, name).Steps {
			steps++
			for _, d := range []protocol.Deadline{s.Deadline, s.Slow} {
				for _, term := range d.Terms {
					nominal, _ := term.Offset.Duration()
					rises(t, nominal)
				}
			}
		}
	}
	if steps != 88 {
		t.Errorf("%d steps, want 88", steps)
	}
	for _, r := range runs() {
		for _, i := range fromTable(t, r.template).Instances(r.setting) {
			rises(t, protocol.Granted(i.Plan.At, landfall, i.Step.LifeSafety).Sub(landfall))
		}
	}
	rapid.Check(t, func(t *rapid.T) { rises(t, time.Duration(rapid.Int64().Draw(t, "allowed"))) })
	want := [4]time.Duration{0, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}
	if got := protocol.Ladder(24 * time.Hour); got != want {
		t.Errorf("a step that had a day: %v", got)
	}
}

func TestARequestIsAnsweredInItsTime(t *testing.T) {
	dominica := place.Zone("DMA")
	local := func(day, hour, minute int) time.Time { return time.Date(2017, 9, day, hour, minute, 0, 0, dominica) }
	for name, c := range map[string]struct {
		request  protocol.Request
		at, want time.Time
	}{
		"a movement notice at night":     {protocol.MovementNotice, local(17, 2, 0), local(17, 2, 15)},
		"an activation at night":         {protocol.ActivationRequest, local(17, 23, 50), local(18, 0, 20)},
		"planning in the morning":        {protocol.PlanningRequest, local(17, 9, 0), local(17, 13, 0)},
		"planning before opening":        {protocol.PlanningRequest, local(17, 3, 0), local(17, 11, 0)},
		"planning ending at closing":     {protocol.PlanningRequest, local(17, 17, 0), local(17, 21, 0)},
		"planning over the night":        {protocol.PlanningRequest, local(17, 19, 30), local(18, 9, 30)},
		"planning at closing":            {protocol.PlanningRequest, local(17, 21, 0), local(18, 11, 0)},
		"planning late in the evening":   {protocol.PlanningRequest, local(17, 23, 59), local(18, 11, 0)},
		"planning at the end of a month": {protocol.PlanningRequest, local(30, 20, 0), local(31, 10, 0)},
	} {
		got, ok := protocol.RequiredBy(c.request, c.at, dominica)
		if !ok || !got.Equal(c.want) || got.Location() != time.UTC {
			t.Errorf("%s: %s, want %s", name, got.In(dominica), c.want)
		}
		if again, _ := protocol.RequiredBy(c.request, c.at.UTC(), dominica); !again.Equal(got) {
			t.Errorf("%s: the zone of the instant matters", name)
		}
	}
	if _, ok := protocol.RequiredBy("rumour", now, dominica); ok {
		t.Error("a rumour needs an answer")
	}
}

func TestPlanningHoursAreLocalOnTheNightsThatClocksChange(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, evening := range []time.Time{time.Date(2026, 3, 7, 20, 0, 0, 0, zone), time.Date(2026, 10, 31, 20, 0, 0, 0, zone)} {
		got, _ := protocol.RequiredBy(protocol.PlanningRequest, evening, zone)
		if local := got.In(zone); local.Hour() != 10 || local.Day() != evening.AddDate(0, 0, 1).Day() {
			t.Errorf("asked %s, required by %s", evening, local)
		}
	}
}

func TestAPlanningRequestIsRequiredInOpenHoursAfterFourOfThem(t *testing.T) {
	zones := []*time.Location{time.UTC, place.Zone("LCA"), place.Zone("JAM"), place.Zone("MTQ")}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		at := instant(t, "at")
		got, _ := protocol.RequiredBy(protocol.PlanningRequest, at, zone)
		clock := got.In(zone)
		hour := time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute
		if hour < 7*time.Hour || hour > 21*time.Hour || got.Sub(at) < 4*time.Hour || got.Sub(at) > 15*time.Hour {
			t.Fatalf("asked %s, required by %s", at.In(zone), clock)
		}
	})
}
