package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"landfall/internal/store"
)

// Actor is who did something, as far as records name it: an account and a role, never a person.
type Actor struct {
	Account string `json:"account"`         // account id, or "system" for Landfall itself
	Role    string `json:"role,omitempty"`  // role of the account at the time
	Party   string `json:"party,omitempty"` // state or organisation it acted for; empty for the first account
}

// System is the actor of what Landfall does by itself.
var System = Actor{Account: "system", Role: "system"}

// Relay says that the actor passed on somebody else's word (domain rule "speaking for others").
type Relay struct {
	OnBehalfOf string     `json:"on_behalf_of"`
	RelayedBy  string     `json:"relayed_by"`        // phone radio satellite in_person paper
	SaidAt     *time.Time `json:"said_at,omitempty"` // when it was said to whom relayed it; UTC
}

// Event is one thing that happened, as a decision gives it. Data is marshalled to JSON; Type is "noun.verb.vN".
type Event struct {
	Type string
	Data any
}

// Recorded is one event as it stands in the log. It is all that Evolve, Project and Announce may read.
type Recorded struct {
	Stream     Stream
	Seq        int64
	CommitID   string
	N          int // position in its commit
	Type       string
	Data       json.RawMessage
	RecordedAt time.Time
	Actor      Actor
	Relay      *Relay
	Exercise   bool

	detached map[string]secret
}

// ID gives the identity under which the event is announced and delivered: the commit's id and the position in it.
func (r Recorded) ID() string { return fmt.Sprintf("%s-%d", r.CommitID, r.N) }

// Into decodes the event's data.
func (r Recorded) Into(v any) error {
	if err := json.Unmarshal(r.Data, v); err != nil {
		return fmt.Errorf("%s %s/%d: %w", r.Type, r.Stream, r.Seq, err)
	}
	return nil
}

// Detached gives the erasable value kept beside the event's commit under name; false when there is none (any more).
func (r Recorded) Detached(name string) (string, bool) {
	s, ok := r.detached[name]
	return s.Value, ok
}

// envelope is the body of a commit: the whole record, and exactly what is hashed. The order of fields is the order of the
// text; fields are added, never changed.
type envelope struct {
	Stream     Stream            `json:"stream"`
	Seq        int64             `json:"seq"`
	ID         string            `json:"id"`
	RecordedAt time.Time         `json:"recorded_at"`
	Actor      Actor             `json:"actor"`
	Relay      *Relay            `json:"relay,omitempty"`
	Exercise   bool              `json:"exercise"`
	Key        string            `json:"key,omitempty"`    // hex SHA-256(account ‖ key)
	Digest     string            `json:"digest,omitempty"` // hex SHA-256 of the request
	Events     []envelopeEvent   `json:"events"`
	Detached   map[string]string `json:"detached,omitempty"` // name → hex SHA-256(salt ‖ value)
	Prev       string            `json:"prev,omitempty"`     // hex hash of the commit before
}

type envelopeEvent struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// secret is one detached value with the salt that keeps its digest from being guessed.
type secret struct {
	Salt  string `json:"salt"` // base64, 16 bytes
	Value string `json:"value"`
}

func (s secret) digest() (string, error) {
	salt, err := base64.StdEncoding.Strict().DecodeString(s.Salt)
	if err != nil || len(salt) != 16 {
		return "", fmt.Errorf("salt of a detached value is damaged")
	}
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(s.Value))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// keyDigest is the lifted form of an idempotency key: it names the account and the key and tells neither.
func keyDigest(account, key string) []byte {
	sum := sha256.Sum256([]byte(account + "\x00" + key))
	return sum[:]
}

// DeriveID gives the id that a create gets from its idempotency key: a UUID version 8 over noun, account and key, so that a
// repeated create meets its first attempt.
func DeriveID(noun, account, key string) string {
	return Derive("create", noun, account, key)
}

