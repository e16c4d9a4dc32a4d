package notify

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// history draws what one process saw of a target: successes and failures in the order of time.
func history(t *rapid.T, label string) circuit {
	c := circuit{Subscription: "s", Channel: "webhook"}
	at := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	for range rapid.IntRange(0, 12).Draw(t, label) {
		at = at.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
		if rapid.IntRange(0, 3).Draw(t, "outcome") == 0 {
			c.success(at, "200")
		} else {
			c.failure(at, Result{Again: rapid.Bool().Draw(t, "again"), Code: "500"})
		}
	}
	return c
}

func TestWhatTwoProcessesKnowOfATargetIsTheSameInEitherOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := history(t, "one"), history(t, "other")
		ab := merged(a, b)
		if diff := cmp.Diff(ab, merged(b, a)); diff != "" {
			t.Errorf("in the other order (-one +other):\n%s", diff)
		}
		if diff := cmp.Diff(a, merged(a, a)); diff != "" {
			t.Errorf("with itself (-alone +merged):\n%s", diff)
		}
		if diff := cmp.Diff(ab, merged(ab, b)); diff != "" {
			t.Errorf("again (-once +twice):\n%s", diff)
		}
		for _, x := range []circuit{a, b} {
			if x.LastSuccessAt != nil && ab.OpenSince != nil && !ab.OpenSince.After(*x.LastSuccessAt) {
				t.Errorf("open since %s although it answered at %s", ab.OpenSince, x.LastSuccessAt)
			}
		}
		if (ab.OpenSince == nil) != (ab.NextProbeAt == nil) || (ab.FailingSince == nil) != (ab.LastFailureAt == nil) {
			t.Errorf("half open, half closed: %+v", ab)
		}
	})
}

func TestWhatIsRefusedForGoodOpensNoCircuit(t *testing.T) {
	t.Parallel()
	c := circuit{}
	at := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	for range 2 * circuitThreshold {
		c.failure(at, Result{Code: "410"})
	}
	if c.state(at) != CircuitClosed || c.FailingSince == nil {
		t.Errorf("%+v", c)
	}
}

func TestAFailureNobodyLookedAtForLongIsNotOneThatLasts(t *testing.T) {
	t.Parallel()
	c := circuit{}
	start := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	c.failure(start, Result{Again: true})
	c.failure(start.Add(6*24*time.Hour), Result{Again: true}) // the service was down in between, or had nothing to say
	if c.lasting(time.Time{}) {
		t.Error("two failures six days apart count as six days of failure")
	}
	for d := time.Duration(0); d <= disableAfter; d += 24 * time.Hour {
		c.failure(start.Add(6*24*time.Hour+d), Result{Again: true})
	}
	if !c.lasting(time.Time{}) {
		t.Error("five days of failures do not last")
	}
	if c.lasting(start.Add(8 * 24 * time.Hour)) {
		t.Error("what failed before the target was changed counts against the new one")
	}
}

func TestAnOpenCircuitDoesNotAskMoreOftenThanTheFarSideWants(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	for _, c := range []struct{ asked, want time.Duration }{{0, 5 * time.Second}, {time.Second, 5 * time.Second}, {time.Minute, time.Minute}, {time.Hour, 5 * time.Minute}} {
		open := circuit{}
		for range circuitThreshold {
			open.failure(at, Result{Again: true, Code: "429", After: c.asked})
		}
		if wait := open.NextProbeAt.Sub(at); wait != c.want {
			t.Errorf("asked for %s, it is left alone for %s, want %s", c.asked, wait, c.want)
		}
	}
}
