package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// recentPatience bounds how long Recent waits for what the server says it has.
const recentPatience = 2 * time.Second

// Recent gives up to most of the newest messages of the stream, oldest first, without their bodies.
// It is for comparing what was published with what the store holds; fewer than there are is no
// error.
func (b *Bus) Recent(ctx context.Context, most int) ([]Message, error) {
	done, err := b.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, recentPatience)
	defer cancel()
	stream, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return nil, unavailable(err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 {
		return nil, nil
	}
	from := state.FirstSeq
	if last := state.LastSeq + 1; last > from+uint64(most) {
		from = last - uint64(most)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		HeadersOnly: true, MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, unavailable(err)
	}
	var list []Message
	for {
		batch, err := consumer.FetchNoWait(most)
		if err != nil {
			return list, unavailable(err)
		}
		n := len(list)
		for m := range batch.Messages() {
			list = append(list, received(m))
		}
		if err := batch.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) {
			return list, unavailable(err)
		}
		if len(list) == n || len(list) >= most || ctx.Err() != nil {
			return list, nil
		}
	}
}
