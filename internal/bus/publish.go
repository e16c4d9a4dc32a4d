package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

const (
	publishTimeout = 5 * time.Second // for one Publish, whatever its size
	apiTimeout     = 5 * time.Second // for one question to the server

	// A server that died with a message answers nothing; it is sent again under its id to whoever leads then. A cluster on slow disks
	// under load acknowledges within this.
	ackTimeout = 1500 * time.Millisecond
	againFirst = 25 * time.Millisecond
	againLast  = 400 * time.Millisecond

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
	Notice  []byte            // what this service's own processes must know besides, one line of text; no state gets it
	Headers map[string]string // further headers, may be nil; names starting with "Nats-" are the server's
	For     []string          // ISO 3166-1 alpha-3 of the states that may see it; each gets a copy, where Config.Copies says so. Empty when received

	// Short gives what stands in for a Notice that is larger than the bus carries, and for a Body of which that is true too: no state gets
	// a copy then. nil: the message is refused. It is nil when received.
	Short func() (body, notice []byte)

	copied bool // it is a state's copy, which nobody believes for its seal
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
// ctx ends. A missing stream is made again; an external cluster that is electing a leader is asked again until then. The error
// is a *PublishError, or a fault when nothing was tried. Copies for states follow what was acknowledged in their own time.
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
		chunk := b.shortened(msgs[first:min(first+publishChunk, len(msgs))])
		results := b.publishInLane(ctx, chunk)
		for i, err := range results {
			if err != nil {
				failed = append(failed, Failure{Index: first + i, ID: chunk[i].ID, Err: unavailable(err)})
			}
		}
		b.desk.take(chunk, results)
	}
	if len(failed) == 0 {
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && len(failed) == len(msgs) {
		b.refused.Store(true)
		b.beWary()
	}
	return &PublishError{Failed: failed}
}

// publishInLane publishes one chunk once there is room, and gives an error for each message that was not acknowledged.
func (b *Bus) publishInLane(ctx context.Context, chunk []Message) []error {
	results := make([]error, len(chunk))
	select {
	case b.lanes <- struct{}{}:
		defer func() { <-b.lanes }()
	case <-ctx.Done():
		for i := range results {
			results[i] = ctx.Err()
		}
		return results
	}
	for i, m := range chunk {
		if results[i] = b.acceptable(m); results[i] == nil {
			results[i] = errUnsent
		}
	}
	b.insist(ctx, chunk, results, func(ctx context.Context) error {
		_, err := b.ensure(ctx)
		return err
	})
	return results
}

// errUnsent marks a message that is still to be sent.
var errUnsent = errors.New("not sent")

// insist sends the messages whose result is errUnsent. What found no stream is sent a second time once ensure has made it. On an
// external bus whatever was not acknowledged is sent again, under the same id, until ctx ends.
func (b *Bus) insist(ctx context.Context, chunk []Message, results []error, ensure func(context.Context) error) {
	lost := b.send(ctx, chunk, results, func(err error) bool { return errors.Is(err, errUnsent) })
	if !b.external() {
		if lost > 0 && ensure(ctx) == nil {
			b.send(ctx, chunk, results, homeless)
		}
		return
	}
	for wait := againFirst; slices.ContainsFunc(results, curable) && ctx.Err() == nil; wait = min(2*wait, againLast) {
		if lost > 0 && ensure(ctx) != nil && ctx.Err() != nil {
			return
		}
		if !pause(ctx, wait) {
			return
		}
		lost = b.send(ctx, chunk, results, curable)
	}
}

// curable reports that sending again may help.
func curable(err error) bool {
	return err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge)
}

// homeless reports that the server knows no stream for the subject, so that nothing was kept.
func homeless(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders)
}

// ackPatience bounds the wait for one acknowledgement. An embedded server has nobody to hand over to: it answers or is started again.
func (b *Bus) ackPatience() time.Duration {
	if b.external() {
		return ackTimeout
	}
	return publishTimeout
}

// send publishes those of chunk whose result asks for it, waits for the acknowledgements and writes the results. It returns how
// many found no stream.
func (b *Bus) send(ctx context.Context, chunk []Message, results []error, again func(error) bool) (lost int) {
	once := jetstream.WithRetryAttempts(0) // a missing stream is ours to make, not to wait for
	acks := make([]jetstream.PubAckFuture, len(chunk))
	before := b.tide.before()
	for i, m := range chunk {
		if again(results[i]) {
			acks[i], results[i] = b.js.PublishMsgAsync(b.wire(m), once)
		}
	}
	for i, ack := range acks {
		if ack == nil {
			continue
		}
		select {
		case got := <-ack.Ok():
			if b.refused.Load() {
				b.refused.Store(false)
			}
			if !got.Duplicate && got.Stream == streamName && b.external() && b.tide.acked(before, got.Sequence) {
				b.beWary()
			}
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
	case !b.fits(m):
		return fault.New(fault.TooLarge, "message_too_large", "The message is larger than the bus carries.")
	}
	return nil
}

// headerRoom is for what the client and the server add to the headers of a message; the server counts headers as payload.
const headerRoom = 4 << 10

// headersMax is what JetStream takes of headers, whatever the payload may be.
const headersMax = 64<<10 - 1

// fits reports whether the bus carries a message of this size.
func (b *Bus) fits(m Message) bool {
	headers := len(m.Notice) + headerRoom
	for name, value := range m.Headers {
		headers += len(name) + len(value)
	}
	return headers <= headersMax && int64(headers+len(m.Body)) <= b.conn.MaxPayload()
}

// shortened gives the messages with what is too large of them as what stands in for it.
func (b *Bus) shortened(chunk []Message) []Message {
	large := func(m Message) bool { return m.Short != nil && !b.fits(m) }
	if !slices.ContainsFunc(chunk, large) {
		return chunk
	}
	chunk = slices.Clone(chunk)
	for i, m := range chunk {
		if large(m) {
			body, notice := m.Short()
			chunk[i].Notice = notice
			if !b.fits(chunk[i]) {
				chunk[i].Body, chunk[i].For = body, nil
			}
		}
	}
	return chunk
}

func (b *Bus) wire(m Message) *nats.Msg {
	header := make(nats.Header, len(m.Headers)+4)
	for name, value := range m.Headers {
		header[name] = []string{value}
	}
	header[jetstream.MsgIDHeader] = []string{m.ID}
	if !m.copied {
		b.seals.on(m, header)
	}
	return &nats.Msg{Subject: m.Subject, Header: header, Data: m.Body}
}
