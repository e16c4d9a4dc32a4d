package app

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"landfall/internal/access"
	"landfall/internal/console"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/rest"
	"landfall/internal/store"
)

// CloseBus takes the bus away beneath a process.
func (a *App) CloseBus(ctx context.Context) error { return a.bus.Close(ctx) }

// Panic is what a request that meets a mistake in the program does.
func (a *App) Panic() { a.guard.Run("a request", func() { panic("a mistake") }) }

// SetAside sets a work on a stream aside for every process.
func (a *App) SetAside(ctx context.Context, work ledger.Work, stream ledger.Stream) error {
	for range 3 {
		a.ledger.Asides().Fails(work, stream, 1, context.Canceled)
	}
	return a.RunOnce(ctx, "set_aside")
}

// Wake has something of a stream fall due.
func (a *App) Wake(ctx context.Context, stream ledger.Stream, at time.Time) error {
	doc := store.Doc{ID: string(stream), Version: 1, Body: []byte(`{}`), Index: map[string]any{"at": at}}
	_, err := a.store.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: ledger.KindWake, Doc: doc}})
	return err
}

// Handler gives what answers over HTTP, for calls without a network.
func (a *App) Handler() http.Handler { return a.server.(*rest.Server).Handler() }

// EventTypes gives every type of event that the ledger knows.
func (a *App) EventTypes() []string { return a.ledger.EventTypes() }

// Pages gives every address of the console with its method, as in "GET /incidents/:id".
func (a *App) Pages() ([]string, error) {
	pages, err := console.New(console.Options{Access: a.access, Incidents: a.incidents, Notify: a.notify, Preparedness: a.prepared, Heads: a.headDesk, Now: time.Now})
	if err != nil {
		return nil, err
	}
	return pages.Routes(), nil
}

// Announced gives everything that was announced, in the order of its streams, and every type of event that was recorded.
func (a *App) Announced(ctx context.Context) ([]ledger.Announcement, map[string]bool, error) {
	var all []ledger.Announcement
	types := map[string]bool{}
	err := a.ledger.RecordedSince(ctx, time.Time{}, func(commits []store.Commit) error {
		var errs []error
		for _, c := range commits {
			events, err := ledger.Events(c)
			for _, e := range events {
				types[e.Type] = true
			}
			found, failed := a.ledger.Announcements(ctx, c)
			all = append(all, found...)
			errs = append(errs, err, failed)
		}
		return errors.Join(errs...)
	})
	return all, types, err
}

// CopiesOf gives the states whose systems get a copy of an event.
func CopiesOf(n ledger.Announcement) []string { return statesOf(n, access.ThingOf(n)) }

// LateCopiesOf returns those whose systems get one when it is told late.
func (a *App) LateCopiesOf(ctx context.Context, n ledger.Announcement) []string {
	return a.copiesOf(ctx, notify.NotesOf(notify.DefaultSource, "", []ledger.Announcement{n}, true)[0], map[string]access.Thing{})
}

// PaceOf returns how long a change waits while messages are so far behind.
func PaceOf(behind time.Duration) time.Duration { return paceOf(behind) }

// Behind has messages be so far behind from now on, and returns what tells how many changes have
// waited. It is not for a service that is asked something meanwhile.
func (a *App) Behind(by time.Duration) (waited func() int64) {
	var n atomic.Int64
	a.pace.own = func() time.Duration { return by }
	a.pace.given = func(time.Duration) { n.Add(1) }
	return n.Load
}

// TellLate tells of an event late, by somebody who looked at the incident when the event happened.
func (a *App) TellLate(ctx context.Context, n ledger.Announcement) error {
	notes := notify.NotesOf(notify.DefaultSource, "", []ledger.Announcement{n}, true)
	return a.publishAsOf(ctx, notes, map[string]access.Thing{n.Incident: access.ThingOf(n)})
}
