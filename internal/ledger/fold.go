package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Fold says how one noun's streams become state and what follows from it. Every function is pure: it reads its arguments and
// nothing else, no clock, no template, no zone table, no configuration, so that a log folds to the same state for ever.
//
// S should be a pointer: all pointers share one copy of the ledger's compiled code, every other type gets one of its own, 0.1 MB in the binary.
type Fold[S any] struct {
	Noun    string
	Version int      // raised when S or Evolve changes; snapshots of another version are ignored
	Events  []string // types that Evolve understands; a stream with another type is read-only here

	// New gives the state before the first event.
	New func(id string) S

	// Clone gives a copy that shares nothing changeable with s.
	Clone func(s S) S

	// Evolve applies one event. It may change s in place and return it: it is given a clone.
	Evolve func(s S, e Recorded) (S, error)

	// Project gives the documents derived from the state at head and from the events since it was last called for this stream. Their
	// versions are head.Seq, or the event's seq for a document of one event. nil: none.
	Project func(s S, head Head, events []Recorded) []store.Op

	// NextWake gives the wall time at which somebody must look at the stream again; zero: never. nil: never.
	NextWake func(s S) time.Time

	// Quiet says that nothing but documents follows from the noun's commits: nobody is told of them.
	Quiet bool

	// Announce gives what the other parties are told of an event, from the state right after it. nil, or false: nothing.
	Announce func(s S, head Head, e Recorded) (Announcement, bool)
}

// Head is the position of a fold in its stream.
type Head struct {
	Stream     Stream
	Seq        int64 // 0: the stream is empty
	CommitID   string
	RecordedAt time.Time
	Hash       []byte
}

// State is a fold at a head. It is shared: whoever gets one must not change what it refers to.
type State[S any] struct {
	Head
	Value S
}

// Announcement is one event as the other parties learn of it. It is the content of bus messages and deliveries, and tells package notify
// whom to alert; it is computed from the log alone, so a repeated announcement is the same one.
type Announcement struct {
	// What receivers are told: these are members of the CloudEvents event.
	EventID  string          `json:"-"` // <commit id>-<n>
	Type     string          `json:"-"` // "noun.verb.vN"
	Stream   Stream          `json:"-"` // subject of the event
	Seq      int64           `json:"-"` // version of the stream
	At       time.Time       `json:"-"` // recorded_at
	Exercise bool            `json:"-"`
	Origin   string          `json:"-"` // ISO alpha-3 of the affected state, "" when none
	Data     json.RawMessage `json:"-"` // member `data` of the CloudEvents event

	// What only this service's own processes are told, in a notice beside the event.
	Incident string       `json:"incident,omitempty"` // incident id, "" when none
	Parties  []string     `json:"parties,omitempty"`  // who may be told
	Level    Level        `json:"level,omitempty"`    // how much of the record one must be allowed to read to be told
	Owner    string       `json:"owner,omitempty"`    // the party that Tourism and Party speak of
	Severity string       `json:"severity,omitempty"`
	Kind     string       `json:"kind,omitempty"`    // of the alert that this is an event of; "" for everything else
	Alerts   []AlertCall  `json:"alerts,omitempty"`  // alerts this event raises
	Closes   []AlertClose `json:"closes,omitempty"`  // alerts this event closes
	Targets  []string     `json:"targets,omitempty"` // ids of subscriptions that are told whatever they want
	Trace    string       `json:"trace,omitempty"`   // W3C traceparent of the request behind it; "" when there is none, or nobody remembers
}

// Level is how much of a record somebody must be allowed to read to be told of an event. Package access asks for it.
type Level string

// The closed list of levels. The zero value asks for most.
const (
	Inside    Level = ""          // everything
	Headline  Level = "headline"  // that the incident is there; such readers get the headline of the event
	Tourism   Level = "tourism"   // as Inside, or a tourism step of one's own party
	Party     Level = "party"     // as Inside, or the owner, even if it may read nothing else: it is told that it is no longer named
	Operation Level = "operation" // how the owner is told of things: its subscriptions and deliveries
	Public    Level = "public"    // every account
)

// AlertCall asks for one party to be alerted and to acknowledge.
type AlertCall struct {
	Party      string          `json:"party"`
	Kind       string          `json:"kind"`                 // what for: named, planning, activation, movement, departure, step_overdue, withdrawn, ...
	Subject    string          `json:"subject,omitempty"`    // what it is about below the incident: key of a step, id of a movement; may be empty
	Data       json.RawMessage `json:"data,omitempty"`       // when this call may show less than the event does; nil: the event's data
	RequiredBy time.Time       `json:"required_by,omitzero"` // wall time until which an acknowledgement is wanted; zero: not required
}

