package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/bus/bustest"
	"landfall/internal/fault"
)

// load publishes until it is told to stop, and remembers what was acknowledged.
type load struct {
	stop  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	acked []string
	fails int
}

func startLoad(t *testing.T, buses ...*bus.Bus) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	for p, b := range buses {
		l.wg.Go(func() {
			tick := time.NewTicker(4 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-tick.C:
				case <-l.stop:
					return
				}
				l.publish(t, b, messages(fmt.Sprintf("%d-%d", p, n), 4))
			}
		})
	}
	return l
}

func (l *load) publish(t *testing.T, b *bus.Bus, msgs []bus.Message) {
	err := b.Publish(t.Context(), msgs)
	failed := map[int]bool{}
	var some *bus.PublishError
	switch {
	case errors.As(err, &some):
		for _, f := range some.Failed {
			failed[f.Index] = true
			if !fault.Is(f.Err, fault.Unavailable) {
				t.Errorf("publish: %v", f.Err)
			}
		}
	case err != nil:
		t.Errorf("publish: %v", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fails += len(failed)
	for i, m := range msgs {
		if !failed[i] {
			l.acked = append(l.acked, m.ID)
		}
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

func TestNothingAcknowledgedIsLostWhenAServerDiesAndComesBack(t *testing.T) {
	t.Parallel()
	for name, pick := range map[string]func(*bustest.Cluster) int{
		"a follower": func(c *bustest.Cluster) int { return (c.StreamLeader("LANDFALL") + 1) % 3 },
		"the leader": func(c *bustest.Cluster) int { return c.StreamLeader("LANDFALL") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := bustest.New(t, 3)
			publisher, consumer := open(t, on(servers.URL(), 3)), open(t, on(servers.URL(), 3))
			in := newInbox()
			consume(t, consumer, in)
			f := events(t, consumer, "")
			l := startLoad(t, publisher, publisher)
			poll(t, "some load", func() bool { return l.count() > 200 })
			victim := pick(servers)
			servers.Kill(victim)
			dead := time.Now()
			was := l.count()
			poll(t, "messages taken without it", func() bool { return l.count() > was+500 })
			t.Logf("%v after the death the load flows", time.Since(dead))
			if err := servers.Start(victim); err != nil {
				t.Error(err)
			}
			was = l.count()
			poll(t, "messages taken with it again", func() bool { return l.count() > was+200 })
			l.end()
			in.until(t, "everything acknowledged", func() bool {
				for _, id := range l.acked {
					if in.count(id) == 0 {
						return false
					}
				}
				return true
			})
			publish(t, publisher, message("last"))
			for item := next(t, f); item.Message.ID != "last"; item = next(t, f) {
				if item.Reset {
					break // allowed: read again
				}
			}
			if consumer.Incarnation() != publisher.Incarnation() || publisher.Continuity() != bus.Fresh {
				t.Error("the processes see two streams")
			}
			t.Logf("%d acknowledged, %d publishes failed, %d received", len(l.acked), l.fails, in.distinct())
		})
	}
}

func TestAServerThatLostItsPeersIsLeft(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 3)
	b := open(t, on(servers.URL(), 3))
	in := newInbox()
	consume(t, b, in)
	publish(t, b, message("before"))
	in.until(t, "the message", func() bool { return in.count("before") == 1 })
	mine := -1
	for i := range servers.Nodes() {
		if servers.Server(i).NumClients() > 0 {
			mine = i
		}
	}
	servers.Cut(mine)
	poll(t, "a message taken by the others", func() bool { return b.Publish(within(t), []bus.Message{message("after")}) == nil })
	in.until(t, "the message", func() bool { return in.count("after") > 0 })
	if servers.Server(mine).NumClients() > 0 {
		t.Error("the connection stayed")
	}
	servers.Mend(mine)
}

// wire is the network between one process and a server: it can be cut without a word.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	wg       sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener}
	w.wg.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(to, "nats://"))
			if err != nil {
				_ = in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			w.wg.Go(func() { carry(in, out) })
			w.wg.Go(func() { carry(out, in) })
		}
	})
	t.Cleanup(w.cut)
	return w
}

func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

func (w *wire) url() string { return "nats://" + w.listener.Addr().String() }

func TestWhatADeadNotifierHadFetchedGoesToTheOther(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 1)
	w := newWire(t, servers.URL())
	alive, err := bus.Open(within(t), on(servers.URL(), 1))
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, alive)
	doomed, err := bus.Open(within(t), on(w.url(), 1))
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	lost := newInbox()
	_, err = doomed.Consume(t.Context(), "router", func(ctx context.Context, batch []bus.Delivery) {
		lost.handle(ctx, batch)
		entered <- struct{}{}
		<-leave // it hangs with what it has
	})
	if err != nil {
		t.Fatal(err)
	}
	in := newInbox()
	sharing, err := alive.Consume(t.Context(), "router", in.handle)
	if err != nil {
		t.Fatal(err)
	}
	defer sharing.Stop()
	for n := 0; len(entered) == 0 || in.distinct() == 0; n++ {
		publish(t, alive, messages(fmt.Sprintf("a%d", n), 50)...)
	}
	publish(t, alive, messages("b", 500)...)
	w.cut()
	info, err := alive.Info(within(t))
	if err != nil {
		t.Fatal(err)
	}
	in.until(t, "everything the dead one had not been handed over", func() bool {
		return uint64(in.distinct()+lost.distinct()) >= info.Messages
	})
	close(leave)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = doomed.Close(ctx) // it has no server to say goodbye to
}
