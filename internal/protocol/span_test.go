package protocol_test

import (
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/protocol"

	"pgregory.net/rapid"
)

func TestASpanReadsAsItIsWritten(t *testing.T) {
	for text, length := range map[string]time.Duration{"-72h": -72 * time.Hour, "60min": time.Hour, "+7d": 168 * time.Hour, "1w": 168 * time.Hour, "0h": 0} {
		s, err := protocol.ParseSpan(text)
		if d, fixed := s.Duration(); err != nil || !fixed || d != length {
			t.Errorf("%q lasts %s, %v", text, d, err)
		}
	}
	for _, bad := range []string{"", "h", "72", "72 h", "1y", "--1h", "1.5h", "99999h", "−72h", "1h\n"} {
		if _, err := protocol.ParseSpan(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := protocol.Span{N: rapid.IntRange(-9999, 9999).Draw(t, "n"), Unit: rapid.SampledFrom([]protocol.Unit{"min", "h", "d", "w", "mo"}).Draw(t, "unit")}
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again protocol.Span
		if err := again.UnmarshalText(text); err != nil || again != s {
			t.Fatalf("%s comes back as %s, %v", text, again, err)
		}
	})
}

func TestAMonthKeepsTheDayOrTakesTheLast(t *testing.T) {
	at := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 1, 15, 30, 7, time.UTC) }
	month, quarter := protocol.Span{N: 1, Unit: protocol.Month}, protocol.Span{N: 3, Unit: protocol.Month}
	for _, c := range []struct {
		span     protocol.Span
		from, to time.Time
	}{
		{month, at(2017, 10, 19), at(2017, 11, 19)},
		{month, at(2018, 1, 31), at(2018, 2, 28)},
		{month, at(2020, 1, 30), at(2020, 2, 29)},
		{month, at(2017, 12, 31), at(2018, 1, 31)},
		{quarter, at(2017, 11, 30), at(2018, 2, 28)},
	} {
		if got := c.span.After(c.from); !got.Equal(c.to) {
			t.Errorf("%s after %s is %s, want %s", c.span, c.from, got, c.to)
		}
	}
}

func TestTheNextPeriodFollowsThePreviousOneAndCountsTheMissed(t *testing.T) {
	daily := protocol.Every{Period: protocol.Span{N: 24, Unit: protocol.Hour}}
	monthly := protocol.Every{Period: protocol.Span{N: 1, Unit: protocol.Month}}
	for name, c := range map[string]struct {
		every  protocol.Every
		after  time.Duration
		due    time.Time
		missed int
	}{
		"in time":               {daily, time.Hour, now.Add(24 * time.Hour), 0},
		"long before":           {daily, -999 * time.Hour, now.Add(24 * time.Hour), 0},
		"exactly a period late": {daily, 24 * time.Hour, now.Add(24 * time.Hour), 0},
		"three and a half late": {daily, 84 * time.Hour, now.Add(96 * time.Hour), 3},
		"two months late":       {monthly, 62 * 24 * time.Hour, now.AddDate(0, 3, 0), 2},
	} {
		if due, missed := c.every.Next(now, now.Add(c.after)); !due.Equal(c.due) || missed != c.missed {
			t.Errorf("%s: %s after %d missed, want %s after %d", name, due, missed, c.due, c.missed)
		}
	}
}

func TestTheNextPeriodIsStrictlyLaterAndEqualsASlowCount(t *testing.T) {
	periods := []protocol.Span{{N: 6, Unit: protocol.Hour}, {N: 24, Unit: protocol.Hour}, {N: 30, Unit: protocol.Day}, {N: 1, Unit: protocol.Week},
		{N: 1, Unit: protocol.Month}, {N: 3, Unit: protocol.Month}}
	rapid.Check(t, func(t *rapid.T) {
		every := protocol.Every{Period: rapid.SampledFrom(periods).Draw(t, "period")}
		previous := instant(t, "previous")
		after := near(t, previous, "after")
		due, missed := every.Next(previous, after)
		if !due.After(previous) || due.Before(after) || due.Location() != time.UTC {
			t.Fatalf("%s, then %s", previous, due)
		}
		slow, passed := previous, -1
		for k := 1; !slow.After(previous) || slow.Before(after); k++ {
			slow, passed = protocol.Span{N: k * every.Period.N, Unit: every.Period.Unit}.After(previous), passed+1
		}
		if !slow.Equal(due) || passed != missed {
			t.Fatalf("%s after %d missed, a slow count gives %s after %d", due, missed, slow, passed)
		}
	})
}
