package harness_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// hours and minutes of the field.
const (
	hour   = time.Hour
	minute = time.Minute
)

func TestANeighbourIsToldWithASignedEventAndItsAcknowledgementIsSeenAtTheOrigin(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far, home := NewReceiver(t), NewReceiver(t)
	_, secret := Subscribe(antigua, far, nil)
	Subscribe(dominica, home, Object{"kinds": []string{"alert.acknowledged"}})

	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))

	activated := far.Await("incident.activated", 1)[0]
	far.CheckSignature(activated, secret)
	if got := Dig(activated.Event.Data, "incident.code"); got != maria.Code {
		t.Errorf("the event names incident %v, want %s", got, maria.Code)
	}
	alert := antigua.AwaitAlert("activation", 1)[0]
	ack := antigua.Post(fmt.Sprintf("/api/v1/alerts/%s/acknowledge", alert["id"]), Object{"outcome": "received"}).Want(http.StatusOK)
	if ack.Str("status") != "acknowledged" || ack.Str("acknowledged.version") == "" {
		t.Errorf("acknowledged: %s", ack.Raw)
	}
	home.Await("alert.acknowledged", 1)

	Eventually(t, func() (bool, string) {
		told := maria.Get(maria.Path + "/acknowledgements").Want(http.StatusOK)
		for _, party := range told.Items() {
			for _, about := range party["alerts"].([]any) {
				alert := about.(Object)
				if Dig(alert, "alert.kind") == "activation" && party["party"] == "ATG" {
					deliveries, _ := alert["deliveries"].([]any)
					return Dig(alert, "alert.acknowledged.outcome") == "received" && len(deliveries) == 1 && deliveries[0].(Object)["status"] == "delivered", string(told.Raw)
				}
			}
		}
		return false, string(told.Raw)
	})
	w.Verify()
}

func TestAStepNobodyDidIsAnnouncedOnceWhenItsTimePassesWhileTheServiceIsStopped(t *testing.T) {
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	home := NewReceiver(t)
	Subscribe(dominica, home, Object{"kinds": []string{"step.overdue"}})
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	due := maria.Step("HUR-05") // the request for assistance, an hour after activation
	if due.Str("overdue") != "false" || due.Str("due_at") == "" {
		t.Fatalf("HUR-05: %s", due.Raw)
	}

	w.Halt()
	w.Clock.Advance(90 * minute)
	w.Boot()
	w.Pass(0)

	// The watch step is due as long after activation as the request: what is late is announced in one commit, each for itself.
	home.Await("step.overdue", 2)
	dominica.AwaitAlert("step_overdue", 2)
	for range 3 { // the watch goes on, and so do restarts
		w.Pass(minute)
		w.Restart()
	}
	w.Pass(minute)
	times := map[any]int{}
	for _, m := range home.Of("step.overdue") {
		times[Dig(m.Event.Data, "step.key")]++
	}
	if len(times) != 2 || times["HUR-04"] != 1 || times["HUR-05"] != 1 {
		t.Errorf("announced: %v", times)
	}
	if maria.Step("HUR-05").Str("overdue") != "true" {
		t.Error("the step does not show as overdue")
	}
	w.Verify()
}

