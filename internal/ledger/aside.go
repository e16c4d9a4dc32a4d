package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Work is what is done with a stream because of its commits, or because time passes.
type Work string

// The closed list of works.
const (
	Documents Work = "documents" // lists, searches and the board show its changes
	Notices   Work = "notices"   // whoever must know of its changes is told
	Deadlines Work = "deadlines" // what falls due there is announced
)

// Works lists every work.
func Works() []Work { return []Work{Documents, Notices, Deadlines} }

const (
	// asideAfter is how many failures in a row set a stream aside for every process.
	asideAfter = 3

	shortestPause = time.Second
	longestPause  = 5 * time.Minute

	// asidesMax bounds the streams that are remembered and listed. What is not remembered is tried at once.
	asidesMax = 1000
)

// Aside says that one work on a stream is set aside: it has failed again and again by a fault of the stream's own.
type Aside struct {
	Stream  Stream    `json:"stream"`
	Work    Work      `json:"work"`
	Since   time.Time `json:"since"`   // the first failure
	Again   time.Time `json:"again"`   // nobody tries before
	Seq     int64     `json:"seq"`     // the newest commit that waits, as far as is known
	Tries   int       `json:"tries"`   // failures in a row
	Reason  string    `json:"reason"`  // safe text
	Process string    `json:"process"` // the name of the one that failed last
}

type asideKey struct {
	work   Work
	stream Stream
}

func (k asideKey) id() string { return string(k.work) + "/" + string(k.stream) }

// Asides keeps what goes wrong with a stream from holding up the others. A work that fails is left alone for a pause that doubles with
// each further failure. From the third failure on, every process that shares the store leaves it alone, and a document says so until
// it works again or an operator takes it up. A stream that only a newer version understands is left alone by this process and by no
// other. All methods may be called concurrently.
//
//	well ──Fails──▶ left alone here ──third time──▶ set aside for all ──pause is over──▶ tried ──Works──▶ well
//	                                                     ▲                                 │
//	                                                     └─────────────Fails───────────────┘
type Asides struct {
	l *Ledger

	mu    sync.Mutex
	known map[asideKey]*trouble
}

// trouble is what this process knows of a work that failed.
type trouble struct {
	Aside
	version int64 // of the document; 0: there is none
	newer   bool  // this process is too old for the stream
	dirty   bool  // the document is to be written, or removed
	over    bool  // it works again
}

// Asides gives what is left alone and set aside.
func (l *Ledger) Asides() *Asides { return l.asides }

// Fails notes that a work on a stream, up to seq, failed for a reason of the stream's own. The caller logs the error.
func (a *Asides) Fails(work Work, stream Stream, seq int64, err error) {
	now := a.l.Now()
	a.mu.Lock()
	k := asideKey{work, stream}
	t, ok := a.known[k]
	if !ok {
		if t = (&trouble{Aside: Aside{Stream: stream, Work: work}}); !a.room() {
			a.mu.Unlock()
			return
		}
		a.known[k] = t
	}
	if !ok || t.over {
		t.Since, t.Tries, t.over = now, 0, false
	}
	t.Again = now.Add(min(longestPause, shortestPause<<min(t.Tries, 16)))
	t.Tries++
	t.Seq, t.Reason, t.Process = max(t.Seq, seq), reason(work, err), a.l.opt.Process
	t.newer = errors.Is(err, ErrNewer)
	t.dirty = t.Tries >= asideAfter && !t.newer
	set := t.Tries == asideAfter && t.dirty
	a.mu.Unlock()
	if set {
		a.l.log.Error("what fails again and again is set aside; everything else goes on", "stream", stream, "work", work, "error", err)
	}
}

// room makes room for one more and reports whether there is any.
func (a *Asides) room() bool {
	if len(a.known) >= asidesMax {
		maps.DeleteFunc(a.known, func(_ asideKey, t *trouble) bool { return t.version == 0 && !t.dirty })
	}
	return len(a.known) < asidesMax
}

// newestSeq gives the seq of the newest of a stream's commits.
func newestSeq(commits []store.Commit) (seq int64) {
	for _, c := range commits {
		seq = max(seq, c.Seq)
	}
	return seq
}

// reason says what went wrong in words that anybody may read.
func reason(work Work, err error) string {
	if f, ok := fault.As(err); ok && f.Kind != fault.Unavailable && f.Kind != fault.Full {
		return f.Detail
	}
	switch work {
	case Documents:
		return "What follows from it cannot be derived, or the store refuses it."
	case Notices:
		return "Its notices cannot be read or written."
	default:
		return "What is due cannot be announced."
	}
}

// Works notes that a work on a stream went well.
func (a *Asides) Works(work Work, stream Stream) {
	a.mu.Lock()
	k := asideKey{work, stream}
	t, ok := a.known[k]
	if ok {
		if t.over, t.dirty = true, t.version > 0; !t.dirty {
			delete(a.known, k)
		}
	}
	a.mu.Unlock()
	if ok && t.Tries >= asideAfter {
		a.l.log.Info("what had been set aside works again", "stream", stream, "work", work)
	}
}

