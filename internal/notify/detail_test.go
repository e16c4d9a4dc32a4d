package notify_test

import (
	"strings"
	"testing"

	"landfall/internal/notify"
)

func TestWordsBecomeOneCleanLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                "",
		" \r\n ":                          "",
		"not\r\n\tfound ":                 "not found",
		"a\x00b\x1b[31m":                  "a b [31m",
		"caf\xc3\xa9 \xff\xfe":            "café \uFFFD",
		"\u202eevil\u200b":                "evil",
		strings.Repeat("x", 2000):         strings.Repeat("x", 1000) + "…",
		"<script>alert(1)</script> stays": "<script>alert(1)</script> stays",
	} {
		if got := notify.Detail(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzDetailIsPrintableAndBounded(f *testing.F) {
	f.Add("a\x00\u202e\xff")
	f.Fuzz(func(t *testing.T, in string) {
		out := notify.Detail(in)
		if n := len([]rune(out)); n > 1002 {
			t.Errorf("%d characters", n)
		}
		if strings.ContainsAny(out, "\r\n\x00\x1b") {
			t.Errorf("%q", out)
		}
	})
}
