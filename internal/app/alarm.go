package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Alarm is one thing that an operator must know of, while it lasts.
type Alarm struct {
	Code    string    `json:"code"`
	Since   time.Time `json:"since"`
	Text    string    `json:"text"`
	Runbook string    `json:"runbook"` // in docs/runbooks
}

// When something becomes an alarm.
const (
	aloneAfter       = presenceLife     // nobody carries a role
	pendingAfter     = time.Minute      // accepted, and nobody has followed it up
	undeliveredAfter = 15 * time.Minute // accepted, and still on its way to somebody
	dueLateAfter     = time.Minute      // due, and nobody was told
	backupAfter      = 26 * time.Hour
	panicFor         = time.Hour // since the last one
)

// debts are what accepted changes owe until it is written.
var debts = []struct {
	work   ledger.Work
	unpaid string
}{
	{ledger.Documents, "Lists do not show accepted changes"},
	{ledger.Notices, "Nobody has been told of accepted changes"},
}

// asideNamed is how many of the things that are set aside an alarm names.
const asideNamed = 5

// watcher finds out about one alarm: the text says what is wrong, "" that nothing is.
type watcher struct {
	code, runbook string
	look          func(ctx context.Context, now time.Time) (string, error)
}

// alarms are what this process has found wrong. Each that comes or goes is logged once.
type alarms struct {
	log      *slog.Logger
	watchers []watcher
	set      func(code string, on bool) // the gauge

	mu sync.Mutex
	on map[string]Alarm
}

func newAlarms(log *slog.Logger, set func(string, bool), watchers []watcher) *alarms {
	for _, w := range watchers {
		set(w.code, false)
	}
	return &alarms{log: log, set: set, watchers: watchers, on: map[string]Alarm{}}
}

// list gives the alarms that are on, oldest first.
func (s *alarms) list() []Alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Alarm
	for _, a := range s.on {
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b Alarm) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Code, b.Code))
	})
	return out
}

// look asks every watcher. What one cannot find out leaves its alarm as it is; the others are asked all the same.
func (s *alarms) look(ctx context.Context, now time.Time) error {
	var errs []error
	for _, w := range s.watchers {
		text, err := w.look(ctx, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("alarm %s: %w", w.code, err))
			continue
		}
		s.switchTo(w, text, now)
	}
	return errors.Join(errs...)
}

func (s *alarms) switchTo(w watcher, text string, now time.Time) {
	s.mu.Lock()
	before, was := s.on[w.code]
	switch {
	case text == "":
		delete(s.on, w.code)
	case was:
		before.Text = text
		s.on[w.code] = before
	default:
		s.on[w.code] = Alarm{Code: w.code, Since: now, Text: text, Runbook: "docs/runbooks/" + w.runbook}
	}
	s.mu.Unlock()
	s.set(w.code, text != "")
	switch {
	case text != "" && !was:
		s.log.Error("alarm", "code", w.code, "what", text, "runbook", "docs/runbooks/"+w.runbook)
	case text == "" && was:
		s.log.Info("the alarm is over", "code", w.code, "after", now.Sub(before.Since).Round(time.Second))
	}
}

