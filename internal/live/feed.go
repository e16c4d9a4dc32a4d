// Package live is about answers that go on until somebody stops them: what happens, told to whoever
// follows it as Server-Sent Events (WHATWG HTML, section 9.2), by the API and by the pages.
//
// A Feed gives what happens. A Stream writes to one reader, and promises four things: the reader
// gets a sign of life when no byte was written for the heartbeat, whatever else is going on; the
// stream ends within five seconds of the end of the token or session that it stands on, whatever
// ended that; a reader that does not take its bytes is let go; and no goroutine outlives Run. Who
// may see what is no question of this package: whoever runs a stream decides what it writes.
package live

import (
	"context"

	"landfall/internal/ledger"
)

// Feed gives what happens, as it happens. All methods may be called concurrently.
type Feed interface {
	// Follow starts after the event with this id; "" starts with what comes next.
	Follow(ctx context.Context, after string) (Following, error)
}

// Following is one reader of a feed. It is used by one goroutine.
type Following interface {
	// Next waits for the next event. After an error nothing is lost: the next call goes on with the
	// same event.
	Next(ctx context.Context) (Event, error)
	Close()
}

// Event is one event of a feed, as the log has it.
type Event struct {
	ID    string // place in the feed
	Reset bool   // the place asked for is not known any more; nothing else is set but ID
	ledger.Announcement
	CloudType string // CloudEvents type
	Body      []byte // the announcement as a CloudEvents event in JSON
}
