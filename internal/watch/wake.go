package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"landfall/internal/fault"
	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Sweeper looks at one aggregate whose wake has come: it announces everything that is due at now and not yet announced, in one commit, and says
// how many things that were. It is safe to call when nothing is due, and together with another process.
type Sweeper interface {
	Sweep(ctx context.Context, id string, now time.Time) (fired int, err error)
}

// Wakes is the sweep over all wakes that have come, most urgent first. Its cost follows what is due, not what is open.
type Wakes struct {
	Store    store.Documents
	Sweepers map[string]Sweeper // by noun
	// Settle waits until the wakes of what this process accepted are written; nil: no wait.
	Settle func(ctx context.Context)
	Logger *slog.Logger
	Guard  *guard.Guard   // recovers panics of sweepers. Required
	Asides *ledger.Asides // sets streams aside. Required
	// Observe is told of every sweep: streams looked at, things announced.
	Observe func(streams, fired int)
}

const (
	wakePage     = 500
	wakeParallel = 32 // sweeps under way at once: enough for the store to group their appends
)

// Run is the job. Streams that fail are logged and met again at a later run; they hold up no other.
func (w *Wakes) Run(ctx context.Context, now time.Time) error {
	if w.Settle != nil {
		w.Settle(ctx)
	}
	var streams, fired, failed int
	q := store.Query{
		Kind: ledger.KindWake, Index: "at", From: time.UnixMicro(-1 << 55).UTC(), Until: now.Truncate(time.Microsecond).Add(time.Microsecond), Limit: wakePage,
	}
	for {
		page, err := w.Store.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("find wakes: %w", err)
		}
		n, bad := w.sweep(ctx, page.Docs, now)
		streams, fired, failed = streams+len(page.Docs), fired+n, failed+bad
		if page.Next == "" || ctx.Err() != nil {
			break
		}
		q.After = page.Next
	}
	if w.Observe != nil {
		w.Observe(streams, fired)
	}
	if failed > 0 {
		return errors.Join(fmt.Errorf("%d of %d streams could not be swept", failed, streams), ctx.Err())
	}
	return ctx.Err()
}

func (w *Wakes) sweep(ctx context.Context, docs []store.Doc, now time.Time) (fired, failed int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, wakeParallel)
	for _, d := range docs {
		stream := ledger.Stream(d.ID)
		sweeper, ok := w.Sweepers[stream.Noun()]
		what := "sweep of " + d.ID
		if !ok || w.Asides.Leaves(ledger.Deadlines, stream) {
			continue // a newer version's noun, or set aside
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var n int
			err := w.Guard.Do(what, func() (err error) {
				n, err = sweeper.Sweep(ctx, stream.ID(), now)
				return err
			})
			switch {
			case err == nil, ctx.Err() != nil:
			case errors.Is(err, ledger.ErrNewer), !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Full): // it is not the store
				w.Asides.Fails(ledger.Deadlines, stream, d.Version, err)
			}
			mu.Lock()
			defer mu.Unlock()
			fired += n
			if err != nil {
				failed++
				if ctx.Err() == nil {
					w.Logger.Error("a stream could not be swept", "stream", stream, "error", err)
				}
			}
		})
	}
	wg.Wait()
	return fired, failed
}
