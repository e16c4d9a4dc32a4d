package rest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/live"
)

// FollowEvents streams what the caller may see, and wants of exercises, until it goes away, its token ends or the server stops. Permission is asked
// for each event at the moment of sending it.
func (s *Server) FollowEvents(c echo.Context, p FollowEventsParams) error {
	k := callOf(c)
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	detach := context.AfterFunc(s.stopping, cancel)
	defer detach()

	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
		return c.NoContent(http.StatusOK)
	}
	following, err := s.opt.Feed.Follow(ctx, p.LastEventID)
	if err != nil {
		return err
	}
	defer following.Close()
	s.meter.streams.Inc()
	defer s.meter.streams.Dec()

	stream, err := live.Open(c.Response(), s.opt.Guard)
	if err != nil {
		return nil // the reader is gone
	}
	view := &view{s: s, exercise: p.Exercise, since: map[string]int64{}}
	still := func(ctx context.Context) error {
		_, err := s.access.Authenticate(ctx, k.secret)
		return err
	}
	err = stream.Run(ctx, s.opt.Heartbeat, still, func(wait context.Context) (string, error) {
		e, err := following.Next(wait)
		switch {
		case err != nil:
			return "", err
		case e.Reset:
			return live.Frame("reset", e.ID, "{}"), nil
		case !view.wants(e.Announcement):
			return "", nil
		}
		if view.scope, err = s.access.Authenticate(ctx, k.secret); err != nil {
			return "", err
		}
		if !view.shows(ctx, e.Announcement) {
			return "", nil
		}
		return live.Frame(e.CloudType, e.ID, string(e.Body)), nil
	})
	if s.stopping.Err() != nil {
		_ = stream.Write(s.farewell())
		return nil
	}
	if fault.Is(err, fault.Unauthenticated) {
		return nil // the token has ended, and the stream with it
	}
	return err
}

// farewell ends a stream because the server stops. The reader keeps its place and comes back when this process answers nothing any more: not before, since
// a browser that is answered 503 does not ask again. Readers come back one after another.
func (s *Server) farewell() string {
	back := s.opt.Drain + time.Second + rand.N(3*time.Second) //nolint:gosec // spreads readers, keeps no secret
	return fmt.Sprintf("retry: %d\n: stopping; read on from the last id\n\n", back.Milliseconds())
}

// view decides what one stream shows.
type view struct {
	s        *Server
	scope    access.Scope
	exercise ExerciseWish
	since    map[string]int64 // incident id → version from which on the scope may know it
}

// wants reports whether the reader asked for an event like this.
func (v *view) wants(a ledger.Announcement) bool {
	switch v.exercise {
	case ExerciseWishInclude:
		return true
	case ExerciseWishOnly:
		return a.Exercise
	default:
		return !a.Exercise
	}
}

// shows reports whether the scope may see the event now. In doubt it may not: the stream is a hint.
func (v *view) shows(ctx context.Context, a ledger.Announcement) bool {
	if v.scope.All {
		return true
	}
	switch id := a.Stream.ID(); a.Stream.Noun() {
	case "hazard":
		return true
	case "alert":
		_, err := v.s.notify.Alert(ctx, v.scope, id)
		return err == nil
	case "incident":
		may, err := v.s.incident.MayReceive(ctx, id, v.scope.Party)
		return err == nil && may && v.knownSince(ctx, id) <= a.Seq
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
