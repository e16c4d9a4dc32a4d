package check_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"landfall/internal/check"
	"landfall/internal/fault"
)

// FuzzNumber reads numbers as people type them, in both languages: what is taken has the digits that were typed, and no others.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{
		"125", "1,250", "1 250", "1\u00a0250", "1\u202f250", "1.250.000", "12.5", "1,23", "1'250", "1’250", "-5", "+5", "0x10", "1e3", "", " 5", "٥", "1,250.000", "9223372036854775808", "007",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digits := strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, text)
		if n, ok := check.ParseNumber(text); ok && strconv.Itoa(n) != strings.TrimLeft(digits[:len(digits)-1], "0")+digits[len(digits)-1:] {
			t.Fatalf("%q is read as %d", text, n)
		}
		if n, ok := check.ParseDecimal(text); ok {
			if want, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err != nil || n != want || n < 0 {
				t.Fatalf("%q is read as %v, want %v", text, n, want)
			}
		}
	})
}

// FuzzTime reads times: what is taken means the same when it is written again.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2017-09-18T21:35:00Z", "2017-09-18T21:35:00.123456789-04:00", "2017-09-18T1:35:00Z", "2017-09-18T21:35:00+24:00", "2017-02-29T00:00:00Z",
		"2016-12-31T23:59:60Z", "2017-09-18 21:35:00Z", "2017-09-18t21:35:00z", "0000-01-01T00:00:00Z", "2017-09-18T24:00:00Z", "2017-09-18T21:35:00,5Z", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := check.ParseTime(text)
		if !ok {
			return
		}
		again, ok := check.ParseTime(at.Format(time.RFC3339Nano))
		if !ok || !again.Equal(at) {
			t.Fatalf("%q is read as %v, and that as %v, %t", text, at, again, ok)
		}
		if text[:19] != at.Format("2006-01-02T15:04:05") {
			t.Fatalf("%q is read as %v", text, at)
		}
		var c fault.Check
		check.Time(&c, "/at", at)
		if (c.Err() == nil) != check.InRange(at) {
			t.Fatalf("%q: %v", text, c.Err())
		}
	})
}

// FuzzText reads text: what is taken is printable, within its bound, shows something, and is taken the same a second time.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"Hurricane Maria: Dominica", "\u200b", "e\u0301", "a\x00b", "\ufeff", "\u202ereversed", "a\nb", "\ud7a3\u1160", "Passengers: John Smith, Mary Jones, Peter Brown",
		"call +1 767 555 0199", "\xff\xfe", strings.Repeat("\u0301", 300), "\U000e0041", "passport P1234567",
	} {
		f.Add(seed, 200)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = limit&0xfff + 1
		for _, lines := range []bool{false, true} {
			var c fault.Check
			kept := text
			check.Required(&c, "/text", &kept, limit, lines)
			if c.Err() != nil {
				continue
			}
			if !check.Visible(kept) || !check.Printable(kept) || len([]rune(kept)) > limit || !lines && strings.Contains(kept, "\n") {
				t.Fatalf("%q is taken as %q", text, kept)
			}
			again := kept
			if check.Required(&c, "/text", &again, limit, lines); c.Err() != nil || again != kept {
				t.Fatalf("%q is taken as %q, and that as %q: %v", text, kept, again, c.Err())
			}
		}
		check.Names(text)
		check.Personal(text)
	})
}
