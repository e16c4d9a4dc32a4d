package bus_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/bus"
	"landfall/internal/fault"
)

func TestCloseMayBeCalledTwiceConcurrentlyAndBeforeUse(t *testing.T) {
	b := open(t, config(t.TempDir()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { shut(t, b) })
	}
	wg.Wait()
	shut(t, b)
	for name, err := range map[string]error{
		"publish": b.Publish(t.Context(), messages("late", 1)),
		"ready":   b.Ready(t.Context()),
		"purge":   b.Purge(t.Context(), "landfall"),
		"consume": func() error { _, err := b.Consume(t.Context(), "router", newInbox().handle); return err }(),
		"lag":     func() error { _, err := b.Lag(t.Context(), "router"); return err }(),
	} {
		if fault.CodeOf(err) != "bus_closed" || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s after close: %v", name, err)
		}
	}
}

func TestCloseEndsEveryGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	b := open(t, config(t.TempDir()))
	in := newInbox()
	consume(t, b, in)
	events(t, b, "")
	publish(t, b, messages("m", 100)...)
	in.until(t, "the messages", func() bool { return in.distinct() == 100 })
	shut(t, b)
	goleak.VerifyNone(t, before)
}

func TestTwoBusesLiveInOneProcess(t *testing.T) {
	one, two := open(t, config(t.TempDir())), open(t, config(t.TempDir()))
	if one.Incarnation() == two.Incarnation() {
		t.Error("they have one incarnation")
	}
	in := newInbox()
	consume(t, one, in)
	publish(t, two, message("two"))
	publish(t, one, message("one"))
	in.until(t, "a message", func() bool { return in.distinct() > 0 })
	if in.count("two") > 0 {
		t.Error("a message crossed over")
	}
	shut(t, two)
	publish(t, one, message("still"))
	in.until(t, "a message after the other closed", func() bool { return in.count("still") == 1 })
}

func TestCloseDuringPublishLosesNothingSilently(t *testing.T) {
	cfg := config(t.TempDir())
	b := open(t, cfg)
	reserve(t, b)
	var (
		mu    sync.Mutex
		acked = map[string]bool{}
		wg    sync.WaitGroup
	)
	begun := make(chan struct{}, 1000)
	for p := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				m := message(strings.Repeat("x", p+1) + "-" + time.Duration(n).String())
				if err := b.Publish(t.Context(), []bus.Message{m}); err != nil {
					if !fault.Is(err, fault.Unavailable) {
						t.Errorf("publish: %v", err)
					}
					return
				}
				mu.Lock()
				acked[m.ID] = true
				mu.Unlock()
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 {
		<-begun
	}
	shut(t, b)
	wg.Wait()

	b = open(t, cfg)
	if b.Continuity() != bus.Kept {
		t.Errorf("continuity %v", b.Continuity())
	}
	in := newInbox()
	consume(t, b, in)
	in.until(t, "everything acknowledged", func() bool {
		for id := range acked {
			if in.count(id) == 0 {
				return false
			}
		}
		return true
	})
}

func TestCloseWaitsForAHandlerOnlyAsLongAsItMay(t *testing.T) {
	dir, others := t.TempDir(), goleak.IgnoreCurrent()
	b, err := bus.Open(within(t), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	s, err := b.Consume(t.Context(), "router", func(context.Context, []bus.Delivery) {
		close(entered)
		<-leave
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, message("one"))
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close with a handler that hangs: %v", err)
	}
	close(leave)
	s.Stop()
	poll(t, "the server, which nobody waits for any more, to be done with its folder", func() bool { return goleak.Find(others) == nil })
}

func TestOpenHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := bus.Open(ctx, config(dir)); !errors.Is(err, context.Canceled) {
		t.Fatalf("open: %v", err)
	}
	if found := asideFolders(t, dir); len(found) > 0 {
		t.Errorf("an ended context moved the folder aside: %v", found)
	}
	open(t, config(dir))
}

func TestADeletedFolderIsAFreshBus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(dir))
	if b.Continuity() != bus.Fresh {
		t.Errorf("the first start is %v", b.Continuity())
	}
	live := events(t, b, "")
	publish(t, b, message("before"))
	seen, was := expect(t, live, "before"), b.Incarnation()
	shut(t, b)
	removeAll(t, dir)

	b = open(t, config(dir))
	if b.Continuity() != bus.Fresh || b.Incarnation() == was {
		t.Errorf("continuity %v, incarnation %s was %s", b.Continuity(), b.Incarnation(), was)
	}
	f := events(t, b, seen)
	if item := next(t, f); !item.Reset {
		t.Errorf("the old position gave %+v", item)
	}
	publish(t, b, message("before")) // the same id: the new stream knows nothing of it
	expect(t, f, "before")
}

func TestAKilledProcessLeavesADoubtfulBus(t *testing.T) {
	dir, copied := filepath.Join(t.TempDir(), "jetstream"), filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(dir))
	in := newInbox()
	consume(t, b, in)
	live := events(t, b, "")
	publish(t, b, messages("m", 50)...)
	in.until(t, "the messages", func() bool { return in.distinct() == 50 })
	seen := expect(t, live, "m-0")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil { // what a kill leaves
		t.Fatal(err)
	}

	after := open(t, config(copied))
	if after.Continuity() != bus.Doubtful || after.Incarnation() == b.Incarnation() {
		t.Errorf("continuity %v, same incarnation %v", after.Continuity(), after.Incarnation() == b.Incarnation())
	}
	if !next(t, events(t, after, seen)).Reset {
		t.Error("a position of before the kill is believed")
	}
	again := newInbox()
	consume(t, after, again) // its position has no checksum, so it is not believed: what was before is left to who reads the records
	publish(t, after, message("new"))
	again.until(t, "what comes", func() bool { return again.count("new") == 1 })
	if n := again.distinct(); n != 1 {
		t.Errorf("%d messages of before came again", n-1)
	}
	info, err := after.Info(within(t))
	if err != nil || info.Messages != 51 {
		t.Errorf("info %+v, %v", info, err)
	}
}

