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
	asideAfter = 3 // failures in a row that set a stream aside for every process

	shortestPause = time.Second
	longestPause  = 5 * time.Minute

	asidePage = 1000 // documents that are read or written together
	leftOut   = 1000 // streams that a count of debts can leave out
)

// Aside says that one work on a stream is set aside: it has failed again and again by a fault of
// the stream's own.
type Aside struct {
	Stream  Stream    `json:"stream"`
	Work    Work      `json:"work"`
	Since   time.Time `json:"since"`   // the first failure
	Again   time.Time `json:"again"`   // no sweep tries before
	Seq     int64     `json:"seq"`     // the newest commit that waits, as far as is known
	Tries   int       `json:"tries"`   // failures in a row; none when an operator has taken it up
	Reason  string    `json:"reason"`  // safe text
	Process string    `json:"process"` // the name of the one that failed last
}

type asideKey struct {
	work   Work
	stream Stream
}

func (k asideKey) id() string { return string(k.work) + "/" + string(k.stream) }

// Asides keeps what goes wrong with a stream from holding up the others. A work that fails is left
// alone for a pause that doubles with each further failure. From the third failure on, a document
// has every process leave it alone. After the pause each process may try. The work is well again
// when nothing that failed is owed any more, whoever has done it. That is looked up after the pause.
// A stream that only a newer version understands is left alone by this process and by no other.
// All methods may be called concurrently.
//
// Notices of a commit that a process has just been told of are tried at once all the same: one
// commit that nobody can follow up must not delay those after it. What fails is left to the sweep.
//
//	well ──Fails──▶ left alone here ──third time──▶ set aside for all ──pause is over, or Retry──▶ tried ──owes nothing──▶ well
//	                                                     ▲                                           │
//	                                                     └───────────────────Fails───────────────────┘
type Asides struct {
	l *Ledger

	exchange sync.Mutex // held by whoever reads documents and writes them

	mu    sync.Mutex
	known map[asideKey]*trouble // no more than the streams that owe something
}

// trouble is what this process knows of a work that failed.
type trouble struct {
	Aside
	version int64 // of the document, as it was last read or written; 0: there is none
	dirty   bool  // the document is to be written
}

// Asides returns what is left alone and set aside.
func (l *Ledger) Asides() *Asides { return l.asides }

// Fails notes that a work on a stream, up to seq, failed for a reason of the stream's own. The
// caller logs the error.
func (a *Asides) Fails(work Work, stream Stream, seq int64, err error) {
	now := a.l.Now()
	a.mu.Lock()
	k := asideKey{work, stream}
	t, ok := a.known[k]
	if !ok {
		t = &trouble{Aside: Aside{Stream: stream, Work: work}}
		a.known[k] = t
	}
	if t.Tries == 0 {
		t.Since = now
	}
	t.Again = now.Add(min(longestPause, shortestPause<<min(t.Tries, 16)))
	t.Tries++
	t.Seq, t.Reason, t.Process = max(t.Seq, seq), reason(work, err), a.l.opt.Process
	t.dirty = t.Tries >= asideAfter && !errors.Is(err, ErrNewer)
	set := t.Tries == asideAfter && t.dirty
	a.mu.Unlock()
	if set {
		a.l.log.Error("what fails again and again is set aside; everything else goes on", "stream", stream, "work", work, "error", err)
	}
}

// newestSeq returns the seq of the newest of a stream's commits.
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

// Leaves reports whether a work on a stream is to be left alone at the moment.
func (a *Asides) Leaves(work Work, stream Stream) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.known[asideKey{work, stream}]
	return ok && t.pauses(a.l.Now())
}

// pauses reports whether the pause is not over. A clock that was set back must not lengthen it.
func (t *trouble) pauses(now time.Time) bool {
	return t.Again.After(now) && t.Again.Sub(now) <= longestPause
}

// Sync exchanges with the store what is set aside: what this process has found out, and what others
// have, or an operator has taken up. Call it every second.
func (a *Asides) Sync(ctx context.Context) error {
	a.exchange.Lock()
	defer a.exchange.Unlock()
	docs, err := asideDocs(ctx, a.l.store)
	if err != nil {
		return err
	}
	a.adopt(docs)
	return errors.Join(a.forget(ctx), a.write(ctx))
}

