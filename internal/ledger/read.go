package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

const (
	snapshotEvery = 64   // commits
	snapshotLong  = 4096 // commits of a stream from which on snapshots grow rarer
	readChunk     = 256  // commits read at a time
)

// snapshotDue reports whether a stream that has grown from base to seq wants a snapshot. A state grows with its stream: at twice the length they
// are half as frequent, so that they cost a commit no more, and a reader finds at most a thirty-second part of the stream behind the last.
func snapshotDue(base, seq int64) bool {
	every := int64(snapshotEvery)
	for n := seq; n >= snapshotLong; n /= 2 {
		every *= 2
	}
	return seq/every != base/every
}

func errNotFound(noun string) error {
	return fault.New(fault.NotFound, noun+"_not_found", "There is no such %s.", noun)
}

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records cannot be read at the moment. Try again.")
}

// Load gives the current fold of id. It sees every change whose Execute has returned, in any process. NotFound when there is none.
func (s *Streams[S]) Load(ctx context.Context, id string) (State[S], error) {
	f, err := s.tail(ctx, StreamOf(s.fold.Noun, id))
	if err != nil {
		return State[S]{}, err
	}
	if f.Seq == 0 {
		return State[S]{}, errNotFound(s.fold.Noun)
	}
	return f.State, nil
}

// LoadSeq gives the fold of id right after its commit seq, and the events of that commit.
func (s *Streams[S]) LoadSeq(ctx context.Context, id string, seq int64) (State[S], []Recorded, error) {
	f, events, _, err := s.at(ctx, StreamOf(s.fold.Noun, id), seq)
	if err != nil {
		return State[S]{}, nil, err
	}
	return f.State, events, nil
}

// LoadAsKnownAt gives the fold of id over the commits recorded at t or before: what could be known then. NotFound when the
// stream began later.
func (s *Streams[S]) LoadAsKnownAt(ctx context.Context, id string, t time.Time) (State[S], error) {
	f := s.empty(StreamOf(s.fold.Noun, id))
	err := s.l.walk(ctx, f.Stream, 0, func(c store.Commit) (bool, error) {
		if c.RecordedAt.After(t) {
			return false, nil
		}
		_, err := s.apply(f, c)
		return true, err
	})
	if err != nil {
		return State[S]{}, err
	}
	if f.Seq == 0 {
		return State[S]{}, errNotFound(s.fold.Noun)
	}
	return f.State, nil
}

// History gives up to limit events of id from commits after the given seq, in order; whole commits only. limit 0 means all.
func (s *Streams[S]) History(ctx context.Context, id string, after int64, limit int) ([]Recorded, error) {
	var out []Recorded
	err := s.l.walk(ctx, StreamOf(s.fold.Noun, id), after, func(c store.Commit) (bool, error) {
		_, events, err := unseal(c)
		out = append(out, events...)
		return limit == 0 || len(out) < limit, err
	})
	return out, err
}

// Between gives the events of id from commits after one seq and before another, in order.
func (s *Streams[S]) Between(ctx context.Context, id string, after, before int64) ([]Recorded, error) {
	var out []Recorded
	err := s.l.walk(ctx, StreamOf(s.fold.Noun, id), after, func(c store.Commit) (bool, error) {
		if c.Seq >= before {
			return false, nil
		}
		_, events, err := unseal(c)
		out = append(out, events...)
		return true, err
	})
	return out, err
}

