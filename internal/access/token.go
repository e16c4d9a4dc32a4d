package access

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// tokensMax bounds the tokens an account may ever have had: a post that needs more wants a new account.
const tokensMax = 1000

// NewToken asks for a token.
type NewToken struct {
	ID        string    // optional
	Account   string    // whose
	Label     string    // what will use it
	ExpiresAt time.Time // zero: never
}

// CreateToken makes a token and gives its secret, this once: a repeat under the same key gives the token and no secret. Only who
// administers the account may. Faults: Forbidden, NotFound, Invalid, and State when the account has had too many tokens or its
// party has too many live ones.
func (d *Desk) CreateToken(ctx context.Context, scope Scope, w Write, in NewToken) (Token, string, error) {
	if err := mayAdminister(scope, w.Relay); err != nil {
		return Token{}, "", err
	}
	s, err := d.load(ctx, scope, in.Account)
	switch {
	case fault.Is(err, fault.NotFound):
		return Token{}, "", (&fault.Error{Kind: fault.Invalid, Code: "account_not_found", Detail: "There is no such account.",
			Fields: []fault.Field{{Pointer: "/account_id", Reason: "is not an account that you administer"}}})
	case err != nil:
		return Token{}, "", err
	case !administers(scope, s.Value):
		return Token{}, "", fault.New(fault.Forbidden, "not_your_account", "Another administrator creates the tokens of this account.")
	}
	c := w.Check()
	check.Line(&c, "/label", &in.Label, maxLabel)
	check.OptionalTime(&c, "/expires_at", in.ExpiresAt)
	if err := c.Err(); err != nil {
		return Token{}, "", err
	}
	full, err := d.full(ctx, store.Query{
		Kind: kindToken, Index: "live", Equal: []any{string(s.Value.Party.StateParty())}, From: d.now(),
	}, d.tokensMost)
	if err != nil {
		return Token{}, "", err
	}
	id, secret := newID(in.ID, "token", scope, w), NewSecret()
	out, err := d.streams.Execute(ctx, in.Account, ledger.Command[*state]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest, Await: true,
		Decide: func(s *state, at ledger.Moment) (ledger.Decision, error) {
			if _, taken := s.Tokens[id]; taken {
				return ledger.Decision{}, fault.New(fault.Conflict, "id_taken", "This token id is already taken.")
			}
			if len(s.Tokens) >= tokensMax {
				return ledger.Decision{}, fault.New(fault.State, "too_many_tokens", "This account has had %d tokens. Create a new account for the post.", tokensMax)
			}
			if full {
				return ledger.Decision{}, fault.New(fault.State, "too_many_party_tokens",
					"The party has %d tokens that open something, as many as it may have. Revoke one that nobody needs.", d.tokensMost)
			}
			data := tokenCreated{TokenID: id, Digest: digestOf(secret)}
			if !in.ExpiresAt.IsZero() {
				var c fault.Check
				c.That(in.ExpiresAt.After(at.Now), "/expires_at", "must lie in the future")
				if err := c.Err(); err != nil {
					return ledger.Decision{}, err
				}
				expires := in.ExpiresAt.UTC().Truncate(time.Microsecond)
				data.ExpiresAt = &expires
			}
			return ledger.Decision{
				Events: []ledger.Event{{Type: EventTokenCreated, Data: data}},
				Detach: map[string]string{detachedLabel: in.Label},
			}, nil
		},
	})
	if err != nil {
		return Token{}, "", err
	}
	if out.Repeated {
		secret = ""
	}
	return out.Value.Tokens[id].token(in.Account), secret, nil
}

// full reports whether a party, with its islands, has as many of something as it may have; most 0 is no bound.
func (d *Desk) full(ctx context.Context, q store.Query, most int) (bool, error) {
	if most <= 0 {
		return false, nil
	}
	d.ledger.Settle(ctx, settleTime)
	n, err := d.docs.Count(ctx, q)
	if err != nil {
		return false, unavailable(err)
	}
	return n >= int64(most), nil
}

// Tokens lists the tokens of an account the scope may see, oldest first; an empty account means the scope's own.
func (d *Desk) Tokens(ctx context.Context, scope Scope, account string, limit int, cursor string) (Page[Token], error) {
	if account == "" {
		account = scope.Account
	}
	if _, err := d.load(ctx, scope, account); err != nil {
		return Page[Token]{}, err
	}
	q := store.Query{Kind: kindToken, Index: "account", Equal: []any{account}, After: cursor, Limit: limit}
	page, err := list(ctx, d, q, func(doc tokenDoc) (Token, bool) { return doc.token(), true })
	if err != nil {
		return page, err
	}
	return page, d.fillUses(ctx, page.Items)
}

// Token gives one token of an account the scope may see. NotFound otherwise.
func (d *Desk) Token(ctx context.Context, scope Scope, id string) (Token, error) {
	account, err := d.accountOf(ctx, id)
	if err != nil {
		return Token{}, err
	}
	s, err := d.load(ctx, scope, account)
	if err != nil {
		return Token{}, errNoToken()
	}
	t, ok := s.Value.Tokens[id]
	if !ok {
		return Token{}, errNoToken()
	}
	one := []Token{t.token(account)}
	err = d.fillUses(ctx, one)
	return one[0], err
}

// RevokeToken ends a token at once, also for streams that are open. Whoever sees a token may revoke it, its own account included;
// revoking it again changes nothing. Needs If-Match (or *). Faults: NotFound, PreconditionRequired, Precondition.
func (d *Desk) RevokeToken(ctx context.Context, scope Scope, w Write, id string) error {
	t, err := d.Token(ctx, scope, id)
	if err != nil {
		return err
	}
	if err := NoRelay(w.Relay); err != nil {
		return err
	}
	if w.IfMatch == "" {
		return fault.New(fault.PreconditionRequired, "if_match_required", "Send the ETag of the token in If-Match.")
	}
	_, err = d.streams.Execute(ctx, t.Account, ledger.Command[*state]{
		Actor: scope.Actor(), Relay: w.Relay, Key: w.Key, Digest: w.Digest,
		Decide: func(s *state, _ ledger.Moment) (ledger.Decision, error) {
			held := s.Tokens[id]
			if ok, err := d.ledger.MatchETag(w.IfMatch, held.Changed); err != nil || !ok {
				return ledger.Decision{}, orStale(err)
			}
			if !held.RevokedAt.IsZero() {
				return ledger.Decision{}, nil
			}
			return ledger.Decision{Events: []ledger.Event{{Type: EventTokenRevoked, Data: tokenRevoked{TokenID: id}}}}, nil
		},
	})
	return err
}

func errNoToken() error {
	return fault.New(fault.NotFound, "token_not_found", "There is no such token.")
}

// accountOf gives the account that a token id belongs to.
func (d *Desk) accountOf(ctx context.Context, tokenID string) (string, error) {
	d.ledger.Settle(ctx, settleTime)
	page, err := d.docs.Find(ctx, store.Query{Kind: kindToken, Index: "token_id", Equal: []any{tokenID}, Limit: 1})
	if err != nil {
		return "", unavailable(err)
	}
	if len(page.Docs) == 0 {
		return "", errNoToken()
	}
	var doc tokenDoc
	if err := json.Unmarshal(page.Docs[0].Body, &doc); err != nil {
		return "", fmt.Errorf("token %s: %w", tokenID, err)
	}
	return doc.Account, nil
}

func orStale(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Precondition, "stale_etag", "The token has changed since you read it. Read it again and decide anew.")
}