func TestWhoIsNotNamedSeesNothingAnywhere(t *testing.T) {
	w := New(t)
	dominica, antigua, lucia := w.Account("DMA", "coordinator"), w.Account("ATG", "official"), w.Account("LCA", "official")
	outside := NewReceiver(t)
	Subscribe(lucia, outside, nil)
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	antigua.AwaitAlert("activation", 1)

	absent := lucia.Get("/api/v1/incidents/00000000-0000-7000-8000-000000000000").Want(http.StatusNotFound)
	hidden := lucia.Get(maria.Path).Want(http.StatusNotFound)
	same := func(a, b Answer) bool {
		delete(a.Body, "instance")
		delete(b.Body, "instance")
		return fmt.Sprint(a.Body) == fmt.Sprint(b.Body)
	}
	if !same(absent, hidden) {
		t.Errorf("absent and invisible differ:\n%s\n%s", absent.Raw, hidden.Raw)
	}
	for _, path := range []string{"/steps", "/movements", "/figures", "/answers", "/timeline", "/acknowledgements", "/anchors/LANDFALL"} {
		lucia.Get(maria.Path + path).Want(http.StatusNotFound)
	}
	for _, list := range []string{"/api/v1/incidents", "/api/v1/alerts", "/api/v1/deliveries"} {
		if n := len(lucia.Get(list).Want(http.StatusOK).Items()); n != 0 {
			t.Errorf("%s shows %d items to a state that is not named", list, n)
		}
	}

	// Named, it sees; un-named, it sees nothing at once, and is told only that the notice is withdrawn.
	etag := maria.Get(maria.Path).ETag()
	named := maria.Put(maria.Path+"/receivers", Object{"receivers": []string{"ATG", "LCA"}}, IfMatch(etag)).Want(http.StatusOK)
	lucia.Get(maria.Path).Want(http.StatusOK)
	if late := lucia.AwaitAlert("named", 1)[0]; late["required_by"] == nil {
		t.Errorf("a state named while the protocol runs need not acknowledge: %v", late)
	}
	outside.Await("alert.raised", 1)
	maria.Put(maria.Path+"/receivers", Object{"receivers": []string{"ATG"}}, IfMatch(named.ETag())).Want(http.StatusOK)
	lucia.Get(maria.Path).Want(http.StatusNotFound)
	withdrawn := lucia.AwaitAlert("withdrawn", 1)
	if len(withdrawn) != 1 {
		t.Errorf("%d withdrawals", len(withdrawn))
	}
	before := len(outside.Messages())
	maria.Post(maria.Path+"/figures", Figure("DMA", 3000, w.Clock.Now())).Want(http.StatusCreated)
	w.Pass(minute)
	for _, m := range outside.Messages()[before:] {
		if Kind(m.Event.Type) == "figure.reported" {
			t.Errorf("a state that is no longer named got %s", m.Body)
		}
	}
	w.Verify()
}