// Rewake writes the stream's wake anew from its fold: for a sweep that found nothing due where the
// index said there was. A wake from before the fold is overwritten and never removed, since the
// next commit does not write a wake that stays where it was. The wake is read before the fold, so
// one that no put displaces is of no commit that there is, or not what its commit says: it is
// removed in the bulk that puts the right one. Then both are read again, because that bulk may have
// removed a newer wake of another writer.
func (s *Streams[S]) Rewake(ctx context.Context, id string) error {
	stream := StreamOf(s.fold.Noun, id)
	for {
		kept, err := s.l.store.Get(ctx, KindWake, string(stream))
		if err != nil {
			return unavailable(err)
		}
		f, err := s.tail(ctx, stream)
		if err != nil {
			return err
		}
		if f.Seq == 0 || s.fold.NextWake == nil {
			return nil
		}
		old, ok := kept[string(stream)]
		at, _ := old.Index["at"].(time.Time)
		if ok && old.Version <= f.Seq && at.Equal(s.nextWake(f)) {
			return nil
		}
		ops := []store.Op{s.wake(f)}
		stuck := ok && old.Version >= f.Seq
		if stuck {
			ops = slices.Insert(ops, 0, store.Op{Do: store.OpDelete, Kind: KindWake, Doc: store.Doc{ID: string(stream)}})
		}
		if _, err := s.l.store.Bulk(ctx, ops); err != nil {
			return unavailable(err)
		}
		if !stuck {
			return nil
		}
	}
}

// Settle waits, up to d, until the projections of what this process has accepted so far are written: a list read after it shows one's own
// writes. It gives up quietly, since a list is allowed to be a moment behind, and says whether they are.
func (l *Ledger) Settle(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return l.projects.settle(ctx, "") == nil
}

// recordedPage is how many commits RecordedSince reads at a time.
const recordedPage = 256

// RecordedSince returns the commits recorded at t or later, those of a stream in their order, a
// page at a time: what a bus that lost its memory must hear again.
func (l *Ledger) RecordedSince(ctx context.Context, t time.Time, each func([]store.Commit) error) error {
	for after := (store.Stamp{RecordedAt: instant(t)}); ; {
		stamps, err := l.store.Recorded(ctx, after, recordedPage)
		if err != nil {
			return unavailable(err)
		}
		if len(stamps) == 0 {
			return nil
		}
		refs := make([]store.Ref, len(stamps))
		for i, s := range stamps {
			refs[i] = s.Ref
		}
		commits, err := l.store.Commits(ctx, refs)
		if err != nil {
			return unavailable(err)
		}
		slices.SortFunc(commits, func(a, b store.Commit) int {
			return cmp.Or(strings.Compare(a.Stream, b.Stream), cmp.Compare(a.Seq, b.Seq))
		})
		if err := each(commits); err != nil {
			return err
		}
		after = stamps[len(stamps)-1]
	}
}

// ETag gives the entity tag of something last changed by the commit seq.
func (l *Ledger) ETag(seq int64) string { return fmt.Sprintf("\"%d-%d\"", l.opt.Epoch, seq) }

// MatchETag says whether an If-Match header names the version seq (RFC 9110, section 13.1.1): "*", or a list with its tag. A weak tag and one of
// another service match nothing. What is no list of tags is Invalid.
func (l *Ledger) MatchETag(header string, seq int64) (bool, error) {
	if strings.TrimSpace(header) == "*" {
		return seq > 0, nil
	}
	if !tagList.MatchString(header) {
		return false, fault.New(fault.Invalid, "bad_etag", "If-Match is no list of ETags, such as %s in quotes.", l.ETag(7))
	}
	return slices.Contains(oneTag.FindAllString(header, -1), l.ETag(seq)), nil
}

// The grammar of entity tags (RFC 9110, section 8.8.3). Empty members of a list count for nothing (section 5.6.1).
var (
	oneTag  = regexp.MustCompile(`(?:W/)?"[^"\x00-\x20\x7f]*"`)
	tagList = regexp.MustCompile(`^[ \t,]*` + oneTag.String() + `(?:[ \t]*,[ \t,]*(?:` + oneTag.String() + `)?)*[ \t]*$`)
)

