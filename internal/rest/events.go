package rest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/live"
	"landfall/internal/notify"
)

// FollowEvents streams what the caller may see, and wants of exercises, until it goes away, its
// token ends or the server stops. Permission is asked for each event at the moment of sending it.
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

	stream := live.Open(c.Response(), s.opt.Guard)
	view := &view{s: s, exercise: p.Exercise}
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
		body := view.shown(ctx, e)
		if body == "" {
			return "", nil
		}
		return live.Frame(e.CloudType, e.ID, body), nil
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

// shown gives the event as the scope may read it now; "" when it may not be told of it. In doubt it may not: the stream is a hint.
func (v *view) shown(ctx context.Context, e live.Event) string {
	a := e.Announcement
	data, ok, err := v.s.incident.ReadEvent(ctx, v.scope, a)
	switch {
	case err != nil || !ok:
		return ""
	case bytes.Equal(data, a.Data):
		return string(e.Body)
	}
	a.Data = data
	return string(notify.RenderEvent(notify.DefaultSource, a))
}
