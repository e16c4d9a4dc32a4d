package head

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// Noun is the noun of the stream of heads.
const Noun = "head"

// id is that of the one stream of heads.
const id = "service"

// Stream is the name of the stream of heads.
var Stream = ledger.StreamOf(Noun, id)

// EventSigned says that a head was signed. It is stored for ever: fields are added, never changed.
const EventSigned = "head.signed.v1"

// kindHead is one signed head, for lists; id: its number in twelve digits.
const kindHead = "head"

// settleTime is how long a list waits for what its own process has just accepted.
const settleTime = 250 * time.Millisecond

// Kinds lists the documents of this package; the engine must be opened with them.
func Kinds() []store.Kind {
	return []store.Kind{{
		Name: kindHead, Derived: true,
		Fields:  []store.Field{{Name: "lost", Type: store.Bool}},
		Indexes: []store.Index{{Name: "lost", Fields: []string{"lost"}}},
	}}
}

// signed is the data of EventSigned, and the body of a document.
type signed struct {
	Text      string `json:"text"`      // what was signed, byte for byte
	Signature string `json:"signature"` // base64

	States []string `json:"states,omitempty"` // whose systems get a copy: those with an account at the time
}

func (s signed) parse() (proof.Signed, error) {
	signature, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil {
		return proof.Signed{}, fmt.Errorf("a recorded head: %w", err)
	}
	return proof.Parse([]byte(s.Text), signature)
}

// state is the fold of the stream of heads: the newest of them.
type state struct{ Last signed }

func fold() ledger.Fold[*state] {
	return ledger.Fold[*state]{
		Noun: Noun, Version: 1, Events: []string{EventSigned},
		New:   func(string) *state { return &state{} },
		Clone: func(s *state) *state { c := *s; return &c },
		Evolve: func(s *state, e ledger.Recorded) (*state, error) {
			if e.Type == EventSigned {
				return s, e.Into(&s.Last)
			}
			return s, nil
		},
		Project:  project,
		Announce: announce,
	}
}

// announce tells everybody, and the systems of all states: a head that lies elsewhere is what
// proves the records.
func announce(_ *state, _ ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
	var d signed
	if e.Type != EventSigned || e.Into(&d) != nil {
		return ledger.Announcement{}, false
	}
	return ledger.Announcement{Level: ledger.Public, Parties: d.States, Data: e.Data}, true
}

func project(_ *state, _ ledger.Head, events []ledger.Recorded) []store.Op {
	var ops []store.Op
	for _, e := range events {
		var d signed
		if e.Type != EventSigned || e.Into(&d) != nil {
			continue
		}
		s, err := d.parse()
		if err != nil {
			continue // the commit is there all the same
		}
		body, err := json.Marshal(signed{Text: d.Text, Signature: d.Signature})
		if err != nil {
			continue
		}
		ops = append(ops, store.Op{Do: store.OpPut, Kind: kindHead, Doc: store.Doc{
			ID: docID(s.Head.Number), Version: e.Seq, Body: body, Index: map[string]any{"lost": s.Head.Lost != nil},
		}})
	}
	return ops
}

func docID(number int64) string { return fmt.Sprintf("%012d", number) }

// Desk is where heads are recorded and read. All methods may be called concurrently.
type Desk struct {
	ledger  *ledger.Ledger
	streams *ledger.Streams[*state]
	store   store.Store
}

// NewDesk registers heads with the ledger and gives their desk.
func NewDesk(l *ledger.Ledger, st store.Store) *Desk {
	return &Desk{ledger: l, streams: ledger.Register(l, fold()), store: st}
}

// Last gives the newest head recorded and where the stream of heads ends; a zero head and 0 when
// there is none.
func (d *Desk) Last(ctx context.Context) (proof.Signed, int64, error) {
	s, err := d.streams.Load(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return proof.Signed{}, 0, nil
	}
	if err != nil {
		return proof.Signed{}, 0, err
	}
	last, err := s.Value.Last.parse()
	return last, s.Seq, err
}

// ErrOvertaken says that somebody else has recorded a head since Last.
var ErrOvertaken = errors.New("head: another head was recorded meanwhile")

// Record records a head, of which the systems of these states get a copy, unless the stream of
// heads does not end any more where Last said: ErrOvertaken.
func (d *Desk) Record(ctx context.Context, s proof.Signed, after int64, states []string) error {
	_, err := d.streams.Execute(ctx, id, ledger.Command[*state]{
		Actor: ledger.System, Expect: ledger.MayExist,
		Decide: func(_ *state, at ledger.Moment) (ledger.Decision, error) {
			if at.Seq != after {
				return ledger.Decision{}, ErrOvertaken
			}
			data := signed{Text: string(s.Text), Signature: base64.StdEncoding.EncodeToString(s.Signature), States: states}
			return ledger.Decision{Events: []ledger.Event{{Type: EventSigned, Data: data}}}, nil
		},
	})
	return err
}