// AlertClose asks for the open alerts of an incident to be closed: those of one party, kind and subject, or all. Empty members narrow nothing.
type AlertClose struct {
	Party   string `json:"party,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Subject string `json:"subject,omitempty"`
	Reason  string `json:"reason"` // closed, stood_down, unnamed, settled, confirmed, step_done, movement_arrived, ...
}

// Appended is one accepted commit with what must follow from it.
type Appended struct {
	Stream        Stream
	Seq           int64
	CommitID      string
	RecordedAt    time.Time
	Announcements []Announcement
	Commit        store.Commit
}

// noun is a registered fold without its type parameter.
type noun interface {
	name() string
	knows(eventType string) bool
	// derive gives the operations that bring projections and wake of the stream to its tail.
	derive(stream Stream, commits []store.Commit) ([]store.Op, Head, error)
	// deriveSince gives those that follow from what was recorded after a seq.
	deriveSince(ctx context.Context, stream Stream, after int64) ([]store.Op, error)
}

// Streams executes commands on and reads the streams of one noun.
type Streams[S any] struct {
	l     *Ledger
	fold  Fold[S]
	known map[string]bool
}

// Register makes a noun known to the ledger. It must be called before the ledger is used, once for each noun; a second time is a
// mistake of the programmer and panics.
func Register[S any](l *Ledger, f Fold[S]) *Streams[S] {
	if _, twice := l.nouns[f.Noun]; twice {
		panic("ledger: noun " + f.Noun + " registered twice")
	}
	s := &Streams[S]{l: l, fold: f, known: map[string]bool{EventErased: true}}
	for _, t := range f.Events {
		s.known[t] = true
	}
	l.nouns[f.Noun] = s
	return s
}

// owes gives what a new commit of the noun owes.
func (s *Streams[S]) owes() store.Debt {
	if s.fold.Quiet {
		return store.OwesDocuments
	}
	return store.OwesAll
}

func (s *Streams[S]) name() string                { return s.fold.Noun }
func (s *Streams[S]) knows(eventType string) bool { return s.known[eventType] }

// errReadOnly is the answer to a command on a stream that a newer version of Landfall has written to.
func errReadOnly(stream Stream, eventType string) error {
	return fault.Wrap(ErrNewer, fault.Unavailable, "newer_record",
		"%s holds a record of type %s that this version of Landfall does not know; it is read-only here. Use the newer version.", stream, eventType)
}

// folded is a fold in progress or in the cache.
type folded[S any] struct {
	State[S]
	unknown string // first event type this process does not know; "" when it knows all
	size    int64  // of the state as JSON, when it was last measured
	grown   int64  // bytes of the log folded since
}

// measureAfter is how many bytes of the log are folded at least before the state is measured again.
const measureAfter = 4 << 10

// weight estimates the memory that the state takes.
func (f *folded[S]) weight() int64 { return f.size + f.grown }

// measure takes the size of the state once the log has grown by as much since the last time: a journal's log is long and its state tiny.
func (f *folded[S]) measure() {
	if f.grown <= max(f.size, measureAfter) {
		return
	}
	if text, err := marshal(f.Value); err == nil {
		f.size, f.grown = int64(len(text)), 0
	}
}

// apply evolves f, in place, by one stored commit.
func (s *Streams[S]) apply(f *folded[S], c store.Commit) ([]Recorded, error) {
	_, events, err := unseal(c)
	if err != nil {
		return nil, err
	}
	return events, s.evolve(f, c, events)
}

// evolve gives a panic in the fold as an error: f is then not to be used any more.
func (s *Streams[S]) evolve(f *folded[S], c store.Commit, events []Recorded) error {
	return s.l.opt.Guard.Do("the fold of "+c.Stream, func() error { return s.evolveAll(f, c, events) })
}

func (s *Streams[S]) evolveAll(f *folded[S], c store.Commit, events []Recorded) error {
	for _, e := range events {
		if !s.known[e.Type] {
			if f.unknown == "" {
				f.unknown = e.Type
			}
			continue
		}
		next, err := s.fold.Evolve(f.Value, e)
		if err != nil {
			return fmt.Errorf("fold %s at %d: %w", c.Stream, c.Seq, err)
		}
		f.Value = next
	}
	f.Head = Head{Stream: Stream(c.Stream), Seq: c.Seq, CommitID: c.ID, RecordedAt: c.RecordedAt, Hash: c.Hash}
	f.grown += int64(len(c.Body))
	f.measure()
	return nil
}

func (s *Streams[S]) empty(stream Stream) *folded[S] {
	return &folded[S]{State: State[S]{Head: Head{Stream: stream}, Value: s.fold.New(stream.ID())}}
}

func (s *Streams[S]) clone(f *folded[S]) *folded[S] {
	c := *f
	c.Value = s.fold.Clone(f.Value)
	return &c
}

// projection returns the operations for the fold f reached by events. The wake of a noun that can
// wake is the last of them.
func (s *Streams[S]) projection(f *folded[S], events []Recorded) []store.Op {
	var ops []store.Op
	if s.fold.Project != nil {
		ops = s.fold.Project(f.Value, f.Head, events)
	}
	if s.fold.NextWake == nil {
		return ops
	}
	return append(slices.Clip(ops), s.wake(f))
}

// wake returns the operation that puts the wake of the fold f.
func (s *Streams[S]) wake(f *folded[S]) store.Op {
	var at any
	wake := "null"
	if t := s.nextWake(f); !t.IsZero() {
		at, wake = t, t.Format(`"`+time.RFC3339Nano+`"`)
	}
	return store.Op{Do: store.OpPut, Kind: KindWake, Doc: store.Doc{
		ID: string(f.Stream), Version: f.Seq, Body: fmt.Appendf(nil, `{"at":%s}`, wake), Index: map[string]any{"at": at},
	}}
}

// nextWake returns when somebody must look at the stream again; zero: never.
func (s *Streams[S]) nextWake(f *folded[S]) time.Time {
	if t := s.fold.NextWake(f.Value); !t.IsZero() {
		return instant(t)
	}
	return time.Time{}
}

func (s *Streams[S]) announcements(f *folded[S], events []Recorded) []Announcement {
	if s.fold.Announce == nil {
		return nil
	}
	var out []Announcement
	for _, e := range events {
		if !s.known[e.Type] {
			continue
		}
		a, ok := s.fold.Announce(f.Value, f.Head, e)
		if !ok {
			continue
		}
		a.EventID, a.Type, a.Stream, a.Seq, a.At = e.ID(), e.Type, e.Stream, e.Seq, e.RecordedAt
		out = append(out, a)
	}
	return out
}