func TestAFolderOnWhichStartsDoNotFinishIsMovedAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(dir))
	publish(t, b, message("before"))
	shut(t, b)
	rewrite(t, filepath.Join(dir, "landfall.json"), func([]byte) []byte { return []byte(`{"starting":2}`) })

	log := &journal{}
	cfg := config(dir)
	cfg.Log = slog.New(log)
	for range 2 { // the second time, the older folder makes room
		b = open(t, cfg)
		if b.Continuity() != bus.Fresh {
			t.Errorf("continuity %v", b.Continuity())
		}
		publish(t, b, message("after"))
		shut(t, b)
		if found := asideFolders(t, dir); len(found) != 1 || len(files(t, found[0], ".blk")) == 0 {
			t.Errorf("moved aside: %v", found)
		}
		rewrite(t, filepath.Join(dir, "landfall.json"), func([]byte) []byte { return []byte(`{"starting":2}`) })
	}
	if loud := log.at(slog.LevelError); len(loud) != 2 || !strings.Contains(loud[0], "moved aside") {
		t.Errorf("logged as errors: %q", loud)
	}
}

func TestAFolderTheServerCannotStartOnIsMovedAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jetstream")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "jetstream"), []byte("a file where a folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, config(dir))
	publish(t, b, message("after"))
	if found := asideFolders(t, dir); len(found) != 1 {
		t.Errorf("moved aside: %v", found)
	}
}

func TestABusWhoseFolderIsTakenAwayWhileItRunsRecovers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "jetstream")
	cfg := config(dir)
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	b := open(t, cfg)
	in := newInbox()
	consume(t, b, in)
	f := events(t, b, "")
	publish(t, b, message("before"))
	in.until(t, "the first message", func() bool { return in.count("before") == 1 })
	expect(t, f, "before")
	was, address := b.Incarnation(), b.Listening()

	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}
	poll(t, "another stream", func() bool { return b.Incarnation() != was })
	poll(t, "a message taken", func() bool { return b.Publish(within(t), []bus.Message{message("after")}) == nil })
	in.until(t, "a message published after", func() bool { return in.count("after") > 0 })
	if item := next(t, f); !item.Reset {
		t.Errorf("the feed goes on with %+v", item)
	}
	if b.Listening() != address {
		t.Errorf("listens on %s, before on %s", b.Listening(), address)
	}
	if b.Continuity() != bus.Fresh {
		t.Errorf("continuity of Open is now %v", b.Continuity())
	}
}

func TestAFolderThatCannotBeUsedIsReported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bus.Open(within(t), config(file))
	var path *fs.PathError
	if fault.CodeOf(err) != "bus_folder" || !errors.As(err, &path) {
		t.Errorf("got %v", err)
	}
}

func TestATakenAddressIsReportedAndHarmsNothing(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	holder := open(t, cfg)
	dir := filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(dir))
	publish(t, b, message("before"))
	shut(t, b)
	cfg = config(dir)
	cfg.Listen, cfg.Token = holder.Listening(), "secret"
	for range 4 {
		if _, err := bus.Open(within(t), cfg); fault.CodeOf(err) != "bus_listen" {
			t.Fatalf("open: %v", err)
		}
	}
	if found := asideFolders(t, dir); len(found) > 0 {
		t.Errorf("moved aside: %v", found)
	}
	if b := open(t, config(dir)); b.Continuity() != bus.Kept {
		t.Errorf("continuity %v", b.Continuity())
	}
}

func TestAnUnsafeOrUnclearConfigurationIsRefused(t *testing.T) {
	for name, change := range map[string]func(*bus.Config){
		"nowhere":              func(c *bus.Config) { c.Dir = "" },
		"folder and URL":       func(c *bus.Config) { c.URL = "nats://localhost:1" },
		"open to all":          func(c *bus.Config) { c.Listen = "0.0.0.0:4222" },
		"open to all, no host": func(c *bus.Config) { c.Listen = ":4222" },
		"open to the machine":  func(c *bus.Config) { c.Listen = "127.0.0.1:4222" },
		"no port":              func(c *bus.Config) { c.Listen, c.Token = "localhost", "x" },
		"bad port":             func(c *bus.Config) { c.Listen, c.Token = "localhost:99999", "x" },
		"replicas":             func(c *bus.Config) { c.Replicas = 3 },
		"no clock":             func(c *bus.Config) { c.Now = nil },
		"no log":               func(c *bus.Config) { c.Log = nil },
	} {
		cfg := config(t.TempDir())
		change(&cfg)
		if _, err := bus.Open(within(t), cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAQuietLifeLogsNoWarning(t *testing.T) {
	log := &journal{}
	cfg := config(t.TempDir())
	cfg.Log = slog.New(log)
	for range 2 {
		b := open(t, cfg)
		in := newInbox()
		consume(t, b, in)
		f := events(t, b, "")
		publish(t, b, messages(time.Now().String(), 3)...)
		in.until(t, "three messages", func() bool { return in.distinct() == 3 })
		next(t, f)
		shut(t, b)
	}
	if loud := log.at(slog.LevelWarn); len(loud) > 0 {
		t.Errorf("logged: %q", loud)
	}
}