// tail gives the newest fold of the stream, from the cache where that is known to be the newest. Those who ask together share one read.
func (s *Streams[S]) tail(ctx context.Context, stream Stream) (*folded[S], error) {
	if f, ok := s.cached(stream); ok && !s.l.opt.Shared {
		return f, nil
	}
	f, err := s.l.looks.newest(ctx, stream, func(ctx context.Context) (any, error) { return s.readTail(ctx, stream) })
	if err != nil {
		return nil, err
	}
	return f.(*folded[S]), nil
}

// readTail reads what has been recorded since the fold in the cache, or since the snapshot.
func (s *Streams[S]) readTail(ctx context.Context, stream Stream) (*folded[S], error) {
	f, ok := s.cached(stream)
	if ok && !s.l.opt.Shared {
		return f, nil
	}
	if !ok {
		f = s.fromSnapshot(ctx, stream)
	}
	began := s.l.opt.Now()
	next, err := s.forward(ctx, f)
	if err != nil {
		return nil, err
	}
	if next.Seq > 0 {
		s.keep(stream, next, began)
	}
	return next, nil
}

// keep puts a fold into the cache that was the tail at the moment it was looked at, unless a newer one is there: an older one would only cost a
// read.
func (s *Streams[S]) keep(stream Stream, f *folded[S], looked time.Time) {
	if held, ok := s.cached(stream); !ok || held.Seq <= f.Seq {
		s.l.cache.put(stream, f, f.weight(), looked)
	}
}

func (s *Streams[S]) cached(stream Stream) (*folded[S], bool) {
	f, _, ok := s.held(stream)
	return f, ok
}

// held is cached with the moment at which the fold was the tail for certain.
func (s *Streams[S]) held(stream Stream) (*folded[S], time.Time, bool) {
	v, looked, ok := s.l.cache.get(stream)
	if !ok {
		return nil, looked, false
	}
	return v.(*folded[S]), looked, true
}

// forward folds what follows f, on a clone; f itself when nothing does.
func (s *Streams[S]) forward(ctx context.Context, f *folded[S]) (*folded[S], error) {
	next := f
	err := s.l.walk(ctx, f.Stream, f.Seq, func(c store.Commit) (bool, error) {
		if next == f {
			next = s.clone(f)
		}
		_, err := s.apply(next, c)
		return true, err
	})
	return next, err
}

// at folds the stream up to seq and gives the events and the request digest of that commit.
func (s *Streams[S]) at(ctx context.Context, stream Stream, seq int64) (*folded[S], []Recorded, string, error) {
	f := s.empty(stream)
	if held := s.fromSnapshot(ctx, stream); held.Seq < seq {
		f = held
	}
	var events []Recorded
	var digest string
	err := s.l.walk(ctx, stream, f.Seq, func(c store.Commit) (bool, error) {
		e, recorded, err := unseal(c)
		if err != nil {
			return false, err
		}
		events, digest = recorded, e.Digest
		return c.Seq < seq, s.evolve(f, c, recorded)
	})
	if err == nil && f.Seq != seq {
		err = errNotFound(s.fold.Noun)
	}
	return f, events, digest, err
}

// walk reads the stream after a seq in chunks until each says stop.
func (l *Ledger) walk(ctx context.Context, stream Stream, after int64, each func(store.Commit) (bool, error)) error {
	for {
		commits, err := l.store.ReadStream(ctx, string(stream), after, readChunk)
		if err != nil {
			return unavailable(err)
		}
		for _, c := range commits {
			more, err := each(c)
			if err != nil || !more {
				return err
			}
			after = c.Seq
		}
		if len(commits) < readChunk {
			return nil
		}
	}
}

// snapshotDoc is a fold as kept; it counts only when noun and fold version are today's. State is the fold's value when it is written and JSON when
// it is read: a state may be large, and is encoded once.
type snapshotDoc[V any] struct {
	Noun       string    `json:"noun"`
	Version    int       `json:"fold_version"`
	Seq        int64     `json:"seq"`
	CommitID   string    `json:"commit_id"`
	RecordedAt time.Time `json:"recorded_at"`
	Hash       []byte    `json:"hash"`
	Unknown    string    `json:"unknown,omitempty"`
	State      V         `json:"state"`
}

