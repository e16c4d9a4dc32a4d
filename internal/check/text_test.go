package check_test

import (
	"slices"
	"testing"
	"time"

	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
)

func TestATextMustBeSeenAndIsKeptInOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"Maria":                      "Maria",
		"Soufrie\u0300re":            "Soufrière",
		"\u1112\u1161\u11ab":         "한",
		"Ma\u200bria":                "Ma\u200bria",
		"\U0001f468\u200d\U0001f33e": "\U0001f468\u200d\U0001f33e",
		"\u200b":                     "", // zero-width space
		"\u200d\u200c\u2060":         "",
		"\u00a0\u2003\u3000":         "",
		"\u3164":                     "", // Hangul filler
		"\u2800":                     "", // empty Braille pattern
		"\ufe0f":                     "", // variation selector
		"\u0301":                     "", // an accent on nothing
		"\u00ad":                     "", // soft hyphen
		"\U000e0041":                 "", // tag
		" ":                          "",
		"a\u202eb":                   "",
		"a\x00b":                     "",
		"a\xffb":                     "",
	} {
		var c fault.Check
		text := given
		check.Title(&c, "/title", &text, 20)
		if err := c.Err(); (err == nil) != (want != "") || err == nil && text != want {
			t.Errorf("%q: kept as %q, %v", given, text, err)
		}
	}
}

func TestATimeIsReadAsRFC3339WritesIt(t *testing.T) {
	for text, ok := range map[string]bool{
		"2026-09-01T10:00:00Z": true, "2026-09-01T10:00:00.123456789-04:00": true, "2024-02-29T23:59:59+14:00": true,
		"2026-09-01T1:00:00Z": false, "2026-09-01T10:00:00+24:00": false, "2026-09-01T10:00:00+04:60": false, "2026-09-01T10:00:00,5Z": false,
		"2026-09-01T24:00:00Z": false, "2026-02-30T10:00:00Z": false, "2026-09-01 10:00:00Z": false, "2026-09-01T10:00Z": false,
		"2026-09-01T10:00:00": false, "2026-09-01": false, "": false, "2026-09-01T10:00:60Z": false,
	} {
		if _, read := check.ParseTime(text); read != ok {
			t.Errorf("%q: read %t", text, read)
		}
	}
}

func TestNumbersAreReadWithOneKindOfSeparator(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "125": 125, "007": 7, "1,234": 1234, "1.234": 1234, "1 234 567": 1234567, "12\u202f345": 12345, "1'234": 1234,
		"12.5": -1, "1,23": -1, "0.125": -1, "000,125": -1, "1,234.567": -1, "1,2345": -1, "1234,567": -1, ",123": -1, "1,": -1, "-5": -1, "+5": -1, "1e3": -1, "١٢": -1, "": -1,
		"99999999999999999999": -1,
	} {
		if n, ok := check.ParseNumber(text); ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d %t", text, n, ok)
		}
	}
	for text, want := range map[string]float64{"4.5": 4.5, "4,5": 4.5, "85": 85, "1250.5": 1250.5, "0.25": 0.25, "1,250": -1, "1.250": -1, "0.125": 0.125, "1.234,5": -1, "1,234.5": -1, ".5": -1, "5.": -1, "1e3": -1, "NaN": -1} {
		if n, ok := check.ParseDecimal(text); ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %g %t", text, n, ok)
		}
	}
}

func TestWhatHardlyEverIsMeantIsConfirmed(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	began := now.Add(-48 * time.Hour)
	for _, c := range []struct {
		at        time.Time
		confirmed bool
		code      string
	}{
		{now.AddDate(0, 11, 0), false, ""}, {now.AddDate(-1, 0, 0), false, ""},
		{time.Date(2071, 1, 1, 0, 0, 0, 0, time.UTC), false, fault.Unconfirmed}, {time.Date(2071, 1, 1, 0, 0, 0, 0, time.UTC), true, ""},
		{time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), false, fault.Unconfirmed}, {time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), true, "invalid"},
	} {
		var k fault.Check
		if c.confirmed {
			k.Confirmed = []string{"/at"}
		}
		check.Time(&k, "/at", c.at)
		check.Plausible(&k, "/at", c.at, began, now, check.Near)
		if err := k.Err(); fault.CodeOf(err) != c.code {
			t.Errorf("%s, confirmed %t: %v", c.at, c.confirmed, err)
		}
	}
	for _, c := range []struct {
		said time.Time
		code string
	}{
		{now, ""}, {now.Add(-5 * time.Hour), ""}, {now.Add(-7 * time.Hour), fault.Unconfirmed}, {began.Add(-time.Minute), "invalid"},
	} {
		var k fault.Check
		check.Said(&k, &ledger.Relay{SaidAt: &c.said}, began, now)
		if err := k.Err(); fault.CodeOf(err) != c.code {
			t.Errorf("said %s: %v", c.said, err)
		}
	}
	all := fault.Check{Confirmed: []string{"/b"}}
	all.Doubt("/a", "is odd")
	all.Doubt("/b", "is odd")
	all.Field("/c", "is wrong")
	f, _ := fault.As(all.Err())
	if f.Code != "invalid" || len(f.Fields) != 2 || !f.Fields[0].Confirmable || slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Pointer == "/b" }) {
		t.Errorf("%+v", f)
	}
}
