package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// kindSession is a browser that is signed in; id: a hash of what its cookie holds.
const kindSession = "session"

// Session is what a browser that is signed in stands on: one token of an account. It ends with the token, whoever holds the cookie.
type Session struct {
	Account string `json:"account"`
	Token   string `json:"token"` // id of the token, never its secret
}

// SignIn gives the session that a token's secret opens, and its scope. Faults: as Authenticate.
func (d *Desk) SignIn(ctx context.Context, secret string) (Session, Scope, error) {
	return d.open(ctx, secret)
}

// Resume gives the scope of a session. It reads the account's fold each time: a revoked or expired token ends its sessions at once. Faults: as
// Authenticate.
func (d *Desk) Resume(ctx context.Context, s Session) (Scope, error) {
	if s.Account == "" {
		return Scope{}, errUnauthenticated()
	}
	found, err := d.streams.Load(ctx, s.Account)
	switch {
	case fault.Is(err, fault.NotFound):
		return Scope{}, errUnauthenticated()
	case err != nil:
		return Scope{}, err
	}
	t, ok := found.Value.Tokens[s.Token]
	if now := d.now(); !ok || !t.token(s.Account).LiveAt(now) {
		return Scope{}, errUnauthenticated()
	}
	return found.Value.scope(), nil
}

// Sessions keeps what the session library of the console writes. Ids come hashed, so that a copy of the records opens nothing. All methods
// may be called concurrently.
type Sessions struct {
	docs store.Documents
	now  func() time.Time
	most int // of one account; 0 is no bound
}

// Sessions gives where sessions are kept.
func (d *Desk) Sessions() *Sessions { return &Sessions{docs: d.docs, now: d.now, most: d.sessionsMost} }

// sessionDoc is a session as kept. Data is the library's.
type sessionDoc struct {
	Expires time.Time       `json:"expires"`
	Data    json.RawMessage `json:"data"`
}

// FindCtx gives the data of a session that has not expired.
func (s *Sessions) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	docs, err := s.docs.Get(ctx, kindSession, id)
	if err != nil {
		return nil, false, unavailable(err)
	}
	doc, ok := docs[id]
	if !ok {
		return nil, false, nil
	}
	var body sessionDoc
	if err := json.Unmarshal(doc.Body, &body); err != nil {
		return nil, false, fmt.Errorf("session document: %w", err)
	}
	return body.Data, s.now().Before(body.Expires), nil
}

// SessionTime is how long somebody stays signed in: one day, so that every watch signs in once.
const SessionTime = 24 * time.Hour

// CommitCtx keeps the data of a session for SessionTime by the service's own clock: the library that calls reads another. data must be JSON
// with the member "account". When the account has as many sessions as it may have, its oldest ends, so
// that whoever has a token can always sign in.
func (s *Sessions) CommitCtx(ctx context.Context, id string, data []byte, _ time.Time) error {
	var owner Session
	expires := s.now().UTC().Add(SessionTime)
	if err := json.Unmarshal(data, &owner); err != nil {
		return err
	}
	body, err := json.Marshal(sessionDoc{Expires: expires, Data: data})
	if err != nil {
		return err
	}
	ops, err := s.oldest(ctx, owner.Account)
	if err != nil {
		return unavailable(err)
	}
	ops = append(ops, store.Op{Do: store.OpPut, Kind: kindSession, Doc: store.Doc{
		ID: id, Version: s.now().UnixMicro(), Body: body, Index: map[string]any{"account": owner.Account, "expires": expires},
	}})
	_, err = s.docs.Bulk(ctx, ops)
	if errors.Is(err, store.ErrFull) {
		return fault.Wrap(err, fault.Full, "disk_full", "There is no space left to record anything. Nothing was changed.")
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// oldest ends the sessions of an account that leave no room for another one.
func (s *Sessions) oldest(ctx context.Context, account string) ([]store.Op, error) {
	of := store.Query{Kind: kindSession, Index: "account", Equal: []any{account}}
	n, err := s.docs.Count(ctx, of)
	if err != nil || s.most <= 0 || n < int64(s.most) {
		return nil, err
	}
	of.Limit = min(int(n)-s.most+1, sweptAtOnce)
	page, err := s.docs.Find(ctx, of)
	return ended(page.Docs), err
}

// DeleteCtx ends a session; one that is not there has ended.
func (s *Sessions) DeleteCtx(ctx context.Context, id string) error {
	if _, err := s.docs.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: kindSession, Doc: store.Doc{ID: id}}}); err != nil {
		return unavailable(err)
	}
	return nil
}

// Find is FindCtx.
func (s *Sessions) Find(id string) ([]byte, bool, error) { return s.FindCtx(context.Background(), id) }

// Commit is CommitCtx.
func (s *Sessions) Commit(id string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expires)
}

// Delete is DeleteCtx.
func (s *Sessions) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// sweptAtOnce bounds the sessions that one Sweep removes.
const sweptAtOnce = 1000

// Sweep removes sessions that have expired, and gives how many: a job of the watch.
func (s *Sessions) Sweep(ctx context.Context, now time.Time) (int, error) {
	page, err := s.docs.Find(ctx, store.Query{Kind: kindSession, Index: "expires", Until: now, Limit: sweptAtOnce})
	if err != nil || len(page.Docs) == 0 {
		return 0, err
	}
	_, err = s.docs.Bulk(ctx, ended(page.Docs))
	return len(page.Docs), err
}

// ended gives what removes sessions.
func ended(docs []store.Doc) []store.Op {
	ops := make([]store.Op, len(docs))
	for i, doc := range docs {
		ops[i] = store.Op{Do: store.OpDelete, Kind: kindSession, Doc: store.Doc{ID: doc.ID}}
	}
	return ops
}
