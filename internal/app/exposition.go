package app

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// exposition answers /metrics. One answer is good for others for a while, since making it costs the
// store something.
type exposition struct {
	gather http.Handler
	every  time.Duration // how long it is good
	now    func() time.Time

	mu     sync.Mutex
	at     time.Time // when the answer was gathered; zero: never
	answer answer
}

// newExposition gives the handler of /metrics.
func newExposition(of prometheus.Gatherer, every time.Duration, now func() time.Time) *exposition {
	gather := promhttp.HandlerFor(of, promhttp.HandlerOpts{DisableCompression: true})
	return &exposition{gather: gather, every: every, now: now}
}

// ServeHTTP implements http.Handler. Every scraper gets the text format.
func (e *exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header, status, body := e.current(r)
	w.Header().Set("Content-Type", header)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the scraper has gone if this fails
}

func (e *exposition) current(r *http.Request) (contentType string, status int, body []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.now(); e.at.IsZero() || now.Sub(e.at).Abs() >= e.every {
		plain := r.Clone(r.Context())
		plain.Header = http.Header{}
		e.answer = answer{header: http.Header{}, status: http.StatusOK}
		e.gather.ServeHTTP(&e.answer, plain)
		e.at = now
	}
	return e.answer.header.Get("Content-Type"), e.answer.status, e.answer.body.Bytes()
}

// answer keeps what a handler answers. What current gave out stays as it is: a new answer has a buffer
// of its own.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
