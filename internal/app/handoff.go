package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// routerDurable is the name of the notifiers' common consumer on the bus.
const routerDurable = "notifier"

// Headers of a bus message that name the commit it comes from.
const (
	headerStream = "Landfall-Stream"
	headerSeq    = "Landfall-Seq"
)

// How far back commits are published again at start, by what became of the bus's memory. Ids are the same, so who has seen one sees that.
const (
	afterLoss        = 7 * 24 * time.Hour
	afterUncleanStop = 10 * time.Minute
)

// publish puts announcements on the bus.
func (a *App) publish(ctx context.Context, batch []ledger.Announcement) error {
	messages := make([]bus.Message, 0, len(batch))
	for _, n := range batch {
		messages = append(messages, bus.Message{
			Subject: bus.Subject(n.Exercise, n.Origin, n.Incident, n.Type), ID: n.EventID, Body: notify.RenderEvent(notify.DefaultSource, n),
			Headers: map[string]string{headerStream: string(n.Stream), headerSeq: strconv.FormatInt(n.Seq, 10)},
		})
	}
	return a.bus.Publish(ctx, messages)
}

// handOver gives commits that announce nothing straight to this process's notifier.
func (a *App) handOver(refs []store.Ref) { a.router.Offer(refs) }

// receive is the durable consumer: it names the commits and lets the router read them from the store.
func (a *App) receive(ctx context.Context, deliveries []bus.Delivery) {
	refs := make([]store.Ref, 0, len(deliveries))
	for _, d := range deliveries {
		seq, err := strconv.ParseInt(d.Headers[headerSeq], 10, 64)
		if err != nil || d.Headers[headerStream] == "" {
			a.log.Warn("a message on the bus names no commit; it is dropped", "subject", d.Subject, "id", d.ID)
			continue
		}
		if ref := (store.Ref{Stream: d.Headers[headerStream], Seq: seq}); len(refs) == 0 || refs[len(refs)-1] != ref {
			refs = append(refs, ref)
		}
	}
	if err := a.router.HandleRefs(ctx, refs); err != nil && ctx.Err() == nil {
		a.log.Warn("commits could not be handled; the sweep takes them", "commits", len(refs), "error", err)
	}
}

// remind announces again what the bus has forgotten, at the start or since its stream was last lost: for partners and event streams, because
// whatever is still pending is published by the sweep anyway. It is a job of the watch, so it never runs beside itself.
func (a *App) remind(ctx context.Context) error {
	if now := a.bus.Incarnation(); now != a.incarnation {
		a.incarnation, a.forgotten = now, afterLoss
	}
	if a.forgotten == 0 {
		return nil
	}
	var batch []store.Commit
	var published int
	flush := func() error {
		found, err := a.ledger.AnnouncementsOf(ctx, batch)
		if err != nil && !errors.Is(err, ledger.ErrNewer) {
			return err
		}
		var announcements []ledger.Announcement
		for _, c := range batch {
			announcements = append(announcements, found[store.Ref{Stream: c.Stream, Seq: c.Seq}]...)
		}
		batch = batch[:0]
		if len(announcements) == 0 {
			return nil
		}
		published += len(announcements)
		return a.publish(ctx, announcements)
	}
	err := a.ledger.RecordedSince(ctx, a.ledger.Now().Add(-a.forgotten), func(c store.Commit) error {
		if batch = append(batch, c); len(batch) >= 256 {
			return flush()
		}
		return nil
	})
	if err = errors.Join(err, flush()); err != nil {
		return fmt.Errorf("tell the bus again what it forgot: %w", err)
	}
	a.log.Info("the bus was told again what it had forgotten", "announcements", published, "back", a.forgotten)
	a.forgotten = 0
	return nil
}
