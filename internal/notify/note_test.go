package notify_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

func TestANoteIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 9, 18, 21, 35, 0, 123456000, time.UTC)
	announced := []ledger.Announcement{
		{
			EventID: "0190-0", Type: "incident.activated.v1", Stream: "incident/maria", Seq: 7, At: at, Exercise: true, Origin: "DMA",
			Data:     json.RawMessage(`{"title":"Côte <b> & \" \\ \u2028 d’Or","n":1.50}`),
			Incident: "maria", Parties: []string{"DMA", "ATG-BARBUDA"}, Level: ledger.Tourism, Owner: "ATG", Severity: "extreme", Kind: "activation",
			Alerts: []ledger.AlertCall{
				{Party: "ATG", Kind: "activation", RequiredBy: at.Add(time.Minute)},
				{Party: "LCA", Kind: "withdrawn", Subject: "HUR-05", Data: json.RawMessage(`{"code":"<&>"}`)},
			},
			Closes:  []ledger.AlertClose{{Party: "VCT", Kind: "named", Subject: "x", Reason: "unnamed"}, {Reason: "closed"}},
			Targets: []string{"one", "two"}, Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		},
		{EventID: "0190-2", Type: "step.overdue.v1", Stream: "incident/maria", Seq: 7, At: at, Data: json.RawMessage(`{}`)},
	}
	for i, n := range notify.NotesOf(notify.DefaultSource, "0a", announced, true) {
		notice := n.Notice()
		if slices.Contains(notice, '\n') {
			t.Errorf("the notice has several lines: %s", notice)
		}
		got, err := notify.ReadNote(n.Body, notice)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(announced[i], got.Announcement); diff != "" {
			t.Errorf("announcement (-want +got):\n%s", diff)
		}
		if got.Types != "0a" || got.Events != 2 || got.N != i+1 || !got.Told || got.Log || string(got.Body) != string(n.Body) {
			t.Errorf("read %d of %d, told %t, log %t", got.N, got.Events, got.Told, got.Log)
		}
		body, short := n.Short(notify.DefaultSource)
		ref, err := notify.ReadNote(body, short)
		if err != nil || !ref.Log || ref.Ref() != (store.Ref{Stream: "incident/maria", Seq: 7}) || ref.EventID != n.EventID ||
			string(ref.Data) != "{}" || !slices.Equal(ref.Parties, n.Parties) || len(ref.Alerts) != 0 {
			t.Errorf("short: %+v, %v", ref, err)
		}
	}
	for _, bad := range [][2]string{{`{}`, `{}`}, {`{"type":"com.example.x","id":"1","subject":"a/b","streamversion":1}`, `{}`}, {`{}`, `no`}, {`no`, `{}`}} {
		if n, err := notify.ReadNote([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%v was read as %+v", bad, n)
		}
	}
}

