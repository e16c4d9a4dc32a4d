package harness

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/ledger"
)

// Start is when the clock of a world stands at first: the season, two days before a landfall.
var Start = time.Date(2026, 9, 16, 13, 0, 0, 0, time.UTC)

// World is one running service with the test's clock.
type World struct {
	T     testing.TB
	Clock *Clock
	Dir   string
	App   *app.App
	Log   *Log
	Admin *Client // the first account

	opt app.Options
}

// Option changes how the service is started.
type Option func(*app.Options)

// New boots the service in a temporary folder. Its watch does not run by itself: advance the clock and call Due.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	w := &World{T: t, Clock: NewClock(Start), Dir: filepath.Join(t.TempDir(), "data"), Log: &Log{}}
	w.opt = app.Options{
		Data: w.Dir, Listen: "127.0.0.1:0", Now: w.Clock.Now, NoSchedule: true, WebhookAllowPrivate: true, Version: "test",
		Logger: slog.New(slog.NewTextHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, o := range options {
		o(&w.opt)
	}
	w.Boot()
	token, err := os.ReadFile(filepath.Join(w.Dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	w.Admin = NewClient(t, func() string { return w.App.URL() }, strings.TrimSpace(string(token)))
	t.Cleanup(w.Halt)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", w.Log)
		}
	})
	return w
}

// Boot starts the service on its folder.
func (w *World) Boot() {
	w.T.Helper()
	a, err := app.Start(context.Background(), w.opt)
	if err != nil {
		w.T.Fatalf("start: %v", err)
	}
	w.App = a
}

// Halt stops the service, gracefully; nothing happens when it is stopped already.
func (w *World) Halt() {
	w.T.Helper()
	if w.App == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.App.Stop(ctx); err != nil {
		w.T.Errorf("stop: %v", err)
	}
	w.App = nil
}

// Restart stops the service and starts it again on the same folder.
func (w *World) Restart() {
	w.T.Helper()
	w.Halt()
	w.Boot()
}

// StartAgain tries to start a second process on the folder and gives the refusal.
func (w *World) StartAgain() error {
	a, err := app.Start(context.Background(), w.opt)
	if err == nil {
		_ = a.Stop(context.Background())
	}
	return err
}

// Rebuild throws the derived away and makes it again; the service must be halted.
func (w *World) Rebuild() {
	w.T.Helper()
	if _, err := app.Rebuild(context.Background(), w.Dir, w.Clock.Now, slog.New(slog.DiscardHandler)); err != nil {
		w.T.Fatalf("rebuild: %v", err)
	}
}

// Run runs one job of the watch now.
func (w *World) Run(job string) {
	w.T.Helper()
	if err := w.App.RunOnce(context.Background(), job); err != nil {
		w.T.Fatalf("run-once %s: %v", job, err)
	}
}

// Pass lets d pass and then runs what a running watch would have run: due steps, leftovers.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	w.Clock.Advance(d)
	for _, job := range w.App.Jobs() {
		w.Run(job.Name)
	}
}

// Verify stops nothing and proves every record, as soon as everything derived has caught up; any finding fails the test.
func (w *World) Verify() {
	w.T.Helper()
	var report ledger.Report
	Eventually(w.T, func() (bool, string) {
		var err error
		if report, err = app.Verify(context.Background(), w.Dir, w.Clock.Now, slog.New(slog.DiscardHandler)); err != nil {
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
	return w.Admin.With(token.Str("secret"))
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