// watchers is the table of everything that becomes an operator's alarm. Every process looks at what it can see.
func (a *App) watchers() []watcher {
	oldest := func(what string, since, now time.Time, after time.Duration) string {
		if since.IsZero() || now.Sub(since) < after {
			return ""
		}
		return fmt.Sprintf("%s since %s", what, since.UTC().Format(time.RFC3339))
	}
	// A held service follows nothing up, delivers nothing and announces nothing: the alarm "held" says so, and what waits is no other trouble.
	unheld := func(look func(context.Context, time.Time) (string, error)) func(context.Context, time.Time) (string, error) {
		return func(ctx context.Context, now time.Time) (string, error) {
			if a.held.Load() {
				return "", nil
			}
			return look(ctx, now)
		}
	}
	list := []watcher{
		{"nobody_notifies", "nobody-notifies.md", a.alone(RoleNotify, "No process sends alerts: what is accepted waits.")},
		{"nobody_watches", "nobody-watches.md", a.alone(RoleWatch, "No process watches the deadlines: nothing that falls due is announced.")},
		{"held", "restore.md", func(context.Context, time.Time) (string, error) {
			if a.held.Load() {
				return "The service is held after a restore: it sends nothing and chases nothing until it is released.", nil
			}
			return "", nil
		}},
		{"disk_full", "disk-full.md", func(context.Context, time.Time) (string, error) {
			if a.full.Load() {
				return "The disk is full: nothing more can be recorded until there is space.", nil
			}
			return "", nil
		}},
		{"pending_old", "pending-age.md", unheld(func(ctx context.Context, now time.Time) (string, error) {
			var texts []string
			for _, d := range debts {
				_, since, err := ledger.Owed(ctx, a.store, d.work)
				if err != nil {
					return "", err
				}
				if text := oldest(d.unpaid, since, now, pendingAfter); text != "" {
					texts = append(texts, text)
				}
			}
			return strings.Join(texts, "; "), nil
		})},
		{"undelivered_old", "undelivered-age.md", unheld(func(ctx context.Context, now time.Time) (string, error) {
			since, err := a.router.OldestUndelivered(ctx)
			return oldest("Something has not reached its target and has not been given up", since, now, undeliveredAfter), err
		})},
		{"due_late", "due-late.md", unheld(func(ctx context.Context, now time.Time) (string, error) {
			since, err := a.oldestDue(ctx)
			return oldest("Something has been due and nobody was told", since, now, dueLateAfter), err
		})},
		{"bus_unready", "bus-lost.md", func(ctx context.Context, _ time.Time) (string, error) {
			if fault.Is(a.bus.Ready(ctx), fault.Unavailable) {
				return "The message bus does not answer; alerts go on by the slower way, through the records.", nil
			}
			return "", nil
		}},
		{"bus_disbelieved", "bus-disbelieved.md", func(_ context.Context, now time.Time) (string, error) {
			why, last := a.disbelief.last()
			if why == "" || now.Sub(last) >= disbeliefFor {
				return "", nil
			}
			return fmt.Sprintf("Messages on the bus are not believed (%s), last at %s: what they tell of comes the slower way, through the records.",
				why, last.UTC().Format(time.RFC3339)), nil
		}},
		{"busy", "busy.md", func(_ context.Context, now time.Time) (string, error) { return a.limiter.Trouble(now), nil }},
		{"records_lost", "records-lost.md", a.recordsLost},
		{"heads_unwritten", "records-lost.md", a.headTrouble},
		{"job_failing", "job-failing.md", a.jobsFailing},
		{"panicked", "panicked.md", func(_ context.Context, now time.Time) (string, error) {
			p := a.guard.Panics()
			if p.Count == 0 || now.Sub(p.Last) >= panicFor {
				return "", nil
			}
			return fmt.Sprintf("A mistake in the program was caught %d times, last at %s in %s. What it hit has failed, everything else goes on.",
				p.Count, p.Last.UTC().Format(time.RFC3339), p.Where), nil
		}},
		{"set_aside", "set-aside.md", func(ctx context.Context, _ time.Time) (string, error) {
			list, err := ledger.ListAside(ctx, a.store)
			return asideText(list), err
		}},
	}
	if skew, ok := a.store.(interface {
		Skew(context.Context) (time.Duration, error)
	}); ok {
		list = append(list, watcher{"clock_skew", "clock-skew.md", func(ctx context.Context, _ time.Time) (string, error) {
			d, err := skew.Skew(ctx)
			if err != nil || d.Abs() <= 2*time.Second {
				return "", err
			}
			return fmt.Sprintf("The clock of this machine and that of the database differ by %s.", d.Round(time.Millisecond)), nil
		}})
	}
	if a.opt.BackupDir != "" && a.opt.has(RoleWatch) {
		list = append(list, watcher{"backup_old", "backup-failed.md", a.backupOld})
	}
	return list
}