func (s *Streams[S]) snapshot(f *folded[S]) (store.Op, error) {
	body, err := marshal(snapshotDoc[S]{
		Noun: s.fold.Noun, Version: s.fold.Version, Seq: f.Seq, CommitID: f.CommitID, RecordedAt: f.RecordedAt,
		Hash: f.Hash, Unknown: f.unknown, State: f.Value,
	})
	return store.Op{Do: store.OpPut, Kind: KindSnapshot, Doc: store.Doc{ID: string(f.Stream), Version: f.Seq, Body: body}}, err
}

// fromSnapshot gives the fold of the stream's snapshot, or the empty one when there is none that fits. A snapshot is a help and never the truth: one
// that cannot be read, or whose commit does not carry its hash, is passed over.
func (s *Streams[S]) fromSnapshot(ctx context.Context, stream Stream) *folded[S] {
	f := s.empty(stream)
	docs, err := s.l.store.Get(ctx, KindSnapshot, string(stream))
	if err != nil {
		return f
	}
	var d snapshotDoc[json.RawMessage]
	doc, ok := docs[string(stream)]
	if !ok || json.Unmarshal(doc.Body, &d) != nil || d.Noun != s.fold.Noun || d.Version != s.fold.Version {
		return f
	}
	commits, err := s.l.store.Commits(ctx, []store.Ref{{Stream: string(stream), Seq: d.Seq}})
	if err != nil || len(commits) != 1 || !bytes.Equal(commits[0].Hash, d.Hash) {
		return f
	}
	if json.Unmarshal(d.State, &f.Value) != nil {
		return s.empty(stream)
	}
	f.Head = Head{Stream: stream, Seq: d.Seq, CommitID: d.CommitID, RecordedAt: d.RecordedAt, Hash: d.Hash}
	f.unknown, f.size = d.Unknown, int64(len(d.State))
	return f
}

// finishErasures removes the values whose erasure is recorded among the commits.
func (l *Ledger) finishErasures(ctx context.Context, commits []store.Commit) error {
	for _, c := range commits {
		if !bytes.Contains(c.Body, []byte(EventErased)) {
			continue
		}
		_, events, err := unseal(c)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Type != EventErased {
				continue
			}
			var erased Erased
			if err := e.Into(&erased); err != nil {
				return err
			}
			if err := l.eraseValue(ctx, e.Stream, erased); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseValue removes a detached value from its commit, and the stream's snapshot, which may hold it, also where somebody has begun to.
func (l *Ledger) eraseValue(ctx context.Context, stream Stream, e Erased) error {
	l.erasing.Lock() // what is left of a commit's values is read and then written
	defer l.erasing.Unlock()
	ref := store.Ref{Stream: string(stream), Seq: e.Seq}
	commits, err := l.store.Commits(ctx, []store.Ref{ref})
	if err != nil {
		return unavailable(err)
	}
	var secrets map[string]secret
	if len(commits) == 1 && len(commits[0].Detached) > 0 {
		if err := json.Unmarshal(commits[0].Detached, &secrets); err != nil {
			return fmt.Errorf("commit %s/%d: detached values: %w", stream, e.Seq, err)
		}
	}
	if _, there := secrets[e.Name]; there {
		delete(secrets, e.Name)
		var detached []byte
		if len(secrets) > 0 {
			if detached, err = marshal(secrets); err != nil {
				return err
			}
		}
		if err := l.store.SetDetached(ctx, ref, detached); err != nil {
			return unavailable(err)
		}
	}
	if _, err := l.store.Bulk(ctx, []store.Op{{Do: store.OpDelete, Kind: KindSnapshot, Doc: store.Doc{ID: string(stream)}}}); err != nil {
		return unavailable(err)
	}
	l.cache.drop(stream)
	return nil
}
