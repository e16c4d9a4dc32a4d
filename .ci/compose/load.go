package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	writers = 4
	pace    = 120 * time.Millisecond // between the changes of one writer: below the rate that one account may have
)

// disturbance is something that happens while clients write.
type disturbance struct {
	name string
	do   func(context.Context) error
}

// load is clients that report figures through both replicas, and what they heard.
type load struct {
	*cast

	mu       sync.Mutex
	away     [3]bool             // replica, from 1: under restart
	accepted map[string]struct{} // ids of figures answered with success
	again    int                 // requests sent again, to the other replica
	wrong    []string            // answers and failed connections that must not be
}

func newLoad(c *cast) *load { return &load{cast: c, accepted: map[string]struct{}{}} }

// counts is the proof: numbers that must agree.
type counts struct{ accepted, kept, delivered, lost, doubled int }

// String is the proof as CI looks for it.
func (c counts) String() string {
	return fmt.Sprintf("accepted %d, kept %d, delivered %d, lost %d, doubled ids %d", c.accepted, c.kept, c.delivered, c.lost, c.doubled)
}

// run writes while the disturbances happen one after the other, and then counts what was kept and what arrived.
func (l *load) run(ctx context.Context, happen []disturbance, out io.Writer) (counts, error) {
	writing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				l.report(ctx, w, n) // the last one is finished even when it is time to stop
				_ = wait(writing, pace)
			}
		})
	}
	err := l.disturb(ctx, happen, out)
	stop()
	wg.Wait()
	if err == nil && len(l.wrong) > 0 {
		err = errors.New(strings.Join(l.wrong[:min(len(l.wrong), 10)], "\n  "))
	}
	if err != nil {
		return counts{}, err
	}
	return l.count(ctx)
}

// disturb lets enough changes pass before, between and after.
func (l *load) disturb(ctx context.Context, happen []disturbance, out io.Writer) error {
	for _, d := range happen {
		if err := l.more(ctx); err != nil {
			return err
		}
		if err := d.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		l.mu.Lock()
		fmt.Fprintf(out, "under load: %s; accepted so far %d, sent again %d\n", d.name, len(l.accepted), l.again)
		l.mu.Unlock()
	}
	return l.more(ctx)
}

// more waits until enough further changes have been accepted.
func (l *load) more(ctx context.Context) error {
	from := l.total()
	return poll(ctx, 30*time.Second, func() (bool, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.wrong) > 0 {
			return false, errors.New(l.wrong[0])
		}
		return len(l.accepted) >= from+enough, nil
	})
}

func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// restart restarts a replica; it alone may refuse connections meanwhile.
func (l *load) restart(ctx context.Context, replica int) error {
	l.setAway(replica, true)
	if err := again(ctx, l.replica(replica)); err != nil {
		return err
	}
	l.setAway(replica, false)
	return nil
}

func (l *load) setAway(replica int, away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away[replica] = away
}

func (l *load) isAway(replica int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away[replica]
}

// report has one figure accepted, however often and wherever it must be asked for, always under the same key.
func (l *load) report(ctx context.Context, writer, n int) {
	key := fmt.Sprintf("figure-%d-%d", writer, n)
	body := object{
		"place": object{"party": "DMA", "name": "Public shelters"}, "quantifier": "exact", "unit": "person", "number": 1000*writer + n,
		"category": "people_displaced_across_borders", "term": "sheltered", "setting": "public_shelter",
		"source": object{"name": "Disaster office", "kind": "government"}, "role": "triangulation", "as_of": time.Now().UTC(), //nolint:forbidigo // figures of today
	}
	for replica := 1 + (writer+n)%2; ctx.Err() == nil; replica = 3 - replica {
		if l.try(ctx, replica, key, body) {
			return
		}
		_ = wait(ctx, 50*time.Millisecond)
	}
}

// try asks once, and says whether that settled it.
func (l *load) try(ctx context.Context, replica int, key string, body object) (settled bool) {
	awayBefore := l.isAway(replica)
	status, answer, err := l.dominica.call(ctx, http.MethodPost, l.api(replica, l.incident+"/figures"), key, body)
	mayFail := awayBefore || l.isAway(replica)
	l.mu.Lock()
	defer l.mu.Unlock()
	var made struct {
		ID string `json:"id"`
	}
	switch {
	case ctx.Err() != nil:
		return true
	case err != nil && mayFail, err == nil && status == http.StatusServiceUnavailable:
		l.again++
		return false
	case err != nil:
		l.wrong = append(l.wrong, fmt.Sprintf("api-%d, which nobody restarts, broke a connection: %v", replica, err))
		return false
	case status/100 != 2 || json.Unmarshal(answer, &made) != nil || made.ID == "":
		l.wrong = append(l.wrong, fmt.Sprintf("api-%d answered %d %s", replica, status, answer))
		return true
	}
	l.accepted[made.ID] = struct{}{}
	return true
}

// count waits until everything accepted has arrived, at most a minute, and compares.
func (l *load) count(ctx context.Context) (counts, error) {
	c := counts{accepted: len(l.accepted)}
	var came []arrival
	waited := poll(ctx, time.Minute, func() (bool, error) {
		var err error
		if came, err = l.hook.of(reported); err != nil {
			return false, fmt.Errorf("a webhook that cannot be trusted: %w", err)
		}
		c.delivered, c.doubled, c.lost = compare(l.accepted, came)
		return c.lost == 0, nil
	})
	for n := 1; n <= 2; n++ {
		// A list follows what another replica has accepted, in its own time.
		var listed int
		if err := poll(ctx, 10*time.Second, func() (bool, error) {
			kept, err := l.dominica.list(ctx, l.api(n, l.incident+"/figures"))
			c.kept, listed = 0, len(kept)
			for _, f := range kept {
				if _, ok := l.accepted[text(f, "id")]; ok {
					c.kept++
				}
			}
			return c.kept == c.accepted, err
		}); err != nil {
			return c, fmt.Errorf("api-%d keeps %d of the accepted figures: %v: %w", n, c.kept, c, err)
		}
		if listed != c.accepted {
			return c, fmt.Errorf("api-%d lists %d figures: %v", n, listed, c)
		}
	}
	if c.lost > 0 || c.doubled > 0 || c.delivered != c.accepted {
		return c, fmt.Errorf("the counts do not agree: %v (%w)", c, errors.Join(waited, errNotAll))
	}
	return c, waited
}

var errNotAll = errors.New("every accepted change must arrive, under one id")

// compare gives how many different events came that tell of accepted changes, how many came under a second id or told of a change a
// second time, and how many accepted changes nothing has come of.
func compare(accepted map[string]struct{}, came []arrival) (delivered, doubled, lost int) {
	deliveries := map[string]string{} // of each event
	events := map[string]string{}     // of each change
	for _, a := range came {
		if _, ok := accepted[a.figure]; !ok {
			continue
		}
		if known, ok := deliveries[a.event]; ok && known != a.delivery {
			doubled++
		}
		if known, ok := events[a.figure]; ok && known != a.event {
			doubled++
		}
		deliveries[a.event], events[a.figure] = a.delivery, a.event
	}
	return len(deliveries), doubled, len(accepted) - len(events)
}

// wait waits, or says that the time is over.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
