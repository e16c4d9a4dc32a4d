package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"landfall/internal/limit"
)

// meter keeps rate, errors and duration by route. Routes are those of the contract, as it writes them, and methods the known ones, so that no
// caller can make a new series.
type meter struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.HistogramVec
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
			Name: "landfall_http_request_seconds", Help: "Time from reading a request's header to the end of its answer, by route and class of status. Event streams excepted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "class"}),
		bytes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_http_response_bytes", Help: "Size of an answer's body, by route. Event streams excepted.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 7), // 256 B to 1 MiB
		}, []string{"method", "route"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_limited_total", Help: "Requests refused so that others have room, by the code that the answer says; and connections closed.",
		}, []string{"by"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "landfall_http_in_flight", Help: "Requests being answered, event streams included."}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "landfall_http_event_streams", Help: "Event streams that are open."}),
	}
	for _, reason := range limit.Reasons() {
		m.limited.WithLabelValues(reason)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.bytes, m.limited, m.inFlight, m.streams} {
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
	m.seconds.WithLabelValues(method, route, class(status)).Observe(took.Seconds())
	m.bytes.WithLabelValues(method, route).Observe(float64(size))
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

// class gives the class of a status: "2xx".
func class(status int) string { return strconv.Itoa(status/100) + "xx" }
