package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/bus"
	"landfall/internal/fault"
)

func TestEveryMessageReachesTheConsumer(t *testing.T) {
	b := open(t, config(t.TempDir()))
	in := newInbox()
	consume(t, b, in)
	const publishers, each = 8, 1250
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for rest := messages(fmt.Sprint(p), each); len(rest) > 0; {
				n := min(len(rest), 1+p*100)
				if err := b.Publish(within(t), rest[:n]); err != nil {
					t.Errorf("publisher %d: %v", p, err)
					return
				}
				rest = rest[n:]
			}
		})
	}
	wg.Wait()
	in.until(t, "10,000 messages", func() bool { return in.distinct() == publishers*each })
	in.mu.Lock()
	defer in.mu.Unlock()
	for id, n := range in.seen {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
	for _, n := range in.batches {
		if n < 1 || n > 256 {
			t.Errorf("a batch of %d", n)
		}
	}
}

func TestAMessageArrivesAsItWasPublished(t *testing.T) {
	b := open(t, config(t.TempDir()))
	got := make(chan bus.Delivery, 1)
	s, err := b.Consume(t.Context(), "router", func(_ context.Context, batch []bus.Delivery) { got <- batch[0] })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	m := message("one")
	m.Headers = map[string]string{"Content-Type": bus.EventContentType, "traceparent": "00-abc-def-01"}
	publish(t, b, m)
	select {
	case d := <-got:
		if d.Subject != m.Subject || d.ID != "one" || string(d.Body) != string(m.Body) || d.Seq != 1 || d.Attempt != 1 ||
			d.Headers["Content-Type"] != bus.EventContentType || d.Headers["traceparent"] != "00-abc-def-01" || len(d.Headers) != 4 {
			t.Errorf("got %+v", d)
		}
	case <-within(t).Done():
		t.Fatal("nothing arrived")
	}
}

func TestTheSameIDTwiceInTheWindowIsOneMessage(t *testing.T) {
	b := open(t, config(t.TempDir()))
	in := newInbox()
	consume(t, b, in)
	publish(t, b, message("same"), message("same"))
	publish(t, b, message("same"))
	publish(t, b, message("last"))
	in.until(t, "the last message", func() bool { return in.count("last") == 1 })
	if n := in.count("same"); n != 1 {
		t.Errorf("delivered %d times", n)
	}
	info, err := b.Info(within(t))
	if err != nil || info.Messages != 2 || info.LastSeq != 2 {
		t.Errorf("info %+v, %v", info, err)
	}
}

func TestTheWindowSurvivesAStop(t *testing.T) {
	cfg := config(t.TempDir())
	b := open(t, cfg)
	publish(t, b, message("same"))
	shut(t, b)
	b = open(t, cfg)
	publish(t, b, message("same"))
	if info, err := b.Info(within(t)); err != nil || info.Messages != 1 {
		t.Errorf("info %+v, %v", info, err)
	}
}

func TestADurableGoesOnWhereItStopped(t *testing.T) {
	cfg := config(t.TempDir())
	b := open(t, cfg)
	in := newInbox()
	s := consume(t, b, in)
	publish(t, b, message("before"))
	in.until(t, "the first message", func() bool { return in.count("before") == 1 })
	s.Stop()
	publish(t, b, message("between"))
	poll(t, "a lag of one", func() bool {
		lag, err := b.Lag(within(t), "router")
		return err == nil && lag == bus.Lag{Waiting: 1}
	})
	shut(t, b)

	b = open(t, cfg)
	in = newInbox()
	consume(t, b, in)
	publish(t, b, message("after"))
	in.until(t, "the rest", func() bool { return in.distinct() == 2 })
	if in.count("before") != 0 {
		t.Error("an acknowledged message came again")
	}
	if _, err := b.Lag(within(t), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("lag of an unknown durable: %v", err)
	}
}

