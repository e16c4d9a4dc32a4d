package bus_test

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The guide for partners shows what stands between the two lines, to the letter.

// guide: begin
// follow hands every copy for the state DMA to keep, and acknowledges it when keep has returned nil.
func follow(ctx context.Context, url, password string, keep func(id string, event []byte) error) error {
	conn, err := nats.Connect(url, nats.UserInfo("DMA", password), nats.CustomInboxPrefix("_INBOX_DMA"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.NewWithAPIPrefix(conn, "landfall.api")
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, "LANDFALL_FOR", "DMA")
	if err != nil {
		return err
	}
	following, err := consumer.Consume(func(m jetstream.Msg) {
		if keep(m.Headers().Get("Nats-Msg-Id"), m.Data()) == nil {
			_ = m.Ack() // not acknowledged, it comes again after half a minute
		}
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	following.Drain()
	<-following.Closed()
	return nil
}

// guide: end