func TestOneHungReceiverDelaysNobodyElse(t *testing.T) {
	w := New(t)
	dominica, antigua, lucia := w.Account("DMA", "coordinator"), w.Account("ATG", "official"), w.Account("LCA", "official")
	hung, well := NewReceiver(t), NewReceiver(t)
	hung.Hang()
	Subscribe(antigua, hung, nil)
	Subscribe(lucia, well, nil)
	maria := w.Maria(dominica, []string{"ATG", "LCA"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	for i := range 50 {
		maria.Post(maria.Path+"/figures", Figure("DMA", 100+i, w.Clock.Now())).Want(http.StatusCreated)
	}
	began := time.Now()
	well.Await("figure.reported", 50)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the well receiver waited %s", took)
	}
	if len(hung.Messages()) != 0 {
		t.Error("the hung receiver counts as told")
	}
}

func TestAReceiverThatIsDownGetsEverythingUnderOneIdEachWhenItIsBack(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far := NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	Subscribe(antigua, far, Object{"kinds": []string{"figure.*"}})
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	const n = 30
	for i := range n {
		maria.Post(maria.Path+"/figures", Figure("DMA", 100+i, w.Clock.Now())).Want(http.StatusCreated)
	}
	Eventually(t, func() (bool, string) { return far.Asked() > 0, "never asked" })
	w.Halt()
	w.LoseBus()
	w.Clock.Advance(10 * minute)
	far.Answer(nil)
	w.Boot()
	w.Pass(5 * time.Second)
	got := far.Await("figure.reported", n)
	ids := map[string]bool{}
	for _, m := range got {
		ids[m.Event.ID] = true
	}
	if len(ids) != n || len(got) != n {
		t.Errorf("%d messages of %d events, want %d of %d", len(got), len(ids), n, n)
	}
	// Nothing handled is sent again by a bus that lost its memory.
	w.Restart()
	w.Pass(5 * time.Second)
	w.Halt()
	w.LoseBus()
	w.Boot()
	w.Pass(5 * time.Second)
	Eventually(t, func() (bool, string) {
		a := w.Admin.Get("/api/v1/deliveries?limit=500").Want(http.StatusOK)
		for _, d := range a.Items() {
			if d["status"] != "delivered" {
				return false, fmt.Sprintf("a delivery is %v", d["status"])
			}
		}
		return len(a.Items()) == n, fmt.Sprintf("%d deliveries", len(a.Items()))
	})
	if again := len(far.Of("figure.reported")); again != n {
		t.Errorf("%d messages after the bus was lost again, want %d", again, n)
	}
	w.Verify()
}

func TestExercisesReachOnlyWhoAskedForThem(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	actual, drill := NewReceiver(t), NewReceiver(t)
	Subscribe(antigua, actual, nil)
	Subscribe(antigua, drill, Object{"exercise": "include"})
	maria := w.Maria(dominica, []string{"ATG"}, Object{"exercise": true, "exercise_speed": 240})
	maria.Activate(w.Clock.Now().Add(54 * hour))
	for _, m := range drill.Await("incident.activated", 1) {
		if !m.Event.Exercise {
			t.Errorf("an exercise is not marked as one: %s", m.Body)
		}
	}
	w.Pass(minute) // four hours of the story
	drill.Await("step.overdue", 1)
	if n := len(actual.Messages()); n != 0 {
		t.Errorf("%d exercise messages reached a destination that did not ask for them", n)
	}
	w.Verify()
}

func TestAHazardOfAnExerciseReachesOnlyWhoAskedForExercises(t *testing.T) {
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	actual, all, drill := NewReceiver(t), NewReceiver(t), NewReceiver(t)
	Subscribe(w.Admin, actual, Object{"kinds": []string{"hazard.*"}})
	Subscribe(w.Admin, all, Object{"kinds": []string{"hazard.*"}, "exercise": "include"})
	Subscribe(w.Admin, drill, Object{"kinds": []string{"hazard.*"}, "exercise": "only"})
	for name, exercise := range map[string]bool{"Maria": false, "Delta": true} {
		dominica.Post("/api/v1/hazards", Object{"name": name, "type": "TC", "started_at": w.Clock.Now(), "exercise": exercise}).Want(http.StatusCreated)
	}
	for r, want := range map[*Receiver][]bool{actual: {false}, all: {false, true}, drill: {true}} {
		r.Await("hazard.opened", len(want))
	}
	deliveries := w.Admin.Get("/api/v1/deliveries?limit=500").Want(http.StatusOK).Items()
	if len(deliveries) != 4 {
		t.Errorf("%d deliveries, want one each of two subscriptions and two of the third: %v", len(deliveries), deliveries)
	}
	for r, want := range map[*Receiver][]bool{actual: {false}, all: {false, true}, drill: {true}} {
		for _, m := range r.Of("hazard.opened") {
			hazard := m.Event.Data["hazard"].(map[string]any)
			if !slices.Contains(want, m.Event.Exercise) || hazard["exercise"] != m.Event.Exercise || m.Event.Exercise != (hazard["name"] == "Delta") {
				t.Errorf("who wants exercises %v got %s", want, m.Body)
			}
		}
	}
	w.Verify()
}

func TestADraftIsTheOriginsOwnUntilItIsOpened(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	maria := w.Maria(dominica, []string{"ATG"}, Object{"draft": true})
	antigua.Get(maria.Path).Want(http.StatusNotFound)
	if n := len(antigua.Get("/api/v1/incidents").Want(http.StatusOK).Items()); n != 0 {
		t.Errorf("%d incidents", n)
	}
	maria.Post(maria.Path+"/open", Object{}).Want(http.StatusOK)
	antigua.Get(maria.Path).Want(http.StatusOK)
	antigua.AwaitAlert("named", 1)
}

func TestABadLineRepeatsARequestAndItCountsOnce(t *testing.T) {
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	maria := w.Maria(dominica, nil, nil)
	body := Figure("DMA", 3000, w.Clock.Now())
	var wg sync.WaitGroup
	answers := make([]Answer, 8)
	for i := range answers {
		wg.Go(func() { answers[i], _ = maria.Try(http.MethodPost, maria.Path+"/figures", body, Key("phone-1")) })
	}
	wg.Wait()
	for _, a := range answers {
		if a.Status != http.StatusCreated || string(a.Raw) != string(answers[0].Raw) {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	}
	if n := len(maria.Get(maria.Path + "/figures").Want(http.StatusOK).Items()); n != 1 {
		t.Errorf("%d figures", n)
	}
	body["number"] = 2000
	if a := maria.Post(maria.Path+"/figures", body, Key("phone-1")).Want(http.StatusConflict); a.Str("code") != "idempotency_key_reused" {
		t.Errorf("%s", a.Raw)
	}
	w.Restart()
	body["number"] = 3000
	if a := maria.Post(maria.Path+"/figures", body, Key("phone-1")).Want(http.StatusCreated); string(a.Raw) != string(answers[0].Raw) {
		t.Errorf("after a restart: %s", a.Raw)
	}
}

func TestOneStormFromTheFirstAdvisoryToTheLastReturn(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	landfall := w.Clock.Now().Add(72 * hour).Truncate(time.Second)
	maria.Post(maria.Path+"/monitor", Object{"protocol": "hurricane", "anchors": Object{"LANDFALL": Object{"at": landfall, "kind": "forecast"}}}).Want(http.StatusOK)
	antigua.AwaitAlert("planning", 1)
	maria.Post(maria.Path+"/steps/HUR-01/complete", Object{"evidence": Object{"type": "receipt", "reference": "roster 3"}}).Want(http.StatusOK)

	w.Pass(18 * hour)
	maria.Activate(landfall)
	maria.Post(maria.Path+"/steps/HUR-05/complete", Object{}).Want(http.StatusOK)
	if maria.Step("HUR-05").Str("proof_owed") != "true" {
		t.Error("a step done without evidence owes no proof")
	}
	ours := maria.As(antigua)
	ours.Post(maria.Path+"/answers", Object{"kind": "accept", "ceiling": 300, "conditions": []string{"Two ports only", "Six months"}}).Want(http.StatusCreated)
	if a := dominica.Post(maria.Path+"/steps/HUR-07.ATG/complete", Object{}); a.Status != http.StatusForbidden {
		t.Errorf("the origin closed a receiving state's step: %d", a.Status)
	}
	ours.Post(maria.Path+"/steps/HUR-07.ATG/complete", Object{"evidence": Object{"type": "note_verbale", "reference": "NV 114"}}).Want(http.StatusOK)

	// The forecast moves; the old due times stay to be seen.
	before := maria.Step("HUR-17")
	anchor := maria.Get(maria.Path + "/anchors/LANDFALL").Want(http.StatusOK)
	maria.Put(maria.Path+"/anchors/LANDFALL", Object{"at": landfall.Add(9 * hour), "kind": "forecast"}).Want(http.StatusPreconditionRequired)
	maria.Put(maria.Path+"/anchors/LANDFALL", Object{"at": landfall.Add(9 * hour), "kind": "forecast"}, IfMatch(anchor.ETag())).Want(http.StatusOK)
	if after := maria.Step("HUR-17"); after.Str("due_at") == before.Str("due_at") {
		t.Errorf("moving the landfall left HUR-17 due at %s", after.Str("due_at"))
	}
	maria.Put(maria.Path+"/anchors/LANDFALL", Object{"at": landfall, "kind": "forecast"}, IfMatch(anchor.ETag())).Want(http.StatusPreconditionFailed)

	leaves := w.Clock.Now().Add(2 * hour).Truncate(time.Second)
	boat := maria.Post(maria.Path+"/movements", Object{
		"mode": "sea", "carrier": "Chartered ferry", "from": Object{"party": "DMA", "name": "Roseau", "port": "DMRSU"},
		"to": Object{"party": "ATG", "name": "St John's", "port": "AGSJO"}, "departs_at": leaves, "eta": leaves.Add(7 * hour), "people": Object{"total": 150},
	}).Want(http.StatusCreated)
	antigua.AwaitAlert("movement", 1)
	path := maria.Path + "/movements/" + boat.Str("id")
	w.Pass(2 * hour)
	maria.Post(path+"/depart", Object{"people": Object{"total": 150}}).Want(http.StatusOK)
	w.Pass(7 * hour)
	arrived := ours.Post(path+"/arrive", Object{"people": Object{"total": 148}, "reason": "Two got off before departure"}).Want(http.StatusOK)
	if arrived.Str("difference") != "-2" {
		t.Errorf("the counts at both ends: %s", arrived.Raw)
	}
	// The first arrival starts the receiving side's clock.
	if s := ours.Step("HUR-22.ATG"); s.Str("due_at") == "" {
		t.Errorf("HUR-22.ATG has no due time after the first arrival: %s", s.Raw)
	}
	if a := maria.Post(maria.Path+"/close", Object{"reason": "done"}); a.Status != http.StatusConflict || a.Str("code") != "unfinished" {
		t.Errorf("closed with open steps: %d %s", a.Status, a.Raw)
	}
	for _, c := range []*Incident{maria, maria.As(w.Admin)} {
		for _, s := range c.Get(maria.Path + "/steps").Want(http.StatusOK).Items() {
			step := c.Get(fmt.Sprintf("%s/steps/%s", maria.Path, s["key"])).Want(http.StatusOK)
			if step.Str("status") == "done" && step.Str("proof_owed") == "true" {
				c.Post(fmt.Sprintf("%s/steps/%s/complete", maria.Path, s["key"]), Object{"evidence": Object{"type": "receipt", "reference": "late"}})
			}
			if st := step.Str("status"); st == "pending" || st == "in_progress" {
				c.Post(fmt.Sprintf("%s/steps/%s/not-applicable", maria.Path, s["key"]), Object{"reason": "end of the story"})
			}
		}
	}
	final := Figure("ATG", 148, w.Clock.Now())
	final["final"], final["role"] = true, "recommended"
	ours.Post(maria.Path+"/figures", final).Want(http.StatusCreated)
	maria.Post(maria.Path+"/close", Object{"reason": "Everybody is back."}).Want(http.StatusOK)
	maria.Post(maria.Path+"/movements", Object{
		"mode": "sea", "from": Object{"party": "DMA"}, "to": Object{"party": "ATG"}, "departs_at": leaves, "eta": leaves.Add(hour), "people": Object{"total": 1},
	}).Want(http.StatusConflict)
	w.Verify()
}

func TestWhatWasKnownThenIsStillWhatWasKnownThen(t *testing.T) {
	w := New(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	maria := w.Maria(dominica, nil, nil)
	w.Pass(hour)
	then := w.Clock.Now()
	w.Pass(hour)
	etag := maria.Get(maria.Path).ETag()
	maria.Put(maria.Path+"/receivers", Object{"receivers": []string{"ATG"}}, IfMatch(etag)).Want(http.StatusOK)
	w.Pass(hour)
	past := maria.Get(maria.Path + "?as_known_at=" + then.Format(time.RFC3339Nano)).Want(http.StatusOK)
	if strings.Contains(string(past.Raw), "ATG") || !strings.Contains(string(past.Raw), "known") {
		t.Errorf("%s", past.Raw)
	}
	antigua.Get(maria.Path + "?as_known_at=" + then.Format(time.RFC3339Nano)).Want(http.StatusNotFound)
	antigua.Get(maria.Path).Want(http.StatusOK)
}

func TestASubscriptionExpiresOnceAlsoWhenNobodyIsThere(t *testing.T) {
	w := New(t)
	antigua := w.Account("ATG", "official")
	far := NewReceiver(t)
	a := antigua.Post("/api/v1/subscriptions", Object{"channel": "webhook", "target": far.URL(), "expires_at": w.Clock.Now().Add(hour).Truncate(time.Second)}).Want(http.StatusCreated)
	path := "/api/v1/subscriptions/" + a.Str("id")
	w.Halt()
	w.Clock.Advance(3 * hour)
	w.Boot()
	w.Pass(0)
	got := antigua.Get(path).Want(http.StatusOK)
	if got.Str("status") != "expired" {
		t.Errorf("%s", got.Raw)
	}
	w.Pass(hour)
	if again := antigua.Get(path).Want(http.StatusOK); again.ETag() != got.ETag() {
		t.Error("it expired twice")
	}
	w.Verify()
}

func TestTheDerivedCanBeThrownAwayAndIsTheSameAfterwards(t *testing.T) {
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	for range 5 {
		maria := w.Maria(dominica, []string{"ATG"}, nil)
		maria.Post(maria.Path+"/figures", Figure("DMA", 3000, w.Clock.Now())).Want(http.StatusCreated)
	}
	list := func() string {
		var b strings.Builder
		for _, i := range dominica.Get("/api/v1/incidents").Want(http.StatusOK).Items() {
			fmt.Fprintln(&b, i)
		}
		return b.String()
	}
	before := list()
	w.Halt()
	w.Rebuild()
	w.Boot()
	if after := list(); after != before || !strings.Contains(before, "DMA-2026-") {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	w.Verify()
}

func TestASecondProcessOnOneFolderIsRefusedWithTheReason(t *testing.T) {
	w := New(t)
	if err := w.StartAgain(); err == nil || !strings.Contains(err.Error(), "already serving from") {
		t.Errorf("got %v", err)
	}
	w.Admin.Get("/healthz").Want(http.StatusOK)
}

func TestWhileTheServiceRunsWhatFallsDueIsToldWithinSeconds(t *testing.T) {
	w := New(t, func(o *app.Options) { o.NoSchedule = false })
	dominica := w.Account("DMA", "coordinator")
	home := NewReceiver(t)
	Subscribe(dominica, home, Object{"kinds": []string{"step.overdue"}})
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	w.Clock.Advance(61 * minute)
	passed := time.Now()
	home.Await("step.overdue", 1)
	// Two seconds are promised; a machine that does other things at the same time gets some more.
	if took := time.Since(passed); took > 6*time.Second {
		t.Errorf("told %s after the due time", took)
	}
}