// adopt takes over what others have written since this process last read or wrote a document. A
// failure that this process has noted meanwhile is not counted.
func (a *Asides) adopt(docs map[asideKey]asideDoc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, d := range docs {
		if t, ok := a.known[k]; !ok || t.version != d.version {
			a.known[k] = &trouble{Aside: d.Aside, version: d.version}
		}
	}
	maps.DeleteFunc(a.known, func(k asideKey, t *trouble) bool {
		_, there := docs[k]
		return t.version > 0 && !there // it is well again
	})
}

// forget forgets what failed and is owed no more, and removes the documents that say so.
func (a *Asides) forget(ctx context.Context) error {
	now := a.l.Now()
	a.mu.Lock()
	tried := map[asideKey]trouble{}
	for k, t := range a.known {
		if !t.pauses(now) {
			tried[k] = *t
		}
	}
	a.mu.Unlock()
	for k, t := range tried {
		if owes, err := a.owes(ctx, k, t.Seq, now); err != nil {
			return unavailable(err)
		} else if owes {
			continue
		}
		if t.version > 0 {
			changed, err := a.l.store.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: KindAside, Doc: store.Doc{ID: k.id()}}})
			if err != nil {
				return unavailable(err)
			}
			if changed[0] {
				a.l.log.Info("what had been set aside works again", "stream", k.stream, "work", k.work)
			}
		}
		a.mu.Lock()
		if latest := a.known[k]; latest != nil && latest.Again.Equal(t.Again) { // it has not failed anew
			delete(a.known, k)
		}
		a.mu.Unlock()
	}
	return nil
}

// owes reports whether a work that failed is still to be done.
func (a *Asides) owes(ctx context.Context, k asideKey, seq int64, now time.Time) (bool, error) {
	if k.work == Deadlines {
		wakes, err := a.l.store.Get(ctx, KindWake, string(k.stream))
		at, ok := wakes[string(k.stream)].Index["at"].(time.Time)
		return ok && !at.After(now), err
	}
	oldest, err := a.l.store.Pending(ctx, k.work.debt(), now.Add(Everything), store.Ref{Stream: string(k.stream)}, 1)
	return len(oldest) > 0 && oldest[0].Stream == string(k.stream) && oldest[0].Seq <= seq, err
}

// debt returns what commits owe of the work, Documents or Notices.
func (w Work) debt() store.Debt {
	if w == Notices {
		return store.OwesNotices
	}
	return store.OwesDocuments
}

// write writes what this process has found out, but for what another one has written in between.
func (a *Asides) write(ctx context.Context) error {
	a.mu.Lock()
	var ops []store.Op
	var sent []*trouble
	for k, t := range a.known {
		if t.dirty {
			ops = append(ops, a.l.putAside(k, t.Aside, t.version+1))
			sent = append(sent, t)
			t.dirty = false
		}
	}
	a.mu.Unlock()
	for len(ops) > 0 {
		n := min(len(ops), asidePage)
		changed, err := a.l.store.Bulk(ctx, ops[:n])
		a.mu.Lock()
		for i, t := range sent[:n] {
			if err == nil && changed[i] {
				t.version = ops[i].Doc.Version
			}
		}
		if err != nil {
			for _, t := range sent {
				t.dirty = true
			}
		}
		a.mu.Unlock()
		if err != nil {
			return unavailable(err)
		}
		ops, sent = ops[n:], sent[n:]
	}
	return nil
}

// putAside makes the document. Its version follows the one that was read, so the store refuses it
// when another process has written in between.
func (l *Ledger) putAside(k asideKey, a Aside, version int64) store.Op {
	return store.Op{Do: store.OpPut, Kind: KindAside, Doc: store.Doc{ID: k.id(), Version: version, Body: l.encodeAside(a)}}
}

// encodeAside cannot fail: an Aside is text, numbers and instants.
func (l *Ledger) encodeAside(a Aside) []byte {
	body, err := json.Marshal(a)
	if err != nil {
		l.log.Error("what is set aside cannot be encoded", "stream", a.Stream, "error", err)
	}
	return body
}

