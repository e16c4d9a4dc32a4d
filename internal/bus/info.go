package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

// Info is the state of the stream.
type Info struct {
	Incarnation string
	Messages    uint64
	Bytes       uint64
	FirstSeq    uint64
	LastSeq     uint64
}

// Lag says how far a durable consumer is behind.
type Lag struct {
	Waiting int64 // messages not yet sent to it
	Unacked int64 // messages sent and not yet handed over
}

// Ready returns nil when the bus takes messages. A missing stream is made again.
func (b *Bus) Ready(ctx context.Context) error {
	_, err := b.Info(ctx)
	return err
}

// Info asks the server for the state of the stream. A missing stream is made again.
func (b *Bus) Info(ctx context.Context) (Info, error) {
	done, err := b.begin()
	if err != nil {
		return Info{}, err
	}
	defer done()
	st, err := b.ensure(ctx)
	if err != nil {
		return Info{}, unavailable(err)
	}
	state := st.info.State
	return Info{Incarnation: st.incarnation, Messages: state.Msgs, Bytes: state.Bytes, FirstSeq: state.FirstSeq, LastSeq: state.LastSeq}, nil
}

// Lag asks the server how far the durable is behind; NotFound when it does not exist.
func (b *Bus) Lag(ctx context.Context, durable string) (Lag, error) {
	done, err := b.begin()
	if err != nil {
		return Lag{}, err
	}
	defer done()
	consumer, err := b.js.Consumer(ctx, streamName, durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return Lag{}, fault.Wrap(err, fault.NotFound, "no_such_durable", "There is no such consumer.")
	}
	if err != nil {
		return Lag{}, unavailable(err)
	}
	info := consumer.CachedInfo()
	return Lag{Waiting: int64(info.NumPending), Unacked: int64(info.NumAckPending)}, nil
}

// Oldest gives when the oldest message was published that waits in the stream for the durable; zero when none does. What a process has taken
// and not handed over yet does not wait: that process may have died.
func (b *Bus) Oldest(ctx context.Context, durable string) (time.Time, error) {
	done, err := b.begin()
	if err != nil {
		return time.Time{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	consumer, err := stream.Consumer(ctx, durable)
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	info := consumer.CachedInfo()
	if info.NumPending == 0 {
		return time.Time{}, nil
	}
	m, err := stream.GetMsg(ctx, info.Delivered.Stream+1, jetstream.WithGetMsgSubject(root+".>"))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, nil // taken meanwhile, or purged
	}
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	return m.Time, nil
}

// Purge removes the messages whose subject starts with the tokens of prefix, which may contain '*': "landfall" is
// everything, "landfall.*.*.<incident>" one incident. The copies states have of them are removed too. Feeds of this process
// forget them; a Feed that has given one out cannot take it back.
func (b *Bus) Purge(ctx context.Context, prefix string) error {
	first, rest, _ := strings.Cut(prefix, ".")
	if !wellFormed(prefix) || strings.Contains(prefix, ">") || first != root && first != "*" {
		return fault.New(fault.Invalid, "bad_subject", "The prefix is not one of a subject of Landfall.")
	}
	done, err := b.begin()
	if err != nil {
		return err
	}
	defer done()
	if _, err := b.ensure(ctx); err != nil {
		return unavailable(err)
	}
	stream, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return unavailable(err)
	}
	pattern := prefix + ".>"
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject(pattern)); err != nil {
		return unavailable(err)
	}
	b.hub.forget(pattern)
	copies := copiesBranch + ".*"
	if rest != "" {
		copies += "." + rest
	}
	return b.desk.purge(ctx, copies+".>")
}
