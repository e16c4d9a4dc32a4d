package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/place"
	"landfall/internal/store"
)

// routerDurable is the name of the notifiers' common consumer on the bus.
const routerDurable = "notifiers"

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

// publish puts notes on the bus.
func (a *App) publish(ctx context.Context, notes []notify.Note) error {
	return a.publishAsOf(ctx, notes, map[string]access.Thing{})
}

// publishAsOf is publish for a caller who has looked at incidents already: now holds them.
func (a *App) publishAsOf(ctx context.Context, notes []notify.Note, now map[string]access.Thing) error {
	messages := make([]bus.Message, 0, len(notes))
	for _, n := range notes {
		messages = append(messages, bus.Message{
			Subject: bus.Subject(n.Exercise, n.Origin, n.Incident, n.Type), ID: n.EventID, Body: n.Body, Notice: n.Notice(),
			Headers: map[string]string{headerStream: string(n.Stream), headerSeq: strconv.FormatInt(n.Seq, 10)}, For: a.copiesOf(ctx, n, now),
			Short: func() ([]byte, []byte) { return n.Short(notify.DefaultSource) },
		})
	}
	err := a.bus.Publish(ctx, messages)
	again := map[string]access.Thing{}
	for i, n := range notes { // at once, with what still waits here; the notifier makes sure of it
		if failed := a.withdraw(ctx, n.Announcement); failed != nil && ctx.Err() == nil {
			a.log.Warn("a state's copies of an incident it was un-named from could not be removed; the notifier tries again", "incident", n.Incident, "error", failed)
		}
		if failed := a.takeBack(ctx, n, messages[i].For, again); failed != nil && ctx.Err() == nil {
			a.log.Warn("a state may keep copies of an incident that it was just un-named from", "incident", n.Incident, "error", failed)
		}
	}
	return err
}

// withdraw takes the copies of an incident away from the states that an event un-names.
func (a *App) withdraw(ctx context.Context, n ledger.Announcement) error {
	var errs []error
	for _, c := range n.Closes {
		state := place.Party(c.Party).State()
		if c.Reason != "unnamed" || state == "" || slices.Contains(statesOf(n, access.ThingOf(n)), state) {
			continue
		}
		errs = append(errs, a.bus.PurgeFor(ctx, state, n.Incident))
	}
	return errors.Join(errs...)
}

// copiesOf returns the states whose systems get a copy of a note. Of one that is told (notify.Note)
// they are those alone that may read of it now: a state that was un-named since would get back what
// was taken from it.
func (a *App) copiesOf(ctx context.Context, n notify.Note, now map[string]access.Thing) []string {
	if !n.Told || n.Incident == "" {
		return statesOf(n.Announcement, access.ThingOf(n.Announcement))
	}
	thing, err := a.thing(ctx, n.Incident, now)
	if err != nil {
		a.log.Warn("no state gets a copy of an event, since nobody can say who may read of it now", "incident", n.Incident, "error", err)
		return nil
	}
	return statesOf(n.Announcement, thing)
}

// takeBack takes the copies of an incident away from states that were given one of a told note and
// were un-named before it was published: whoever un-named them removed copies that were not there
// yet.
func (a *App) takeBack(ctx context.Context, n notify.Note, copied []string, now map[string]access.Thing) error {
	if !n.Told || n.Incident == "" || len(copied) == 0 {
		return nil
	}
	thing, err := a.thing(ctx, n.Incident, now)
	if err != nil {
		return err
	}
	var errs []error
	still := statesOf(n.Announcement, thing)
	for _, state := range copied {
		if !slices.Contains(still, state) {
			errs = append(errs, a.bus.PurgeFor(ctx, state, n.Incident))
		}
	}
	return errors.Join(errs...)
}

// thing returns an incident as it stands. now holds the incidents that were looked at already.
func (a *App) thing(ctx context.Context, incident string, now map[string]access.Thing) (access.Thing, error) {
	thing, ok := now[incident]
	if ok {
		return thing, nil
	}
	thing, err := a.incidents.Thing(ctx, incident)
	if err == nil {
		now[incident] = thing
	}
	return thing, err
}

// statesOf returns the states whose systems get a copy of an event of an incident, each once: those
// that the policy lets read it whole.
func statesOf(n ledger.Announcement, thing access.Thing) []string {
	var states []string
	for _, p := range n.Parties {
		state := place.Party(p).State()
		if !place.Party(p).IsState() || slices.Contains(states, state) {
			continue
		}
		reader := access.Scope{Party: place.Party(state), Role: access.RolePartner}
		if data, ok := reader.Read(n, thing); ok && bytes.Equal(data, n.Data) {
			states = append(states, state)
		}
	}
	return states
}

