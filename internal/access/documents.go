package access

import (
	"encoding/json"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// The kinds of document this package keeps.
const (
	kindAccount = "account"   // one for each account; id: account id
	kindToken   = "token"     // a claim on the digest of each token; id: the digest
	kindUse     = "token_use" // last use of a token; id: token id
)

// Kinds lists the documents of this package; the engine must be opened with them.
func Kinds() []store.Kind {
	return []store.Kind{
		{
			Name: kindAccount, Derived: true,
			Fields:  []store.Field{{Name: "party", Type: store.String}, {Name: "state", Type: store.String}},
			Indexes: []store.Index{{Name: "party", Fields: []string{"party"}}, {Name: "state", Fields: []string{"state"}}},
		},
		{
			Name: kindToken, Derived: true,
			Fields: []store.Field{
				{Name: "token_id", Type: store.String}, {Name: "account", Type: store.String},
				{Name: "created_at", Type: store.Time},
				{Name: "state", Type: store.String}, {Name: "lives_until", Type: store.Time},
			},
			Indexes: []store.Index{
				{Name: "token_id", Fields: []string{"token_id"}}, {Name: "account", Fields: []string{"account", "created_at"}},
				{Name: "live", Fields: []string{"state", "lives_until"}},
			},
		},
		{Name: kindUse},
		{
			Name:   kindSession,
			Fields: []store.Field{{Name: "account", Type: store.String}, {Name: "expires", Type: store.Time}},
			Indexes: []store.Index{
				{Name: "account", Fields: []string{"account", "expires"}}, {Name: "expires", Fields: []string{"expires"}},
			},
		},
	}
}

// accountDoc is an account as lists show it.
type accountDoc struct {
	ID        string      `json:"id"`
	Name      string      `json:"name,omitempty"`
	Role      Role        `json:"role"`
	Party     place.Party `json:"party,omitempty"`
	First     bool        `json:"first,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	Version   int64       `json:"version"`
	Changed   int64       `json:"changed"`
}

// tokenDoc is a token as lists show it, and says whose it is.
type tokenDoc struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Label     string    `json:"label,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Changed   int64     `json:"changed"`
}

// useDoc is when a token was last used.
type useDoc struct {
	At time.Time `json:"at"`
}

// project gives the account's document, and those of the tokens that the events touched.
func project(s *state, head ledger.Head, events []ledger.Recorded) []store.Op {
	ops := []store.Op{put(kindAccount, s.ID, head.Seq, accountDoc(s.account(head)), map[string]any{
		"party": string(s.Party), "state": string(s.Party.StateParty()),
	})}
	since := head.Seq
	for _, e := range events {
		since = min(since, e.Seq)
	}
	for _, t := range s.byAge() {
		if t.Touched < since {
			continue
		}
		doc := tokenDoc{
			ID: t.ID, Account: s.ID, Label: t.Label, CreatedAt: t.CreatedAt,
			ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt, Changed: t.Changed,
		}
		ops = append(ops, put(kindToken, t.Digest, t.Touched, doc, map[string]any{
			"token_id": t.ID, "account": s.ID, "created_at": t.CreatedAt,
			"state": string(s.Party.StateParty()), "lives_until": doc.livesUntil(),
		}))
	}
	return ops
}

func put(kind, id string, version int64, body any, index map[string]any) store.Op {
	text, err := json.Marshal(body)
	if err != nil {
		panic("access: " + kind + " cannot be written: " + err.Error()) // plain structs of this file
	}
	return store.Op{Do: store.OpPut, Kind: kind, Doc: store.Doc{ID: id, Version: version, Body: text, Index: index}}
}

// livesUntil gives when the token ends: when it was revoked, or by the clock, or as good as never.
func (d tokenDoc) livesUntil() time.Time {
	switch {
	case !d.RevokedAt.IsZero():
		return d.RevokedAt
	case !d.ExpiresAt.IsZero():
		return d.ExpiresAt
	}
	return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // no instant of the contract is later
}

func (d tokenDoc) token() Token {
	return Token{
		ID: d.ID, Account: d.Account, Label: d.Label, CreatedAt: d.CreatedAt,
		ExpiresAt: d.ExpiresAt, RevokedAt: d.RevokedAt, Changed: d.Changed,
	}
}
