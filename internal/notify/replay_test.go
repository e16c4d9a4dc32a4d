package notify_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
)

// graveyard gives a world in which n figures to ATG and one step are dead, and the receiver works again.
func graveyard(t *testing.T, n int) (w *world, to *receiver, s notify.Subscribed, figures []string) {
	t.Helper()
	w = newWorld(t)
	to = newReceiver(t, answering(http.StatusGone))
	s = w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*", "step.*"}})
	w.openIncident("maria", "ATG")
	w.openIncident("irma", "ATG")
	for range n {
		figures = append(figures, w.play("maria", figure, act{}))
		if n <= 10 {
			w.becomes(figures[len(figures)-1], s, notify.Dead)
			w.clock.forward(time.Minute)
		}
	}
	w.play("irma", overdue, act{Step: "HUR-05"})
	w.eventually("all are dead", func() bool {
		dead := 0
		for _, d := range w.deliveries() {
			if d.Status == notify.Dead {
				dead++
			}
		}
		return dead == n+1
	})
	w.quiet()
	to.answers(answering(200))
	return w, to, s, figures
}

func delivered(w *world) int {
	n := 0
	for _, d := range w.deliveries() {
		if d.Status == notify.Delivered {
			n++
		}
	}
	return n
}

func TestAReplayIsOnRecordWithWhoAskedAndForWhom(t *testing.T) {
	t.Parallel()
	w, _, s, figures := graveyard(t, 1)
	id := notify.DeliveryID(figures[0], s.Value.ID)
	write := writeOf("once more")
	d, err := w.desk.Replay(t.Context(), state("ATG"), write, id)
	if err != nil || len(d.Replays) != 1 || d.Replays[0].Account != "account-ATG" {
		t.Fatalf("%+v, %v", d, err)
	}
	w.becomes(figures[0], s, notify.Delivered)
	// Repeated under its key it is the same replay, though the delivery is over by now.
	if again, err := w.desk.Replay(t.Context(), state("ATG"), write, id); err != nil || len(again.Replays) != 1 || again.Status != notify.Delivered {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{Key: write.Key, Digest: digest("other")}, id); !fault.Is(err, fault.Conflict) {
		t.Errorf("the key with another request: %v", err)
	}
	commits, err := w.raw.ReadStream(t.Context(), "replay/"+d.Replays[0].ID, 0, 0)
	if err != nil || len(commits) != 1 {
		t.Fatalf("%d commits, %v", len(commits), err)
	}
	events, err := ledger.Events(commits[0])
	if err != nil || events[0].Type != notify.EventReplayed || events[0].Actor.Account != "account-ATG" {
		t.Errorf("%+v, %v", events, err)
	}
	w.quiet()
	w.verified()
}

func TestDeliveriesAreReplayedByFilter(t *testing.T) {
	t.Parallel()
	const n = 10
	for _, c := range []struct {
		name  string
		scope access.Scope
		query func(w *world, s notify.Subscribed) notify.ReplayQuery
		want  int
	}{
		{"all that is dead", state("ATG"), func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{} }, n + 1},
		{"of everybody", first, func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{} }, n + 1},
		{"somebody else's", state("LCA"), func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{} }, 0},
		{"of one incident", state("ATG"), func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{Incident: "irma"} }, 1},
		{"of one subscription", state("ATG"), func(_ *world, s notify.Subscribed) notify.ReplayQuery {
			return notify.ReplayQuery{Subscription: s.Value.ID}
		}, n + 1},
		{"of another subscription", state("ATG"), func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{Subscription: "other"} }, 0},
		{"of another channel", state("ATG"), func(*world, notify.Subscribed) notify.ReplayQuery { return notify.ReplayQuery{Channel: "email"} }, 0},
		{"of another status", state("ATG"), func(*world, notify.Subscribed) notify.ReplayQuery {
			return notify.ReplayQuery{Status: []notify.Status{notify.Expired, notify.Cancelled}}
		}, 0},
		{"of a time", state("ATG"), func(w *world, _ notify.Subscribed) notify.ReplayQuery {
			return notify.ReplayQuery{Since: w.clock.plus(-5 * time.Minute), Until: w.clock.plus(-3 * time.Minute)}
		}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, _, s, _ := graveyard(t, n)
			got, err := w.desk.ReplayMatching(t.Context(), c.scope, access.Write{}, c.query(w, s))
			if err != nil || got != c.want {
				t.Fatalf("%d replayed, want %d, %v", got, c.want, err)
			}
			w.quiet()
			if got := delivered(w); got != c.want {
				t.Errorf("%d delivered, want %d", got, c.want)
			}
		})
	}
}

