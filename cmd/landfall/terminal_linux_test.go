package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudo gives both ends of a terminal: what is written to screen can be read from reader.
func pseudo(t *testing.T) (reader, screen *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	fd := int(reader.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return reader, screen
}

func TestTheFirstTokenIsShownOnATerminalOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for start, want := range []int{1, 0} {
		text, log := started(t, dir)
		token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(text, strings.TrimSpace(string(token))); n != want {
			t.Errorf("start %d shows the token %d times, want %d", start+1, n, want)
		}
		if strings.Contains(log, strings.TrimSpace(string(token))) {
			t.Error("the log shows the token")
		}
	}
}

// started starts the service on a terminal, stops it once it is ready, and gives what stood there and
// in its log.
func started(t *testing.T, dir string) (text, log string) {
	t.Helper()
	reader, screen := pseudo(t)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	said := make(chan string, 1)
	go func() {
		defer stop()
		var text strings.Builder
		part := make([]byte, 4096)
		for !strings.Contains(text.String(), "Landfall is ready on") {
			n, err := reader.Read(part)
			if err != nil {
				break
			}
			text.Write(part[:n])
		}
		said <- text.String()
	}()
	lines := &bytes.Buffer{}
	if code := run(ctx, []string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, screen, lines); code != 0 {
		t.Fatalf("exit code %d\n%s", code, lines)
	}
	return <-said, lines.String()
}
