package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// receiver counts webhooks by their id and notes when each id first came.
type receiver struct {
	url    string
	server *http.Server

	mu    sync.Mutex
	first map[string]time.Time // by what of the content identifies the change
	ids   map[string]int       // by webhook-id
	got   chan string          // identity of each first arrival; read by the latency runs
	want  func(body []byte) string
}

func startReceiver(want func(body []byte) string) (*receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + listener.Addr().String() + "/hook", want: want, got: make(chan string, 100_000)}
	r.reset()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first, r.ids = map[string]time.Time{}, map[string]int{}
	for len(r.got) > 0 {
		<-r.got
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	w.WriteHeader(http.StatusNoContent)
	id := r.want(body)
	if id == "" {
		return
	}
	r.mu.Lock()
	r.ids[req.Header.Get("webhook-id")]++
	_, seen := r.first[id]
	if !seen {
		r.first[id] = now
	}
	r.mu.Unlock()
	if !seen {
		r.got <- id
	}
}

// await waits until n distinct changes have arrived; it gives the moment of the last.
func (r *receiver) await(ctx context.Context, n int) (time.Time, error) {
	for range n {
		select {
		case <-r.got:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("only some of %d changes arrived: %w", n, ctx.Err())
		}
	}
	return time.Now(), nil
}

// result is one measured run.
type result struct {
	accepted  int
	took      time.Duration   // until the last answer
	delivered time.Duration   // until the last webhook; zero when not asked for
	latencies []time.Duration // one at a time: request to webhook; burst: request to answer
	answers   []time.Duration // one at a time: request to answer
	doubled   int             // webhook ids seen more than once
}

func (r result) rate() float64          { return float64(r.accepted) / r.took.Seconds() }
func (r result) deliveredRate() float64 { return float64(r.accepted) / r.delivered.Seconds() }

func (r result) quantile(q float64) time.Duration { return quantile(r.latencies, q) }

func quantile(times []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// sender posts one change and gives what identifies it at the receiver.
type sender func(ctx context.Context, client, n int) (id string, err error)

// oneByOne posts n changes, each after the webhook of the one before; latencies are from request to receipt.
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
		if _, err := r.await(ctx, 1); err != nil {
			return res, err
		}
		r.mu.Lock()
		res.latencies = append(res.latencies, r.first[id].Sub(start))
		r.mu.Unlock()
	}
	res.accepted, res.took = n, time.Since(begin)
	return res, nil
}

// burst posts n changes from clients that each wait for their answers; latencies are those of the answers. With a receiver it
// then waits until everything has arrived there.
func burst(ctx context.Context, r *receiver, clients, n int, send sender) (result, error) {
	if r != nil {
		r.reset()
	}
	var next atomic.Int64
	var mu sync.Mutex
	var res result
	var failed error
	var wg sync.WaitGroup
	begin := time.Now()
	for c := range clients {
		wg.Go(func() {
			var mine []time.Duration
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					break
				}
				start := time.Now()
				if _, err := send(ctx, c, i); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			res.latencies = append(res.latencies, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	res.accepted, res.took = len(res.latencies), time.Since(begin)
	if failed != nil || r == nil {
		return res, failed
	}
	last, err := r.await(ctx, n)
	if err != nil {
		return res, err
	}
	res.delivered = last.Sub(begin)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.ids {
		if times > 1 {
			res.doubled++
		}
	}
	return res, nil
}

// post sends JSON and reads a JSON answer; anything but 2xx is an error with its text.
func post(ctx context.Context, c *http.Client, url, token string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, answer)
	}
	return json.Unmarshal(answer, out)
}