// Leaves reports whether a work on a stream is to be left alone at the moment.
func (a *Asides) Leaves(work Work, stream Stream) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.known[asideKey{work, stream}]
	if !ok || t.over {
		return false
	}
	now := a.l.Now()
	// A clock that was set back must not lengthen the pause.
	return t.Again.After(now) && t.Again.Sub(now) <= longestPause
}

// Sync exchanges with the store what is set aside: what this process has found out, and what others have, or an operator has taken up.
// Call it every second.
func (a *Asides) Sync(ctx context.Context) error {
	docs, err := asideDocs(ctx, a.l.store)
	if err != nil {
		return err
	}
	ops, sent := a.merge(docs)
	if len(ops) == 0 {
		return nil
	}
	if _, err := a.l.store.Bulk(ctx, ops); err != nil {
		a.mu.Lock()
		for _, t := range sent {
			t.dirty = true
			if k := (asideKey{t.Work, t.Stream}); a.known[k] == nil {
				a.known[k] = t
			}
		}
		a.mu.Unlock()
		return unavailable(err)
	}
	return nil
}

// merge takes over what the documents say, and gives what is to be written.
func (a *Asides) merge(docs map[asideKey]asideDoc) (ops []store.Op, sent []*trouble) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, d := range docs {
		t, ok := a.known[k]
		switch {
		case !ok && a.room():
			a.known[k] = &trouble{Aside: d.Aside, version: d.version}
		case !ok:
		case t.dirty || t.newer:
			t.version = d.version
		default:
			t.Aside, t.version = d.Aside, d.version
		}
	}
	for k, t := range a.known {
		_, there := docs[k]
		switch {
		case t.version > 0 && !there && !t.newer: // it works again elsewhere, or an operator takes it up
			delete(a.known, k)
			continue
		case !t.dirty:
			continue
		}
		t.dirty = false
		op := store.Op{Do: store.OpDelete, Kind: KindAside, Doc: store.Doc{ID: k.id()}}
		if t.over {
			delete(a.known, k)
		} else {
			t.version++
			op.Do, op.Doc.Version, op.Doc.Body = store.OpPut, t.version, a.l.encodeAside(t.Aside)
		}
		ops, sent = append(ops, op), append(sent, t)
	}
	return ops, sent
}

// encodeAside cannot fail: an Aside is text, numbers and instants.
func (l *Ledger) encodeAside(a Aside) []byte {
	body, err := json.Marshal(a)
	if err != nil {
		l.log.Error("what is set aside cannot be encoded", "stream", a.Stream, "error", err)
	}
	return body
}

// Retry takes up again what is set aside of a stream, in every process within seconds, and reports whether anything of it was.
func (a *Asides) Retry(ctx context.Context, stream Stream) (found bool, err error) {
	var ops []store.Op
	for _, work := range Works() {
		ops = append(ops, store.Op{Do: store.OpDelete, Kind: KindAside, Doc: store.Doc{ID: asideKey{work, stream}.id()}})
	}
	changed, err := a.l.store.Bulk(ctx, ops)
	if err != nil {
		return false, unavailable(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, work := range Works() {
		delete(a.known, asideKey{work, stream})
	}
	return slices.Contains(changed, true), nil
}

// List gives what is set aside in the store, longest first.
func (a *Asides) List(ctx context.Context) ([]Aside, error) { return ListAside(ctx, a.l.store) }

// asideDoc is one document with its version.
type asideDoc struct {
	Aside
	version int64
}

func asideDocs(ctx context.Context, docs store.Documents) (map[asideKey]asideDoc, error) {
	page, err := docs.Find(ctx, store.Query{Kind: KindAside, Limit: asidesMax})
	if err != nil {
		return nil, unavailable(err)
	}
	all := make(map[asideKey]asideDoc, len(page.Docs))
	for _, d := range page.Docs {
		one := asideDoc{version: d.Version}
		if err := json.Unmarshal(d.Body, &one.Aside); err != nil {
			return nil, fmt.Errorf("what is set aside, %s: %w", d.ID, err)
		}
		all[asideKey{one.Work, one.Stream}] = one
	}
	return all, nil
}

// Owed gives how many commits owe one work, Documents or Notices, and when the oldest of them was recorded (zero: none). Those of streams of
// which the work is set aside do not count.
func Owed(ctx context.Context, st store.Store, work Work) (n int64, oldest time.Time, err error) {
	found, err := asideDocs(ctx, st)
	if err != nil {
		return 0, oldest, err
	}
	var without []string
	for k := range found {
		if k.work == work {
			without = append(without, string(k.stream))
		}
	}
	debt := store.OwesDocuments
	if work == Notices {
		debt = store.OwesNotices
	}
	if n, oldest, err = st.PendingStats(ctx, debt, without); err != nil {
		return 0, oldest, unavailable(err)
	}
	return n, oldest, nil
}

// ListAside gives what is set aside in the store, longest first, at most 1,000.
func ListAside(ctx context.Context, docs store.Documents) ([]Aside, error) {
	found, err := asideDocs(ctx, docs)
	if err != nil {
		return nil, err
	}
	all := make([]Aside, 0, len(found))
	for _, one := range found {
		all = append(all, one.Aside)
	}
	slices.SortFunc(all, func(x, y Aside) int {
		return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.Stream, y.Stream), cmp.Compare(x.Work, y.Work))
	})
	return all, nil
}
