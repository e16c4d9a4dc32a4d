package bus_test
import ("testing";"path/filepath";"log/slog";"os";"time";"landfall/internal/bus")
func TestZZLive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jetstream")
	cfg := config(dir); cfg.Log = slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b := open(t, cfg)
	in := newInbox()
	f := events(t, b, "")
	consume(t, b, "router", in)
	publish(t, b, messages("a", 100)...)
	in.until(t, "x", func() bool { return in.count("a-99") > 0 })
	for range 100 { next(t, f) }
	os.Rename(dir, dir+".gone")
	was := b.Incarnation()
	st := time.Now()
	poll(t, "another stream", func() bool { return b.Incarnation() != was })
	t.Log("incarnation", time.Since(st))
	for i := range 3 {
		st := time.Now()
		err := b.Publish(within(t), []bus.Message{message("after")})
		t.Log(i, time.Since(st), err)
	}
	in.until(t, "x", func() bool { return in.count("after") > 0 })
	t.Log("delivered", time.Since(st))
	t.Log(next(t, f).Reset, time.Since(st))
	t.Log(next(t, f).Reset, time.Since(st))
}
