package bus

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Headers of a message that belong to its seal.
const (
	headerEpoch  = "Landfall-Epoch"  // of the records the message tells of
	headerNotice = "Landfall-Notice" // Message.Notice
	headerSeal   = "Landfall-Seal"   // <id of the key>.<base64url of the HMAC-SHA-256>
)

// seals proves of messages that a process with the key of the records has sent them, about the records as they are since the last
// restore: whoever can write to the bus but has no key can make nobody believe anything. It may be used concurrently.
type seals struct {
	keys  []sealKey // the first seals, all verify
	epoch atomic.Pointer[string]
}

type sealKey struct {
	id  string
	key []byte
}

// newSeals derives the keys of the seals from the secret keys of the records, today's first.
func newSeals(secrets [][]byte) *seals {
	s := &seals{}
	s.epoch.Store(new(string))
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("landfall seal of bus messages"))
		key := mac.Sum(nil)
		id := sha256.Sum256(key)
		s.keys = append(s.keys, sealKey{id: hex.EncodeToString(id[:4]), key: key})
	}
	return s
}

// SetEpoch says which epoch the records are in: messages are sealed with it, and those of another are not believed. It is called before the
// first message.
func (b *Bus) SetEpoch(epoch int64) {
	text := strconv.FormatInt(epoch, 10)
	b.seals.epoch.Store(&text)
}

// on adds the seal to a message that is about to be sent.
func (s *seals) on(m Message, header nats.Header) {
	if len(s.keys) == 0 {
		return
	}
	k := s.keys[0]
	epoch := *s.epoch.Load()
	header[headerEpoch] = []string{epoch}
	header[headerNotice] = []string{string(m.Notice)}
	header[headerSeal] = []string{k.id + "." + base64.RawURLEncoding.EncodeToString(k.seal(m, epoch))}
}

// check says why a message that was received is not to be believed; "" when it is.
func (s *seals) check(m Message) (why string) {
	id, text, _ := strings.Cut(m.Headers[headerSeal], ".")
	got, err := base64.RawURLEncoding.DecodeString(text)
	for _, k := range s.keys {
		switch {
		case k.id != id:
			continue
		case err != nil || !hmac.Equal(got, k.seal(m, m.Headers[headerEpoch])):
			return "seal"
		case m.Headers[headerEpoch] != *s.epoch.Load():
			return "epoch"
		}
		return ""
	}
	return "seal"
}

// seal covers everything of a message that anybody goes by, each part with its length.
func (k sealKey) seal(m Message, epoch string) []byte {
	mac := hmac.New(sha256.New, k.key)
	for _, part := range [][]byte{[]byte(m.Subject), []byte(m.ID), []byte(epoch), m.Notice, m.Body} {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part))) // a hash.Hash never fails
		mac.Write(part)
	}
	return mac.Sum(nil)
}