func TestAReplayByFilterIsCheckedAndAnswersTheSameUnderItsKey(t *testing.T) {
	t.Parallel()
	w, to, s, _ := graveyard(t, 60)
	w.desk.SetReplayPart(50)
	ask := func(q notify.ReplayQuery) error {
		_, err := w.desk.ReplayMatching(t.Context(), state("ATG"), access.Write{}, q)
		return err
	}
	if err := ask(notify.ReplayQuery{Since: w.clock.plus(-30*24*time.Hour - time.Second)}); fault.CodeOf(err) != "replay_too_old" || !fault.Is(err, fault.Invalid) {
		t.Errorf("a start too long ago: %v", err)
	}
	if err := ask(notify.ReplayQuery{Status: []notify.Status{notify.Queued}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("what is under way: %v", err)
	}
	if err := ask(notify.ReplayQuery{Since: w.clock.now(), Until: w.clock.plus(-time.Minute)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a time that ends before it begins: %v", err)
	}
	auditor := state("ATG")
	auditor.Role = access.RoleAuditor
	if _, err := w.desk.ReplayMatching(t.Context(), auditor, access.Write{}, notify.ReplayQuery{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an auditor replays: %v", err)
	}
	before := len(to.ids())
	for range 3 {
		n, err := w.desk.ReplayMatching(t.Context(), state("ATG"), writeOf("all"), notify.ReplayQuery{Subscription: s.Value.ID})
		if err != nil || n != 61 {
			t.Errorf("%d replayed, %v", n, err)
		}
		w.quiet()
	}
	for id, times := range to.ids() {
		if times != 2 {
			t.Errorf("%s arrived %d times, want once dead and once replayed", id, times)
		}
	}
	if len(to.ids()) != before {
		t.Errorf("%d ids, want %d", len(to.ids()), before)
	}
	if _, err := w.desk.ReplayMatching(t.Context(), state("ATG"), access.Write{Key: "all", Digest: digest("other")}, notify.ReplayQuery{}); !fault.Is(err, fault.Conflict) {
		t.Errorf("the key with another request: %v", err)
	}
}

func TestAReplayThatWasAcceptedHappensThoughTheProcessDies(t *testing.T) {
	t.Parallel()
	w, _, s, figures := graveyard(t, 60)
	w.desk.SetReplayPart(50)
	w.st.onAppend(dieOn("replay", dieAfter))
	if _, err := w.desk.ReplayMatching(t.Context(), state("ATG"), writeOf("all"), notify.ReplayQuery{}); err == nil {
		t.Fatal("it did not die")
	}
	w.kill()
	w.restart()
	w.sweep()
	w.eventually("the part that was on record is sent", func() bool { return delivered(w) == 50 })
	// Asked again, it goes on where it was broken off.
	if n, err := w.desk.ReplayMatching(t.Context(), state("ATG"), writeOf("all"), notify.ReplayQuery{}); err != nil || n != 61 {
		t.Errorf("%d replayed, %v", n, err)
	}
	w.quiet()
	if got := delivered(w); got != 61 {
		t.Errorf("%d delivered", got)
	}
	for _, event := range figures {
		if d := w.deliveryOf(event, s); len(d.Replays) != 1 {
			t.Errorf("%s was replayed %d times", d.ID, len(d.Replays))
		}
	}
	w.verified()
}

func TestWhatIsOverIsKeptForAWhileAndThenRemoved(t *testing.T) {
	t.Parallel()
	w, to, s, figures := graveyard(t, 3)
	w.clock.forward(89 * 24 * time.Hour)
	to.answers(answering(503))
	young := w.play("maria", figure, act{})
	w.becomes(young, s, notify.Retrying)
	if n, err := w.router.Retain(t.Context(), w.clock.now()); err != nil || n != 0 {
		t.Errorf("%d removed after 89 days, %v", n, err)
	}
	// One of the old is touched again.
	to.answers(answering(http.StatusGone))
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, notify.DeliveryID(figures[0], s.Value.ID)); err != nil {
		t.Fatal(err)
	}
	w.becomes(figures[0], s, notify.Dead)
	w.clock.forward(2 * 24 * time.Hour)
	if n, err := w.router.Retain(t.Context(), w.clock.now()); err != nil || n != 3 {
		t.Errorf("%d removed, want 3, %v", n, err)
	}
	var left []string
	for _, d := range w.deliveries() {
		if d.Incident != "" && d.AlertID == "" {
			left = append(left, d.EventID)
		}
	}
	slices.Sort(left)
	want := []string{figures[0], young}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