func TestTwoSubscriptionsOfOneDurableShareTheMessages(t *testing.T) {
	b := open(t, config(t.TempDir()))
	in := newInbox()
	consume(t, b, in)
	consume(t, b, in)
	publish(t, b, messages("m", 1000)...)
	in.until(t, "1,000 messages", func() bool { return in.distinct() == 1000 })
	for id, n := range in.seen {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
}

func TestStopWaitsForTheHandlerAndReturnsTheRest(t *testing.T) {
	b := open(t, config(t.TempDir()))
	before := newInbox()
	entered, leave := make(chan struct{}, 1000), make(chan struct{})
	s, err := b.Consume(t.Context(), "router", func(ctx context.Context, batch []bus.Delivery) {
		entered <- struct{}{}
		<-leave
		before.handle(ctx, batch)
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, b, message("first"))
	<-entered
	publish(t, b, messages("rest", 600)...)
	stopped := make(chan struct{})
	go func() {
		s.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Fatal("Stop did not wait for the handler")
	default:
	}
	close(leave)
	<-stopped
	s.Stop() // again: nothing happens

	in := newInbox()
	consume(t, b, in)
	in.until(t, "what was not handed over", func() bool { return in.distinct() == 601-before.distinct() })
}

func TestEndingTheContextEndsTheSubscription(t *testing.T) {
	b := open(t, config(t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	s, err := b.Consume(ctx, "router", newInbox().handle)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	s.Stop()
	shut(t, b)
}

func TestPublishNamesWhatFailed(t *testing.T) {
	b := open(t, config(t.TempDir()))
	bad := message("bad")
	bad.Subject = "landfall.actual.>"
	big := message("big")
	big.Body = []byte(strings.Repeat("x", 2<<20))
	err := b.Publish(within(t), []bus.Message{message("a"), bad, message("b"), {Subject: message("x").Subject}, big})
	var failed *bus.PublishError
	if !errors.As(err, &failed) || len(failed.Failed) != 3 || !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	for i, want := range []struct {
		index int
		id    string
		kind  fault.Kind
	}{{1, "bad", fault.Invalid}, {3, "", fault.Invalid}, {4, "big", fault.TooLarge}} {
		if f := failed.Failed[i]; f.Index != want.index || f.ID != want.id || fault.KindOf(f.Err) != want.kind {
			t.Errorf("failure %d: %+v", i, f)
		}
	}
	if info, err := b.Info(within(t)); err != nil || info.Messages != 2 {
		t.Errorf("info %+v, %v", info, err)
	}
	if err := b.Publish(within(t), nil); err != nil {
		t.Errorf("nothing to publish: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := b.Publish(ended, messages("late", 300)); !errors.As(err, &failed) || len(failed.Failed) == 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestPurgeRemovesOneIncident(t *testing.T) {
	b := open(t, config(t.TempDir()))
	at := func(exercise bool, origin, incident, id string) bus.Message {
		return bus.Message{Subject: bus.Subject(exercise, origin, incident, "step.done.v1"), ID: id, Body: []byte("{}")}
	}
	publish(t, b, at(false, "DMA", "maria", "1"), at(false, "ATG", "irma", "2"), at(true, "DMA", "maria", "3"), at(false, "DMA", "erika", "4"))
	if err := b.Purge(within(t), "landfall.*.*.maria"); err != nil {
		t.Fatal(err)
	}
	if info, err := b.Info(within(t)); err != nil || info.Messages != 2 {
		t.Errorf("info %+v, %v", info, err)
	}
	if err := b.Purge(within(t), "landfall"); err != nil {
		t.Fatal(err)
	}
	if info, err := b.Info(within(t)); err != nil || info.Messages != 0 || info.LastSeq != 4 {
		t.Errorf("info %+v, %v", info, err)
	}
	if err := b.Purge(within(t), "landfall.a b"); !fault.Is(err, fault.Invalid) {
		t.Errorf("bad prefix: %v", err)
	}
}

func TestADurableNameIsPlain(t *testing.T) {
	b := open(t, config(t.TempDir()))
	for _, name := range []string{"", "a.b", "*", ">", "a b", "../x", strings.Repeat("x", 65)} {
		if _, err := b.Consume(t.Context(), name, newInbox().handle); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// outside is a client of the bus that can do what this process can.
func outside(t *testing.T, b *bus.Bus) jetstream.JetStream {
	t.Helper()
	return plain(t, bus.OwnURL(b))
}

func TestNobodyConnectsToTheListenerWithoutItsToken(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	b := open(t, cfg)
	for name, opts := range map[string][]nats.Option{
		"nothing": nil, "the token and no user": {nats.Token("secret")}, "another token": {nats.UserInfo(bus.Reader, "guess")},
		"the user of the service": {nats.UserInfo("landfall", "secret")}, "an empty password": {nats.UserInfo("landfall", "")},
	} {
		if conn, err := nats.Connect("nats://"+b.Listening(), opts...); !errors.Is(err, nats.ErrAuthorization) {
			if conn != nil {
				conn.Close()
			}
			t.Errorf("with %s: %v", name, err)
		}
	}
}

func TestAReaderHearsWhatHappensAndPublishesNothing(t *testing.T) {
	t.Parallel()
	b := open(t, copying(t.TempDir()))
	var mu sync.Mutex
	refused := 0
	conn, err := nats.Connect("nats://"+b.Listening(), nats.UserInfo(bus.Reader, "secret"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {
		mu.Lock()
		defer mu.Unlock()
		refused++
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	refusals := func() int {
		mu.Lock()
		defer mu.Unlock()
		return refused
	}
	heard, err := conn.SubscribeSync("landfall.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	publish(t, b, forStates("1", "DMA"))
	for range 2 { // the event and its copy
		if _, err := heard.NextMsgWithContext(within(t)); err != nil {
			t.Fatalf("the reader hears nothing: %v", err)
		}
	}
	feed := events(t, b, "")
	for i, subject := range []string{
		"landfall.actual.DMA.maria.step.overdue", "landfall.for.DMA.actual.DMA.maria.step.overdue", "landfall", "_INBOX.x",
		"$JS.API.STREAM.PURGE.LANDFALL", "$JS.API.STREAM.DELETE.LANDFALL", "$JS.API.CONSUMER.DELETE.LANDFALL.router", "$JS.API.STREAM.INFO.LANDFALL",
		"$JS.API.CONSUMER.CREATE.LANDFALL", "$JS.API.STREAM.MSG.GET.LANDFALL", "$JS.ACK.LANDFALL.router.1.1.1.1.0",
	} {
		if err := conn.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		poll(t, "a refusal to publish "+subject, func() bool { return refusals() == i+1 })
	}
	was := refusals()
	for i, subject := range []string{">", "_INBOX.>", "$JS.>", "$SYS.>", "*.>"} {
		if _, err := conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		poll(t, "a refusal to hear "+subject, func() bool { return refusals() == was+i+1 })
	}
	publish(t, b, message("2")) // and nothing came before it
	expect(t, feed, "2")
}

func TestADeletedStreamIsMadeAgainUnderPublisherConsumerAndFeed(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	b := open(t, cfg)
	in := newInbox()
	consume(t, b, in)
	feed, err := b.Events(within(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	publish(t, b, message("before"))
	in.until(t, "the first message", func() bool { return in.count("before") == 1 })
	expect(t, feed, "before")
	was := b.Incarnation()

	if err := outside(t, b).DeleteStream(within(t), "LANDFALL"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, messages("after", 300)...)
	in.until(t, "the messages published after", func() bool { return in.distinct() == 301 })
	if b.Incarnation() == was {
		t.Error("the incarnation is the old one")
	}
	if item := next(t, feed); !item.Reset {
		t.Errorf("the feed goes on with %+v", item)
	}
}

func TestADeletedConsumerIsMadeAgain(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	b := open(t, cfg)
	in := newInbox()
	consume(t, b, in)
	publish(t, b, message("before"))
	in.until(t, "the first message", func() bool { return in.count("before") == 1 })
	if err := outside(t, b).DeleteConsumer(within(t), "LANDFALL", "router"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, message("after"))
	in.until(t, "the second message", func() bool { return in.count("after") == 1 })
}

func TestAnotherProcessUsesTheSameBus(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	first := open(t, cfg)
	far := config("")
	far.URL = bus.OwnURL(first)
	second := open(t, far)
	if first.Incarnation() != second.Incarnation() || second.Continuity() != bus.Kept || second.Listening() != "" {
		t.Error("the second process sees another bus")
	}
	in := newInbox()
	consume(t, second, in)
	consume(t, first, in)
	publish(t, first, messages("a", 300)...)
	publish(t, second, messages("b", 300)...)
	in.until(t, "600 messages", func() bool { return in.distinct() == 600 })
	shut(t, second)
	publish(t, first, message("alone"))
	in.until(t, "a message after the second process left", func() bool { return in.count("alone") == 1 })
}
