package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"landfall/internal/fault"
)

const livePath = "/live"

// Feed gives what happens, as it happens. Package app implements it over the bus.
type Feed interface {
	// Follow starts after the event with this id; "" starts with what comes next.
	Follow(ctx context.Context, after string) (Following, error)
}

// Following is one reader of the feed. It is used by one goroutine.
type Following interface {
	// Next waits for the next event. An error of ctx leaves the reader as it is: Next may be called again.
	Next(ctx context.Context) (Happened, error)
	Close()
}

// Happened is one event of the feed.
type Happened struct {
	ID     string // place in the feed
	Reset  bool   // the place asked for is not known any more
	Type   string // CloudEvents type
	Stream string // what it is about: "incident/<id>"
}

const (
	lookAgain  = 5 * time.Second  // how long a stream outlives its session
	heartbeat  = 15 * time.Second // between signs of life
	writeBound = 10 * time.Second // how long a reader may take
)

// live streams hints that something changed of what a page shows, until the reader goes, the session ends or the server stops. A hint says
// which stream, never what: the page is read again, with the permission of that moment. So a stream that is not seen any more is
// hinted at no more than once in a page's life. What no bus carries is looked at instead, see look; such a page follows nothing else.
func (c *Console) live(v *visit) error {
	wanted := strings.Fields(v.QueryParam("of"))
	if looks := looksOf(wanted); len(looks) > 0 {
		return c.liveByLooking(v, looks)
	}
	if c.opt.Feed == nil {
		return fault.New(fault.NotFound, "page_not_found", "Nothing is followed here.")
	}
	ctx, cancel := context.WithCancel(v.ctx())
	defer cancel()
	following, err := c.opt.Feed.Follow(ctx, v.Request().Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer following.Close()
	write, err := v.stream()
	if err != nil {
		return nil
	}
	var silent time.Duration
	for {
		turn, stop := context.WithTimeout(ctx, lookAgain)
		e, err := following.Next(turn)
		stop()
		if ctx.Err() != nil {
			return nil
		}
		if !v.still(ctx) {
			return nil
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			if silent += lookAgain; silent < heartbeat {
				continue
			}
			err = write(stillHere)
		case err != nil:
			return nil
		case e.Reset:
			err = write("event: changed\nid: " + e.ID + "\ndata: reset\n\n")
		case !follows(wanted, e.Stream) || !v.sees(ctx, e.Stream):
			continue
		default:
			err = write(fmt.Sprintf("event: changed\nid: %s\ndata: %s\n\n", e.ID, e.Stream))
		}
		if err != nil {
			return nil // the reader is gone
		}
		silent = 0
	}
}

const stillHere = ": still here\n\n"

// stream begins a stream of events and gives what writes to it. An error of either: the reader is gone.
func (v *visit) stream() (write func(text string) error, err error) {
	h := v.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	v.Response().WriteHeader(http.StatusOK)
	control := http.NewResponseController(v.Response())
	write = func(text string) error {
		_ = control.SetWriteDeadline(time.Time{}) // servers without deadlines are those of tests
		bound := time.AfterFunc(writeBound, func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) })
		defer bound.Stop()
		if _, err := v.Response().Write([]byte(text)); err != nil {
			return err
		}
		return control.Flush()
	}
	return write, write("retry: 3000\n: Landfall\n\n")
}

// still reports whether the session is still good, and brings the scope up to date. When it is not, the stream ends: the browser asks again
// and is told to sign in.
func (v *visit) still(ctx context.Context) bool {
	scope, err := v.console.access.Resume(ctx, v.held)
	if err != nil {
		return false
	}
	v.scope = scope
	return true
}

// follows reports whether a stream is one of those wanted: itself, or its noun.
func follows(wanted []string, stream string) bool {
	noun, _, _ := strings.Cut(stream, "/")
	for _, w := range wanted {
		if w == stream || w == noun {
			return true
		}
	}
	return false
}

// sees reports whether the reader may know now that a stream changed. In doubt not.
func (v *visit) sees(ctx context.Context, stream string) bool {
	noun, id, _ := strings.Cut(stream, "/")
	var err error
	switch noun {
	case "hazard":
		return true
	case "incident":
		_, err = v.console.incident.Get(ctx, v.scope, id)
	case "alert":
		_, err = v.console.notify.Alert(ctx, v.scope, id)
	case "unit":
		_, err = v.console.prepared.Unit(ctx, v.scope, id)
	default:
		return false
	}
	return err == nil
}
