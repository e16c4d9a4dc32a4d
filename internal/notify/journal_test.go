package notify_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"landfall/internal/notify"
	"landfall/internal/store"
)

func TestAnOutcomeIsRecordedOnceAndNoKeyIsLookedUpUnlessARecordMayBeThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.subscribe("ATG", newReceiver(t, answering(200)), notify.Filter{})
	w.openIncident("maria", "ATG")
	w.quiet()
	w.becomes(w.play("maria", figure, act{}), s, notify.Delivered)
	w.quiet()
	if n := w.st.keys.Load(); n != 0 {
		t.Errorf("%d keys were looked up, though each was new", n)
	}

	// The third record of the journal is written and nobody hears of it. Who looks for it fails in a
	// way that has it given up at once.
	var lost, given atomic.Bool
	w.st.onAppend(func(commits []store.Commit) moment {
		if appends(commits, notify.NounJournal) && lost.CompareAndSwap(false, true) {
			return loseReply
		}
		return survive
	})
	w.st.onRead(func(stream string) {
		if strings.HasPrefix(stream, "journal/") && lost.Load() && given.CompareAndSwap(false, true) {
			panic("the outcome stays unknown")
		}
	})
	d := w.becomes(w.play("maria", figure, act{}), s, notify.Delivered)
	w.sweep() // nobody derives the documents of a record that nobody has heard of
	w.quiet()
	if !given.Load() || w.st.keys.Load() != 1 || len(d.Attempts) != 1 {
		t.Errorf("given up %t, %d keys looked up, %d attempts", given.Load(), w.st.keys.Load(), len(d.Attempts))
	}
	journals, err := w.raw.Streams(t.Context(), "journal/", "", 10)
	if err != nil || len(journals) != 1 {
		t.Fatalf("%d journals: %v", len(journals), err)
	}
	if commits, err := w.raw.ReadStream(t.Context(), journals[0], 0, 0); err != nil || len(commits) != 3 {
		t.Errorf("the journal holds %d records of 3 outcomes: %v", len(commits), err)
	}
	w.verified()
}
