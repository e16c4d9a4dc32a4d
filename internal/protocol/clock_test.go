package protocol_test

import (
	"testing"
	"time"

	"landfall/internal/protocol"

	"pgregory.net/rapid"
)

func TestAnActualIncidentRunsOnTheWallClock(t *testing.T) {
	for _, c := range []protocol.Clock{{}, {ScenarioStart: now, WallStart: now, Speed: 1}} {
		if at := landfall.Add(7); !c.Scenario(at).Equal(at) || !c.Wall(at).Equal(at) {
			t.Errorf("%+v changes the time", c)
		}
	}
}

func TestAnExerciseRunsFasterFromItsOwnStart(t *testing.T) {
	c := protocol.Clock{ScenarioStart: now, WallStart: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Speed: 60}
	if got := c.Scenario(c.WallStart.Add(time.Minute)); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("after a minute the scenario is at %s", got)
	}
	if got := c.Wall(now.Add(-time.Hour)); !got.Equal(c.WallStart.Add(-time.Minute)) {
		t.Errorf("an hour before the start is %s", got)
	}
}

func clock(t *rapid.T) protocol.Clock {
	return protocol.Clock{ScenarioStart: instant(t, "scenario start"), WallStart: instant(t, "wall start"),
		Speed: rapid.IntRange(protocol.SlowestSpeed, protocol.FastestSpeed).Draw(t, "speed")}
}

func TestWhoeverWakesAtTheWallTimeFindsTheScenarioThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, at := clock(t), instant(t, "at")
		wall := c.Wall(at)
		if late := c.Scenario(wall).Sub(at); late < 0 || late >= time.Duration(c.Speed) {
			t.Fatalf("woken %s after", late)
		}
		if c.Scenario(wall.Add(-1)).After(at) {
			t.Fatal("woken later than need be")
		}
	})
}

func TestEverySpeedKeepsTheOrderAndTheProportionsOfDeadlines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, a := clock(t), instant(t, "a")
		b := near(t, a, "b")
		wa, wb := c.Wall(a), c.Wall(b)
		if a.Before(b) && wb.Before(wa) || b.Before(a) && wa.Before(wb) {
			t.Fatalf("%s and %s change places on the wall: %s and %s", a, b, wa, wb)
		}
		if off := wb.Sub(wa)*time.Duration(c.Speed) - b.Sub(a); off.Abs() > 2*time.Duration(c.Speed) {
			t.Fatalf("%s apart, %s on the wall at speed %d", b.Sub(a), wb.Sub(wa), c.Speed)
		}
	})
}

func TestTheScheduleOfAnExerciseHasTheOrderOfARealOne(t *testing.T) {
	all := hurricane(t).Instances(maria())
	rapid.Check(t, func(t *rapid.T) {
		c := clock(t)
		i := rapid.SampledFrom(all).Draw(t, "one")
		j := rapid.SampledFrom(all).Draw(t, "other")
		if i.Plan.Known() && j.Plan.Known() && i.Plan.At.Before(j.Plan.At) && !c.Wall(i.Plan.At).Before(c.Wall(j.Plan.At)) {
			t.Fatalf("%s and %s change places", i.Key, j.Key)
		}
	})
}
