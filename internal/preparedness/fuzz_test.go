package preparedness_test

import (
	"os"
	"testing"

	"landfall/internal/fault"
	"landfall/internal/preparedness"
)

// FuzzCatalogue reads catalogues of indicators: a whole one has 100 points, and anything else is refused with a fault.
func FuzzCatalogue(f *testing.F) {
	for _, name := range []string{"property", "destination", "state"} {
		text, err := os.ReadFile("catalogues/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("indicators: [{points: 100}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := preparedness.ParseCatalogue(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		sum := 0
		for _, i := range c.Indicators {
			sum += i.Points
		}
		if sum != 100 {
			t.Fatalf("a catalogue of %d points is taken", sum)
		}
	})
}
