package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Why says what a head was signed for.
type Why string

// The closed list of reasons.
const (
	WhyStart    Why = "start"
	WhyStop     Why = "stop"
	WhyBackup   Why = "backup"
	WhyHour     Why = "hour"
	WhyRestore  Why = "restore"
	WhyRotation Why = "rotation"
)

// What may have become of a stream that a head covers.
const (
	Missing = "missing" // there is no commit of it any more
	Shorter = "shorter" // its last commits are missing
	Altered = "altered" // the commit that was its last has another hash
)

// Loss says what became of one stream that an earlier head covers.
type Loss struct {
	Stream string `json:"stream"`
	What   string `json:"what"` // missing, shorter, altered
	Had    int64  `json:"had"`  // commits, by the earlier head
	Has    int64  `json:"has"`  // commits now
}

// LossesNamed is how many losses a head names; it counts them all.
const LossesNamed = 100

// Lost is what was found lost or altered when a head was signed. The chain goes on from what there
// is.
type Lost struct {
	Since   int64  `json:"since"`   // number of the earlier head that covers what is lost; 0 when only the bus knows of it
	Streams int64  `json:"streams"` // how many streams lost something
	Commits int64  `json:"commits"` // how many commits are missing; of an altered stream at least one
	First   []Loss `json:"first"`   // at most LossesNamed
}

// WentBack says that a restore has put the records back to what they were.
type WentBack struct {
	TakenAt time.Time `json:"taken_at"` // of the backup
	Number  int64     `json:"number"`   // of the newest head in it; 0 when it has none
	Head    Hash      `json:"head,omitzero"`

	RestoredAt time.Time `json:"restored_at,omitzero"`
}

// Head is what is signed. Members are added, never changed: what was signed is kept as text.
type Head struct {
	Number   int64     `json:"number"` // 1 for the first
	Epoch    int64     `json:"epoch"`
	At       time.Time `json:"at"` // UTC, microseconds
	Why      Why       `json:"why"`
	Streams  int64     `json:"streams"`
	Root     Hash      `json:"root"`
	Prev     Hash      `json:"prev,omitzero"`      // hash of the head before; absent in the first
	Key      string    `json:"key"`                // fingerprint of the key that signed
	NextKey  string    `json:"next_key,omitempty"` // Ed25519 public key, base64, that signs from the next head on
	Accepted string    `json:"accepted,omitempty"` // signature by the next key, base64: it takes the old one's heads on
	Lost     *Lost     `json:"lost,omitempty"`
	WentBack *WentBack `json:"went_back,omitempty"`
}

// goesBack reports whether streams may end earlier than under the head before, or be gone.
func (h Head) goesBack() bool { return h.Lost != nil || h.WentBack != nil }

// Signed is a head with its signature. Text is the JSON that was signed, byte for byte.
type Signed struct {
	Head      Head
	Text      []byte
	Signature []byte
}

// domain begins everything that is signed, so that no signature is good for anything else.
const domain = "landfall head 1\n"

func message(text []byte) []byte { return append([]byte(domain), text...) }

// Sign signs a head. The fingerprint is filled in.
func Sign(h Head, key ed25519.PrivateKey) (Signed, error) {
	h.Key = Fingerprint(PublicOf(key))
	h.At = h.At.UTC().Truncate(time.Microsecond)
	text, err := json.Marshal(h)
	if err != nil {
		return Signed{}, fmt.Errorf("write a head: %w", err)
	}
	return Signed{Head: h, Text: text, Signature: ed25519.Sign(key, message(text))}, nil
}

// Rotate signs a head with the old key that names the next one. The next key signs that it takes
// the chain on, so that neither key alone can name the other.
func Rotate(h Head, old, next ed25519.PrivateKey) (Signed, error) {
	h.NextKey = base64.StdEncoding.EncodeToString(PublicOf(next))
	h.Accepted = base64.StdEncoding.EncodeToString(ed25519.Sign(next, h.handover(Fingerprint(PublicOf(old)))))
	return Sign(h, old)
}

// handover is what the next key signs of a rotation.
func (h Head) handover(old string) []byte {
	return fmt.Appendf(nil, "landfall next key 1\n%s %d %s\n", old, h.Number, h.Prev)
}

// Predecessors gives the keys whose heads a key has taken on by rotations among these heads, itself
// included, as far as their public halves are among the others.
func Predecessors(key ed25519.PublicKey, others Keys, heads []Signed) Keys {
	trusted := KeysOf(key)
	for _, s := range slices.Backward(heads) {
		next, err := s.NextKey()
		old, known := others[s.Head.Key]
		if err != nil || next == nil || !known || trusted[Fingerprint(next)] == nil {
			continue
		}
		accepted, err := base64.StdEncoding.DecodeString(s.Head.Accepted)
		if err == nil && ed25519.Verify(next, s.Head.handover(s.Head.Key), accepted) && s.Verify(KeysOf(old)) == nil {
			trusted[s.Head.Key] = old
		}
	}
	return trusted
}

// Parse reads a head as it is kept. Whether the signature is good, Verify says.
func Parse(text, signature []byte) (Signed, error) {
	s := Signed{Text: bytes.Clone(text), Signature: bytes.Clone(signature)}
	if err := json.Unmarshal(text, &s.Head); err != nil {
		return s, fmt.Errorf("a head cannot be read: %w", err)
	}
	if s.Head.Number < 1 {
		return s, fmt.Errorf("a head has no number")
	}
	return s, nil
}

// Hash is what the next head names as the one before it.
func (s Signed) Hash() Hash { return sha256.Sum256(message(s.Text)) }

// Verify reports what is wrong with the signature; nil when it is good and the key is one of these.
func (s Signed) Verify(keys Keys) error {
	key, ok := keys[s.Head.Key]
	switch {
	case !ok:
		return fmt.Errorf("it is signed with the key %s, which is not one of those believed", s.Head.Key)
	case !ed25519.Verify(key, message(s.Text), s.Signature):
		return fmt.Errorf("the signature is not good")
	}
	return nil
}

// NextKey gives the key that a rotation names; nil in any other head.
func (s Signed) NextKey() (ed25519.PublicKey, error) {
	if s.Head.NextKey == "" {
		return nil, nil
	}
	return parseKey(s.Head.NextKey)
}
