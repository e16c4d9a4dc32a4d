package harness

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/watch"
)

// Start is when the clock of a world stands at first: the season, two days before a landfall.
var Start = time.Date(2026, 9, 16, 13, 0, 0, 0, time.UTC)

// World is one running service with the test's clock: on a laptop, one process with everything in it; in a region, six processes on one
// database and one cluster. The same tests run in both.
type World struct {
	T     testing.TB
	Clock *Clock
	Dir   string
	App   *app.App // the process that answers the first client
	Log   *Log
	Admin *Client // the first account

	apps    []*app.App
	options []app.Options // of each process
	region  *region       // nil on a laptop
	clients int           // made so far: they take turns at the processes that answer
}

// Option changes how the service is started.
type Option func(*app.Options)

// New boots the service. Its watch does not run by itself: advance the clock and call Pass. Where the variable Topology says so, it
// is that of a region.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	return newWorld(t, os.Getenv(Topology) == inRegion, options)
}

// NewOnFolder is New for tests of what only records in a folder can show; it is a laptop whatever Topology says.
func NewOnFolder(t testing.TB, options ...Option) *World {
	t.Helper()
	return newWorld(t, false, options)
}

// NewInRegion is New for tests of what only several processes can show; it is a region whatever Topology says. Without a server for the
// records the test is skipped, and says so.
func NewInRegion(t testing.TB, options ...Option) *World {
	t.Helper()
	MongoDB(t)
	return newWorld(t, true, options)
}

func newWorld(t testing.TB, distributed bool, options []Option) *World {
	t.Helper()
	w := &World{T: t, Clock: NewClock(Start), Dir: filepath.Join(t.TempDir(), "data"), Log: &Log{}}
	base := app.Options{
		Records: app.Records{Data: w.Dir}, Listen: "127.0.0.1:0", Now: w.Clock.Now, NoSchedule: true, WebhookAllowPrivate: true, Version: "test",
		Logger:       slog.New(slog.NewTextHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		MetricsEvery: time.Nanosecond,
	}
	for _, o := range options {
		o(&base)
	}
	w.options = []app.Options{base}
	if distributed {
		w.region = newRegion(t)
		w.options = w.region.split(base)
	}
	w.Boot()
	w.Admin = w.client(w.firstToken())
	t.Cleanup(w.Halt)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", w.Log)
		}
	})
	return w
}

// firstToken finds the token of the first account in the folder of the process that made it.
func (w *World) firstToken() string {
	w.T.Helper()
	var found []string
	for _, o := range w.options {
		if text, err := os.ReadFile(filepath.Join(o.Data, "admin.token")); err == nil {
			found = append(found, strings.TrimSpace(string(text)))
		}
	}
	if len(found) != 1 {
		w.T.Fatalf("%d processes keep a first token, want one", len(found))
	}
	return found[0]
}

// client gives a client that stays with one of the processes that answer, as behind a balancer.
func (w *World) client(token string) *Client {
	nth := w.clients
	w.clients++
	return NewClient(w.T, func() string {
		doors := w.Doors()
		return doors[nth%len(doors)]
	}, token)
}

// Doors gives the address of each process that answers.
func (w *World) Doors() []string {
	var doors []string
	for i, a := range w.apps {
		if roles := w.options[i].Roles; len(roles) == 0 || slices.Contains(roles, app.RoleAPI) {
			doors = append(doors, a.URL())
		}
	}
	return doors
}

// Boot starts the service on its records.
func (w *World) Boot() {
	w.T.Helper()
	for _, o := range w.options {
		a, err := app.Start(context.Background(), o)
		if err != nil {
			w.T.Fatalf("start: %v", err)
		}
		w.apps = append(w.apps, a)
	}
	w.App = w.apps[0]
}

// Halt stops the service, gracefully; nothing happens when it is stopped already.
func (w *World) Halt() {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, a := range w.apps {
		if err := a.Stop(ctx); err != nil {
			w.T.Errorf("stop: %v", err)
		}
	}
	w.apps, w.App = nil, nil
}

