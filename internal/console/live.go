package console

import (
	"context"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/live"
)

const livePath = "/live"

// heartbeat is the time between signs of life.
const heartbeat = 15 * time.Second

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
	following, err := c.opt.Feed.Follow(v.ctx(), v.Request().Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer following.Close()
	return v.stream(func(wait context.Context) (string, error) {
		e, err := following.Next(wait)
		switch stream := string(e.Stream); {
		case err != nil:
			return "", err
		case e.Reset:
			return live.Frame("changed", e.ID, "reset"), nil
		case !follows(wanted, stream):
			return "", nil
		default:
			if err := v.again(); err != nil {
				return "", err
			}
			if _, sees, err := c.incident.ReadEvent(v.ctx(), v.scope, e.Announcement); err != nil || !sees {
				return "", nil //nolint:nilerr // in doubt it is not shown: the stream is a hint
			}
			return live.Frame("changed", e.ID, stream), nil
		}
	})
}

// stream writes what next gives until the reader goes, the session ends or the server stops. When
// the session has ended, the browser asks again and is told to sign in.
func (v *visit) stream(next live.Source) error {
	stream := live.Open(v.Response(), v.console.opt.Guard)
	still := func(ctx context.Context) error {
		_, err := v.standing(ctx)
		return err
	}
	if err := stream.Run(v.ctx(), heartbeat, still, next); !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	return nil
}

// again brings the scope up to date. Its fault is Unauthenticated when the session has ended.
func (v *visit) again() (err error) {
	v.scope, err = v.standing(v.ctx())
	return err
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
