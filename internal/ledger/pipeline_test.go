package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// rough is a real engine that keeps the order of appends, and to which something happens at some batches.
type rough struct {
	store.Store
	mu      sync.Mutex
	batches int
	happens func(batch int, submit func() store.Ticket) store.Ticket // nil ticket: nothing happens
}

func (r *rough) Submit(commits []store.Commit) store.Ticket {
	submit := func() store.Ticket { return r.Store.(store.Pipeline).Submit(commits) }
	r.mu.Lock()
	r.batches++
	n := r.batches
	r.mu.Unlock()
	if t := r.happens(n, submit); t != nil {
		return t
	}
	return submit()
}

// failed is a ticket that is done with an error.
type failed struct{ err error }

func (failed) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
func (f failed) Result() (int, error) { return 0, f.err }

func TestWhatHappensToOneBatchUnderWayIsNotForgottenByThoseBehindIt(t *testing.T) {
	for name, happens := range map[string]func(w *world, rival *world) func(int, func() store.Ticket) store.Ticket{
		"the reply is lost before the write": func(*world, *world) func(int, func() store.Ticket) store.Ticket {
			return func(n int, _ func() store.Ticket) store.Ticket {
				if n%5 == 2 {
					return failed{errLine}
				}
				return nil
			}
		},
		"the reply is lost after the write": func(*world, *world) func(int, func() store.Ticket) store.Ticket {
			return func(n int, submit func() store.Ticket) store.Ticket {
				if n%5 == 2 {
					<-submit().Done()
					return failed{errLine}
				}
				return nil
			}
		},
		"the disk is full for a moment": func(*world, *world) func(int, func() store.Ticket) store.Ticket {
			return func(n int, _ func() store.Ticket) store.Ticket {
				if n%5 == 2 {
					return failed{store.ErrFull}
				}
				return nil
			}
		},
		"another writer is first": func(_ *world, rival *world) func(int, func() store.Ticket) store.Ticket {
			return func(n int, _ func() store.Ticket) store.Ticket {
				if n%5 == 2 {
					if _, err := rival.move(context.Background(), "roseau", 1000); err != nil {
						panic(err)
					}
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			engine := &rough{}
			w := open(t, filepath.Join(t.TempDir(), "landfall.db"), clock.now, func(st store.Store) store.Store {
				engine.Store = st
				return engine
			}, false)
			rival := &world{store: engine.Store}
			rival.Ledger = ledger.New(engine.Store, ledger.Options{Now: clock.now, Shared: true})
			rival.jetties = ledger.Register(rival.Ledger, jettyFold())
			defer rival.Close(context.Background())
			engine.happens = happens(w, rival)

			const clients, each = 24, 20
			var mu sync.Mutex
			seqs := map[int64]bool{}
			var wg sync.WaitGroup
			for c := range clients {
				wg.Go(func() {
					for n := range each {
						out, err := w.move(t.Context(), "roseau", 1, keyed(fmt.Sprintf("%d-%d", c, n), "one"))
						if err != nil {
							if !fault.Is(err, fault.Full) {
								t.Error(err)
							}
							continue
						}
						mu.Lock()
						if seqs[out.Seq] || out.Repeated {
							t.Errorf("two changes were answered with seq %d", out.Seq)
						}
						seqs[out.Seq] = true
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			rival.Settle(t.Context(), 30*time.Second)
			s, err := w.jetties.LoadAsKnownAt(t.Context(), "roseau", clock.now().Add(time.Hour))
			if err != nil || s.Value.On%1000 != len(seqs) || s.Seq != int64(len(seqs)+s.Value.On/1000) {
				t.Errorf("the log has %d on at seq %d, %d were answered: %v", s.Value.On, s.Seq, len(seqs), err)
			}
			if held, err := w.jetties.Load(t.Context(), "roseau"); err != nil || held.Value.On != s.Value.On {
				t.Errorf("the fold in memory has %d on, the log %d: %v", held.Value.On, s.Value.On, err)
			}
			if len(seqs) == 0 {
				t.Error("nothing was carried out")
			}
			mustVerify(t, w)
		})
	}
}
