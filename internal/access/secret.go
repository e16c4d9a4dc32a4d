package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
)

const (
	secretPrefix = "lf_"
	secretBytes  = 32
	secretDigits = 43 // base62 digits that 32 bytes take
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewSecret gives the secret of a new token: "lf_" and 32 random bytes in base62.
func NewSecret() string {
	var raw [secretBytes]byte
	_, _ = rand.Read(raw[:]) // never fails, crypto/rand
	n, rest, base := new(big.Int).SetBytes(raw[:]), new(big.Int), big.NewInt(int64(len(alphabet)))
	digits := make([]byte, secretDigits)
	for i := len(digits) - 1; i >= 0; i-- {
		n.DivMod(n, base, rest)
		digits[i] = alphabet[rest.Int64()]
	}
	return secretPrefix + string(digits)
}

// wellFormed reports whether s may be the secret of a token: what is not costs no look-up.
func wellFormed(s string) bool {
	digits, ok := strings.CutPrefix(s, secretPrefix)
	if !ok || len(digits) != secretDigits {
		return false
	}
	for i := range len(digits) {
		if strings.IndexByte(alphabet, digits[i]) < 0 {
			return false
		}
	}
	return true
}

// digestOf gives what is kept of a secret.
func digestOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
