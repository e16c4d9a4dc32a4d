package rest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter counts requests, errors and durations by operation. The zero meter counts nothing.
type meter struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
}

func newMeter(r prometheus.Registerer) (*meter, error) {
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_http_requests_total", Help: "Requests answered, by operation of the contract and status.",
		}, []string{"operation", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_http_request_duration_seconds", Help: "Time from reading a request's header to the end of its answer, by operation. Streams excepted.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "landfall_http_in_flight", Help: "Requests being answered, streams included."}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "landfall_http_event_streams", Help: "Event streams that are open."}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight, m.streams} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("rest: metrics: %w", err)
		}
	}
	return m, nil
}

// begin notes a request; the function it gives notes its end.
func (m *meter) begin(operation string) func(status int, took time.Duration) {
	m.inFlight.Inc()
	return func(status int, took time.Duration) {
		m.inFlight.Dec()
		m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
		if operation != streamOperation {
			m.duration.WithLabelValues(operation).Observe(took.Seconds())
		}
	}
}

// streamOperation is the operation whose duration says nothing.
const streamOperation = "followEvents"
