package bus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

const (
	batchSize  = 256              // deliveries handed over together, at most
	ackWait    = 10 * time.Second // after which another process gets what one that died had fetched and not handed over
	maxUnacked = 4 * pullMessages
)

// Delivery is one message on its way out.
type Delivery struct {
	Message
	Seq     uint64 // in the stream, of this incarnation
	Attempt int    // 1 for the first time; more after a stop or a lost acknowledgement
}

// Subscription is one running durable consumer. Stop it, or Close the bus.
type Subscription struct {
	stop context.CancelFunc
	done chan struct{}
}

// Consume hands every message of the stream that can be believed to handle: those that come after the call for a durable name never used
// before, else from where that name stopped. Several processes that use one name share the messages.
//
// Deliveries come in batches: whatever is there, 1 to 256, without waiting for more, one call at a time, in no promised order.
// They are acknowledged when they are handed over, whatever handle makes of them; a process that dies in handle need not get
// them again. ctx is handle's context and ends the subscription as Stop does. Deleting the stream or the consumer is
// survived: what was published after the last message that this process has taken is handed over then, as far as it is still there.
func (b *Bus) Consume(ctx context.Context, durable string, handle func(context.Context, []Delivery)) (*Subscription, error) {
	if durable == "" || !wellFormed(durable) || len(durable) > 64 || !plainName(durable) {
		return nil, fault.New(fault.Invalid, "bad_durable", "A durable name has letters, digits, '-' and '_' only.")
	}
	done, err := b.begin()
	if err != nil {
		return nil, err
	}
	var since atomic.Pointer[time.Time] // when the last message taken was published, by the server's clock
	config := func() jetstream.ConsumerConfig { return durableConfig(durable, *since.Load()) }
	now, err := b.makeConsumer(ctx, durable)
	if err != nil {
		done()
		return nil, unavailable(err)
	}
	since.Store(&now)
	run, stop := context.WithCancel(ctx)
	unlink := context.AfterFunc(b.life, stop)
	s := &Subscription{stop: stop, done: make(chan struct{})}
	fetched := make(chan jetstream.Msg, batchSize)
	in := intake{
		bus: b, name: durable,
		config: func(streamState) jetstream.ConsumerConfig { return config() },
		receive: func(m jetstream.Msg) error {
			if meta, err := m.Metadata(); err == nil && meta.Timestamp.After(*since.Load()) {
				since.Store(&meta.Timestamp)
			}
			select {
			case fetched <- m:
			case <-run.Done():
				giveBack(m)
			}
			return nil
		},
	}
	var parts sync.WaitGroup
	parts.Go(func() { b.guard.Keep(run, "taking messages of the bus", func() { in.run(run) }) })
	parts.Go(func() {
		b.guard.Keep(run, "handing over messages of the bus", func() { b.handOver(ctx, run, fetched, handle) })
	})
	go func() {
		defer done()
		defer close(s.done)
		b.guard.Run("ending a subscription", func() {
			parts.Wait()
			for len(fetched) > 0 {
				giveBack(<-fetched)
			}
			stop()
			unlink()
		})
	}()
	return s, nil
}

// Stop takes no more messages and returns when the handler has returned. What was fetched and not handed over goes back to
// the stream. It may be called often and concurrently, but not by the handler.
func (s *Subscription) Stop() {
	s.stop()
	<-s.done
}

// handOver gathers what is there and calls handle, until run ends.
func (b *Bus) handOver(ctx, run context.Context, fetched <-chan jetstream.Msg, handle func(context.Context, []Delivery)) {
	for run.Err() == nil { // checked by itself, since select picks at random
		select {
		case <-run.Done():
		case m := <-fetched:
			batch := make([]Delivery, 0, len(fetched)+1)
			add := func(m jetstream.Msg) {
				if d := take(m); b.believes(d.Message) {
					batch = append(batch, d)
				}
			}
			add(m)
			for len(fetched) > 0 && len(batch) < batchSize {
				add(<-fetched)
			}
			if len(batch) > 0 {
				handle(ctx, batch)
			}
		}
	}
}

// take acknowledges a message and gives it as a delivery. An acknowledgement that gets lost means another delivery of
// the same message, which at-least-once allows.
func take(m jetstream.Msg) Delivery {
	_ = m.Ack()
	d := Delivery{Message: received(m), Attempt: 1}
	if meta, err := m.Metadata(); err == nil {
		d.Seq, d.Attempt = meta.Sequence.Stream, int(meta.NumDelivered)
	}
	return d
}

// giveBack makes the message available at once; should the word get lost, it becomes so after ackWait.
func giveBack(m jetstream.Msg) { _ = m.Nak() }

func received(m jetstream.Msg) Message {
	header := m.Headers()
	out := Message{Subject: m.Subject(), ID: header.Get(jetstream.MsgIDHeader), Body: m.Data()}
	if notice := header.Get(headerNotice); notice != "" {
		out.Notice = []byte(notice)
	}
	for name := range header {
		if name == jetstream.MsgIDHeader || name == headerNotice {
			continue
		}
		if out.Headers == nil {
			out.Headers = make(map[string]string, len(header))
		}
		out.Headers[name] = header.Get(name)
	}
	return out
}

// believes reports whether a message can be believed, and has it counted when it cannot.
func (b *Bus) believes(m Message) bool {
	why := b.seals.check(m)
	if why != "" {
		b.dropped(why)
	}
	return why == ""
}

// durableConfig is a durable consumer that, when it is made, starts with what was published at an instant or later.
func durableConfig(name string, since time.Time) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       name,
		Description:   "Landfall: acknowledges on receipt; the store knows what is still to do",
		DeliverPolicy: jetstream.DeliverByStartTimePolicy,
		OptStartTime:  &since,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1,
		MaxAckPending: maxUnacked,
		ReplayPolicy:  jetstream.ReplayInstantPolicy,
	}
}

// makeConsumer makes sure of stream and consumer, so that a failing start is reported and not only retried, and gives the time by the server's
// clock. An external cluster may be electing.
func (b *Bus) makeConsumer(ctx context.Context, name string) (now time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	for {
		var st streamState
		if st, err = b.ensure(ctx); err == nil {
			now = st.info.TimeStamp
			limited, cancel := context.WithTimeout(ctx, apiTimeout)
			_, err = b.consumer(limited, durableConfig(name, now))
			cancel()
		}
		if err == nil || !b.external() || hopeless(err) || b.life.Err() != nil || !pause(ctx, retryInterval) {
			return now, err
		}
	}
}

// consumer gives the consumer, and makes it when it is missing. A durable one that is there stays as it is, wherever it started.
func (b *Bus) consumer(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if config.Durable != "" {
		found, err := b.js.Consumer(ctx, streamName, config.Durable)
		if !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return found, err
		}
	}
	made, err := b.js.CreateConsumer(ctx, streamName, config)
	if errors.Is(err, jetstream.ErrConsumerExists) { // another process was first
		return b.js.Consumer(ctx, streamName, config.Durable)
	}
	return made, err
}

func plainName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}
