package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store/sqlite"
)

// metrics are what an operator watches. Names carry their unit; docs/runbooks says what to do about each.
type metrics struct {
	registry *prometheus.Registry

	appendSeconds prometheus.Histogram
	changeDelay   prometheus.Histogram
	appendCommits prometheus.Histogram
	groupWrites   *prometheus.HistogramVec
	groupSeconds  *prometheus.HistogramVec
	jobSuccess    *prometheus.GaugeVec
	jobSeconds    *prometheus.HistogramVec
	jobFailures   *prometheus.CounterVec
	swept, fired  prometheus.Counter
	serverSeconds *prometheus.HistogramVec
	alarms        *prometheus.GaugeVec

	outcomes       *prometheus.CounterVec
	attemptSeconds *prometheus.HistogramVec
	finished       *prometheus.CounterVec
	finishedAge    *prometheus.HistogramVec
	dead           *prometheus.CounterVec
	circuits       *prometheus.CounterVec
	throttled      *prometheus.HistogramVec
	handled        prometheus.Counter
	handleSeconds  prometheus.Histogram
	absent         prometheus.Counter
	disbelieved    *prometheus.CounterVec
	journaled      prometheus.Histogram

	mu      sync.Mutex
	success map[string]time.Time // of each job, by the process's clock
}

func newMetrics() *metrics {
	quick := prometheus.ExponentialBuckets(0.0002, 2, 16) // 0.2 ms to 6.5 s
	sizes := prometheus.ExponentialBuckets(1, 2, 10)      // 1 to 512
	slow := prometheus.ExponentialBuckets(0.001, 4, 12)   // 1 ms to 70 min
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(), success: map[string]time.Time{},
		serverSeconds: histogram("landfall_store_server_seconds", "Time of one call to the database server, by operation and outcome.", quick, "op", "outcome"),
		alarms: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "landfall_alarm", Help: "1 while there is something an operator must know of; docs/runbooks says what to do.",
		}, []string{"code"}),
		outcomes:       counter("landfall_delivery_attempts_total", "Delivery attempts by channel and outcome.", "channel", "outcome"),
		attemptSeconds: histogram("landfall_delivery_attempt_seconds", "Time of one delivery attempt, by channel.", slow, "channel"),
		finished:       counter("landfall_deliveries_finished_total", "Deliveries that are over, by channel and status.", "channel", "status"),
		finishedAge:    histogram("landfall_delivery_age_seconds", "From when somebody began to wait for a delivery until it was over.", slow, "channel"),
		dead:           counter("landfall_deliveries_dead_total", "Deliveries given up: nobody tries them again by itself.", "channel"),
		circuits:       counter("landfall_circuit_changes_total", "Circuits of targets that went to a state, by channel.", "channel", "state"),
		throttled:      histogram("landfall_delivery_throttled_seconds", "How long a delivery had to wait for its channel's rate.", slow, "channel"),
		handled:        prometheus.NewCounter(prometheus.CounterOpts{Name: "landfall_handled_commits_total", Help: "Commits followed up by the notifier."}),
		handleSeconds:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "landfall_handle_seconds", Help: "Time to follow up one batch of commits.", Buckets: quick}),
		absent:         prometheus.NewCounter(prometheus.CounterOpts{Name: "landfall_bus_absent_total", Help: "Commits the bus named and the records do not have."}),
		disbelieved:    counter("landfall_bus_dropped_total", "Messages of the bus that were not believed, by reason.", "reason"),
		journaled:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "landfall_journal_outcomes", Help: "Outcomes chained by one journal commit.", Buckets: sizes}),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_append_seconds", Help: "Time until a batch of commits of one stream was durable.", Buckets: quick,
		}),
		changeDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_change_delay_seconds", Help: "Time that changes were made to wait before they were accepted, because messages of earlier ones were behind; those that did not wait are not counted.",
			Buckets: prometheus.ExponentialBuckets(0.004, 2, 7), // 4 to 256 ms
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
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.changeDelay, m.appendSeconds, m.appendCommits, m.groupWrites, m.groupSeconds, m.jobSuccess, m.jobSeconds, m.jobFailures, m.swept, m.fired,
		m.serverSeconds, m.alarms, m.outcomes, m.attemptSeconds, m.finished, m.finishedAge, m.dead, m.circuits, m.throttled,
		m.handled, m.handleSeconds, m.absent, m.disbelieved, m.journaled)
	return m
}

func (m *metrics) appended(commits int, took time.Duration) {
	m.appendCommits.Observe(float64(commits))
	m.appendSeconds.Observe(took.Seconds())
}

// paced is told of every delay of a change.
func (m *metrics) paced(d time.Duration) { m.changeDelay.Observe(d.Seconds()) }

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
		at := now()
		m.jobSuccess.WithLabelValues(job).Set(float64(at.UnixMilli()) / 1000)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.success[job] = at
	}
}

