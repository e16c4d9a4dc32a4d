package notify

import (
	"bytes"
	"strings"
	"testing"
)

func TestASealedSecretOpensOnlyWithItsKeyAndAtItsPlace(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{1}, 32)
	s, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal("subscription/a", "whsec_1")
	if strings.Contains(sealed, "whsec") || sealed == s.seal("subscription/a", "whsec_1") {
		t.Errorf("sealed as %q", sealed)
	}
	if got, err := s.open("subscription/a", sealed); err != nil || got != "whsec_1" {
		t.Errorf("opened %q, %v", got, err)
	}
	other, err := newSealer(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(sealed)
	flipped[len(flipped)-2] ^= 1
	for name, try := range map[string]func() (string, error){
		"another key":   func() (string, error) { return other.open("subscription/a", sealed) },
		"another place": func() (string, error) { return s.open("subscription/b", sealed) },
		"damage":        func() (string, error) { return s.open("subscription/a", string(flipped)) },
		"nonsense":      func() (string, error) { return s.open("subscription/a", "x") },
		"a short text":  func() (string, error) { return s.open("subscription/a", s.id+".AAAA") },
	} {
		if got, err := try(); err == nil || got != "" {
			t.Errorf("%s: opened %q, %v", name, got, err)
		}
	}
	if got, err := s.open("subscription/a", ""); err != nil || got != "" {
		t.Errorf("nothing opens to %q, %v", got, err)
	}
	if _, err := newSealer(key[:31]); err == nil {
		t.Error("a short key was taken")
	}
}