// tell is the relay's Publish: what each commit announces, for whoever follows and for a notifier.
func (a *App) tell(ctx context.Context, batch []ledger.Appended) error {
	var notes []notify.Note
	for _, c := range batch {
		notes = append(notes, notify.NotesOf(notify.DefaultSource, a.ledger.TypesDigest(), c.Announcements, false)...)
	}
	return a.publish(ctx, notes)
}

// local gives commits that announce nothing straight to this process's notifier; nil where there is none, and they wait for the sweep of
// a process that has one.
func (a *App) local() func([]store.Commit) {
	if !a.opt.has(RoleNotify) {
		return nil
	}
	return func(commits []store.Commit) {
		if !a.held.Load() {
			a.router.Offer(commits)
		}
	}
}

// receive is the durable consumer: what it is given can be believed.
func (a *App) receive(ctx context.Context, deliveries []bus.Delivery) {
	a.guard.Run("what the bus delivers", func() { a.take(ctx, deliveries) })
}

func (a *App) take(ctx context.Context, deliveries []bus.Delivery) {
	notes := make([]notify.Note, 0, len(deliveries))
	for _, d := range deliveries {
		note, err := notify.ReadNote(d.Body, d.Notice)
		if err != nil {
			a.log.Error("a message on the bus cannot be read; the sweep takes its commit", "subject", d.Subject, "id", d.ID, "error", err)
			continue
		}
		notes = append(notes, note)
	}
	if err := a.router.Receive(ctx, notes); err != nil && ctx.Err() == nil {
		a.log.Warn("commits could not be handled; the sweep takes them", "events", len(notes), "error", err)
	}
}

// waiting gives when the oldest message was published that waits for a notifier; zero when none does, or nobody can tell.
func (a *App) waiting(ctx context.Context) time.Time {
	oldest, err := a.bus.Oldest(ctx, routerDurable)
	if err != nil {
		return time.Time{}
	}
	if a.ledger.Now().Sub(oldest).Abs() > longestWait {
		return time.Time{} // the clock of the bus is wrong
	}
	return oldest
}

// longestWait is how long a message may wait on the bus before that is believed no more.
const longestWait = 5 * time.Minute

// remind announces again what the bus has forgotten, at the start or since its stream was last lost: for partners and event streams, because
// whatever is still pending is published by the sweep anyway. It is a job of the watch, so it never runs beside itself.
func (a *App) remind(ctx context.Context) error {
	if now := a.bus.Incarnation(); now != a.incarnation {
		a.incarnation, a.forgotten = now, afterLoss
	}
	if a.forgotten == 0 {
		return nil
	}
	// One process does it for all that share the bus; the embedded bus has this one alone.
	work := func(ctx context.Context) error { return a.tellAgain(ctx) }
	if a.opt.NATSURL != "" {
		tell := work
		work = func(ctx context.Context) error { return a.once(ctx, "remind/"+a.incarnation, 2*time.Minute, tell) }
	}
	if err := work(ctx); err != nil {
		return err
	}
	a.forgotten = 0
	return nil
}

// tellAgain publishes what was recorded since the bus began to forget.
func (a *App) tellAgain(ctx context.Context) error {
	published := 0
	err := a.ledger.RecordedSince(ctx, a.ledger.Now().Add(-a.forgotten), func(commits []store.Commit) error {
		// What owes notices is on its way, or the sweep publishes it; a notifier must not pass it
		// over.
		commits = slices.DeleteFunc(commits, func(c store.Commit) bool { return c.Pending&store.OwesNotices != 0 })
		found, err := a.ledger.AnnouncementsOf(ctx, commits)
		if err != nil && !errors.Is(err, ledger.ErrNewer) {
			return err
		}
		var notes []notify.Note
		for _, c := range commits {
			notes = append(notes, notify.NotesOf(notify.DefaultSource, a.ledger.TypesDigest(), found[store.Ref{Stream: c.Stream, Seq: c.Seq}], true)...)
		}
		if len(notes) == 0 {
			return nil
		}
		published += len(notes)
		return a.publish(ctx, notes)
	})
	if err != nil {
		return fmt.Errorf("tell the bus again what it forgot: %w", err)
	}
	a.log.Info("the bus was told again what it had forgotten", "announcements", published, "back", a.forgotten)
	return nil
}
