package notify_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/notify"
)

func TestAnEventReachesItsSubscriberSignedAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(204))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	d := w.becomes(event, s, notify.Delivered)
	w.quiet()
	got := to.got()
	if len(got) != 2 {
		t.Fatalf("%d requests arrived, want 2", len(got))
	}
	for _, a := range got {
		if a.Header.Get("Content-Type") != notify.EventContentType || a.Header.Get("webhook-timestamp") != fmt.Sprint(w.clock.now().Unix()) {
			t.Errorf("headers %v", a.Header)
		}
	}
	if n := to.ids()[d.ID]; n != 1 {
		t.Errorf("the event came %d times under its delivery id", n)
	}
	if len(d.Attempts) != 1 || d.Attempts[0].Code != "204" || d.NextAttemptAt != nil || d.WaitingSince != nil {
		t.Errorf("delivery %+v", d)
	}
	if strings.Contains(d.Target, "secret-path") {
		t.Errorf("the target is shown whole: %s", d.Target)
	}
	w.verified()
}

func TestAFailingReceiverDelaysNobodyAndGetsItsOwnAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := newReceiver(t, answering(200)), newReceiver(t, answering(500))
	// The failing one comes first: a loop over receivers would starve the other.
	sBad, sGood := w.subscribe("LCA", bad, notify.Filter{}), w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG", "LCA")
	event := w.play("maria", activated, act{})
	w.becomes(event, sGood, notify.Delivered)
	d := w.becomes(event, sBad, notify.Retrying)
	if want := d.Attempts[0].At.Add(5 * time.Second); !d.NextAttemptAt.Equal(want) {
		t.Errorf("next attempt at %s, want %s", d.NextAttemptAt, want)
	}
	w.clock.forward(5 * time.Second)
	w.eventually("a second attempt", func() bool { return len(w.deliveryOf(event, sBad).Attempts) == 2 })
	d = w.deliveryOf(event, sBad)
	if want := d.Attempts[1].At.Add(30 * time.Second); d.Status != notify.Retrying || !d.NextAttemptAt.Equal(want) {
		t.Errorf("after the second attempt: %s, next %s, want %s", d.Status, d.NextAttemptAt, want)
	}
	bad.answers(answering(200))
	w.clock.forward(30 * time.Second)
	w.becomes(event, sBad, notify.Delivered)
	w.quiet()
	if ids := good.ids(); len(ids) != 2 {
		t.Errorf("the good one got %v", ids)
	}
	for id, n := range good.ids() {
		if n != 1 {
			t.Errorf("the good one got %s %d times", id, n)
		}
	}
	if ids := bad.ids(); len(ids) != 2 || ids[d.ID] != 3 {
		t.Errorf("the bad one got %v", ids)
	}
	w.verified()
}

func TestTheScheduleEndsInADeadLetterThatAPersonCanReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"step.*"}})
	w.openIncident("maria", "ATG")
	event := w.play("maria", overdue, act{Step: "HUR-05"})
	for n := range notify.DefaultRetries() {
		d := w.becomes(event, s, notify.Retrying)
		w.eventually("attempt", func() bool { d = w.deliveryOf(event, s); return len(d.Attempts) == n+1 })
		if _, err := w.desk.Replay(t.Context(), state("LCA"), access.Write{}, d.ID); err == nil {
			t.Fatal("somebody else replayed it")
		}
		w.clock.forward(d.NextAttemptAt.Sub(w.clock.now()))
	}
	d := w.becomes(event, s, notify.Dead)
	if len(d.Attempts) != 9 || d.NextAttemptAt != nil {
		t.Errorf("%d attempts, next %v", len(d.Attempts), d.NextAttemptAt)
	}
	w.quiet() // a dead letter is not waited for
	to.answers(answering(200))
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, d.ID); err != nil {
		t.Fatal(err)
	}
	d = w.becomes(event, s, notify.Delivered)
	if len(d.Attempts) != 10 || len(d.Replays) != 1 || d.Replays[0].Account != "account-ATG" {
		t.Errorf("after the replay: %+v", d)
	}
	if ids := to.ids(); len(ids) != 1 || ids[d.ID] != 10 {
		t.Errorf("arrived: %v", ids)
	}
	w.verified()
}