// lastSuccess gives when the job last ended well in this process; zero when it never did.
func (m *metrics) lastSuccess(job string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.success[job]
}

// alarm is the gauge of one alarm.
func (m *metrics) alarm(code string, on bool) {
	value := 0.0
	if on {
		value = 1
	}
	m.alarms.WithLabelValues(code).Set(value)
}

// served is told of every call to a database server.
func (m *metrics) served(op string, took time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.serverSeconds.WithLabelValues(op, outcome).Observe(took.Seconds())
}

// hooks are told what the notifier does.
func (m *metrics) hooks(t *traces) notify.Hooks {
	return notify.Hooks{
		Handled: func(commits, _ int, took time.Duration) {
			m.handled.Add(float64(commits))
			m.handleSeconds.Observe(took.Seconds())
		},
		Absent:     func(n int) { m.absent.Add(float64(n)) },
		Attempting: t.attempt,
		Attempted: func(channel, _ string, sent bool, took time.Duration) {
			outcome := "failed"
			if sent {
				outcome = "sent"
			}
			m.outcomes.WithLabelValues(channel, outcome).Inc()
			m.attemptSeconds.WithLabelValues(channel).Observe(took.Seconds())
		},
		Finished: func(channel string, s notify.Status, age time.Duration) {
			m.finished.WithLabelValues(channel, string(s)).Inc()
			m.finishedAge.WithLabelValues(channel).Observe(age.Seconds())
		},
		Journaled:      func(outcomes int) { m.journaled.Observe(float64(outcomes)) },
		Dead:           func(channel string) { m.dead.WithLabelValues(channel).Inc() },
		CircuitChanged: func(channel, state string) { m.circuits.WithLabelValues(channel, state).Inc() },
		Throttled:      func(channel string, wait time.Duration) { m.throttled.WithLabelValues(channel).Observe(wait.Seconds()) },
	}
}

// queues reads what waits at a scrape: everything accepted and not yet followed up, and everything not
// yet delivered.
type queues struct {
	owed     func(ctx context.Context, work ledger.Work) (n int64, oldest time.Time, err error)
	now      func() time.Time
	oldest   func(ctx context.Context) (time.Time, error) // since when the oldest undelivered thing waits
	inHand   func() int
	due      func(ctx context.Context) (time.Time, error) // since when the most overdue deadline waits for a sweep
	circuits func(ctx context.Context) (int64, error)     // targets that are only probed
	lag      func(ctx context.Context) (int64, error)     // nil where no notifier listens to the bus
	failures prometheus.Counter
}

var (
	descPending    = prometheus.NewDesc("landfall_pending_commits", "Commits of which one debt is not written yet, without what is set aside.", []string{"debt"}, nil)
	descPendingAge = prometheus.NewDesc("landfall_pending_oldest_seconds", "Age of the oldest of them; 0 when there is none.", []string{"debt"}, nil)
	descWaitingAge = prometheus.NewDesc("landfall_undelivered_oldest_seconds", "Age of the oldest thing that has not reached its target and has not been given up, whatever it waits for; 0 when there is none.", nil, nil)
	descCircuits   = prometheus.NewDesc("landfall_circuit_open", "Targets that have failed so often that they are only probed.", nil, nil)
	descInHand     = prometheus.NewDesc("landfall_relay_commits", "Commits on their way to the bus.", nil, nil)
	descDueAge     = prometheus.NewDesc("landfall_due_oldest_seconds", "Age of the most overdue deadline that nobody was told of; 0 when there is none.", nil, nil)
	descLag        = prometheus.NewDesc("landfall_bus_waiting_messages", "Messages the notifier has not taken from the bus yet.", nil, nil)
)

// Describe implements prometheus.Collector.
func (q *queues) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPending, descPendingAge, descWaitingAge, descDueAge, descCircuits, descInHand, descLag} {
		ch <- d
	}
	q.failures.Describe(ch)
}

// Collect implements prometheus.Collector. A value that cannot be read is left out, and counted.
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	for _, m := range q.read(q.now()) {
		ch <- m
	}
	q.failures.Collect(ch)
}

func (q *queues) read(now time.Time) []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all []prometheus.Metric
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		all = append(all, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, now.Sub(since).Seconds())
	}
	for _, d := range debts {
		if n, since, err := q.owed(ctx, d.work); err != nil {
			q.failures.Inc()
		} else {
			gauge(descPending, float64(n), string(d.work))
			gauge(descPendingAge, age(since), string(d.work))
		}
	}
	if since, err := q.oldest(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descWaitingAge, age(since))
	}
	if since, err := q.due(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descDueAge, age(since))
	}
	if n, err := q.circuits(ctx); err != nil {
		q.failures.Inc()
	} else {
		gauge(descCircuits, float64(n))
	}
	if q.lag != nil {
		if n, err := q.lag(ctx); err != nil {
			q.failures.Inc()
		} else {
			gauge(descLag, float64(n))
		}
	}
	gauge(descInHand, float64(q.inHand()))
	return all
}
