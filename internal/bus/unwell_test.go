package bus

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A server that has not begun to listen says of itself what one says that a busy machine has not
// let look at its listeners within a millisecond.
func TestAServerIsNotUnwellBecauseItsMachineIsBusy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	busy, err := server.NewServer(&server.Options{Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	busy.HandleHealthz(answer, httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody))
	if answer.Code != http.StatusInternalServerError {
		t.Fatalf("it answers %d %s: the server's own words have changed", answer.Code, answer.Body)
	}
	if err := os.Mkdir(filepath.Join(dir, server.JetStreamStoreDir), 0o700); err != nil {
		t.Fatal(err)
	}
	e := &embedded{folder: folder{path: dir, now: time.Now}, server: busy, log: slog.New(slog.DiscardHandler)}
	if err := e.health(); err != nil {
		t.Errorf("it is called unwell: %v", err)
	}
	if (&verdict{status: http.StatusServiceUnavailable, text: "JetStream stream write error"}).complaint() == nil {
		t.Error("a write that failed is not heeded")
	}
}

func TestAServerThatAnswersIsWellAndOneThatDoesNotIsUnwell(t *testing.T) {
	t.Parallel()
	b, err := Open(t.Context(), Config{Keys: [][]byte{[]byte("key")}, Dir: t.TempDir(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.unwell(); err != nil {
		t.Errorf("it answers, and is called unwell: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.unwell() == nil {
		t.Error("it is closed, and called well")
	}
}
