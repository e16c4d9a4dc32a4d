package proof

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// keyInfo separates the signing key from whatever else is derived from the secret key.
const keyInfo = "landfall signed heads, ed25519, version 1"

// KeyFrom derives the signing key from the service's secret key (RFC 5869, HKDF with SHA-256):
// whoever has the one has the other, and nothing more needs to be kept.
func KeyFrom(secret []byte) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, keyInfo, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the signing key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// PublicOf gives the public half of a signing key.
func PublicOf(key ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := key.Public().(ed25519.PublicKey)
	return public
}

// Fingerprint names a public key: the first 16 bytes of its SHA-256, in hexadecimal.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// Keys are the public keys that somebody believes, by fingerprint.
type Keys map[string]ed25519.PublicKey

// KeysOf gives the set of these keys.
func KeysOf(list ...ed25519.PublicKey) Keys {
	keys := Keys{}
	for _, k := range list {
		keys[Fingerprint(k)] = k
	}
	return keys
}

// KeyLine is a key as a line of a file of public keys: its fingerprint and the key in base64.
func KeyLine(key ed25519.PublicKey) string {
	return Fingerprint(key) + " " + base64.StdEncoding.EncodeToString(key)
}

// maxKeys bounds what is read of a file of public keys.
const maxKeys = 10_000

// ReadKeys reads a file of public keys: a key on each line, empty lines and lines that begin with
// "#" aside.
func ReadKeys(r io.Reader) (Keys, error) {
	keys := Keys{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fingerprint, text, _ := strings.Cut(line, " ")
		key, err := parseKey(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case Fingerprint(key) != fingerprint:
			return nil, fmt.Errorf("line %d: the fingerprint is not that of the key", n)
		case len(keys) == maxKeys:
			return nil, fmt.Errorf("more than %d keys", maxKeys)
		}
		keys[fingerprint] = key
	}
	return keys, lines.Err()
}

func parseKey(text string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("no Ed25519 public key in base64")
	}
	return key, nil
}

// addKey gives the text of a file of public keys with one more key at its end, and whether it was
// not there.
func addKey(text []byte, key ed25519.PublicKey) ([]byte, bool) {
	line := KeyLine(key)
	for have := range bytes.Lines(text) {
		if string(bytes.TrimSpace(have)) == line {
			return text, false
		}
	}
	if len(text) == 0 {
		text = []byte("# Public keys that sign the heads of this service, oldest first: fingerprint and Ed25519 key.\n")
	}
	return append(text, line+"\n"...), true
}