// Restart stops the service and starts it again on the same records.
func (w *World) Restart() {
	w.T.Helper()
	w.Halt()
	w.Boot()
}

// StartAgain tries to start a second process on the folder of the first and gives the refusal.
func (w *World) StartAgain() error {
	a, err := app.Start(context.Background(), w.options[0])
	if err == nil {
		_ = a.Stop(context.Background())
	}
	return err
}

// LoseBus deletes everything that the bus remembers; the service must be halted.
func (w *World) LoseBus() {
	w.T.Helper()
	if w.region != nil {
		w.region.wipe(w.T)
		return
	}
	if err := os.RemoveAll(filepath.Join(w.Dir, "jetstream")); err != nil {
		w.T.Fatal(err)
	}
}

// Rebuild throws the derived away and makes it again; the service must be halted.
func (w *World) Rebuild() {
	w.T.Helper()
	if _, err := app.Rebuild(context.Background(), w.options[0].Records, backup.Options{Now: w.Clock.Now}, slog.New(slog.DiscardHandler)); err != nil {
		w.T.Fatalf("rebuild: %v", err)
	}
}

// Run runs one job of the watch now, in every process that has it, at the same time.
func (w *World) Run(job string) {
	w.T.Helper()
	var wg sync.WaitGroup
	found := false
	for _, a := range w.apps {
		if !slices.ContainsFunc(a.Jobs(), func(j watch.Job) bool { return j.Name == job }) {
			continue
		}
		found = true
		wg.Go(func() {
			if err := a.RunOnce(context.Background(), job); err != nil {
				w.T.Errorf("run-once %s: %v", job, err)
			}
		})
	}
	wg.Wait()
	if !found {
		w.T.Fatalf("no process has a job %s", job)
	}
}

// Pass lets d pass and then runs what a running watch would have run: due steps, leftovers.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	w.Clock.Advance(d)
	var jobs []string
	for _, a := range w.apps {
		for _, job := range a.Jobs() {
			if !slices.Contains(jobs, job.Name) {
				jobs = append(jobs, job.Name)
			}
		}
	}
	for _, job := range jobs {
		w.Run(job)
	}
}

// Verify stops nothing and proves every record, as soon as everything derived has caught up; any finding fails the test.
func (w *World) Verify() {
	w.T.Helper()
	var report app.Report
	Eventually(w.T, func() (bool, string) {
		var err error
		if report, err = app.Verify(context.Background(), w.options[0].Records, app.Against{}, w.Clock.Now, slog.New(slog.DiscardHandler)); err != nil {
			w.T.Fatalf("verify: %v", err)
		}
		return report.Behind == 0 || len(report.Findings) > 0, fmt.Sprintf("%d projections are behind", report.Behind)
	})
	for _, f := range report.Findings {
		w.T.Errorf("verify: %s", f)
	}
	if report.Commits == 0 {
		w.T.Error("verify saw no commit")
	}
}

// Account makes an account of the party with a token and gives its client.
func (w *World) Account(party, role string) *Client {
	w.T.Helper()
	account := w.Admin.Post("/api/v1/accounts", Object{"name": fmt.Sprintf("%s, %s", role, party), "party": party, "role": role}).Want(http.StatusCreated)
	token := w.Admin.Post("/api/v1/tokens", Object{"account_id": account.Str("id"), "label": "test"}).Want(http.StatusCreated)
	return w.client(token.Str("secret"))
}

// Subscribe makes a webhook subscription of the client's party and gives its id and secret.
func Subscribe(c *Client, r *Receiver, filter Object) (id, secret string) {
	c.t.Helper()
	body := Object{"channel": "webhook", "target": r.URL()}
	if filter != nil {
		body["filter"] = filter
	}
	a := c.Post("/api/v1/subscriptions", body).Want(http.StatusCreated)
	return a.Str("id"), a.Str("secret")
}

// Log keeps what the service logged.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String gives everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Backup gives the options of a backup of the world, and of a restore.
func Backup(w *World) backup.Options { return backup.Options{Now: w.Clock.Now, Version: "test"} }

// Quiet gives a log that nobody reads.
func Quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
