package console

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"landfall/internal/locale"
)

// FuzzAccepted reads the languages that a browser asks for: it is always answered in one of ours.
func FuzzAccepted(f *testing.F) {
	for _, seed := range []string{"", "fr", "fr, -BE;q=0.4", "fr-MQ;q=0.9, en;q=0.8", "en;q=2", "*", "x;q=NaN", "zh-Hans-CN-x-private,fr;q=0.1", ",,,", "fr;q=", strings.Repeat("a-", 3000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		switch l := accepted([]string{text}); l {
		case locale.EN:
		case locale.FR:
			if !strings.Contains(strings.ToLower(text), "fr") {
				t.Fatalf("%q asks for no French", text)
			}
		default:
			t.Fatalf("%q is answered in %q", text, l)
		}
	})
}

// FuzzSession reads sessions as they are kept: what is taken is kept the same again.
func FuzzSession(f *testing.F) {
	whole, err := sessionJSON{}.Encode(time.Unix(1_800_000_000, 0).UTC(), map[string]any{heldAccount: "a", heldToken: "t"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{whole, nil, []byte("null"), []byte(`{"deadline":"9999-12-31T23:59:59Z"}`), []byte(`{"account":1}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		deadline, values, err := sessionJSON{}.Decode(text)
		if err != nil {
			return
		}
		again, err := sessionJSON{}.Encode(deadline, values)
		if err != nil {
			t.Fatalf("%q is read and cannot be kept: %v", text, err)
		}
		at, held, err := sessionJSON{}.Decode(again)
		if err != nil || !at.Equal(deadline) || held[heldAccount] != values[heldAccount] || held[heldToken] != values[heldToken] {
			t.Fatalf("%q is kept as %q", text, again)
		}
	})
}

// FuzzLocal reads where a browser asks to go on to after signing in: whatever it makes of the answer, it stays with us.
func FuzzLocal(f *testing.F) {
	for _, seed := range []string{
		"/", "/incidents/1?x=1", "//evil.example", "/\\evil.example", "/\t/evil.example", "https:/x", "javascript:alert(1)", "/%2F/evil.example", "/..//evil.example", "?",
	} {
		f.Add(seed)
	}
	ours, err := url.Parse("https://landfall.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		path := local(asked)
		seen := strings.NewReplacer("\t", "", "\r", "", "\n", "", "\\", "/").Replace(path) // as browsers read it
		at, err := ours.Parse(seen)
		if err != nil || at.Host != ours.Host || at.Scheme != ours.Scheme || !strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//") {
			t.Fatalf("%q leads to %q: %v, %v", asked, path, at, err)
		}
	})
}
