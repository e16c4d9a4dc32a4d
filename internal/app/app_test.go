package app_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(dir string) app.Options {
	return app.Options{Records: app.Records{Data: dir}, Listen: "127.0.0.1:0", Now: time.Now, Version: "test", Logger: slog.New(slog.DiscardHandler)}
}

func start(t testing.TB, opt app.Options) *app.App {
	t.Helper()
	a, err := app.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t testing.TB, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// ready asks until the process calls itself ready.
func ready(t *testing.T, a *app.App) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := client.Get(a.URL() + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready within 30 s: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestAProcessBecomesReadyByItself(t *testing.T) {
	a := start(t, options(filepath.Join(t.TempDir(), "data")))
	ready(t, a)
}

func TestStopMayBeCalledTwiceAndByTwo(t *testing.T) {
	a := start(t, options(filepath.Join(t.TempDir(), "data")))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { stop(t, a) })
	}
	wg.Wait()
	stop(t, a)
}

func TestTwoProcessesInTwoFoldersDoNotMeet(t *testing.T) {
	a, b := start(t, options(filepath.Join(t.TempDir(), "data"))), start(t, options(filepath.Join(t.TempDir(), "data")))
	ready(t, a)
	ready(t, b)
	if a.URL() == b.URL() || a.FirstToken() == b.FirstToken() {
		t.Error("they share an address or a token")
	}
}

func TestAFailedStartLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	opt := options(filepath.Join(t.TempDir(), "data"))
	opt.Listen = taken.Addr().String()
	if _, err := app.Start(t.Context(), opt); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), opt.Listen) {
		t.Fatalf("a taken port: %v", err)
	}
	opt.Listen = "127.0.0.1:0"
	ready(t, start(t, opt)) // the folder is free again
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	opt := options(filepath.Join(t.TempDir(), "data"))
	opt.TrustedProxies = []string{"10.0.0.0"}
	if _, err := app.Start(t.Context(), opt); fault.CodeOf(err) != "trusted_proxies" {
		t.Errorf("a proxy that is no network: %v", err)
	}
	if _, err := app.Start(t.Context(), options("")); fault.CodeOf(err) != "no_data_folder" {
		t.Errorf("no folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Start(t.Context(), options(file)); fault.CodeOf(err) != "data_folder" {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestTheFirstTokenIsShownOnceAndKeptForItsOwner(t *testing.T) {
	opt := options(filepath.Join(t.TempDir(), "data"))
	a := start(t, opt)
	token, path := a.FirstToken(), a.TokenPath()
	stop(t, a)
	kept, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(kept)) != token || token == "" {
		t.Fatalf("kept %q, shown %q: %v", kept, token, err)
	}
	for _, name := range []string{"admin.token", "secret.key", "landfall.db"} {
		info, err := os.Stat(filepath.Join(opt.Data, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	// Taken away by its owner it does not come back.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	b := start(t, opt)
	if _, err := os.Stat(path); b.FirstToken() != "" || !os.IsNotExist(err) {
		t.Errorf("a second start shows %q again: %v", b.FirstToken(), err)
	}
}

func TestRecordsWithoutTheirKeyAreNotServed(t *testing.T) {
	opt := options(filepath.Join(t.TempDir(), "data"))
	stop(t, start(t, opt))
	if err := os.Remove(filepath.Join(opt.Data, "secret.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Start(t.Context(), opt); fault.CodeOf(err) != "secret_key" {
		t.Errorf("without the key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(opt.Data, "secret.key"), []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Start(t.Context(), opt); fault.CodeOf(err) != "secret_key" {
		t.Errorf("with a wrong key: %v", err)
	}
}

func TestAJobRunsByHandOnAStoppedFolder(t *testing.T) {
	opt := options(filepath.Join(t.TempDir(), "data"))
	stop(t, start(t, opt))
	opt.Offline = true
	a := start(t, opt)
	for _, j := range a.Jobs() {
		if err := a.RunOnce(t.Context(), j.Name); err != nil {
			t.Errorf("%s: %v", j.Name, err)
		}
	}
	if err := a.RunOnce(t.Context(), "nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such job: %v", err)
	}
}

func TestToolsWantRecords(t *testing.T) {
	empty := t.TempDir()
	if _, err := app.Verify(t.Context(), app.Records{Data: empty}, app.Against{}, time.Now, slog.New(slog.DiscardHandler)); fault.CodeOf(err) != "no_records" {
		t.Errorf("verify: %v", err)
	}
	if _, err := app.Rebuild(t.Context(), app.Records{Data: empty}, backup.Options{Now: time.Now}, slog.New(slog.DiscardHandler)); fault.CodeOf(err) != "no_records" {
		t.Errorf("rebuild: %v", err)
	}
	opt := options(filepath.Join(t.TempDir(), "data"))
	a := start(t, opt)
	if _, err := app.Rebuild(t.Context(), opt.Records, backup.Options{Now: time.Now}, slog.New(slog.DiscardHandler)); fault.CodeOf(err) != "data_folder_in_use" {
		t.Errorf("rebuild beside the service: %v", err)
	}
	if r, err := app.Verify(t.Context(), opt.Records, app.Against{}, time.Now, slog.New(slog.DiscardHandler)); err != nil || len(r.Findings) > 0 || r.Commits == 0 {
		t.Errorf("verify beside the service: %+v %v", r, err)
	}
	stop(t, a)
}
