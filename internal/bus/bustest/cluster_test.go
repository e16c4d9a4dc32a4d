package bustest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"landfall/internal/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

func connect(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url, append(opts, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func poll(t *testing.T, what string, ok func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func publish(t *testing.T, js jetstream.JetStream, id string) {
	t.Helper()
	poll(t, "message "+id, func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s.x", []byte(id), jetstream.WithMsgID(id))
		return err == nil
	})
}

func TestAClusterOutlivesItsLeaderAndTakesItBack(t *testing.T) {
	c := bustest.New(t, 3)
	js := connect(t, c.URL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	publish(t, js, "one")
	leader := c.StreamLeader("S")
	if leader < 0 || c.Nodes() != 3 {
		t.Fatalf("leader %d of %d", leader, c.Nodes())
	}
	url := c.NodeURL(leader)
	c.Kill(leader)
	c.Kill(leader) // a dead one stays dead
	if c.Server(leader) != nil || c.StreamLeader("S") == leader {
		t.Error("it lives")
	}
	publish(t, js, "two")
	if now := c.StreamLeader("S"); now < 0 || now == leader {
		t.Errorf("led by %d after %d died", now, leader)
	}
	if err := c.Start(leader); err != nil {
		t.Fatal(err)
	}
	if c.NodeURL(leader) != url {
		t.Error("it moved")
	}
	if err := c.Start(leader); err == nil {
		t.Error("a server was started twice")
	}
	poll(t, "the stream on the server that came back", func(context.Context) bool {
		return c.Server(leader).JetStreamIsStreamCurrent("$G", "S")
	})
	// The cluster may still be choosing who answers for it.
	alone := connect(t, url)
	poll(t, "both messages asked of the server that came back", func(ctx context.Context) bool {
		ask, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		stream, err := alone.Stream(ask, "S")
		return err == nil && stream.CachedInfo().State.Msgs == 2
	})
}

func TestAServerThatIsCutOffKeepsItsClientsAndLosesItsPeers(t *testing.T) {
	c := bustest.New(t, 3)
	var follower int
	for follower == c.Leader() {
		follower++
	}
	c.Cut(follower)
	poll(t, "no routes", func(context.Context) bool { return c.Server(follower).NumRoutes() == 0 })
	connect(t, c.NodeURL(follower), nats.IgnoreDiscoveredServers())
	c.Mend(follower)
	poll(t, "its routes", func(context.Context) bool { return c.Server(follower).NumRoutes() > 1 })
}

func TestOneServerIsNoCluster(t *testing.T) {
	c := bustest.New(t, 1)
	js := connect(t, c.URL())
	for _, replicas := range []int{3, 1} {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: replicas})
		if (err == nil) != (replicas == 1) {
			t.Errorf("%d copies: %v", replicas, err)
		}
	}
	publish(t, js, "one")
	c.Stop(0)
	if c.StreamLeader("S") != -1 || c.Leader() != -1 {
		t.Error("a dead server leads")
	}
	if err := c.Start(0); err != nil {
		t.Fatal(err)
	}
	publish(t, js, "two")
	stream, err := js.Stream(t.Context(), "S")
	if err != nil || stream.CachedInfo().State.Msgs != 2 || c.StreamLeader("S") != 0 {
		t.Errorf("%v, led by %d", err, c.StreamLeader("S"))
	}
}

func TestABadSetUpIsReported(t *testing.T) {
	for name, start := range map[string]func() (*bustest.Cluster, error){
		"nobody": func() (*bustest.Cluster, error) { return bustest.Start(t.TempDir(), 0) },
		"bad fragment": func() (*bustest.Cluster, error) {
			return bustest.Start(t.TempDir(), 1, bustest.Config("accounts {", "$G"))
		},
		"no such place": func() (*bustest.Cluster, error) { return bustest.Start("/proc/nowhere", 1) },
	} {
		if c, err := start(); err == nil {
			c.Close()
			t.Error(name)
		}
	}
	c := bustest.New(t, 1)
	if path, err := c.Credentials("nobody"); err == nil {
		t.Error(fmt.Sprint("credentials of nobody: ", path))
	}
}
