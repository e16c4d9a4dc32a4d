package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// settleTime is how long a list waits for what its own process has just accepted.
const settleTime = 250 * time.Millisecond

// Options configure a Desk.
type Options struct {
	Now    func() time.Time // required: the wall clock
	Logger *slog.Logger     // slog.Default()

	Sessions int // of one account; 0 is no bound
	Tokens   int // live ones of one party; 0 is no bound
	Accounts int // of one party; 0 is no bound
}

// Desk is where accounts and tokens are made, shown and checked. All methods may be called concurrently.
type Desk struct {
	ledger  *ledger.Ledger
	streams *ledger.Streams[*state]
	docs    store.Documents
	now     func() time.Time
	log     *slog.Logger

	sessionsMost int // of one account; 0 is no bound
	tokensMost   int // live ones of one party; 0 is no bound
	accountsMost int // of one party; 0 is no bound

	doors doors
	uses  uses
}

// NewDesk registers accounts with the ledger and gives their desk.
func NewDesk(l *ledger.Ledger, docs store.Documents, opt Options) *Desk {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	return &Desk{ledger: l, streams: ledger.Register(l, fold()), docs: docs, now: opt.Now, log: opt.Logger,
		sessionsMost: opt.Sessions, tokensMost: opt.Tokens, accountsMost: opt.Accounts}
}

// FirstAccount is the id of the account of the first start: the same in every process, so that creating it is a claim.
func FirstAccount() string { return ledger.Derive("account", "first") }

// Bootstrap creates the first account with one token of this secret (NewSecret), unless there is one already: of any
// number of processes exactly one is told that it created it. Keep the secret safe before the call, where it is found again after a
// crash; drop it when Bootstrap says false and Authenticate does not know it.
func (d *Desk) Bootstrap(ctx context.Context, secret string) (created bool, err error) {
	if !wellFormed(secret) {
		return false, fault.New(fault.Invalid, "bad_secret", "The secret of the first token is not one that NewSecret gives.")
	}
	_, err = d.streams.Execute(ctx, FirstAccount(), ledger.Command[*state]{
		Actor: ledger.System, Expect: ledger.MustNotExist, Await: true,
		Decide: func(*state, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{
				Events: []ledger.Event{
					{Type: EventAccountCreated, Data: accountCreated{Role: RoleAdministrator, First: true}},
					{Type: EventTokenCreated, Data: tokenCreated{TokenID: ledger.NewID(), Digest: digestOf(secret)}},
				},
				Detach: map[string]string{detachedName: "First account", detachedLabel: "First start"},
			}, nil
		},
	})
	if fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// FirstTokenLives reports whether the first account still has a live token: whoever holds it sees everything.
func (d *Desk) FirstTokenLives(ctx context.Context) (bool, error) {
	s, err := d.streams.Load(ctx, FirstAccount())
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, t := range s.Value.Tokens {
		if t.token("").LiveAt(d.now()) {
			return true, nil
		}
	}
	return false, nil
}

// Bounds of names.
const (
	maxName  = 200
	maxLabel = 100
)

// NewAccount asks for an account.
type NewAccount struct {
	ID    string // optional
	Name  string // of the office or post
	Role  Role
	Party place.Party
}

// CreateAccount makes a role account for a party. The first account makes any; an administrator makes those of its own party, except
// other administrators. Faults: Forbidden; Invalid; Conflict when the id is taken.
func (d *Desk) CreateAccount(ctx context.Context, scope Scope, w Write, in NewAccount) (Account, error) {
	if err := mayAdminister(scope, w.Relay); err != nil {
		return Account{}, err
	}
	c := w.Check()
	fits, known := roles[in.Role]
	c.That(known, "/role", "must be one of the roles")
	check.Title(&c, "/name", &in.Name, maxName)
	switch {
	case !in.Party.Valid():
		c.Field("/party", "is not a party that is known here")
	case known && !fits(in.Party):
		c.Field("/party", "does not fit the role: regional officers act for an organisation, coordinators, officials and liaisons for a state")
	}
	if err := c.Err(); err != nil {
		return Account{}, err
	}
	if !scope.ActsFor(in.Party) || in.Role == RoleAdministrator && !scope.All {
		return Account{}, fault.New(fault.Forbidden, "not_your_party", "You may create accounts for your own party only, and no administrators.")
	}
	full, err := d.full(ctx, store.Query{Kind: kindAccount, Index: "state", Equal: []any{string(in.Party.StateParty())}}, d.accountsMost)
	if err != nil {
		return Account{}, err
	}
	out, err := d.streams.Execute(ctx, newID(in.ID, noun, scope, w), ledger.Command[*state]{
		Actor: scope.Actor(), Relay: w.Relay, Expect: ledger.MustNotExist, Key: w.Key, Digest: w.Digest,
		Allow: func(s *state, at ledger.Moment) error {
			if at.Seq > 0 && !administers(scope, s) {
				return check.HiddenID()
			}
			return nil
		},
		Decide: func(*state, ledger.Moment) (ledger.Decision, error) {
			if full {
				return ledger.Decision{}, fault.New(fault.State, "too_many_accounts",
					"The party has %d accounts, as many as it may have. Give the post one that is there already.", d.accountsMost)
			}
			return ledger.Decision{
				Events: []ledger.Event{{Type: EventAccountCreated, Data: accountCreated{Role: in.Role, Party: in.Party}}},
				Detach: map[string]string{detachedName: in.Name},
			}, nil
		},
	})
	if err != nil {
		return Account{}, err
	}
	return out.Value.account(out.Head), nil
}

// newID gives the id of something to be created: the caller's, one derived from the idempotency key, or a fresh one.
func newID(asked, noun string, scope Scope, w Write) string {
	switch {
	case asked != "":
		return asked
	case w.Key != "":
		return ledger.DeriveID(noun, scope.Account, w.Key)
	default:
		return ledger.NewID()
	}
}

// Account gives one account: to itself, and to those who administer it. NotFound otherwise.
func (d *Desk) Account(ctx context.Context, scope Scope, id string) (Account, error) {
	s, err := d.load(ctx, scope, id)
	if err != nil {
		return Account{}, err
	}
	return s.Value.account(s.Head), nil
}

// load gives the account's fold when the scope may see it.
func (d *Desk) load(ctx context.Context, scope Scope, id string) (ledger.State[*state], error) {
	s, err := d.streams.Load(ctx, id)
	if err != nil {
		return s, err
	}
	if scope.Account == "" || scope.Account != id && !administers(scope, s.Value) {
		return s, fault.New(fault.NotFound, "account_not_found", "There is no such account.")
	}
	return s, nil
}

// Me gives the account behind the scope.
func (d *Desk) Me(ctx context.Context, scope Scope) (Account, error) {
	return d.Account(ctx, scope, scope.Account)
}

// mayAdminister refuses who administers no accounts at all. Nobody does on another party's word.
func mayAdminister(scope Scope, relay *ledger.Relay) error {
	if !scope.May(Administer, Thing{Owner: scope.Party}) {
		return Refusal(Administer, Thing{Owner: scope.Party})
	}
	return NoRelay(relay)
}

// administers reports whether the scope administers the account: the first account all, an administrator those of its party
// that are no administrators.
func administers(scope Scope, s *state) bool {
	return scope.All || s.Role != RoleAdministrator && scope.May(Administer, Thing{Owner: s.Party})
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // cursor of the next page; "" when there is none
}

// Accounts lists the accounts that the scope administers, by id for the first account and by party and id for others; limit as
// checked by the caller, cursor from Page.Next. Faults: Forbidden; Invalid for a cursor that is not of this list.
func (d *Desk) Accounts(ctx context.Context, scope Scope, limit int, cursor string) (Page[Account], error) {
	if err := mayAdminister(scope, nil); err != nil {
		return Page[Account]{}, err
	}
	q := store.Query{Kind: kindAccount, After: cursor, Limit: limit}
	switch {
	case scope.All:
	case scope.Party.Island() != "" || scope.Party.IsOrganisation():
		q.Index, q.Equal = "party", []any{string(scope.Party)}
	default:
		q.Index, q.Equal = "state", []any{scope.Party.State()}
	}
	return list(ctx, d, q, func(doc accountDoc) (Account, bool) {
		a := Account(doc)
		return a, scope.All || a.Role != RoleAdministrator || a.ID == scope.Account
	})
}

// States lists the states that have an account, by themselves or by an island, in order. It is for what every state's system is told.
func (d *Desk) States(ctx context.Context) ([]string, error) {
	var states []string
	q := store.Query{Kind: kindAccount, Index: "state", Limit: 1000}
	for {
		page, err := d.docs.Find(ctx, q)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "The accounts cannot be read at the moment. Try again.")
		}
		for _, doc := range page.Docs {
			state, _ := doc.Index["state"].(string)
			if place.Party(state).IsState() && !slices.Contains(states, state) {
				states = append(states, state)
			}
		}
		if q.After = page.Next; q.After == "" {
			return states, nil
		}
	}
}

