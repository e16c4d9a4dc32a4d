package harness

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Message is one webhook as a receiver got it.
type Message struct {
	DeliveryID string // webhook-id
	Header     http.Header
	Body       []byte
	Event      Event
}

// Event is the CloudEvents body.
type Event struct {
	ID       string         `json:"id"`
	Type     string         `json:"type"`
	Subject  string         `json:"subject"`
	Time     time.Time      `json:"time"`
	Exercise bool           `json:"exercise"`
	Data     map[string]any `json:"data"`
}

// Receiver is the far side of a webhook. It answers 204 unless told otherwise.
type Receiver struct {
	t      testing.TB
	server *httptest.Server

	mu     sync.Mutex
	got    []Message // answered with 2xx
	asked  int
	answer func(n int, w http.ResponseWriter, r *http.Request)
	free   chan struct{}
}

// NewReceiver starts a receiver on a loopback port; it ends with the test.
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{t: t, free: make(chan struct{})}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		close(r.free)
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

// URL gives the address to subscribe with.
func (r *Receiver) URL() string { return r.server.URL + "/hook" }

// Answer makes the receiver answer the n-th request (from 1) with f from now on; nil: 204.
func (r *Receiver) Answer(f func(n int, w http.ResponseWriter, req *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.asked = f, 0
}

// Hang makes the receiver take requests and never answer them, until the test ends or Answer is called for later ones.
func (r *Receiver) Hang() {
	r.Answer(func(_ int, _ http.ResponseWriter, req *http.Request) {
		select {
		case <-r.free:
		case <-req.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
}

// Fail makes the receiver answer everything with the status.
func (r *Receiver) Fail(status int) {
	r.Answer(func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.asked++
	n, answer := r.asked, r.answer
	r.mu.Unlock()
	status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	if answer == nil {
		status.WriteHeader(http.StatusNoContent)
	} else {
		answer(n, status, req)
	}
	if status.status/100 != 2 {
		return
	}
	m := Message{DeliveryID: req.Header.Get("Webhook-Id"), Header: req.Header.Clone(), Body: body}
	if err := json.Unmarshal(body, &m.Event); err != nil {
		r.t.Errorf("a receiver got what is not JSON: %v", err)
	}
	r.mu.Lock()
	r.got = append(r.got, m)
	r.mu.Unlock()
}

// Messages gives what was received and answered with 2xx so far, in order of arrival.
func (r *Receiver) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// Asked gives how many requests came since the last Answer.
func (r *Receiver) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Kinds gives the types of the received events as "noun.verb", in order of arrival.
func (r *Receiver) Kinds() []string {
	var kinds []string
	for _, m := range r.Messages() {
		kinds = append(kinds, Kind(m.Event.Type))
	}
	return kinds
}

// Of gives the messages of one kind, "noun.verb".
func (r *Receiver) Of(kind string) []Message {
	var of []Message
	for _, m := range r.Messages() {
		if Kind(m.Event.Type) == kind {
			of = append(of, m)
		}
	}
	return of
}

// Await waits until n messages of the kind have come and gives them.
func (r *Receiver) Await(kind string, n int) []Message {
	r.t.Helper()
	Eventually(r.t, func() (bool, string) {
		return len(r.Of(kind)) >= n, "received so far: " + strings.Join(r.Kinds(), ", ") + "; want " + kind
	})
	return r.Of(kind)
}

// CheckSignature fails the test unless the message is signed with the secret as Standard Webhooks says.
func (r *Receiver) CheckSignature(m Message, secret string) {
	r.t.Helper()
	wh, err := standardwebhooks.NewWebhook(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := wh.VerifyIgnoringTimestamp(m.Body, m.Header); err != nil {
		r.t.Errorf("the signature of %s does not verify: %v", m.Event.Type, err)
	}
}

// Kind gives "noun.verb" of a CloudEvents type "landfall.noun.verb.vN".
func Kind(cloudEventsType string) string {
	parts := strings.Split(strings.TrimPrefix(cloudEventsType, "landfall."), ".")
	return strings.Join(parts[:min(2, len(parts))], ".")
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Eventually polls until ok, at most 30 s, and then fails with what the last look said.
func Eventually(t testing.TB, look func() (ok bool, otherwise string)) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		began := time.Now()
		ok, otherwise := look()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s; %s", otherwise)
		}
		// A look that reads much must not keep from their work those it waits for.
		<-time.After(max(5*time.Millisecond, 2*time.Since(began)))
	}
}
