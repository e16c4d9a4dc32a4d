package proof_test

import (
	"bytes"
	"strings"
	"testing"

	"landfall/internal/proof"
)

// FuzzKeys reads files of public keys, which come from others: what is read is written the same again.
func FuzzKeys(f *testing.F) {
	key, err := proof.KeyFrom(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	line := proof.KeyLine(proof.PublicOf(key))
	for _, seed := range []string{"", "# nothing\n", line, line + "\r\n\n" + line, line[:len(line)-1], "x " + line, strings.ToUpper(line), strings.Repeat("#", 70_000)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := proof.ReadKeys(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		for of, key := range keys {
			if proof.Fingerprint(key) != of {
				t.Fatalf("%q is read as the key %s, and is %s", text, of, proof.Fingerprint(key))
			}
			again.WriteString(proof.KeyLine(key) + "\n")
		}
		if held, err := proof.ReadKeys(&again); err != nil || len(held) != len(keys) {
			t.Fatalf("%q is kept as %d keys of %d: %v", text, len(held), len(keys), err)
		}
	})
}
