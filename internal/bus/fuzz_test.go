package bus

import "testing"

// FuzzPosition reads where a reader of the event stream says that it stopped: what is taken is what position wrote.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{position("xcmhyepirktp43uy3a62ldjdc6", 17), "a-1", "a--1", "-", "", "a-01", "a-+1", "a-18446744073709551616", "\xff-1", "a-1-2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if incarnation, seq, ok := parsePosition(text); ok && position(incarnation, seq) != text {
			t.Fatalf("%q is read as %q, %d", text, incarnation, seq)
		}
	})
}
