package access

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
)

const noun = "account"

// The events of an account's stream. They are stored for ever: fields are added, never changed.
const (
	EventAccountCreated = "account.created.v1"
	EventTokenCreated   = "token.created.v1"
	EventTokenRevoked   = "token.revoked.v1"
)

// What an account's commits keep beside their body, because it must be erasable.
const (
	detachedName  = "name"
	detachedLabel = "label"
)

type accountCreated struct {
	Role  Role        `json:"role"`
	Party place.Party `json:"party,omitempty"`
	First bool        `json:"first,omitempty"`
}

type tokenCreated struct {
	TokenID   string     `json:"token_id"`
	Digest    string     `json:"digest"` // hex SHA-256 of 32 random bytes: nothing can be learnt from it
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

type tokenRevoked struct {
	TokenID string `json:"token_id"`
}

// state is the fold of an account's stream.
type state struct {
	ID        string
	Name      string
	Role      Role
	Party     place.Party
	First     bool
	CreatedAt time.Time
	Changed   int64
	Tokens    map[string]tokenState // by token id, those of the past included
}

type tokenState struct {
	ID        string
	Label     string
	LabelSeq  int64 // commit that holds the label
	Digest    string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time
	Changed   int64 // seq that last changed it
	Touched   int64 // Changed, or the seq that erased its label: the version of its document
}

func fold() ledger.Fold[*state] {
	return ledger.Fold[*state]{
		Noun:    noun,
		Version: 1,
		Events:  []string{EventAccountCreated, EventTokenCreated, EventTokenRevoked},
		New:     func(id string) *state { return &state{ID: id, Tokens: map[string]tokenState{}} },
		Clone: func(s *state) *state {
			c := *s
			c.Tokens = maps.Clone(s.Tokens)
			return &c
		},
		Evolve:  evolve,
		Project: project,
		Quiet:   true,
	}
}

func evolve(s *state, e ledger.Recorded) (*state, error) {
	switch e.Type {
	case EventAccountCreated:
		var d accountCreated
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.Role, s.Party, s.First, s.CreatedAt, s.Changed = d.Role, d.Party, d.First, e.RecordedAt, e.Seq
		s.Name, _ = e.Detached(detachedName)
	case EventTokenCreated:
		var d tokenCreated
		if err := e.Into(&d); err != nil {
			return s, err
		}
		t := tokenState{ID: d.TokenID, Digest: d.Digest, CreatedAt: e.RecordedAt, Changed: e.Seq, Touched: e.Seq, LabelSeq: e.Seq}
		if d.ExpiresAt != nil {
			t.ExpiresAt = *d.ExpiresAt
		}
		t.Label, _ = e.Detached(detachedLabel)
		s.Tokens[t.ID] = t
	case EventTokenRevoked:
		var d tokenRevoked
		if err := e.Into(&d); err != nil {
			return s, err
		}
		t := s.Tokens[d.TokenID]
		t.RevokedAt, t.Changed, t.Touched = e.RecordedAt, e.Seq, e.Seq
		s.Tokens[d.TokenID] = t
	case ledger.EventErased:
		var d ledger.Erased
		if err := e.Into(&d); err != nil {
			return s, err
		}
		s.erase(d, e.Seq)
	}
	return s, nil
}

// erase drops what the commit d.Seq held under d.Name, as the commit seq says.
func (s *state) erase(d ledger.Erased, seq int64) {
	if d.Name == detachedName && d.Seq == s.Changed {
		s.Name = ""
	}
	for id, t := range s.Tokens {
		if d.Name == detachedLabel && d.Seq == t.LabelSeq {
			t.Label, t.Touched = "", seq
			s.Tokens[id] = t
		}
	}
}

// byAge gives the tokens in the order of their creation.
func (s *state) byAge() []tokenState {
	return slices.SortedStableFunc(maps.Values(s.Tokens), func(x, y tokenState) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.ID, y.ID))
	})
}

// account gives what others may know of the fold at head.
func (s *state) account(head ledger.Head) Account {
	return Account{
		ID: s.ID, Name: s.Name, Role: s.Role, Party: s.Party, First: s.First,
		CreatedAt: s.CreatedAt, Version: head.Seq, Changed: s.Changed,
	}
}

// scope gives what an actor of this account may see and do.
func (s *state) scope() Scope {
	return Scope{Account: s.ID, Role: s.Role, Party: s.Party, All: s.First}
}

func (t tokenState) token(account string) Token {
	return Token{
		ID: t.ID, Account: account, Label: t.Label, CreatedAt: t.CreatedAt,
		ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt, Changed: t.Changed,
	}
}
