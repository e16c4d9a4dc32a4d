package notify_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"landfall/internal/notify"
)

func TestHealthIsForThoseWhoMaySeeAndCostsAFewQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimits(notify.Limits{Tick: time.Hour, Rescan: time.Hour})) // nobody else asks
	to := newReceiver(t, answering(200))
	var ids []string
	for range 100 {
		ids = append(ids, w.subscribe("ATG", to, notify.Filter{}).Value.ID)
	}
	other := w.subscribe("LCA", to, notify.Filter{})
	w.quiet()
	var asked atomic.Int64
	w.st.asked.Store(&asked)
	got, err := w.desk.Health(t.Context(), state("ATG"), append(ids, other.Value.ID, "nothing")...)
	if err != nil || len(got) != 100 {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	if n := asked.Load(); n > 3 {
		t.Errorf("%d questions to the store", n)
	}
	if h := got[ids[0]]; h.Circuit != notify.CircuitClosed || h.Waiting != 0 || h.EstimateSeconds != nil {
		t.Errorf("%+v", h)
	}
}

func TestHealthCountsOneByOneWhatIsTooMuchForAGlance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRate(notify.Rate{PerSecond: 1}))
	to := newReceiver(t, answering(200))
	busy := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	late := w.subscribe("LCA", to, notify.Filter{Kinds: []string{"incident.activated"}})
	idle := w.subscribe("LCA", to, notify.Filter{Kinds: []string{"incident.closed"}})
	w.openIncident("maria", "ATG", "LCA")
	var players sync.WaitGroup
	for range 11 {
		players.Go(func() {
			for range 100 {
				if _, err := w.tryPlay("maria", figure, act{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	players.Wait()
	w.eventually("they wait", func() bool { return w.health(busy).Waiting == 1099 })
	w.clock.forward(500 * time.Millisecond)
	w.play("maria", activated, act{})
	w.play("maria", activated, act{})
	since := w.clock.now()
	w.eventually("one of two waits", func() bool { h := w.health(late); return h.Waiting == 1 && h.LastCode == "200" })
	if h := w.health(late); !h.OldestWaitingAt.Equal(since) || *h.EstimateSeconds != 1 {
		t.Errorf("%+v", h)
	}
	if h := w.health(idle); h.Waiting != 0 || h.OldestWaitingAt != nil {
		t.Errorf("%+v", h)
	}
}
