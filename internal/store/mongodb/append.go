package mongodb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/store"
)

const (
	maxLanes      = 4       // groups under way at once
	maxGroup      = 512     // commits in one group
	maxGroupBytes = 8 << 20 // and their size: well below what one message may hold, so that a group is one command

	// aloneFor is how many appends of a stream go alone after it has lost a place to somebody: in a group it would cost the others a
	// round trip each time.
	aloneFor = 16
	// maxAlone bounds the streams that are remembered as contended.
	maxAlone = 4096
)

// appender carries the commits of many streams to the server in few commands. See the package's text.
type appender struct {
	s *Store

	mu      sync.Mutex
	waiting []*appendRequest
	lanes   int            // under way
	alone   map[string]int // contended streams: appends that still go alone
}

func newAppender(s *Store) *appender { return &appender{s: s, alone: make(map[string]int)} }

// appendRequest is one Append.
type appendRequest struct {
	ctx    context.Context
	stream string
	docs   []bson.Raw
	size   int

	done chan struct{}
	n    int // commits that are written
	err  error
}

func (r *appendRequest) answer(n int, err error) {
	r.n, r.err = n, err
	close(r.done)
}

// Append implements store.Ledger.
func (s *Store) Append(ctx context.Context, commits []store.Commit) (n int, err error) {
	if len(commits) == 0 {
		return 0, nil
	}
	if err := checkCommits(commits); err != nil {
		return 0, err
	}
	r := &appendRequest{ctx: ctx, stream: commits[0].Stream, docs: make([]bson.Raw, len(commits)), done: make(chan struct{})}
	for i, c := range commits {
		if r.docs[i], err = encodeCommit(c); err != nil {
			return 0, err
		}
		r.size += len(r.docs[i])
	}
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	began := s.o.Now()
	s.appends.put(r)
	select {
	case <-r.done:
		n, err = r.n, r.err
	case <-ctx.Done(): // it goes on; what becomes of it is for the caller to find out
		err = ctx.Err()
	}
	s.o.Observe("append", s.o.Now().Sub(began), err)
	if err != nil {
		return n, fmt.Errorf("mongodb: append to %s at %d: %w", r.stream, commits[n].Seq, err)
	}
	return n, nil
}

// put sends a request on its way. Its goroutine is counted among the store's operations.
func (a *appender) put(r *appendRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if left := a.alone[r.stream]; left > 0 {
		a.alone[r.stream]--
		a.s.work.Go(func() { a.s.o.Guard.Run("an append", func() { a.send([]*appendRequest{r}) }) })
		return
	}
	delete(a.alone, r.stream)
	a.waiting = append(a.waiting, r)
	if a.lanes < maxLanes {
		a.lanes++
		a.s.work.Go(func() { a.s.o.Guard.Keep(context.Background(), "a lane of appends", a.lane) })
	}
}

// lane sends groups until nothing waits.
func (a *appender) lane() {
	for {
		group := a.take()
		if len(group) == 0 {
			return
		}
		a.send(group)
	}
}

// take gives what waits, as much as one group holds. None: the lane is over.
func (a *appender) take() []*appendRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	var group []*appendRequest
	commits, size := 0, 0
	for len(a.waiting) > 0 {
		r := a.waiting[0]
		if len(group) > 0 && (commits+len(r.docs) > maxGroup || size+r.size > maxGroupBytes) {
			break
		}
		a.waiting = a.waiting[1:]
		if r.ctx.Err() != nil {
			r.answer(0, r.ctx.Err()) // it was never sent
			continue
		}
		group, commits, size = append(group, r), commits+len(r.docs), size+r.size
	}
	if len(group) == 0 {
		a.lanes--
		a.waiting = nil
	}
	return group
}

// lost remembers that another process writes to the stream.
func (a *appender) lost(stream string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.alone) >= maxAlone {
		clear(a.alone)
	}
	a.alone[stream] = aloneFor
}

// send carries out a group and answers every request of it, also when it panics: what is written is then not known.
func (a *appender) send(group []*appendRequest) {
	s := a.s
	defer func() {
		if p := recover(); p != nil {
			err := s.o.Guard.Recovered("an append", p)
			for _, r := range group {
				r.answer(0, err)
			}
		}
	}()
	for len(group) > 0 {
		var docs []any
		for _, r := range group {
			for _, d := range r.docs {
				docs = append(docs, d)
			}
		}
		s.o.At(PointAppending)
		began := s.o.Now()
		err := s.bounded(context.Background(), s.o.OpTimeout/4, func(ctx context.Context) error {
			_, err := s.commitsC.InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
			if neverSent(err) {
				_, err = s.commitsC.InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
			}
			return err
		})
		s.o.Observe("append_group", s.o.Now().Sub(began), err)
		s.o.At(PointAppended)
		group = a.settle(group, len(docs), err)
	}
}

// settle answers the requests whose outcome is known, or will never be, and gives those that were not tried.
func (a *appender) settle(group []*appendRequest, docs int, err error) []*appendRequest {
	written, verdict := docs, error(nil)
	if err != nil {
		written, verdict = a.verdict(group, err)
	}
	for len(group) > 0 && written >= len(group[0].docs) {
		r := group[0]
		group, written = group[1:], written-len(r.docs)
		r.answer(len(r.docs), nil)
	}
	if len(group) == 0 {
		return nil
	}
	if errors.Is(verdict, store.ErrSeqTaken) {
		a.lost(group[0].stream)
		group[0].answer(written, verdict)
		return group[1:]
	}
	for _, r := range group {
		r.answer(written, verdict)
		written = 0
	}
	return nil
}

// verdict says how many documents of a group an insert that failed has written for certain, from the first on, and what is to be said to
// the request at which it stopped: ErrSeqTaken to it alone; anything else to those behind it as well.
func (a *appender) verdict(group []*appendRequest, err error) (written int, verdict error) {
	var failed mongo.BulkWriteException
	if errors.As(err, &failed) && failed.WriteConcernError == nil && len(failed.WriteErrors) > 0 {
		first := failed.WriteErrors[0].WriteError
		switch {
		case isDuplicate(first):
			return first.Index, store.ErrSeqTaken
		case saysFull(first.Code, first.Message):
			return first.Index, fmt.Errorf("%w: %w", store.ErrFull, first)
		}
		return first.Index, first
	}
	if errors.Is(err, store.ErrFull) {
		// A command refused as a whole. A server may have written the first documents of it nevertheless: what is there says.
		if n, readErr := a.there(group); readErr == nil {
			return n, err
		}
		err = errors.New(err.Error()) // how much is written is not known
	}
	return 0, err
}

// there counts the documents of the group, from the first on, that are in the collection.
func (a *appender) there(group []*appendRequest) (n int, err error) {
	var ids bson.A
	var mine []string
	for _, r := range group {
		for _, d := range r.docs {
			ids = append(ids, d.Lookup(idName))
			mine = append(mine, d.Lookup(idName).StringValue()+" "+d.Lookup("id").StringValue())
		}
	}
	found := make(map[string]bool)
	err = a.s.bounded(context.Background(), a.s.o.OpTimeout/4, func(ctx context.Context) error {
		return a.s.each(ctx, a.s.commitsC, question{filter: bson.D{{Key: idName, Value: in(ids)}}, project: fields(idName, "id")}, func(raw bson.Raw) error {
			found[raw.Lookup(idName).StringValue()+" "+raw.Lookup("id").StringValue()] = true
			return nil
		})
	})
	for n < len(mine) && found[mine[n]] {
		n++
	}
	return n, err
}
