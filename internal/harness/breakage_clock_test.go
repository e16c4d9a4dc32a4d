package harness_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
	"landfall/internal/ledger"
	"landfall/internal/notify"
)

const day = 24 * time.Hour

// A machine that starts with a wrong clock records what happens in the future; corrected, it must not wait for that.
func TestWhatWasAcceptedUnderAClockADayAheadIsFollowedUpAtOnceWhenTheClockIsRight(t *testing.T) {
	t.Parallel()
	for _, point := range []string{ledger.PointAnswered, notify.PointQueuedHalf, notify.PointAttempted, notify.PointChained} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, orders{Records: app.Records{Data: filepath.Join(t.TempDir(), "data")}, Die: point, Hit: 3, Ahead: day})
			s.tell()
			if !s.died() {
				s.p.kill()
				s.revive()
			}
			e := s.end()
			if len(e.Deliveries) != 40 || len(e.Alerts) != 4 || len(e.Figures) != 8 {
				t.Errorf("%d deliveries, %d alerts, %d figures", len(e.Deliveries), len(e.Alerts), len(e.Figures))
			}
			s.p.interrupt()
			s.proven()
		})
	}
}

func TestTheClockJumpsADayEitherWayAndEachDeadlineIsToldOnceAndNothingWaitsForTheClock(t *testing.T) {
	t.Parallel()
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	late, far := NewReceiver(t), NewReceiver(t)
	Subscribe(dominica, late, Object{"kinds": []string{"step.overdue"}})
	Subscribe(dominica, far, Object{"kinds": []string{"figure.reported"}})
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	figures := 0
	report := func() {
		figures++
		maria.Post(maria.Path+"/figures", Figure("DMA", figures, w.Clock.Now())).Want(http.StatusCreated)
	}
	arrives := func(when string) {
		t.Helper()
		began := time.Now()
		far.Await("figure.reported", figures)
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%s: a figure took %s", when, took)
		}
	}
	report()
	arrives("at first")

	idle(w)
	w.Pass(61 * minute)
	late.Await("step.overdue", 2)
	w.Pass(day)
	report()
	arrives("a day ahead")
	ahead := len(late.Of("step.overdue"))
	overdue := maria.Step("HUR-05")

	// A target that fails while the clock is wrong: its next attempts are planned by that clock.
	far.Fail(http.StatusServiceUnavailable)
	for range 3 {
		report()
	}
	Eventually(t, func() (bool, string) { return far.Asked() >= 3, "not asked" })
	w.Clock.Advance(-day)
	far.Answer(nil)
	report()
	w.Pass(6 * time.Second)
	arrives("set back a day")
	for range 3 {
		w.Pass(minute)
	}
	if again := maria.Step("HUR-05"); again.ETag() != overdue.ETag() {
		t.Errorf("HUR-05 changed: %s", again.Raw)
	}
	w.Restart()
	report()
	w.Pass(minute)
	arrives("after a restart")
	w.Pass(day)
	w.Clock.Advance(-day)
	w.Restart()
	w.Pass(day)
	report()
	arrives("ahead again")
	told := map[string]int{}
	for _, m := range late.Of("step.overdue") {
		told[fmt.Sprint(Dig(m.Event.Data, "step.key"), Dig(m.Event.Data, "step.due_revision"))]++
	}
	for step, times := range told {
		if times != 1 {
			t.Errorf("%s was told %d times", step, times)
		}
	}
	if len(told) < ahead || ahead < 3 {
		t.Errorf("%d deadlines told, %d of them by the clock that was ahead", len(told), ahead)
	}
	w.Verify()
}
