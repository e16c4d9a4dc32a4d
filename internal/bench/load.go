package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// receiver counts webhooks by their id and notes when each change first came.
type receiver struct {
	url    string
	server *http.Server

	mu    sync.Mutex
	first map[string]time.Time // by what of the content identifies the change
	ids   map[string]int       // by path and webhook-id
	got   chan string          // identity of each first arrival; read by the latency runs
	want  func(path string, body []byte) string
	each  []string // what is in front of the id in each message of a change
}

// startReceiver starts a receiver that identifies messages by want. Each change is told in one
// message, or in one behind each of the words.
func startReceiver(want func(path string, body []byte) string, words ...string) (*receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	url := "http://" + listener.Addr().String() + "/hook"
	r := &receiver{url: url, want: want, each: words, got: make(chan string, 100_000)}
	if len(words) == 0 {
		r.each = []string{""}
	}
	r.reset()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *receiver) stop() { _ = r.server.Close() }

func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first, r.ids = map[string]time.Time{}, map[string]int{}
	for len(r.got) > 0 {
		<-r.got
	}
}

// ServeHTTP takes a webhook.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	w.WriteHeader(http.StatusNoContent)
	id := r.want(req.URL.Path, body)
	if id == "" {
		return
	}
	r.mu.Lock()
	r.ids[req.URL.Path+" "+req.Header.Get("webhook-id")]++
	_, seen := r.first[id]
	if !seen {
		r.first[id] = now
	}
	r.mu.Unlock()
	if !seen {
		r.got <- id
	}
}

// await waits until n more distinct changes have arrived.
func (r *receiver) await(ctx context.Context, n int) error {
	for i := range n {
		select {
		case <-r.got:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d changes arrived: %w", i, n, ctx.Err())
		}
	}
	return nil
}

// told returns for each message of a change how long after its answer it came.
func (r *receiver) told(answered map[string]time.Time) [][]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := make([][]time.Duration, len(r.each))
	for i, word := range r.each {
		for id, at := range answered {
			if came, ok := r.first[word+id]; ok {
				told[i] = append(told[i], max(came.Sub(at), 0))
			}
		}
	}
	return told
}

// last gives when the last of the changes first came.
func (r *receiver) last() (last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.first {
		if at.After(last) {
			last = at
		}
	}
	return last
}

// doubled counts the ids that came more than once.
func (r *receiver) doubled() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.ids {
		if times > 1 {
			n++
		}
	}
	return n
}

// result is one measured run.
type result struct {
	accepted  int
	refused   int               // answers 5xx
	lost      int               // messages of what was accepted that did not arrive
	doubled   int               // webhook ids seen more than once
	took      time.Duration     // until the last answer
	delivered time.Duration     // until the last webhook; zero when not asked for
	latencies []time.Duration   // one at a time: request to the last webhook; burst: request to answer
	answers   []time.Duration   // one at a time: request to answer
	told      [][]time.Duration // burst: answer to each webhook of the change
	processor time.Duration     // of a change, when it is metered
	fairness  float64           // what the slowest client got done, as a part of what the fastest did
}

func (r result) rate() float64          { return float64(r.accepted) / r.took.Seconds() }
func (r result) deliveredRate() float64 { return float64(r.accepted) / r.delivered.Seconds() }

// slowest returns how long after its answer the slowest message came.
func (r result) slowest() time.Duration { return quantile(slices.Concat(r.told...), 1) }

// mishaps returns what must be noMishaps: answers 5xx, messages that were lost and ids that were
// doubled.
func (r result) mishaps() string { return fmt.Sprintf("%d / %d / %d", r.refused, r.lost, r.doubled) }

const noMishaps = "0 / 0 / 0"

func (r result) quantile(q float64) time.Duration { return quantile(r.latencies, q) }

