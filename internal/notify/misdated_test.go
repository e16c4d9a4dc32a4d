package notify_test

import (
	"testing"
	"time"

	"landfall/internal/notify"
)

func TestNothingWaitsForATimePlannedByAClockThatWasADayAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(503))
	w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	w.clock.forward(24 * time.Hour)
	var events []string
	for range 8 { // enough to open the circuit
		events = append(events, w.play("maria", figure, act{}))
	}
	w.eventually("the circuit opens", func() bool { return len(to.got()) >= 5 })
	w.deaf.Store(true)
	events = append(events, w.play("maria", figure, act{})) // recorded by the wrong clock, and nobody hears of it
	w.clock.forward(-24 * time.Hour)
	to.answers(answering(200))
	w.sweep()
	w.eventually("everything arrives", func() bool {
		w.clock.forward(100 * time.Millisecond)
		return len(to.ids()) == len(events)
	})
	w.quiet()
	w.verified()
}
