package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// starting is a process of a region that has just reached its bus, on records on which another one,
// of before the bus was lost, was heard of at this moment.
func starting(t *testing.T) (a *App, advance func(time.Duration)) {
	t.Helper()
	began := time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	now := func() time.Time { return began.Add(time.Duration(passed.Load())) }
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), Kinds(), sqlite.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	other, err := json.Marshal(Process{
		ID: "other", Name: "api-1", Roles: []Role{RoleAPI},
		Bus: "before", BusAt: "nats://nats-1:4222", External: true, Since: began, LastSeen: began,
	})
	if err != nil {
		t.Fatal(err)
	}
	there := store.Op{Do: store.OpPut, Kind: kindProcess, Doc: store.Doc{ID: "other", Version: 1, Body: other}}
	if _, err := st.Bulk(t.Context(), []store.Op{there}); err != nil {
		t.Fatal(err)
	}
	return &App{
		opt:   Options{Records: Records{MongoDBURI: "mongodb://records"}, NATSURL: "nats://nats-1:4222", Now: now},
		store: st, bus: openTestBus(t), folder: &folder{id: "this"}, log: slog.New(slog.DiscardHandler),
	}, func(d time.Duration) { passed.Add(int64(d)) }
}

// lines takes what a log writes, line by line.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestAProcessWaitsLongerForOthersThanWhatWasKilledCountsAsRunning(t *testing.T) {
	t.Parallel()
	if busPatience <= presenceLife+presenceEvery {
		t.Errorf("it waits %s; what was killed counts as running for %s", busPatience, presenceLife)
	}
	a, advance := starting(t)
	said := make(chan string, 9)
	a.log = slog.New(slog.NewTextHandler(lines(said), nil))
	up := make(chan error, 1)
	go func() { up <- a.oneBus(t.Context()) }()
	late := time.After(30 * time.Second)
	select {
	case line := <-said:
		for _, want := range []string{
			"api-1", "nats://nats-1:4222 (stream before)", a.bus.Incarnation(), busPatience.String(),
		} {
			if !strings.Contains(line, want) {
				t.Errorf("it does not say %q: %s", want, line)
			}
		}
	case <-late:
		t.Error("it waits and does not say for what")
	}
	advance(presenceLife)
	select {
	case err := <-up:
		if err != nil {
			t.Error(err)
		}
	case <-late:
		t.Error("it waits on")
	}
}

func TestTheRefusalOfAnotherBusNamesBoth(t *testing.T) {
	t.Parallel()
	a, _ := starting(t)
	ctx, stop := context.WithCancel(t.Context())
	now := a.opt.Now()
	a.opt.Now = func() time.Time { // the other process has been found, and nobody waits for it
		stop()
		return now
	}
	err := a.oneBus(ctx)
	f, ok := fault.As(err)
	if !ok || f.Code != "another_bus" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"api-1", "nats://nats-1:4222 (stream before)", "(stream " + a.bus.Incarnation() + ")"} {
		if !strings.Contains(f.Detail, want) {
			t.Errorf("it does not say %q: %s", want, f.Detail)
		}
	}
}