// Retry takes up again what is set aside of a stream, in every process within seconds, and reports
// whether there is such a stream. When nothing of it is set aside, nothing happens. The documents
// stay, with no failures, until the work is done: a process that is about to write one is refused.
func (a *Asides) Retry(ctx context.Context, stream Stream) (found bool, err error) {
	a.exchange.Lock()
	defer a.exchange.Unlock()
	var ids []string
	for _, work := range Works() {
		ids = append(ids, asideKey{work, stream}.id())
	}
	taken := map[asideKey]*trouble{}
	for done := false; !done; { // again when another process has written in between
		docs, err := a.l.store.Get(ctx, KindAside, ids...)
		if err != nil {
			return false, unavailable(err)
		}
		clear(taken)
		var ops []store.Op
		for _, d := range docs {
			one, err := readAside(d)
			if err != nil {
				return false, err
			}
			one.Tries, one.Again = 0, a.l.Now()
			k := asideKey{one.Work, one.Stream}
			taken[k] = &trouble{Aside: one.Aside, version: one.version + 1}
			ops = append(ops, a.l.putAside(k, one.Aside, one.version+1))
		}
		changed, err := a.l.store.Bulk(ctx, ops)
		if err != nil {
			return false, unavailable(err)
		}
		done = !slices.Contains(changed, false)
	}
	a.mu.Lock()
	for _, work := range Works() {
		delete(a.known, asideKey{work, stream})
	}
	maps.Copy(a.known, taken)
	a.mu.Unlock()
	if len(taken) > 0 {
		return true, nil
	}
	first, err := a.l.store.ReadStream(ctx, string(stream), 0, 1)
	if err != nil {
		return false, unavailable(err)
	}
	return len(first) > 0, nil
}

// List returns what is set aside in the store, longest first.
func (a *Asides) List(ctx context.Context) ([]Aside, error) { return ListAside(ctx, a.l.store) }

// asideDoc is one document with its version.
type asideDoc struct {
	Aside
	version int64
}

func readAside(d store.Doc) (asideDoc, error) {
	one := asideDoc{version: d.Version}
	if err := json.Unmarshal(d.Body, &one.Aside); err != nil {
		return one, fmt.Errorf("what is set aside, %s: %w", d.ID, err)
	}
	return one, nil
}

func asideDocs(ctx context.Context, docs store.Documents) (map[asideKey]asideDoc, error) {
	all := map[asideKey]asideDoc{}
	for q := (store.Query{Kind: KindAside, Limit: asidePage}); ; {
		page, err := docs.Find(ctx, q)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, d := range page.Docs {
			one, err := readAside(d)
			if err != nil {
				return nil, err
			}
			all[asideKey{one.Work, one.Stream}] = one
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

// clear removes every document.
func (a *Asides) clear(ctx context.Context) error {
	docs, err := asideDocs(ctx, a.l.store)
	if err != nil {
		return err
	}
	var ops []store.Op
	for k := range docs {
		ops = append(ops, store.Op{Do: store.OpDelete, Kind: KindAside, Doc: store.Doc{ID: k.id()}})
	}
	for some := range slices.Chunk(ops, asidePage) {
		if _, err := a.l.store.Bulk(ctx, some); err != nil {
			return unavailable(err)
		}
	}
	return nil
}

// Owed returns how many commits owe one work, Documents or Notices, and when the oldest of them was
// recorded (zero: none). Streams of which the work is set aside do not count, up to 1,000 of them.
func Owed(ctx context.Context, st store.Store, work Work) (n int64, oldest time.Time, err error) {
	list, err := ListAside(ctx, st)
	if err != nil {
		return 0, oldest, err
	}
	var without []string
	for _, one := range list {
		if one.Work == work && len(without) < leftOut {
			without = append(without, string(one.Stream))
		}
	}
	if n, oldest, err = st.PendingStats(ctx, work.debt(), without); err != nil {
		return 0, oldest, unavailable(err)
	}
	return n, oldest, nil
}

// ListAside returns what is set aside in the store, longest first.
func ListAside(ctx context.Context, docs store.Documents) ([]Aside, error) {
	found, err := asideDocs(ctx, docs)
	if err != nil {
		return nil, err
	}
	all := make([]Aside, 0, len(found))
	for _, one := range found {
		if one.Tries >= asideAfter { // else an operator has just taken it up
			all = append(all, one.Aside)
		}
	}
	slices.SortFunc(all, func(x, y Aside) int {
		return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.Stream, y.Stream), cmp.Compare(x.Work, y.Work))
	})
	return all, nil
}