func TestAReplayedDeliveryStartsItsScheduleAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRetries(time.Second))
	to := newReceiver(t, answering(500))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"incident.*"}})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	w.becomes(event, s, notify.Retrying)
	w.clock.forward(time.Second)
	d := w.becomes(event, s, notify.Dead)
	if _, err := w.desk.Replay(t.Context(), first, access.Write{}, d.ID); err != nil {
		t.Fatal(err)
	}
	d = w.becomes(event, s, notify.Retrying)
	if len(d.Attempts) != 3 || d.Round != 2 {
		t.Errorf("after the replay: %+v", d)
	}
}

func TestAnEmptyScheduleMeansOneAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRetries())
	to := newReceiver(t, answering(500))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	if d := w.becomes(event, s, notify.Dead); len(d.Attempts) != 1 {
		t.Errorf("%d attempts", len(d.Attempts))
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "120")
		rw.WriteHeader(http.StatusTooManyRequests)
	})
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"incident.activated"}})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	d := w.becomes(event, s, notify.Retrying)
	if wait := d.NextAttemptAt.Sub(d.Attempts[0].At); wait != 120*time.Second {
		t.Fatalf("next attempt after %s, want 2 min", wait)
	}
	to.answers(answering(200))
	w.clock.forward(119 * time.Second)
	w.play("maria", activated, act{Step: "later"}) // the target itself is not held up
	w.eventually("the later event", func() bool { return len(to.got()) == 2 })
	if n := len(w.deliveryOf(event, s).Attempts); n != 1 {
		t.Fatalf("tried %d times before it was asked to", n)
	}
	w.clock.forward(time.Second)
	w.becomes(event, s, notify.Delivered)
}

func TestGoneIsFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(http.StatusGone))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	if d := w.becomes(event, s, notify.Dead); len(d.Attempts) != 1 || d.Attempts[0].Code != "410" {
		t.Errorf("%+v", d.Attempts)
	}
}

func TestHungReceiversDelayNobody(t *testing.T) {
	t.Parallel()
	limits := notify.Limits{Sends: 8, SendsTarget: 2, SlowAfter: 20 * time.Millisecond}
	w := newWorld(t, withLimits(limits))
	release := make(chan struct{})
	var once sync.Once
	let := func() { once.Do(func() { close(release) }) }
	t.Cleanup(let)
	var hung []notify.Subscribed
	for range 12 { // more than there are places
		to := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
			select {
			case <-release:
			case <-req.Context().Done():
			}
		})
		hung = append(hung, w.subscribe("LCA", to, notify.Filter{}))
	}
	good := newReceiver(t, answering(200))
	s := w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG", "LCA")
	var event string
	for range 50 {
		event = w.play("maria", figure, act{})
	}
	w.becomes(event, s, notify.Delivered)
	w.eventually("the good receiver has everything", func() bool { return len(good.ids()) == 51 })
	if d := w.deliveryOf(event, hung[0]); d.Status == notify.Delivered {
		t.Error("a hung receiver counts as delivered")
	}
	let()
	w.halt()
}

func TestTwentyWorkersTimesTwoHundredAreNeitherLostNorDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var receivers []*receiver
	for range 2 {
		to := newReceiver(t, answering(200))
		w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
		receivers = append(receivers, to)
	}
	for i := range 5 {
		w.openIncident(fmt.Sprint("incident-", i), "ATG")
	}
	var workers sync.WaitGroup
	for n := range 20 {
		workers.Go(func() {
			for range 200 {
				if _, err := w.tryPlay(fmt.Sprint("incident-", n%5), figure, act{}); err != nil {
					t.Errorf("worker %d: %v", n, err)
				}
			}
		})
	}
	workers.Wait()
	w.arrive(4000, receivers...)
	w.quiet()
	for i, to := range receivers {
		if got, ids := len(to.got()), len(to.ids()); got != 4000 || ids != 4000 {
			t.Errorf("receiver %d got %d requests with %d ids, want 4000", i, got, ids)
		}
	}
	w.verified()
}

func TestAReceiverDeletedInFlightEndsItsDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(500))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	w.becomes(event, s, notify.Retrying)
	if err := w.desk.Unsubscribe(t.Context(), state("ATG"), ifMatch(w, s.Seq), s.Value.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{event, commitID(t, w.raw, 1) + "-0"} {
		d := w.cancelled(id, s)
		if last := d.Attempts[len(d.Attempts)-1]; last.Code != "subscription_deleted" {
			t.Errorf("cancelled with %q", last.Code)
		}
	}
	w.quiet()
	w.verified()
}

