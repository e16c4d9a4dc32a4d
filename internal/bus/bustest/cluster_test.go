package bustest_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"landfall/internal/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestACluster(t *testing.T) {
	at := time.Now()
	c := bustest.New(t, 3)
	t.Log("start", time.Since(at))
	nc, err := nats.Connect(c.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	t.Log("create", time.Since(at))
	l := c.StreamLeader("S")
	at = time.Now()
	c.Kill(l)
	t.Log("kill", time.Since(at), l)
	for {
		_, err := js.Publish(t.Context(), "s.x", nil)
		if err == nil {
			break
		}
		if time.Since(at) > 30*time.Second {
			t.Fatal(err)
		}
	}
	t.Log("published", time.Since(at), c.StreamLeader("S"))
	at = time.Now()
	if err := c.Start(l); err != nil {
		t.Fatal(err)
	}
	t.Log("started", time.Since(at))
}