// playAll makes several things happen in one commit of Maria.
func (w *world) playAll(eventTypes ...string) {
	w.t.Helper()
	var events []ledger.Event
	for _, eventType := range eventTypes {
		events = append(events, ledger.Event{Type: eventType, Data: act{}})
	}
	_, err := w.acts.Execute(w.t.Context(), "maria", ledger.Command[incident]{Actor: ledger.System, Decide: func(incident, ledger.Moment) (ledger.Decision, error) {
		return ledger.Decision{Events: events}, nil
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// notes gives what a commit of Maria announces, as a notifier gets it.
func (w *world) notes(seq int64, told bool) []notify.Note {
	w.t.Helper()
	commits, err := w.raw.Commits(w.t.Context(), refs("incident/maria", seq))
	if err != nil || len(commits) != 1 {
		w.t.Fatalf("%d commits, %v", len(commits), err)
	}
	announced, err := w.l.Announcements(w.t.Context(), commits[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return notify.NotesOf(notify.DefaultSource, w.l.TypesDigest(), announced, told)
}

// TestANoteIsHandledHoweverItComes has the same events told in every way in which a bus can, and as often as it likes.
func TestANoteIsHandledHoweverItComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*", "alert.*"}})
	w.openIncident("maria", "ATG")
	w.play("maria", figure, act{})                // 2
	w.play("maria", activated, activation("ATG")) // 3
	w.playAll(figure, overdue, figure)            // 4: several events in one commit
	w.play("maria", figure, act{})                // 5
	receive := func(notes ...notify.Note) {
		t.Helper()
		if err := w.router.Receive(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
	}
	receive(w.notes(2, true)...) // told again: somebody has handled it
	if n := len(w.deliveries()); n != 0 {
		t.Fatalf("%d deliveries of what is only told again", n)
	}
	two, three, four := w.notes(2, false), w.notes(3, false), w.notes(4, false)
	receive(append(two, two...)...)
	receive(three...)
	w.alerted("ATG", 1)
	receive(four[0])
	receive(four[1])
	if n := len(w.deliveries()); n != 2 {
		t.Errorf("%d deliveries before the last event of a commit is told, want those of the figure and the alert", n)
	}
	receive(four[2])
	long := w.notes(5, false)[0]
	body, notice := long.Short(notify.DefaultSource)
	short, err := notify.ReadNote(body, notice)
	if err != nil {
		t.Fatal(err)
	}
	receive(short)
	receive(slices.Concat(two, three, four, []notify.Note{short})...) // all of it once more
	w.sweep()                                                         // what the subscription's own commits owe
	w.quiet()
	want := map[string]int{"landfall." + figure: 4, "landfall.alert.raised.v1": 1}
	if diff := cmp.Diff(want, to.types()); diff != "" {
		t.Errorf("distinct events that arrived (-want +got):\n%s", diff)
	}
	for id, n := range to.ids() {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	w.verified()
}

func TestAnUnNamingThatIsToldASecondTimeClosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var withdrawn atomic.Int32
	w.halt()
	w.opt.Withdraw = func(context.Context, ledger.Announcement) error { withdrawn.Add(1); return nil }
	w.restart()
	w.openIncident("maria", "ATG")
	w.play("maria", changed, act{Unnamed: []string{"ATG"}, Closes: []ledger.AlertClose{{Party: "ATG", Reason: "unnamed"}}})
	w.quiet()
	w.play("maria", changed, act{Named: []string{"ATG"}, Alerts: []call{{Party: "ATG", Kind: "named"}}})
	w.alerted("ATG", 1)
	w.quiet()
	for range 2 {
		if err := w.router.Receive(t.Context(), w.notes(2, false)); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.inbox(state("ATG"), notify.AlertQuery{}); !slices.Equal(got, []string{"named open"}) || withdrawn.Load() != 1 {
		t.Errorf("alerts %v, copies were taken away %d times", got, withdrawn.Load())
	}
}

// TestAnAlertThatAnotherRaisedCanBeFoundBeforeItsCauseOwesNothing has a process die between the commit of an alert and its documents.
func TestAnAlertThatAnotherRaisedCanBeFoundBeforeItsCauseOwesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.quiet()
	w.st.onBulk(func(ops []store.Op) moment {
		if writes(ops, store.OpPut, "alert", "") {
			return dieBefore
		}
		return survive
	})
	w.play("maria", activated, activation("ATG"))
	w.eventually("it dies", w.st.dead.Load)
	w.kill()
	w.restart()
	w.clock.forward(3 * time.Second)
	if _, err := w.router.Sweep(t.Context(), w.clock.now()); err != nil { // of notices alone
		t.Fatal(err)
	}
	if got := w.inbox(state("ATG"), notify.AlertQuery{}); !slices.Equal(got, []string{"activation open"}) {
		t.Errorf("alerts %v", got)
	}
	w.play("maria", closed, act{Closes: []ledger.AlertClose{{Reason: "closed"}}})
	w.eventually("it is closed", func() bool {
		return slices.Equal(w.inbox(state("ATG"), notify.AlertQuery{}), []string{"activation closed"})
	})
}

func TestASweepTakesNothingThatMayWaitOnTheBus(t *testing.T) {
	t.Parallel()
	var oldest time.Time
	w := newWorld(t, func(w *world) {
		w.opt.Waiting = func(context.Context) time.Time { return oldest }
	})
	w.deaf.Store(true)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{})
	w.sweep()
	w.quiet()
	oldest = w.clock.now()
	w.openIncident("maria", "ATG")
	w.clock.forward(time.Minute)
	if found, err := w.router.Sweep(t.Context(), w.clock.now()); found != 0 || err != nil {
		t.Errorf("the sweep took %d, %v, of what waits on the bus", found, err)
	}
	oldest = w.clock.now().Add(-10 * time.Second)
	if found, err := w.router.Sweep(t.Context(), w.clock.now()); found != 1 || err != nil {
		t.Errorf("the sweep took %d, %v; it is older than everything on the bus", found, err)
	}
	w.eventually("it arrives", func() bool { return len(to.ids()) == 1 })
	w.quiet()
}