// A subscription that ends while the outcome of an attempt is on its way: whoever had looked before it ended must not leave the delivery
// behind until its next attempt, hours later.
func TestASubscriptionThatEndsDuringAnAttemptLeavesNothingWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := make(chan struct{})
	to := newReceiver(t, func(rw http.ResponseWriter, req *http.Request) {
		until(answer)(rw, req)
		rw.WriteHeader(http.StatusInternalServerError)
	})
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	w.eventually("it is being sent", func() bool { return len(to.got()) == 1 })
	if err := w.desk.Unsubscribe(t.Context(), state("ATG"), ifMatch(w, s.Seq), s.Value.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.router.Sweep(t.Context(), w.clock.plus(3*time.Second)); err != nil {
		t.Errorf("what is in hand is no failure: %v", err)
	}
	close(answer)
	event := commitID(t, w.raw, 1) + "-0"
	if d := w.cancelled(event, s); len(d.Attempts) != 2 || d.Attempts[0].Code != "500" || d.Attempts[1].Code != "subscription_deleted" {
		t.Errorf("attempts %+v", d.Attempts)
	}
	w.quiet()
	w.verified()
}

func TestAnUnNamedPartyGetsNothingMoreInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(500))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	w.becomes(event, s, notify.Retrying)
	w.play("maria", changed, act{Unnamed: []string{"ATG"}})
	to.answers(answering(200))
	w.clock.forward(5 * time.Second)
	d := w.becomes(event, s, notify.Cancelled)
	if last := d.Attempts[len(d.Attempts)-1]; last.Code != "not_named" || len(d.Attempts) != 2 {
		t.Errorf("attempts %+v", d.Attempts)
	}
	w.quiet()
}

func TestExercisesReachOnlyThoseWhoAskedForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	receivers := map[notify.Exercise]*receiver{}
	subs := map[notify.Exercise]notify.Subscribed{}
	for _, x := range []notify.Exercise{notify.ExerciseExclude, notify.ExerciseInclude, notify.ExerciseOnly} {
		receivers[x] = newReceiver(t, answering(500))
		subs[x] = w.subscribe("ATG", receivers[x], notify.Filter{Exercise: x})
	}
	drill := w.play("drill", opened, act{Origin: "DMA", Title: "Drill", Named: []string{"ATG"}, Exercise: true})
	real := w.play("maria", opened, act{Origin: "DMA", Title: "Maria", Named: []string{"ATG"}})
	w.becomes(drill, subs[notify.ExerciseInclude], notify.Retrying)
	w.becomes(drill, subs[notify.ExerciseOnly], notify.Retrying)
	w.becomes(real, subs[notify.ExerciseExclude], notify.Retrying)
	w.becomes(real, subs[notify.ExerciseInclude], notify.Retrying)
	if w.deliveryOf(drill, subs[notify.ExerciseExclude]) != nil || w.deliveryOf(real, subs[notify.ExerciseOnly]) != nil {
		t.Error("a delivery exists that nobody asked for")
	}
	// Opting out takes effect on what is on its way already, and on a replay.
	s := subs[notify.ExerciseInclude]
	if _, err := w.desk.ChangeSubscription(t.Context(), state("ATG"), ifMatch(w, s.Seq), s.Value.ID, notify.SubscriptionRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, to := range receivers {
		to.answers(answering(200))
	}
	before := len(receivers[notify.ExerciseInclude].got())
	w.clock.forward(5 * time.Second)
	d := w.becomes(drill, s, notify.Cancelled)
	w.becomes(real, s, notify.Delivered)
	if _, err := w.desk.Replay(t.Context(), state("ATG"), access.Write{}, d.ID); err != nil {
		t.Fatal(err)
	}
	w.eventually("the replay is cancelled too", func() bool {
		d := w.deliveryOf(drill, s)
		return d.Status == notify.Cancelled && len(d.Attempts) == 3
	})
	if got := len(receivers[notify.ExerciseInclude].got()); got != before+1 {
		t.Errorf("%d arrived after opting out, want the real one", got-before)
	}
}
