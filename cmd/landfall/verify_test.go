package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
)

// Held against the heads of the service that was lost, restored records are told from damaged ones by the exit status.
func TestVerifyOfRestoredRecordsEndsWithAStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	data, into, file := t.TempDir(), filepath.Join(t.TempDir(), "restored"), filepath.Join(t.TempDir(), "one.backup")
	a, err := app.Start(t.Context(), app.Options{
		Records: app.Records{Data: data}, Listen: "127.0.0.1:0", Now: time.Now, Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	command := func(want int, says string, args ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := run(t.Context(), args, &out, &errOut); code != want || !strings.Contains(out.String(), says) {
			t.Errorf("%s: exit status %d\n%s%s", args, code, &out, &errOut)
		}
	}
	command(0, "Head 2 was signed over it", "backup", "--data", data, file)
	command(0, "lf_", "token", "--data", data, "--party", "ATG") // which the backup does not hold
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(data, "secret.key"))
	if err == nil {
		err = os.Mkdir(into, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(into, "secret.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	command(0, "Restored", "restore", "--data", into, file)
	command(0, "No head in", "verify", "--data", into)
	heads := filepath.Join(data, "heads")
	command(3, "went back to head 2", "verify", "--data", into, "--against", heads)
	command(0, "Proven up to head 3", "verify", "--data", data)
	if err := os.Remove(filepath.Join(into, "landfall.db")); err != nil {
		t.Fatal(err)
	}
	command(1, "", "verify", "--data", into, "--against", heads)
}
