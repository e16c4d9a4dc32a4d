// Package watch runs what must happen because time passes: due steps, expiries, leftovers.
//
// Cron only wakes a job; every job takes all that is due and not yet done (due time <= now, never a look-back window), so a job that did
// not run for a week finds a week's work at once. A job is a function of a context and the wall time; it can be run by hand
// (`landfall run-once JOB`) and several processes may run the same one together: the lock is in the records.
//
// The schedule is robfig/cron v3 in UTC. A panic fails the run of its job, which comes again at its next time, and a job that still runs never started again beside itself.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"landfall/internal/fault"
	"landfall/internal/guard"
)

// Job is one recurring piece of work.
type Job struct {
	Name  string        // lower case with dashes: the word for run-once
	About string        // one sentence for people
	Every time.Duration // how often it is woken; whole seconds
	Run   func(ctx context.Context, now time.Time) error
}

// Options configure a Watch.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger
	Guard  *guard.Guard // recovers panics of this process; one of the watch's own
	// Done is told of every finished run: for the metric "last success".
	Done func(job string, took time.Duration, err error)
}

// Watch owns the jobs of one process.
type Watch struct {
	jobs []Job
	opt  Options

	mu      sync.Mutex
	cron    *cron.Cron
	entries []entry
	ctx     context.Context
	cancel  context.CancelFunc
	stopped bool
	clock   sync.WaitGroup // who follows it

	schedule func(Job) cron.Schedule
}

// entry is a job in cron's hands.
type entry struct {
	id       cron.EntryID
	schedule cron.Schedule
	job      cron.Job
}

// New makes a watch that does not run yet.
func New(jobs []Job, opt Options) *Watch {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(opt.Logger, opt.Now)
	}
	if opt.Done == nil {
		opt.Done = func(string, time.Duration, error) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Watch{jobs: jobs, opt: opt, ctx: ctx, cancel: cancel, schedule: func(j Job) cron.Schedule {
		return firstThen{every: cron.Every(j.Every), first: new(sync.Once)}
	}}
}

// Jobs lists the jobs by name.
func (w *Watch) Jobs() []Job {
	jobs := slices.Clone(w.jobs)
	slices.SortStableFunc(jobs, func(a, b Job) int { return strings.Compare(a.Name, b.Name) })
	return jobs
}

// Start runs every job once, at once, for what became due while nobody watched, and then on its schedule. A second Start, or one after
// Stop, is an error.
func (w *Watch) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cron != nil || w.stopped {
		return fmt.Errorf("watch: started twice or after stop")
	}
	logger := cronLogger{w.opt.Logger}
	c := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(logger))
	var entries []entry
	for _, job := range w.jobs {
		if job.Every < time.Second || job.Every%time.Second != 0 {
			return fmt.Errorf("watch: job %s: every %s is not a whole number of seconds", job.Name, job.Every)
		}
		// Wrapped here and not by cron, so that a job is not beside itself when it is put on its schedule again.
		wrapped := cron.NewChain(cron.SkipIfStillRunning(quiet{logger})).Then(cron.FuncJob(func() { w.wake(job) }))
		e := entry{schedule: w.schedule(job), job: wrapped}
		e.id = c.Schedule(e.schedule, e.job)
		entries = append(entries, e)
	}
	w.cron, w.entries = c, entries
	c.Start()
	began := w.opt.Now()
	w.clock.Go(func() { w.opt.Guard.Keep(w.ctx, "following the clock", func() { w.followClock(began) }) })
	return nil
}

// followClock puts the jobs on their schedules again whenever the wall clock was set back. Cron sleeps until a time that it has worked out
// before, and that would then be as much further away as the clock was set back.
func (w *Watch) followClock(last time.Time) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last = last.Round(0) // without the monotonic reading, which nobody sets
	for {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			return
		}
		now := w.opt.Now().Round(0)
		if now.Before(last) {
			w.opt.Logger.Warn("the clock was set back", "by", last.Sub(now))
			w.reschedule()
		}
		last = now
	}
}

func (w *Watch) reschedule() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	for i, e := range w.entries {
		w.cron.Remove(e.id)
		w.entries[i].id = w.cron.Schedule(e.schedule, e.job)
	}
}

// Stop lets running jobs finish, cancelling them when ctx ends, and returns when none runs. It may be called more than once.
func (w *Watch) Stop(ctx context.Context) {
	w.mu.Lock()
	w.stopped = true
	c := w.cron
	w.mu.Unlock()
	defer w.clock.Wait()
	defer w.cancel()
	if c == nil {
		return
	}
	finished := c.Stop().Done()
	select {
	case <-finished:
	case <-ctx.Done():
		w.cancel()
		<-finished
	}
}

// RunOnce runs one job now, whether the watch is started or not. NotFound when there is no such job.
func (w *Watch) RunOnce(ctx context.Context, name string) error {
	for _, job := range w.jobs {
		if job.Name == name {
			return w.run(ctx, job)
		}
	}
	return fault.New(fault.NotFound, "job_not_found", "There is no job named %q.", name)
}

// wake is what cron calls: a failure is logged, and the next waking takes all that is due again.
func (w *Watch) wake(job Job) {
	if w.ctx.Err() != nil {
		return
	}
	if err := w.run(w.ctx, job); err != nil && w.ctx.Err() == nil {
		w.opt.Logger.Error("a watch job failed; what was due is taken again at its next run", "job", job.Name, "error", err)
	}
}

func (w *Watch) run(ctx context.Context, job Job) error {
	start := w.opt.Now()
	err := w.opt.Guard.Do("the job "+job.Name, func() error { return job.Run(ctx, start.UTC()) })
	w.opt.Done(job.Name, w.opt.Now().Sub(start), err)
	return err
}

// firstThen is due at once the first time and then as every says.
type firstThen struct {
	every cron.Schedule
	first *sync.Once
}

func (s firstThen) Next(t time.Time) time.Time {
	next := s.every.Next(t)
	s.first.Do(func() { next = t })
	return next
}

// cronLogger passes cron's words on: errors as errors, everything else as debugging.
type cronLogger struct{ log *slog.Logger }

func (l cronLogger) Info(msg string, kv ...any) { l.log.Debug("cron: "+msg, kv...) }
func (l cronLogger) Error(err error, msg string, kv ...any) {
	l.log.Error("cron: "+msg, append(kv, "error", err)...)
}

// quiet silences the "skip" of a job that still runs: with a sweep every second that is no news.
type quiet struct{ cronLogger }

func (quiet) Info(string, ...any) {}
