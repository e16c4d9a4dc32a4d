package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

const (
	publishTimeout = 5 * time.Second // for one Publish, whatever its size
	apiTimeout     = 5 * time.Second // for one question to the server

	// At most publishLanes chunks of publishChunk messages wait for the stream at a time, well below the 10,000 at which
	// JetStream starts to refuse.
	publishChunk = 256
	publishLanes = 16
)

// Message is one message on its way in.
type Message struct {
	Subject string            // as built by Subject
	ID      string            // JetStream keeps one message of an id within two minutes
	Body    []byte            // an encoded Event
	Headers map[string]string // further headers, may be nil; names starting with "Nats-" are the server's
}

// Failure is one message the stream has not acknowledged.
type Failure struct {
	Index int    // in the messages given to Publish
	ID    string // of the message
	Err   error  // fault: Invalid when the message can never be published, else Unavailable
}

// PublishError lists the messages that were not acknowledged, in the order given. Those that are Unavailable may be in the
// stream all the same: publish them again under the same id. To others it is a fault of kind Unavailable.
type PublishError struct{ Failed []Failure }

// Error gives the count and the first cause.
func (e *PublishError) Error() string {
	return fmt.Sprintf("%d messages not published, the first (%s): %v", len(e.Failed), e.Failed[0].ID, e.Failed[0].Err)
}

// Unwrap gives the fault.
func (e *PublishError) Unwrap() error {
	return fault.Wrap(e.Failed[0].Err, fault.Unavailable, "not_published", "Not every message reached the bus.")
}

// Publish puts the messages into the stream and returns when it has acknowledged them all, or after five seconds, or when
// ctx ends. A missing stream is made again. The error is a *PublishError, or a fault when nothing was tried.
func (b *Bus) Publish(ctx context.Context, msgs []Message) error {
	done, err := b.begin()
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()

	var failed []Failure
	for first := 0; first < len(msgs); first += publishChunk {
		chunk := msgs[first:min(first+publishChunk, len(msgs))]
		for _, f := range b.publishInLane(ctx, chunk) {
			f.Index += first
			failed = append(failed, f)
		}
	}
	if len(failed) > 0 {
		return &PublishError{Failed: failed}
	}
	return nil
}

// publishInLane publishes one chunk once there is room, and a second time what found no stream.
func (b *Bus) publishInLane(ctx context.Context, chunk []Message) []Failure {
	results := make([]error, len(chunk))
	select {
	case b.lanes <- struct{}{}:
		defer func() { <-b.lanes }()
		if b.send(ctx, chunk, results, func(error) bool { return true }) > 0 {
			if _, err := b.ensure(ctx); err == nil {
				b.send(ctx, chunk, results, homeless)
			}
		}
	case <-ctx.Done():
		for i := range results {
			results[i] = ctx.Err()
		}
	}
	var failed []Failure
	for i, err := range results {
		if err != nil {
			failed = append(failed, Failure{Index: i, ID: chunk[i].ID, Err: unavailable(err)})
		}
	}
	return failed
}

// homeless reports that the server knows no stream for the subject, so that nothing was kept.
func homeless(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders)
}

// send publishes those of chunk whose last result asks for it, waits for the acknowledgements and writes the results. It
// returns how many found no stream.
func (b *Bus) send(ctx context.Context, chunk []Message, results []error, again func(error) bool) (lost int) {
	once := jetstream.WithRetryAttempts(0) // a missing stream is ours to make, not to wait for
	acks := make([]jetstream.PubAckFuture, len(chunk))
	for i, m := range chunk {
		if !again(results[i]) {
			continue
		}
		if results[i] = b.acceptable(m); results[i] == nil {
			acks[i], results[i] = b.js.PublishMsgAsync(wire(m), once)
		}
	}
	for i, ack := range acks {
		if ack == nil {
			continue
		}
		select {
		case <-ack.Ok():
		case results[i] = <-ack.Err():
		case <-ctx.Done():
			results[i] = ctx.Err()
		}
		if homeless(results[i]) {
			lost++
		}
	}
	return lost
}

func (b *Bus) acceptable(m Message) error {
	switch {
	case !concrete(m.Subject):
		return fault.New(fault.Invalid, "bad_subject", "The message has no subject of Landfall.")
	case m.ID == "":
		return fault.New(fault.Invalid, "bad_message", "The message has no id.")
	case int64(len(m.Body)) > b.conn.MaxPayload()-headerRoom:
		return fault.New(fault.TooLarge, "message_too_large", "The message is larger than the bus carries.")
	}
	return nil
}

const headerRoom = 4 << 10 // the server counts headers as payload

func wire(m Message) *nats.Msg {
	header := make(nats.Header, len(m.Headers)+1)
	for name, value := range m.Headers {
		header[name] = []string{value}
	}
	header[jetstream.MsgIDHeader] = []string{m.ID}
	return &nats.Msg{Subject: m.Subject, Header: header, Data: m.Body}
}
