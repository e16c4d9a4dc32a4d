package logfile_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/notify"
	"landfall/internal/notify/logfile"
	"landfall/internal/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const target = "duty-office.log"

func newChannel(t *testing.T, opt logfile.Options) *logfile.Channel {
	t.Helper()
	opt.Now = func() time.Time { return time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC) }
	c, err := logfile.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// line is a line as a reader of the file sees it.
type line struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Attempt  int             `json:"attempt"`
	Type     string          `json:"type"`
	Language string          `json:"language"`
	Body     json.RawMessage `json:"body"`
}

func read(t *testing.T, name string) (lines []line) {
	t.Helper()
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var l line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Errorf("%.200q: %v", s.Text(), err)
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

func message(id string) notify.Message {
	return notify.Message{ID: id, Target: target, Type: "landfall.step.overdue.v1", Body: []byte(`{"id":"` + id + `"}`), Language: "en", Attempt: 1}
}

func TestTheSuiteOfAllChannels(t *testing.T) {
	notifytest.Run(t, func(t *testing.T, _ *slog.Logger) notifytest.Peer {
		dir := t.TempDir()
		var mu sync.Mutex
		behaviour := notifytest.Takes
		hung := make(chan struct{})
		c := newChannel(t, logfile.Options{Dir: dir, Timeout: time.Second, Sync: func(f *os.File) error {
			mu.Lock()
			b := behaviour
			mu.Unlock()
			switch b {
			case notifytest.Slow:
				timer := time.NewTimer(100 * time.Millisecond)
				defer timer.Stop()
				<-timer.C
			case notifytest.Later:
				return fmt.Errorf("sync confidential: %w", syscall.ENOSPC)
			case notifytest.Silent:
				<-hung
				return errors.New("it hung")
			}
			return f.Sync()
		}})
		wake := sync.OnceFunc(func() { close(hung) })
		t.Cleanup(wake) // before the channel is closed
		return notifytest.Peer{
			Channel: c, Target: target, Private: []string{dir},
			Traits: notifytest.Traits{
				Form: notifytest.Event, Ordered: true,
				Cannot: []notifytest.Behaviour{notifytest.Never, notifytest.Insults}, // a disk has no words, and can always be mended
			},
			Bad:      []string{"../up", "a/b", `a\b`, ".hidden", "dot.", "é.log", "/etc/passwd", strings.Repeat("x", 101)},
			Patience: time.Second,
			Behave: func(b notifytest.Behaviour) {
				mu.Lock()
				defer mu.Unlock()
				if behaviour == notifytest.Silent && b != notifytest.Silent {
					wake()
				}
				behaviour = b
			},
			Arrived: func() (out []notifytest.Arrival) {
				for _, l := range read(t, filepath.Join(dir, target)) {
					out = append(out, notifytest.Arrival{ID: l.ID, Body: l.Body})
				}
				return out
			},
		}
	})
}

func TestALineHoldsTheMessage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	c := newChannel(t, logfile.Options{Dir: dir})
	m := message("d1")
	m.Body = []byte(`{"title":"Île <&>","n":1}`)
	if r := c.Send(t.Context(), m); !r.Sent || r.Code != "written" {
		t.Fatalf("%+v", r)
	}
	data, err := os.ReadFile(filepath.Join(dir, target))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"d1","at":"2017-09-18T21:00:00Z","attempt":1,"type":"landfall.step.overdue.v1","language":"en","body":{"title":"Île <&>","n":1}}` + "\n"
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	info, err := os.Stat(filepath.Join(dir, target))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	m.Body = []byte(`{"half":`)
	if r := c.Send(t.Context(), m); r.Sent || r.Again || r.Code != "bad_body" {
		t.Errorf("%+v", r)
	}
}

func TestAFileMovedAwayIsBegunAgain(t *testing.T) {
	dir := t.TempDir()
	c := newChannel(t, logfile.Options{Dir: dir})
	now, old := filepath.Join(dir, target), filepath.Join(dir, target+".1")
	for i, id := range []string{"a", "b", "c"} {
		if r := c.Send(t.Context(), message(id)); !r.Sent {
			t.Fatalf("%+v", r)
		}
		if i == 1 {
			if err := os.Rename(now, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a, b := read(t, old), read(t, now); len(a) != 2 || len(b) != 1 || b[0].ID != "c" {
		t.Errorf("moved %d lines, new file %d", len(a), len(b))
	}
}

func TestAFolderThatIsRenamedOrRemovedIsOpenedAnew(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a folder in use cannot be renamed there")
	}
	dir := filepath.Join(t.TempDir(), "out")
	c := newChannel(t, logfile.Options{Dir: dir})
	written := func(id string) {
		t.Helper()
		if res := c.Send(t.Context(), message(id)); !res.Sent {
			t.Fatalf("%s: %+v", id, res)
		}
	}
	written("a")
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	written("b") // the folder is made again
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	written("c")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	written("d") // and one that somebody else has made is used
	for name, want := range map[string]string{dir + ".old": "a", dir: "d"} {
		if lines := read(t, filepath.Join(name, target)); len(lines) != 1 || lines[0].ID != want {
			t.Errorf("%s holds %+v, want %s", name, lines, want)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if res := c.Send(t.Context(), message("e")); res.Sent || !res.Again {
		t.Errorf("what cannot be written was answered %+v", res)
	}
}

func TestALineThatBrokeOffIsClosedBeforeTheNext(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, target)
	if err := os.WriteFile(name, []byte(`{"id":"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newChannel(t, logfile.Options{Dir: dir})
	if r := c.Send(t.Context(), message("d1")); !r.Sent {
		t.Fatalf("%+v", r)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(data), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"id":"d1"`) {
		t.Errorf("%q", data)
	}
}

func TestWhatCouldNotBeWrittenLeavesNothingAndIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	var fail atomic.Pointer[error]
	c := newChannel(t, logfile.Options{Dir: dir, Sync: func(f *os.File) error {
		if err := fail.Load(); err != nil {
			return *err
		}
		return f.Sync()
	}})
	if r := c.Send(t.Context(), message("first")); !r.Sent {
		t.Fatalf("%+v", r)
	}
	for code, err := range map[string]error{"disk_full": syscall.ENOSPC, "access_denied": os.ErrPermission, "write_failed": syscall.EIO} {
		err := fmt.Errorf("%s: %w", dir, err)
		fail.Store(&err)
		if r := c.Send(t.Context(), message(code)); r.Sent || !r.Again || r.Code != code || strings.Contains(r.Detail, dir) {
			t.Errorf("%s: %+v", code, r)
		}
	}
	fail.Store(nil)
	if r := c.Send(t.Context(), message("last")); !r.Sent {
		t.Fatalf("%+v", r)
	}
	if got := read(t, filepath.Join(dir, target)); len(got) != 2 || got[0].ID != "first" || got[1].ID != "last" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNoFileOfTheFolderIsLeftAlone(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	targets := map[string]string{"folder": "not_a_file"}
	if runtime.GOOS != "windows" { // where links need a right that tests do not have
		if err := os.Symlink(elsewhere, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/null", filepath.Join(dir, "device")); err != nil {
			t.Fatal(err)
		}
		targets["link"], targets["device"] = "write_failed", "write_failed"
	}
	c := newChannel(t, logfile.Options{Dir: dir, Timeout: 5 * time.Second})
	for name, code := range targets {
		m := message("d1")
		m.Target = name
		if r := c.Send(t.Context(), m); r.Sent || !r.Again || r.Code != code {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if data, err := os.ReadFile(elsewhere); err != nil || len(data) > 0 {
		t.Errorf("outside of the folder stands %q, %v", data, err)
	}
}

func TestManyMessagesShareASync(t *testing.T) {
	dir := t.TempDir()
	var syncs atomic.Int64
	first, going := make(chan struct{}), make(chan struct{})
	c := newChannel(t, logfile.Options{Dir: dir, Sync: func(f *os.File) error {
		if syncs.Add(1) == 1 {
			close(first)
			<-going
		}
		return f.Sync()
	}})
	const n = 200
	results := make(chan notify.Result, n+1)
	send := func(id string) { results <- c.Send(t.Context(), message(id)) }
	go send("first")
	<-first
	var started sync.WaitGroup
	for i := range n {
		started.Add(1)
		go func() { started.Done(); send(fmt.Sprint("d", i)) }()
	}
	started.Wait()
	close(going)
	for range n + 1 {
		if r := <-results; !r.Sent {
			t.Errorf("%+v", r)
		}
	}
	var ids []string
	for _, l := range read(t, filepath.Join(dir, target)) {
		ids = append(ids, l.ID)
	}
	slices.Sort(ids)
	if got := len(slices.Compact(ids)); got != n+1 {
		t.Errorf("%d messages in the file", got)
	}
	t.Logf("%d messages with %d syncs", n+1, syncs.Load())
	if syncs.Load() > n/2 {
		t.Errorf("%d syncs", syncs.Load())
	}
}

func TestWhatIsGivenUpWhileItWaitsIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	first, going := make(chan struct{}), make(chan struct{})
	c := newChannel(t, logfile.Options{Dir: dir, Sync: func(f *os.File) error {
		select {
		case <-going:
		default:
			close(first)
			<-going
		}
		return f.Sync()
	}})
	result := make(chan notify.Result)
	go func() { result <- c.Send(t.Context(), message("first")) }()
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if r := c.Send(ctx, message("given-up")); r.Sent || !r.Again || r.Code != "timeout" {
		t.Errorf("%+v", r)
	}
	close(going)
	if r := <-result; !r.Sent {
		t.Errorf("%+v", r)
	}
	if r := c.Send(t.Context(), message("last")); !r.Sent {
		t.Errorf("%+v", r)
	}
	if got := read(t, filepath.Join(dir, target)); len(got) != 2 || got[1].ID != "last" {
		t.Errorf("%+v", got)
	}
}

func TestAClosedChannelSendsNothing(t *testing.T) {
	c, err := logfile.New(logfile.Options{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if r := c.Send(t.Context(), message("d1")); r.Sent || !r.Again || r.Code != "closed" {
		t.Errorf("%+v", r)
	}
}

func TestAFolderThatCannotBeUsedIsSaidAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := logfile.New(logfile.Options{Dir: name}); err == nil {
		t.Error("a file was taken for a folder")
	}
}
