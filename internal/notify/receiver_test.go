package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// arrival is one request at a receiver.
type arrival struct {
	ID     string
	Header http.Header
	Body   []byte
	Type   string
}

// receiver is the far side: it checks every signature, keeps what arrives, and answers as it is told.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	secrets  []string
	arrivals []arrival
	answer   http.HandlerFunc
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	r := &receiver{t: t, answer: answer}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// until answers when the gate opens, or nobody waits any more.
func until(gate <-chan struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-gate:
		case <-req.Context().Done():
		}
	}
}

func (r *receiver) url() string { return r.server.URL + "/hooks/secret-path" }

func (r *receiver) trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, secret)
}

func (r *receiver) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	a := arrival{ID: req.Header.Get("webhook-id"), Header: req.Header.Clone(), Body: body}
	var event struct{ Type string }
	if err := json.Unmarshal(body, &event); err != nil {
		r.t.Errorf("what arrived is no JSON: %v", err)
	}
	a.Type = event.Type
	r.mu.Lock()
	if err := r.check(a); err != nil {
		r.t.Errorf("signature of %s: %v", a.ID, err)
	}
	r.arrivals = append(r.arrivals, a)
	answer := r.answer
	r.mu.Unlock()
	answer(w, req)
}

func (r *receiver) check(a arrival) error {
	err := errors.New("no secret is known")
	for _, secret := range r.secrets {
		hook, e := standardwebhooks.NewWebhook(secret)
		if e != nil {
			return e
		}
		if err = hook.VerifyIgnoringTimestamp(a.Body, a.Header); err == nil {
			return nil
		}
	}
	return err
}

// got gives what has arrived.
func (r *receiver) got() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrivals)
}

// ids gives the distinct ids that have arrived, with how often each came.
func (r *receiver) ids() map[string]int {
	out := map[string]int{}
	for _, a := range r.got() {
		out[a.ID]++
	}
	return out
}

// types counts the distinct events that have arrived by type.
func (r *receiver) types() map[string]int {
	seen, out := map[string]bool{}, map[string]int{}
	for _, a := range r.got() {
		if !seen[a.ID] {
			seen[a.ID] = true
			out[a.Type]++
		}
	}
	return out
}