// list gives one page of documents, each shown as keep says.
func list[D, T any](ctx context.Context, d *Desk, q store.Query, keep func(D) (T, bool)) (Page[T], error) {
	d.ledger.Settle(ctx, settleTime)
	found, err := d.docs.Find(ctx, q)
	switch {
	case errors.Is(err, store.ErrBadCursor):
		return Page[T]{}, &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Detail: "The cursor does not belong to this list.",
			Fields: []fault.Field{{Pointer: "?cursor", Reason: "is not one that this list gave"}}}
	case err != nil:
		return Page[T]{}, unavailable(err)
	}
	page := Page[T]{Items: make([]T, 0, len(found.Docs)), Next: found.Next}
	for _, doc := range found.Docs {
		var body D
		if err := json.Unmarshal(doc.Body, &body); err != nil {
			return Page[T]{}, fmt.Errorf("document %s %s: %w", q.Kind, doc.ID, err)
		}
		if item, ok := keep(body); ok {
			page.Items = append(page.Items, item)
		}
	}
	return page, nil
}

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

// Erase removes the name of an account or the label of a token from the record that holds it: Seq and Name say which ("name" or
// "label"). That it was there, and that it was erased, stays proven. Only who administers the account may.
func (d *Desk) Erase(ctx context.Context, scope Scope, account string, e ledger.Erased) error {
	if err := mayAdminister(scope, nil); err != nil {
		return err
	}
	if _, err := d.load(ctx, scope, account); err != nil {
		return err
	}
	return d.streams.Erase(ctx, account, scope.Actor(), e)
}
