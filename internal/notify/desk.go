package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// Kinds lists the documents of this package; the engine must be opened with them.
func Kinds() []store.Kind {
	return append(append([]store.Kind{}, subscriptionKinds...), alertKind, deliveryKind, circuitKind)
}

// DeskOptions configure a Desk. All but Subscriptions and Logger are required.
type DeskOptions struct {
	Channels   []Channel
	Visibility Visibility
	SealKey    []byte // 32 bytes; encrypts the secrets of subscriptions at rest
	Logger     *slog.Logger

	Subscriptions int // of one party, deleted and expired ones excepted; 0 is no bound
}

// Desk is where people and machines manage subscriptions, read their alerts and acknowledge them, and look at deliveries.
type Desk struct {
	l        *ledger.Ledger
	docs     store.Documents
	subs     *ledger.Streams[*Subscription]
	alerts   *ledger.Streams[*Alert]
	journals *ledger.Streams[*journal]
	replays  *ledger.Streams[*replay]
	channels map[string]Channel
	see      Visibility
	sealer   *sealer
	roster   *roster
	log      *slog.Logger

	subscriptionsMost int // of one party; 0 is no bound

	replayPart int // deliveries that one commit of a replay puts back

	router atomic.Pointer[Router] // of this process, if it has one
}

// NewDesk registers the nouns of this package with the ledger. One for each ledger, before its first use.
func NewDesk(l *ledger.Ledger, docs store.Documents, opt DeskOptions) (*Desk, error) {
	sealer, err := newSealer(opt.SealKey)
	if err != nil {
		return nil, err
	}
	if opt.Visibility == nil {
		return nil, errors.New("notify: a desk needs to know who may see what")
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	d := &Desk{l: l, docs: docs, channels: map[string]Channel{}, see: opt.Visibility, sealer: sealer, log: opt.Logger,
		subscriptionsMost: opt.Subscriptions, replayPart: replayPart}
	d.roster = newRoster(docs, opt.Logger)
	for _, c := range opt.Channels {
		if _, twice := d.channels[c.Name()]; twice {
			return nil, fmt.Errorf("notify: channel %s is given twice", c.Name())
		}
		d.channels[c.Name()] = c
	}
	d.subs = ledger.Register(l, subscriptionFold())
	d.alerts = ledger.Register(l, alertFold())
	d.journals = ledger.Register(l, journalFold())
	d.replays = ledger.Register(l, replayFold())
	return d, nil
}

// Listed is one record in a list, with the seq its representation was read at.
type Listed[T any] struct {
	Seq   int64
	Value T
}

// Page is one page of a list. Next is the cursor of the next one, "" at the end.
type Page[T any] struct {
	Items []Listed[T]
	Next  string
}

// Paging says which page of a list is wanted.
type Paging struct {
	Limit  int    // 1 to 500; 0: 100
	Cursor string // Page.Next of the page before; "" for the first
}

const (
	defaultLimit = 100
	maxLimit     = 500
	listWait     = 250 * time.Millisecond // how long a list waits for the projections of what this process accepted
)

func (p Paging) limit() (int, error) {
	switch {
	case p.Limit == 0:
		return defaultLimit, nil
	case p.Limit < 1 || p.Limit > maxLimit:
		var c fault.Check
		c.Field("?limit", "must be between 1 and %d", maxLimit)
		return 0, c.Err()
	}
	return p.Limit, nil
}

// find reads one page of a kind, newest first, for whom the scope lets see: everything, or what carries its party.
func find[T any](ctx context.Context, d *Desk, scope access.Scope, q store.Query, p Paging) (Page[T], error) {
	var page Page[T]
	limit, err := p.limit()
	if err != nil {
		return page, err
	}
	if !scope.All && scope.Party == "" {
		return page, nil
	}
	d.l.Settle(ctx, listWait)
	if q.Index == "" {
		q.Index = "recent"
		if !scope.All {
			q.Index, q.Equal = "state", []any{string(scope.Party.StateParty())}
		}
	} else if !scope.All {
		q.Filter = append(q.Filter, only("state", string(scope.Party.StateParty())))
	}
	if !scope.All && scope.Party.Island() != "" {
		q.Filter = append(q.Filter, only("party", string(scope.Party)))
	}
	q.Desc, q.Limit, q.After = true, limit, p.Cursor
	found, err := d.docs.Find(ctx, q)
	if err != nil {
		return page, unavailable(err)
	}
	page.Next = found.Next
	page.Items = make([]Listed[T], len(found.Docs))
	for i, doc := range found.Docs {
		page.Items[i].Seq = doc.Version
		if err := json.Unmarshal(doc.Body, &page.Items[i].Value); err != nil {
			return page, fmt.Errorf("%s %s: %w", q.Kind, doc.ID, err)
		}
	}
	return page, nil
}

func only(field, value string) store.Cond { return store.Cond{Field: field, Any: []any{value}} }

// onlyIf adds a condition when the caller asked for one.
func onlyIf(conds []store.Cond, field, value string) []store.Cond {
	if value == "" {
		return conds
	}
	return append(conds, only(field, value))
}

// named reports whether the party takes part in the incident now, and may be told of it.
func (d *Desk) named(ctx context.Context, incident string, party place.Party) (bool, error) {
	t, err := d.see.Thing(ctx, incident)
	return err == nil && access.DutyScope(party).May(access.ReadHeadline, t), err
}

func notFound(noun string) error {
	return fault.New(fault.NotFound, noun+"_not_found", "There is no such %s.", noun)
}

func unavailable(err error) error {
	if errors.Is(err, store.ErrBadCursor) {
		var c fault.Check
		c.Field("?cursor", "does not belong to this list with these filters")
		return c.Err()
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

func detailOf(err error) string {
	if e, ok := fault.As(err); ok {
		return e.Detail
	}
	return "cannot be read"
}

func itoa(i int) string { return strconv.Itoa(i) }

// instant brings a time to the form of records: UTC, microseconds.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func queryOf(kind string, filter ...store.Cond) store.Query {
	return store.Query{Kind: kind, Filter: filter}
}

func onlyAny[S ~string](field string, values ...S) store.Cond {
	c := store.Cond{Field: field}
	for _, v := range values {
		c.Any = append(c.Any, string(v))
	}
	return c
}