// Derive gives a UUID version 8 from its parts (RFC 9562, section 5.8). The same parts give the same id for ever.
func Derive(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	var id uuid.UUID
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// EventErased is the type of the event that erases a detached value; any stream may hold it.
const EventErased = "ledger.erased.v1"

// Erased is the data of EventErased.
type Erased struct {
	Seq    int64  `json:"seq"`  // of the commit whose value is erased
	Name   string `json:"name"` // of the value
	Reason string `json:"reason"`

	Exercise bool `json:"-"` // the flag of the commit that erases: that of the stream
}

// seal builds the stored form of a commit from its envelope, its detached values and what it owes, and
// its events as unseal reads them from there.
func seal(e envelope, values map[string]string, owes store.Debt) (store.Commit, []Recorded, error) {
	var detached []byte
	var secrets map[string]secret
	if len(values) > 0 {
		secrets = make(map[string]secret, len(values))
		e.Detached = make(map[string]string, len(values))
		for name, value := range values {
			var salt [16]byte
			_, _ = rand.Read(salt[:]) // never fails, crypto/rand
			s := secret{Salt: base64.StdEncoding.EncodeToString(salt[:]), Value: value}
			digest, err := s.digest()
			if err != nil {
				return store.Commit{}, nil, err
			}
			secrets[name], e.Detached[name] = s, digest
		}
		var err error
		if detached, err = marshal(secrets); err != nil {
			return store.Commit{}, nil, err
		}
	}
	body, err := marshal(e)
	if err != nil {
		return store.Commit{}, nil, err
	}
	c := store.Commit{
		Stream: string(e.Stream), Seq: e.Seq, ID: e.ID, RecordedAt: e.RecordedAt,
		Body: body, Detached: detached, Pending: owes,
	}
	if c.Prev, err = unhex(e.Prev); err != nil {
		return store.Commit{}, nil, err
	}
	if c.Key, err = unhex(e.Key); err != nil {
		return store.Commit{}, nil, err
	}
	sum := sha256.Sum256(body)
	c.Hash = sum[:]
	return c, e.recorded(secrets), nil
}

// unseal reads the events of a stored commit. It trusts the record; check does not.
func unseal(c store.Commit) (envelope, []Recorded, error) {
	var e envelope
	if err := json.Unmarshal(c.Body, &e); err != nil {
		return e, nil, fmt.Errorf("commit %s/%d: body: %w", c.Stream, c.Seq, err)
	}
	var secrets map[string]secret
	if len(c.Detached) > 0 {
		if err := json.Unmarshal(c.Detached, &secrets); err != nil {
			return e, nil, fmt.Errorf("commit %s/%d: detached values: %w", c.Stream, c.Seq, err)
		}
	}
	return e, e.recorded(secrets), nil
}

func (e envelope) recorded(detached map[string]secret) []Recorded {
	events := make([]Recorded, len(e.Events))
	for i, ev := range e.Events {
		events[i] = Recorded{
			Stream: e.Stream, Seq: e.Seq, CommitID: e.ID, N: i, Type: ev.Type, Data: ev.Data,
			RecordedAt: e.RecordedAt, Actor: e.Actor, Relay: e.Relay, Exercise: e.Exercise, detached: detached,
		}
	}
	return events
}

// check proves one commit against itself and against the hash of the commit before. It returns what is wrong with it, in words,
// and the names of detached values that are absent though the body announces them.
func check(c store.Commit, prev []byte) (missing []string, wrong error) {
	if sum := sha256.Sum256(c.Body); !bytes.Equal(sum[:], c.Hash) {
		return nil, fmt.Errorf("the hash is not that of the body")
	}
	e, _, err := unseal(c)
	if err != nil {
		return nil, err
	}
	key, keyErr := unhex(e.Key)
	before, prevErr := unhex(e.Prev)
	switch {
	case string(e.Stream) != c.Stream:
		return nil, fmt.Errorf("stream: the record says %q, the body %q", c.Stream, e.Stream)
	case e.Seq != c.Seq:
		return nil, fmt.Errorf("seq: the record says %d, the body %d", c.Seq, e.Seq)
	case e.ID != c.ID:
		return nil, fmt.Errorf("id: the record says %s, the body %s", c.ID, e.ID)
	case !e.RecordedAt.Equal(c.RecordedAt):
		return nil, fmt.Errorf("recorded_at: the record says %s, the body %s", c.RecordedAt, e.RecordedAt)
	case keyErr != nil || !bytes.Equal(key, c.Key):
		return nil, fmt.Errorf("key: the record and the body differ")
	case prevErr != nil || !bytes.Equal(before, c.Prev):
		return nil, fmt.Errorf("prev: the record and the body differ")
	case !bytes.Equal(before, prev):
		return nil, fmt.Errorf("prev: not the hash of the commit before")
	}
	var secrets map[string]secret
	if len(c.Detached) > 0 {
		if err := json.Unmarshal(c.Detached, &secrets); err != nil {
			return nil, fmt.Errorf("detached values: %w", err)
		}
		if again, err := marshal(secrets); err != nil || !bytes.Equal(again, c.Detached) {
			return nil, fmt.Errorf("detached values are not written as Landfall writes them")
		}
	}
	for name, digest := range e.Detached {
		s, ok := secrets[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		if got, err := s.digest(); err != nil || got != digest {
			return nil, fmt.Errorf("detached value %q is not the one that was recorded", name)
		}
	}
	for name := range secrets {
		if _, ok := e.Detached[name]; !ok {
			return nil, fmt.Errorf("detached value %q was never recorded", name)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// marshal writes JSON as records hold it: no HTML escaping, so that a person reads what was said.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func unhex(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	return hex.DecodeString(s)
}

func (s Stream) cut() (noun, id string) {
	noun, id, _ = strings.Cut(string(s), "/")
	return noun, id
}
