package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// metrics are what an operator watches. Names carry their unit; docs/runbooks says what to do about each.
type metrics struct {
	registry *prometheus.Registry

	appendSeconds prometheus.Histogram
	appendCommits prometheus.Histogram
	groupWrites   *prometheus.HistogramVec
	groupSeconds  *prometheus.HistogramVec
	jobSuccess    *prometheus.GaugeVec
	jobSeconds    *prometheus.HistogramVec
	jobFailures   *prometheus.CounterVec
	swept, fired  prometheus.Counter
	outcomes      *prometheus.CounterVec
}

func newMetrics() *metrics {
	quick := prometheus.ExponentialBuckets(0.0002, 2, 16) // 0.2 ms to 6.5 s
	sizes := prometheus.ExponentialBuckets(1, 2, 10)      // 1 to 512
	m := &metrics{
		registry: prometheus.NewRegistry(),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_append_seconds", Help: "Time until a batch of commits of one stream was durable.", Buckets: quick,
		}),
		appendCommits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_append_commits", Help: "Commits decided in a row and appended as one batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 6),
		}),
		groupWrites: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_store_group_writes", Help: "Writes in one transaction of the store.", Buckets: sizes,
		}, []string{"durable"}),
		groupSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_store_group_seconds", Help: "Time of one transaction of the store, sync included where durable.", Buckets: quick,
		}, []string{"durable"}),
		jobSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "landfall_job_last_success_timestamp_seconds", Help: "When each job of the watch last ended well.",
		}, []string{"job"}),
		jobSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_job_seconds", Help: "Time of one run of a job.", Buckets: quick,
		}, []string{"job"}),
		jobFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_job_failures_total", Help: "Runs of a job that failed; what was due is taken again at the next.",
		}, []string{"job"}),
		swept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_sweep_streams_total", Help: "Streams looked at because their wake had come.",
		}),
		fired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_sweep_fired_total", Help: "Deadlines and expiries announced.",
		}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_delivery_attempts_total", Help: "Delivery attempts by channel and outcome.",
		}, []string{"channel", "outcome"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.appendSeconds, m.appendCommits, m.groupWrites, m.groupSeconds, m.jobSuccess, m.jobSeconds, m.jobFailures, m.swept, m.fired, m.outcomes)
	return m
}

func (m *metrics) appended(commits int, took time.Duration) {
	m.appendCommits.Observe(float64(commits))
	m.appendSeconds.Observe(took.Seconds())
}

func (m *metrics) grouped(g sqlite.Group) {
	durable := "no"
	if g.Durable {
		durable = "yes"
	}
	m.groupWrites.WithLabelValues(durable).Observe(float64(g.Writes))
	m.groupSeconds.WithLabelValues(durable).Observe(g.Took.Seconds())
}

// jobDone keeps the last success by the wall clock of the process, which is what a scraper compares it with.
func (m *metrics) jobDone(now func() time.Time) func(string, time.Duration, error) {
	return func(job string, took time.Duration, err error) {
		m.jobSeconds.WithLabelValues(job).Observe(took.Seconds())
		if err != nil {
			m.jobFailures.WithLabelValues(job).Inc()
			return
		}
		m.jobSuccess.WithLabelValues(job).Set(float64(now().UnixMilli()) / 1000)
	}
}

// queues reads, at every scrape, what waits: everything accepted and not yet followed up, and everything not yet delivered.
type queues struct {
	store    store.Ledger
	now      func() time.Time
	oldest   func(ctx context.Context) (time.Time, error) // since when the oldest undelivered thing waits
	inHand   func() int
	lag      func(ctx context.Context) (int64, error)
	failures prometheus.Counter
}

var (
	descPending    = prometheus.NewDesc("landfall_pending_commits", "Commits whose consequences are not all written yet.", nil, nil)
	descPendingAge = prometheus.NewDesc("landfall_pending_oldest_seconds", "Age of the oldest of them; 0 when there is none.", nil, nil)
	descWaitingAge = prometheus.NewDesc("landfall_undelivered_oldest_seconds", "Age of the oldest thing that has not reached its target and has not been given up, whatever it waits for; 0 when there is none.", nil, nil)
	descInHand     = prometheus.NewDesc("landfall_relay_commits", "Commits on their way to the bus.", nil, nil)
	descLag        = prometheus.NewDesc("landfall_bus_waiting_messages", "Messages the notifier has not taken from the bus yet.", nil, nil)
)

// Describe implements prometheus.Collector.
func (q *queues) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPending, descPendingAge, descWaitingAge, descInHand, descLag} {
		ch <- d
	}
	q.failures.Describe(ch)
}

// Collect implements prometheus.Collector. A value that cannot be read is left out, and counted.
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, q.now().Sub(since).Seconds())
	}
	if n, since, err := q.store.PendingStats(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descPending, float64(n))
		gauge(descPendingAge, age(since))
	}
	if since, err := q.oldest(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descWaitingAge, age(since))
	}
	if n, err := q.lag(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descLag, float64(n))
	}
	gauge(descInHand, float64(q.inHand()))
	q.failures.Collect(ch)
}
