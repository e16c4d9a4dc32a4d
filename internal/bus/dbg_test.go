package bus_test
import ("testing";"log/slog";"os";"sync";"time"
"landfall/internal/bus"
"landfall/internal/bus/bustest")
func TestDbgIso(t *testing.T) {
	servers := bustest.New(t, 3)
	cfg := on(servers.URL(), 3); cfg.Log = slog.New(slog.NewTextHandler(os.Stderr,nil))
	b := open(t, cfg)
	mine := -1
	for i := range servers.Nodes() { if servers.Server(i).NumClients() > 0 { mine = i } }
	t.Log(mine, servers.StreamLeader("LANDFALL"), servers.Leader())
	servers.Cut(mine)
	at := time.Now()
	for time.Since(at)<30*time.Second {
		err := b.Publish(within(t), []bus.Message{message("after")})
		if err==nil {break}
		slog.Warn("pub","err",err)
	}
	t.Log(time.Since(at))
}
func TestDbgTogether(t *testing.T) {
	servers := bustest.New(t, 3)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			cfg := on(servers.NodeURL(i%3), 3); cfg.Log = slog.New(slog.NewTextHandler(os.Stderr,nil)).With("p",i)
			b, err := bus.Open(within(t), cfg)
			if err!=nil {t.Error(i,err);return}
			shut(t,b)
		})
	}
	wg.Wait()
}
