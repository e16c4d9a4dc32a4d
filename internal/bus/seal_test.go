package bus_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"landfall/internal/bus"
)

// counts are what Config.Dropped was told.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[why]++
}

func (c *counts) get(why string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[why]
}

func TestWhatIsNotSealedIsBelievedByNobody(t *testing.T) {
	t.Parallel()
	var dropped counts
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token, cfg.Dropped = "127.0.0.1:0", "secret", dropped.add
	b := open(t, cfg)
	b.SetEpoch(7)
	in := newInbox()
	got := make(chan bus.Delivery, 100)
	s, err := b.Consume(t.Context(), "router", func(ctx context.Context, batch []bus.Delivery) {
		in.handle(ctx, batch)
		for _, d := range batch {
			got <- d
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	feed := events(t, b, "")
	genuine := message("genuine")
	genuine.Notice = []byte(`{"events":1,"parties":["DMA","Côte d’Or"],"note":"a  b\tc"}`)
	publish(t, b, genuine)
	first := <-got
	if string(first.Notice) != string(genuine.Notice) || string(first.Body) != string(genuine.Body) {
		t.Fatalf("it arrives as %s, %s", first.Notice, first.Body)
	}
	expect(t, feed, "genuine")

	js := outside(t, b)
	forge := func(id string, change func(*nats.Msg)) {
		t.Helper()
		m := &nats.Msg{Subject: genuine.Subject, Data: genuine.Body, Header: nats.Header{}}
		for name, value := range first.Headers {
			m.Header.Set(name, value)
		}
		m.Header.Set("Landfall-Notice", string(genuine.Notice))
		m.Header.Set("Nats-Msg-Id", id)
		change(m)
		if _, err := js.PublishMsg(within(t), m); err != nil {
			t.Fatal(err)
		}
	}
	forged := 0
	for name, change := range map[string]func(*nats.Msg){
		"no seal":           func(m *nats.Msg) { m.Header.Del("Landfall-Seal") },
		"another id":        func(*nats.Msg) {},
		"another body":      func(m *nats.Msg) { m.Data = []byte(`{"n":"forged"}`) },
		"another notice":    func(m *nats.Msg) { m.Header.Set("Landfall-Notice", "{}") },
		"no notice":         func(m *nats.Msg) { m.Header.Del("Landfall-Notice") },
		"another subject":   func(m *nats.Msg) { m.Subject = strings.Replace(m.Subject, "actual", "exercise", 1) },
		"another epoch":     func(m *nats.Msg) { m.Header.Set("Landfall-Epoch", "8") },
		"an unknown key":    func(m *nats.Msg) { m.Header.Set("Landfall-Seal", "00000000.AAAA") },
		"no text of a seal": func(m *nats.Msg) { m.Header.Set("Landfall-Seal", "nonsense") },
	} {
		forge("forged: "+name, change)
		forged++
	}
	publish(t, b, message("last"))
	in.until(t, "the last message", func() bool { return in.count("last") == 1 })
	expect(t, feed, "last")
	if n := in.distinct(); n != 2 {
		t.Errorf("%d messages were believed", n)
	}
	if n := dropped.get("seal"); n != 2*forged { // by the consumer and by the feeds
		t.Errorf("%d were counted, want %d", n, 2*forged)
	}
}

func TestWhatAFormerKeyHasSealedIsBelievedAndAnotherEpochIsNot(t *testing.T) {
	t.Parallel()
	var dropped counts
	dir := t.TempDir()
	cfg := config(dir)
	old := cfg.Keys[0]
	b := open(t, cfg)
	b.SetEpoch(1)
	reserve(t, b)
	publish(t, b, message("by the old key"))
	b.SetEpoch(2)
	publish(t, b, message("of epoch 2"))
	shut(t, b)

	cfg.Keys, cfg.Dropped = [][]byte{[]byte("another key"), old}, dropped.add
	b = open(t, cfg)
	b.SetEpoch(1)
	in := newInbox()
	consume(t, b, in)
	publish(t, b, message("by the new key"))
	in.until(t, "both", func() bool { return in.count("by the old key") == 1 && in.count("by the new key") == 1 })
	if in.count("of epoch 2") != 0 || dropped.get("epoch") != 1 || dropped.get("seal") != 0 {
		t.Errorf("of another epoch came %d, dropped %+v", in.count("of epoch 2"), dropped.of)
	}
}

func TestWhatIsTooLargeGoesAsAReferenceAndIsCopiedForNoState(t *testing.T) {
	t.Parallel()
	b := open(t, config(t.TempDir()))
	got := make(chan bus.Delivery, 2)
	s, err := b.Consume(t.Context(), "router", func(_ context.Context, batch []bus.Delivery) {
		for _, d := range batch {
			got <- d
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	wide := message("wide") // JetStream bounds headers by themselves
	wide.Notice = []byte(`{"x":"` + strings.Repeat("x", 70<<10) + `"}`)
	wide.Short = func() ([]byte, []byte) { return []byte(`{"short":true}`), []byte(`{"log":true}`) }
	publish(t, b, wide)
	if d := <-got; string(d.Body) != string(wide.Body) || string(d.Notice) != `{"log":true}` {
		t.Errorf("it arrives as %s, %.80s", d.Body, d.Notice)
	}
	large := message("large")
	large.Body, large.Notice = []byte(`{"x":"`+strings.Repeat("x", 9<<20)+`"}`), []byte("{}")
	large.Short = func() ([]byte, []byte) { return []byte(`{"short":true}`), []byte(`{"log":true}`) }
	publish(t, b, large)
	if d := <-got; string(d.Body) != `{"short":true}` || string(d.Notice) != `{"log":true}` {
		t.Errorf("it arrives as %s, %.80s", d.Body, d.Notice)
	}
}