// After gives up to limit recorded heads with a greater number, in order. It reads the commits, since
// the documents of what a killed process recorded last may not be written yet.
func (d *Desk) After(ctx context.Context, number int64, limit int) ([]proof.Signed, error) {
	last, seq, err := d.Last(ctx)
	if err != nil || seq == 0 {
		return nil, err
	}
	// Every head is a commit of its own, with a greater number than the one before it.
	events, err := d.streams.History(ctx, id, max(0, seq-(last.Head.Number-number)), limit)
	if err != nil {
		return nil, err
	}
	var list []proof.Signed
	for _, e := range events {
		var data signed
		if err := e.Into(&data); err != nil {
			return nil, err
		}
		s, err := data.parse()
		if err != nil {
			return nil, err
		}
		if s.Head.Number > number {
			list = append(list, s)
		}
	}
	return list, nil
}

// LastLost gives the newest head that says that records were lost; false when there is none.
func (d *Desk) LastLost(ctx context.Context) (proof.Signed, bool, error) {
	d.ledger.Settle(ctx, settleTime)
	page, err := d.store.Find(ctx, store.Query{Kind: kindHead, Index: "lost", Equal: []any{true}, Desc: true, Limit: 1})
	if err != nil {
		return proof.Signed{}, false, unavailable(err)
	}
	found, err := parseAll(page.Docs)
	if err != nil || len(found) == 0 {
		return proof.Signed{}, false, err
	}
	return found[0], true, nil
}

func parseAll(docs []store.Doc) ([]proof.Signed, error) {
	list := make([]proof.Signed, len(docs))
	for i, doc := range docs {
		var s signed
		err := json.Unmarshal(doc.Body, &s)
		if err == nil {
			list[i], err = s.parse()
		}
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", doc.ID, err)
		}
	}
	return list, nil
}

// Recorded gives the heads that the commits of the stream of heads hold, in order. Commits that
// cannot be read are left out: whoever proves the stream names them.
func Recorded(ctx context.Context, st store.Ledger) ([]proof.Signed, error) {
	commits, err := st.ReadStream(ctx, string(Stream), 0, 0)
	if err != nil {
		return nil, fmt.Errorf("read the heads: %w", err)
	}
	var list []proof.Signed
	for _, c := range commits {
		var body struct {
			Events []struct {
				Type string
				Data json.RawMessage
			}
		}
		if json.Unmarshal(c.Body, &body) != nil {
			continue
		}
		for _, e := range body.Events {
			var d signed
			if e.Type != EventSigned || json.Unmarshal(e.Data, &d) != nil {
				continue
			}
			if s, err := d.parse(); err == nil {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// List gives heads, the newest first; limit as checked by the caller, cursor from Page.Next.
// NotFound when nobody asks; Invalid for a cursor that is not of this list.
func (d *Desk) List(
	ctx context.Context, scope access.Scope, limit int, cursor string,
) (access.Page[proof.Signed], error) {
	var none access.Page[proof.Signed]
	if scope.Account == "" {
		return none, errNoHead()
	}
	d.ledger.Settle(ctx, settleTime)
	page, err := d.store.Find(ctx, store.Query{Kind: kindHead, Desc: true, After: cursor, Limit: limit})
	switch {
	case errors.Is(err, store.ErrBadCursor):
		return none, fault.Wrap(err, fault.Invalid, "bad_cursor", "The cursor is not one of this list.")
	case err != nil:
		return none, unavailable(err)
	}
	items, err := parseAll(page.Docs)
	return access.Page[proof.Signed]{Items: items, Next: page.Next}, err
}

// Get gives one head; NotFound when there is none of this number, or nobody asks.
func (d *Desk) Get(ctx context.Context, scope access.Scope, number int64) (proof.Signed, error) {
	if scope.Account == "" {
		return proof.Signed{}, errNoHead()
	}
	d.ledger.Settle(ctx, settleTime)
	found, err := d.store.Get(ctx, kindHead, docID(number))
	if err != nil {
		return proof.Signed{}, unavailable(err)
	}
	doc, ok := found[docID(number)]
	if !ok {
		return proof.Signed{}, errNoHead()
	}
	list, err := parseAll([]store.Doc{doc})
	if err != nil {
		return proof.Signed{}, err
	}
	return list[0], nil
}

func errNoHead() error { return fault.New(fault.NotFound, "head_not_found", "There is no such head.") }

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}
