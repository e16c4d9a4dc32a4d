package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"landfall/internal/limit"
)

// meter keeps rate, errors and duration. By route it keeps sums alone, and the spread of durations
// by kind of request: a histogram of each route would make half a megabyte of every scrape. Routes
// are those of the contract, as it writes them, and methods the known ones, so that no caller can
// make a new series.
type meter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	took     *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	limited  *prometheus.CounterVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
}

// unmatched is the route of an address that the contract does not have.
const unmatched = "unmatched"

// newMeter makes the metrics and registers them; without a registerer they are kept for nobody.
func newMeter(r prometheus.Registerer) (*meter, error) {
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_requests_total", Help: "Requests answered, by route of the contract and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_http_request_seconds",
			Help: "Time from reading a request's header to the end of its answer, by kind of request and outcome. " +
				"Event streams excepted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"kind", "outcome"}),
		took: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_route_seconds_total", Help: "The same time in all, by route.",
		}, []string{"method", "route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_response_bytes_total",
			Help: "Bytes of the bodies of all answers, by route. Event streams excepted.",
		}, []string{"method", "route"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_limited_total",
			Help: "Requests refused so that others have room, by the code that the answer says; and connections closed.",
		}, []string{"by"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "landfall_http_in_flight", Help: "Requests being answered, event streams included.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "landfall_http_event_streams", Help: "Event streams that are open.",
		}),
	}
	for _, reason := range limit.Reasons() {
		m.limited.WithLabelValues(reason)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.took, m.bytes, m.limited, m.inFlight, m.streams} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("rest: metrics: %w", err)
		}
	}
	return m, nil
}

// refused counts what somebody was refused for.
func (m *meter) refused(reason string) { m.limited.WithLabelValues(reason).Inc() }

// answered notes the end of a request.
func (m *meter) answered(method string, k *call, status int, size int64, took time.Duration) {
	method, route := methodLabel(method), k.route()
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if k.op != nil && k.op.stream {
		return // how long somebody listened says nothing
	}
	m.seconds.WithLabelValues(kind(method, k), outcome(status)).Observe(took.Seconds())
	m.took.WithLabelValues(method, route).Add(max(0, took.Seconds())) // a clock may be set back
	m.bytes.WithLabelValues(method, route).Add(float64(size))
}

// methodLabel gives a method that HTTP knows, or "other".
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// kind gives what a request is for: a page, a document or probe that needs no token, a change, or
// reading.
func kind(method string, k *call) string {
	switch {
	case k.op == nil || k.op.public:
		return "public"
	case k.op.page:
		return "page"
	case method == http.MethodGet || method == http.MethodHead:
		return "read"
	}
	return "change"
}

// outcome gives what became of a request.
func outcome(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return "failed"
	case status >= http.StatusBadRequest:
		return "refused"
	}
	return "answered"
}
