package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// errUnauthenticated is one answer for everything that does not open a door, so that it tells nothing.
func errUnauthenticated() error {
	return fault.New(fault.Unauthenticated, "unauthenticated", "Send a valid token: Authorization: Bearer <token>.")
}

// Authenticate gives the scope that a token's secret opens. It reads the account's fold each time, so a revoked or expired token is refused
// from the moment it is. Faults: Unauthenticated; Unavailable when the records cannot be read.
func (d *Desk) Authenticate(ctx context.Context, secret string) (Scope, error) {
	_, scope, err := d.open(ctx, secret)
	return scope, err
}

// open finds what a secret opens.
func (d *Desk) open(ctx context.Context, secret string) (Session, Scope, error) {
	if !wellFormed(secret) {
		return Session{}, Scope{}, errUnauthenticated()
	}
	digest := digestOf(secret)
	door, ok := d.doors.get(digest)
	if !ok {
		docs, err := d.docs.Get(ctx, kindToken, digest)
		if err != nil {
			return Session{}, Scope{}, unavailable(err)
		}
		doc, ok := docs[digest]
		if !ok {
			return Session{}, Scope{}, errUnauthenticated()
		}
		var body tokenDoc
		if err := json.Unmarshal(doc.Body, &body); err != nil {
			return Session{}, Scope{}, fmt.Errorf("token document: %w", err)
		}
		door = doorway{account: body.Account, token: body.ID}
		d.doors.put(digest, door)
	}
	s, err := d.streams.Load(ctx, door.account)
	switch {
	case fault.Is(err, fault.NotFound):
		return Session{}, Scope{}, errUnauthenticated()
	case err != nil:
		return Session{}, Scope{}, err
	}
	t, now := s.Value.Tokens[door.token], d.now()
	if subtle.ConstantTimeCompare([]byte(t.Digest), []byte(digest)) != 1 || !t.token(door.account).LiveAt(now) {
		return Session{}, Scope{}, errUnauthenticated()
	}
	d.used(ctx, t.ID, now)
	return Session{Account: door.account, Token: t.ID}, s.Value.scope(), nil
}

// doorway says which token of which account a digest belongs to. That never changes, so it may be remembered for ever; whether the token
// still lives is read each time.
type doorway struct{ account, token string }

// doors remembers doorways by digest. The zero value is ready.
type doors struct {
	mu   sync.RWMutex
	held map[string]doorway
}

const doorsMax = 4096

func (c *doors) get(digest string) (doorway, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.held[digest]
	return d, ok
}

func (c *doors) put(digest string, d doorway) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held) >= doorsMax {
		c.held = make(map[string]doorway)
	}
	c.held[digest] = d
}

// useStep is how coarse the last use of a token is kept, so that using it does not write.
const useStep = time.Minute

// uses remembers, by token id, the last use that was written. The zero value is ready.
type uses struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// due reports whether a use at now is worth writing, and takes the caller for the one who does.
func (u *uses) due(token string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.last[token]; ok && now.Before(last.Add(useStep)) {
		return false
	}
	if u.last == nil || len(u.last) >= doorsMax {
		u.last = make(map[string]time.Time)
	}
	u.last[token] = now
	return true
}

// used writes down that a token was used. It must not keep anybody out: what cannot be written is logged and forgotten.
func (d *Desk) used(ctx context.Context, token string, now time.Time) {
	now = now.UTC().Truncate(useStep)
	if !d.uses.due(token, now) {
		return
	}
	op := put(kindUse, token, now.UnixMicro(), useDoc{At: now}, nil)
	if _, err := d.docs.Bulk(ctx, []store.Op{op}); err != nil {
		d.log.WarnContext(ctx, "last use of a token was not written", "token", token, "error", err)
	}
}

// fillUses sets LastUsedAt of the tokens.
func (d *Desk) fillUses(ctx context.Context, tokens []Token) error {
	ids := make([]string, len(tokens))
	for i, t := range tokens {
		ids[i] = t.ID
	}
	docs, err := d.docs.Get(ctx, kindUse, ids...)
	if err != nil {
		return unavailable(err)
	}
	for i := range tokens {
		doc, ok := docs[tokens[i].ID]
		if !ok {
			continue
		}
		var use useDoc
		if err := json.Unmarshal(doc.Body, &use); err != nil {
			return fmt.Errorf("use of token %s: %w", tokens[i].ID, err)
		}
		tokens[i].LastUsedAt = use.At
	}
	return nil
}
