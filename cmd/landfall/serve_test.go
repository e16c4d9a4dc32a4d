package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// said takes what a command writes, and ends the command once it is ready.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
	stop context.CancelFunc
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.text.Write(p)
	if strings.Contains(s.text.String(), "Landfall is ready on") {
		s.stop()
	}
	return n, err
}

func TestTheFirstTokenIsWrittenIntoNoLog(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	out, log := &said{stop: stop}, &said{stop: stop}
	if code := run(ctx, []string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, out, log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &log.text)
	}
	path := filepath.Join(dir, "admin.token")
	token, err := os.ReadFile(path)
	if err != nil || len(token) < 16 {
		t.Fatalf("the token is kept as %q: %v", token, err)
	}
	all := out.text.String() + log.text.String()
	if strings.Contains(all, strings.TrimSpace(string(token))) {
		t.Error("what is no terminal shows the token")
	}
	for _, want := range []string{path, "msg=stopping", "number=2 why=stop", "msg=stopped"} {
		if !strings.Contains(log.text.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, &log.text)
		}
	}
}

func TestAFileAndAPipeAreNoTerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = read.Close(), write.Close() }()
	if terminal(file) || terminal(write) || terminal(&bytes.Buffer{}) {
		t.Error("a log is taken for a terminal")
	}
}
