package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// sealKeyBytes is the length of the key that secrets are encrypted with at rest.
const sealKeyBytes = 32

// sealer encrypts secrets at rest with AES-256-GCM. A sealed text reads "<key id>.<base64url of nonce and ciphertext>"; the key id is
// what a later key will be told apart by. The text is bound to its place: it opens nowhere else.
type sealer struct {
	id     string
	aead   cipher.AEAD
	naming []byte // the key of digest
}

func newSealer(key []byte) (*sealer, error) {
	if len(key) != sealKeyBytes {
		return nil, fmt.Errorf("notify: the key for secrets has %d bytes instead of %d", len(key), sealKeyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("landfall key id\x00"), key...))
	naming := sha256.Sum256(append([]byte("landfall names\x00"), key...))
	return &sealer{id: hex.EncodeToString(sum[:4]), aead: aead, naming: naming[:]}, nil
}

// digest gives the same name for the same text. The text cannot be guessed from it without the key.
func (s *sealer) digest(text string) string {
	mac := hmac.New(sha256.New, s.naming)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// seal encrypts text for a place, such as the stream that will hold it.
func (s *sealer) seal(place, text string) string {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails, crypto/rand
	return s.id + "." + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(text), []byte(place)))
}

// open decrypts what seal gave for the same place. "" opens to "".
func (s *sealer) open(place, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	id, text, ok := strings.Cut(sealed, ".")
	if !ok {
		return "", errors.New("notify: a sealed secret is damaged")
	}
	if id != s.id {
		return "", fmt.Errorf("notify: a secret is sealed with key %.16q, not with %s", id, s.id)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return "", errors.New("notify: a sealed secret is damaged")
	}
	nonce, box := raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, box, []byte(place))
	if err != nil {
		return "", errors.New("notify: a sealed secret does not open: damaged, or moved from another place")
	}
	return string(plain), nil
}
