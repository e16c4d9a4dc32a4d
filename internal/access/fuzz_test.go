package access

import (
	"regexp"
	"strings"
	"testing"
)

// wholeSecret is what NewSecret makes.
var wholeSecret = regexp.MustCompile(`^lf_[0-9A-Za-z]{43}$`)

// FuzzToken reads what comes instead of a token: only what could be one costs a look-up.
func FuzzToken(f *testing.F) {
	secret := NewSecret()
	for _, seed := range []string{secret, secret + "\n", " " + secret, strings.ToUpper(secret), secret[:len(secret)-1], "Bearer " + secret, "lf_", "", "lf_\x00", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if wellFormed(text) && !wholeSecret.MatchString(text) {
			t.Fatalf("%q is taken for a token", text)
		}
	})
}
