package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How a consumer asks for messages: the server sends what there is at once, up to pullMessages ahead of us, and a
// heartbeat when there is nothing.
const (
	pullMessages  = 512
	pullExpiry    = 30 * time.Second
	pullHeartbeat = 2 * time.Second // two missing, and the consumer is asked for again

	retryFirst = 50 * time.Millisecond
	retryLast  = 2 * time.Second
)

// intake keeps one JetStream consumer alive: it makes the stream and the consumer when they are missing, and makes them
// again when somebody deletes them or the server stays silent.
//
//	attach ──▶ receiving ──▶ lost (deleted, silent, new incarnation) ──▶ pause ──▶ attach
//	              └──▶ ctx ends ──▶ stopped
type intake struct {
	bus     *Bus
	name    string
	config  func(streamState) jetstream.ConsumerConfig
	begun   func(jetstream.ConsumerInfo) // may be nil; called before the first message of each attachment
	receive func(jetstream.Msg) error    // called from one goroutine at a time; an error means attach again
}

// run returns when ctx has ended and receive will not be called any more.
func (in intake) run(ctx context.Context) {
	pause := retryFirst
	for ctx.Err() == nil {
		attached, err := in.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if attached {
			pause = retryFirst
		}
		in.bus.log.WarnContext(ctx, "bus consumer lost, attaching again", "consumer", in.name, "after", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		pause = min(2*pause, retryLast)
	}
}

// once attaches and receives until the consumer is lost or ctx ends.
func (in intake) once(ctx context.Context) (attached bool, err error) {
	st, err := in.bus.ensure(ctx)
	if err != nil {
		return false, err
	}
	changed := *in.bus.changed.Load()
	if in.bus.Incarnation() != st.incarnation {
		return false, errRemade
	}
	config := in.config(st)
	consumer, err := in.bus.consumer(ctx, config)
	if err != nil {
		return false, err
	}
	if config.Durable == "" {
		defer in.discard(consumer.CachedInfo().Name)
	}
	if in.begun != nil {
		in.begun(*consumer.CachedInfo())
	}
	lost := make(chan error, 1)
	lose := func(err error) {
		select {
		case lost <- err:
		default: // the first reason is enough
		}
	}
	consuming, err := consumer.Consume(
		func(m jetstream.Msg) {
			// The library calls from a goroutine of its own.
			if err := in.bus.guard.Do("receiving a message of the bus", func() error { return in.receive(m) }); err != nil {
				lose(err)
			}
		},
		jetstream.PullMaxMessages(pullMessages),
		jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { lose(err) }))
	if err != nil {
		return false, err
	}
	defer func() {
		consuming.Drain() // not Stop, which would keep what has arrived from everybody until ackWait is over
		<-consuming.Closed()
	}()
	select {
	case <-ctx.Done():
		return true, ctx.Err()
	case err = <-lost:
		return true, err
	case <-consuming.Closed():
		return true, errors.New("closed by the server")
	case <-changed:
		return true, errRemade
	}
}

var errRemade = errors.New("the stream was made again")

// discard deletes a consumer nobody will come back to. The server would do it by itself a little later.
func (in intake) discard(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = in.bus.js.DeleteConsumer(ctx, streamName, name)
}
