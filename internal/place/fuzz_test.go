package place_test

import (
	"strings"
	"testing"

	"landfall/internal/place"
)

// FuzzCodes reads codes of parties, countries and ports: what is taken is known, and is what was written.
func FuzzCodes(f *testing.F) {
	for _, seed := range []string{
		"DMA", "dma", "ATG-BARBUDA", "ORG-CDEMA", "ORG-", "ATG-BARBUDA-", "XXX", "American", "Saint Lucia", "Sainte-Lucie", "ſAINT LUCIA", "ANU", "DMA.SCOTTS-HEAD", "XXX.BEACH",
		"DMA.", "DMA.A--B", "", "DMA\n", strings.Repeat("A", 5000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := place.ParseParty(text); err == nil && (string(p) != text || !p.Valid()) {
			t.Fatalf("%q is read as the party %q", text, p)
		}
		if p, err := place.ParseState(text); err == nil && (string(p) != text || len(text) != 3) {
			t.Fatalf("%q is read as the state %q", text, p)
		}
		if code, err := place.ParsePortCode(text); err == nil && code != text {
			t.Fatalf("%q is read as the port %q", text, code)
		}
		if c, ok := place.ParseCountry(text); ok {
			if known, ok := place.CountryOf(c.Code); !ok || known.Name != c.Name {
				t.Fatalf("%q is read as the country %q, which is not known", text, c.Code)
			}
		}
	})
}