func quantile(times []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// middle gives the run whose figure is the median.
func middle(runs []result, figure func(result) float64) result {
	slices.SortFunc(runs, func(a, b result) int {
		switch x, y := figure(a), figure(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return runs[len(runs)/2]
}

// sender posts one change and gives what identifies it at the receiver.
type sender func(ctx context.Context, client, n int) (id string, err error)

// metered notes what a change of the run costs in processor time.
func metered(processor func() time.Duration, run func() (result, error)) func() (result, error) {
	return func() (result, error) {
		used := processor()
		res, err := run()
		res.processor = (processor() - used) / time.Duration(max(res.accepted, 1))
		return res, err
	}
}

// oneByOne posts n changes, each after the webhooks of the one before; latencies are from request
// to receipt.
func oneByOne(ctx context.Context, r *receiver, n int, send sender) (result, error) {
	r.reset()
	var res result
	begin := time.Now()
	for i := range n {
		start := time.Now()
		id, err := send(ctx, 0, i)
		if err != nil {
			return res, err
		}
		res.answers = append(res.answers, time.Since(start))
		if err := r.await(ctx, len(r.each)); err != nil {
			return res, err
		}
		res.latencies = append(res.latencies, slices.Max(slices.Concat(r.told(map[string]time.Time{id: start})...)))
	}
	res.accepted, res.took = n, time.Since(begin)
	return res, nil
}

// errEnough is what a sender answers to end its burst.
var errEnough = errors.New("enough")

// burst posts n changes from clients that each wait for their answers; latencies are those of the
// answers. Answers 5xx are counted, any other failure ends the run. With a receiver it then waits
// for the messages of everything accepted, for a minute at most, and counts what did not come.
func burst(ctx context.Context, r *receiver, clients, n int, send sender) (result, error) {
	if r != nil {
		r.reset()
	}
	var next atomic.Int64
	var mu sync.Mutex
	var res result
	var failed error
	var wg sync.WaitGroup
	least, most := n, 0
	answered := map[string]time.Time{}
	begin := time.Now()
	for c := range clients {
		wg.Go(func() {
			var mine []time.Duration
			var refused int
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					break
				}
				start := time.Now()
				id, err := send(ctx, c, i)
				now := time.Now()
				var status statusError
				switch {
				case err == nil:
					mine = append(mine, now.Sub(start))
					mu.Lock()
					answered[id] = now
					mu.Unlock()
				case errors.Is(err, errEnough):
					next.Store(int64(n))
				case errors.As(err, &status) && status.code/100 == 5:
					refused++
				default:
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			res.latencies = append(res.latencies, mine...)
			res.refused += refused
			least, most = min(least, len(mine)), max(most, len(mine))
		})
	}
	wg.Wait()
	res.accepted, res.took = len(res.latencies), time.Since(begin)
	res.fairness = float64(least) / float64(max(most, 1))
	if failed = errors.Join(failed, ctx.Err()); failed != nil || r == nil {
		return res, failed
	}
	patience, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	_ = r.await(patience, res.accepted*len(r.each)) // what did not arrive is counted
	r.mu.Lock()
	res.lost = res.accepted*len(r.each) - len(r.first)
	r.mu.Unlock()
	res.delivered, res.doubled, res.told = r.last().Sub(begin), r.doubled(), r.told(answered)
	return res, ctx.Err()
}

// load is a kind of change with the receiver of what is told of it, if that is asked for.
type load struct {
	hook *receiver
	send sender
}

func (l load) burst(ctx context.Context, clients, n int) func() (result, error) {
	return func() (result, error) { return burst(ctx, l.hook, clients, n, l.send) }
}

func (l load) oneByOne(ctx context.Context, n int) func() (result, error) {
	return func() (result, error) { return oneByOne(ctx, l.hook, n, l.send) }
}

// inTurns runs both sides n times in turns and gives each side's median run, after one turn that only warms them up. What was refused, lost or
// doubled is that of all turns.
func inTurns(n int, figure func(result) float64, sides ...func() (result, error)) ([]result, error) {
	runs := make([][]result, len(sides))
	refused, lost, doubled := make([]int, len(sides)), make([]int, len(sides)), make([]int, len(sides))
	for turn := range n + 1 {
		for i, side := range sides {
			res, err := side()
			if err != nil {
				return nil, err
			}
			refused[i], lost[i], doubled[i] = refused[i]+res.refused, lost[i]+res.lost, doubled[i]+res.doubled
			if turn > 0 {
				runs[i] = append(runs[i], res)
			}
		}
	}
	out := make([]result, len(sides))
	for i := range sides {
		out[i] = middle(runs[i], figure)
		out[i].refused, out[i].lost, out[i].doubled = refused[i], lost[i], doubled[i]
	}
	return out, nil
}
