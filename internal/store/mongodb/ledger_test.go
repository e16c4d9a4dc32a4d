package mongodb_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/storetest"
)

// The ledger of these tests counts people on jetties.
type jetty struct {
	On int `json:"on"`
}

type moved struct {
	By int `json:"by"`
}

const evMoved = "jetty.moved.v1"

// jetties is what one process has: a ledger over a store that others write too.
func jetties(t *testing.T, st store.Store) *ledger.Streams[jetty] {
	t.Helper()
	l := ledger.New(st, ledger.Options{Now: time.Now, Shared: true, OutcomeTimeout: 20 * time.Second})
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return ledger.Register(l, ledger.Fold[jetty]{
		Noun: "jetty", Version: 1, Events: []string{evMoved},
		New:   func(string) jetty { return jetty{} },
		Clone: func(s jetty) jetty { return s },
		Evolve: func(s jetty, e ledger.Recorded) (jetty, error) {
			var m moved
			err := e.Into(&m)
			s.On += m.By
			return s, err
		},
	})
}

func one(ctx context.Context, s *ledger.Streams[jetty], id, key string) (ledger.Outcome[jetty], error) {
	digest := sha256.Sum256([]byte(key))
	return s.Execute(ctx, id, ledger.Command[jetty]{
		Actor: ledger.Actor{Account: "acct"}, Expect: ledger.MayExist, Key: key, Digest: digest[:],
		Decide: func(jetty, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: evMoved, Data: moved{By: 1}}}}, nil
		},
	})
}

// Whatever happens to the connection, a command that was answered has happened once, and repeating one under its key gives the same answer.
func TestALedgerOnABadLineLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	name := database(t)
	p, uri := behind(t)
	st := open(t, uri, ledger.Kinds(), mongodb.Options{Database: name, OpTimeout: 8 * time.Second})
	s := jetties(t, st)
	const streams, commands = 3, 6
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	modes := []storetest.Mode{storetest.CutAfter, storetest.CutBefore, storetest.CutAfter, storetest.Late}
	var wg sync.WaitGroup
	for j := range streams {
		wg.Go(func() {
			id := fmt.Sprint("j", j)
			for i := range commands {
				key := fmt.Sprint(id, "/", i)
				if j == 0 {
					p.Trouble(modes[i%len(modes)], 1, "insert")
				}
				insist := func() (out ledger.Outcome[jetty], err error) { // as a client does that is told "try again"
					for {
						if out, err = one(ctx, s, id, key); fault.KindOf(err) != fault.Unavailable || ctx.Err() != nil {
							return out, err
						}
					}
				}
				first, err := insist()
				if err != nil {
					t.Errorf("%s: %v", key, err)
					return
				}
				if again, err := insist(); err != nil || !again.Repeated || again.CommitID != first.CommitID || again.Value != first.Value {
					t.Errorf("%s repeated: %+v, then %+v, %v", key, first, again, err)
				}
			}
		})
	}
	wg.Wait()
	p.Calm()
	p.Release()
	for j := range streams {
		got, err := s.Load(t.Context(), fmt.Sprint("j", j))
		if err != nil { // a connection that was cut last
			got, err = s.Load(t.Context(), fmt.Sprint("j", j))
		}
		if err != nil || got.Value.On != commands || got.Seq != commands {
			t.Errorf("jetty %d: %+v, %v; want %d on it", j, got, err, commands)
		}
	}
}

// Two processes write the same streams: nothing is lost, nobody starves.
func TestTwoProcessesShareStreams(t *testing.T) {
	t.Parallel()
	uri, name := serverURI(t), database(t)
	const streams, clients, commands = 2, 8, 12
	var took [2]time.Duration
	var wg sync.WaitGroup
	for process := range took {
		s := jetties(t, open(t, uri, ledger.Kinds(), mongodb.Options{Database: name}))
		wg.Go(func() {
			began := time.Now()
			var own sync.WaitGroup
			for c := range clients {
				own.Go(func() {
					for i := range commands {
						if _, err := one(t.Context(), s, fmt.Sprint("j", c%streams), fmt.Sprint(process, "/", c, "/", i)); err != nil {
							t.Errorf("process %d: %v", process, err)
						}
					}
				})
			}
			own.Wait()
			took[process] = time.Since(began)
		})
	}
	wg.Wait()
	t.Logf("the processes took %v", took)
	s := jetties(t, open(t, uri, ledger.Kinds(), mongodb.Options{Database: name}))
	for j := range streams {
		want := 2 * clients * commands / streams
		if got, err := s.Load(t.Context(), fmt.Sprint("j", j)); err != nil || got.Value.On != want {
			t.Errorf("jetty %d: %+v, %v; want %d", j, got, err, want)
		}
	}
}
