package rest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
)

// Feed gives what happens, as it happens. Package app implements it over the bus.
type Feed interface {
	// Follow starts after the event with this id; "" starts with what comes next.
	Follow(ctx context.Context, after string) (Following, error)
}

// Following is one reader of the feed. It is used by one goroutine.
type Following interface {
	// Next waits for the next event. An error of ctx leaves the reader as it is: Next may be called again.
	Next(ctx context.Context) (Event, error)
	Close()
}

// Event is one event of the feed.
type Event struct {
	ID     string // place in the feed
	Reset  bool   // the place asked for is not known any more; nothing else is set but ID
	Type   string // CloudEvents type
	Stream string // what it is about: "incident/<id>"
	Seq    int64  // version of that stream
	Body   []byte // CloudEvents event in JSON
}

const (
	// recheck bounds how long a stream outlives its token.
	recheck = 5 * time.Second
	// writeBound is how long a reader may take for one event before it is let go.
	writeBound = 10 * time.Second
)

// FollowEvents streams what the caller may see until it goes away, its token ends or the server stops. Permission is asked for each event at
// the moment of sending it.
func (s *Server) FollowEvents(c echo.Context, p FollowEventsParams) error {
	k := callOf(c)
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	detach := context.AfterFunc(s.stopping, cancel)
	defer detach()

	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	following, err := s.opt.Feed.Follow(ctx, p.LastEventID)
	if err != nil {
		return err
	}
	defer following.Close()
	s.meter.streams.Inc()
	defer s.meter.streams.Dec()

	w := &eventWriter{to: c.Response(), control: http.NewResponseController(c.Response())}
	c.Response().WriteHeader(http.StatusOK)
	if err := w.write("retry: 3000\n: Landfall\n\n"); err != nil {
		return nil
	}
	view := &view{s: s, scope: k.scope, since: map[string]int64{}}
	var silent time.Duration
	for {
		turn := min(recheck, s.opt.Heartbeat-silent)
		e, err := next(ctx, following, turn)
		if s.stopping.Err() != nil {
			_ = w.write(s.farewell())
			return nil
		}
		if _, gone := s.access.Authenticate(ctx, k.secret); gone != nil || ctx.Err() != nil {
			return nil // the token or the reader is gone
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			if silent += turn; silent < s.opt.Heartbeat {
				continue
			}
			err = w.write(": still here\n\n")
		case err != nil:
			return err
		case e.Reset:
			err = w.write("event: reset\nid: " + e.ID + "\ndata: {}\n\n")
		case !view.shows(ctx, e):
			continue
		default:
			err = w.write(frame(e))
		}
		if err != nil {
			return nil // the reader is gone
		}
		silent = 0
	}
}

// farewell ends a stream because the server stops. The reader keeps its place and comes back when this process answers nothing any more: not before, since
// a browser that is answered 503 does not ask again. Readers come back one after another.
func (s *Server) farewell() string {
	back := s.opt.Drain + time.Second + rand.N(3*time.Second) //nolint:gosec // spreads readers, keeps no secret
	return fmt.Sprintf("retry: %d\n: stopping; read on from the last id\n\n", back.Milliseconds())
}

// next waits for an event, at most for d.
func next(ctx context.Context, f Following, d time.Duration) (Event, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f.Next(ctx)
}

// frame writes an event as text/event-stream has it.
func frame(e Event) string {
	data := strings.ReplaceAll(strings.TrimRight(string(e.Body), "\n"), "\n", "\ndata: ")
	return fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", e.Type, e.ID, data)
}

// eventWriter writes to a reader that may be slow or dead.
type eventWriter struct {
	to      *echo.Response
	control *http.ResponseController
}

// write sends text at once. A reader that does not take it in time is cut off: a deadline in the past ends the write that waits.
func (w *eventWriter) write(text string) error {
	// Servers without deadlines are those of tests.
	_ = w.control.SetWriteDeadline(time.Time{})
	bound := time.AfterFunc(writeBound, func() { _ = w.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer bound.Stop()
	if _, err := w.to.Write([]byte(text)); err != nil {
		return err
	}
	return w.control.Flush()
}

// view decides what one stream shows.
type view struct {
	s     *Server
	scope access.Scope
	since map[string]int64 // incident id → version from which on the scope may know it
}

// shows reports whether the scope may see the event now. In doubt it may not: the stream is a hint.
func (v *view) shows(ctx context.Context, e Event) bool {
	if v.scope.All {
		return true
	}
	noun, id, _ := strings.Cut(e.Stream, "/")
	switch noun {
	case "hazard":
		return true
	case "alert":
		_, err := v.s.notify.Alert(ctx, v.scope, id)
		return err == nil
	case "incident":
		may, err := v.s.incident.MayReceive(ctx, id, v.scope.Party)
		return err == nil && may && v.knownSince(ctx, id) <= e.Seq
	default:
		return false
	}
}

// knownSince gives the version of an incident from which on the scope may know what happened: a party that was named later sees nothing of
// the time before, also when it reads on from an old place. It never changes while the incident is visible.
func (v *view) knownSince(ctx context.Context, id string) int64 {
	if seq, ok := v.since[id]; ok {
		return seq
	}
	page, err := v.s.incident.Timeline(ctx, v.scope, id, incident.PageRequest{Limit: 1})
	if err != nil || len(page.Items) == 0 {
		if fault.Is(err, fault.Forbidden) {
			v.since[id] = never
		}
		return never
	}
	v.since[id] = page.Items[0].Seq
	return v.since[id]
}

// never is the version that no stream reaches: a role that sees headlines only follows nothing.
const never = int64(1) << 62