// asideText says what is set aside, "" when nothing is.
func asideText(list []ledger.Aside) string {
	if len(list) == 0 {
		return ""
	}
	names := make([]string, 0, asideNamed)
	for _, s := range list[:min(len(list), asideNamed)] {
		names = append(names, fmt.Sprintf("%s of %s", s.Work, s.Stream))
	}
	return fmt.Sprintf("What fails again and again is set aside and tried only now and then, %d in all: %s.", len(list), strings.Join(names, ", "))
}

// alone watches for a role that nobody carries. A process that has just started waits for the others to be seen first.
func (a *App) alone(role Role, text string) func(context.Context, time.Time) (string, error) {
	return func(ctx context.Context, now time.Time) (string, error) {
		if a.opt.has(role) {
			return "", nil
		}
		all, err := processes(ctx, a.store)
		if err != nil || now.Sub(a.since) < aloneAfter {
			return "", err
		}
		for _, p := range all {
			if p.Running(now) && slices.Contains(p.Roles, role) {
				return "", nil
			}
		}
		return text, nil
	}
}

// oldestDue returns since when the most overdue wake waits for a sweep that is not set aside; zero
// when none does.
func (a *App) oldestDue(ctx context.Context) (time.Time, error) {
	aside, err := ledger.ListAside(ctx, a.store)
	if err != nil {
		return time.Time{}, err
	}
	left := map[string]bool{}
	for _, s := range aside {
		if s.Work == ledger.Deadlines {
			left[string(s.Stream)] = true
		}
	}
	page, err := a.store.Find(ctx, store.Query{Kind: ledger.KindWake, Index: "at", From: time.UnixMicro(-1 << 55).UTC(), Limit: min(1+len(left), 10_000)})
	if err != nil {
		return time.Time{}, err
	}
	for _, d := range page.Docs {
		if !left[d.ID] {
			at, _ := d.Index["at"].(time.Time)
			return at, nil
		}
	}
	return time.Time{}, nil
}

// jobsFailing names the jobs of this process that have not ended well for long.
func (a *App) jobsFailing(_ context.Context, now time.Time) (string, error) {
	var late []string
	for _, j := range a.watch.Jobs() {
		last := a.metrics.lastSuccess(j.Name)
		if last.IsZero() {
			last = a.since
		}
		if now.Sub(last) > max(time.Minute, 3*j.Every) {
			late = append(late, j.Name)
		}
	}
	if len(late) == 0 {
		return "", nil
	}
	return fmt.Sprintf("Jobs that have not ended well for too long: %s.", strings.Join(late, ", ")), nil
}

// backupOld watches the age of the newest nightly backup.
func (a *App) backupOld(_ context.Context, now time.Time) (string, error) {
	newest, err := newestBackup(a.opt.BackupDir)
	if err != nil {
		return "", err
	}
	if newest.Before(a.since) {
		newest = a.since // one that has just been set up has a night's time
	}
	if now.Sub(newest) < backupAfter {
		return "", nil
	}
	return fmt.Sprintf("There has been no whole and verified backup since %s.", newest.UTC().Format(time.RFC3339)), nil
}

// newestBackup gives when the newest nightly backup in the folder was taken, as its name says: a file's own times change when it is copied.
// Zero when there is none.
func newestBackup(dir string) (time.Time, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return time.Time{}, fault.Wrap(err, fault.Unavailable, "backup_folder", "The folder of backups cannot be read.")
	}
	var newest time.Time
	for _, e := range entries {
		if at, ok := backup.TakenAt(e.Name()); ok && at.After(newest) {
			newest = at
		}
	}
	return newest, nil
}
