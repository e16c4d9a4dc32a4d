package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestASecretIsRotatedWithADayOfGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	sub := w.post("receiver", "/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`).want(201)
	at := "/api/v1/subscriptions/" + sub.text("id")
	rotated := w.do(w.request("receiver", "POST", at+"/rotate-secret", "", "Idempotency-Key", "one", "If-Match", sub.etag())).want(200)
	if s := rotated.text("secret"); !strings.HasPrefix(s, "whsec_") || s == sub.text("secret") {
		t.Errorf("the new secret is %q", s)
	}
	if rotated.text("previous_secret_until") != "2026-09-02T12:00:00Z" || rotated.etag() == sub.etag() {
		t.Errorf("answered %s", rotated.body)
	}
	again := w.do(w.request("receiver", "POST", at+"/rotate-secret", "", "Idempotency-Key", "one", "If-Match", sub.etag())).want(200)
	if again.text("secret") != "" || again.etag() != rotated.etag() || w.get("receiver", at).text("secret") != "" {
		t.Errorf("the secret is shown again: %s", again.body)
	}
	w.do(w.request("receiver", "POST", at+"/rotate-secret", "", "If-Match", sub.etag())).want(412)
	for range 3 {
		w.post("receiver", at+"/rotate-secret", "").want(200)
	}
	w.post("receiver", at+"/rotate-secret", "").refused(409, "too_many_secrets")
	w.pass(25 * time.Hour)
	if a := w.get("receiver", at).want(200); a.text("previous_secret_until") != "" {
		t.Errorf("a day later it still says %s", a.body)
	}
	w.post("stranger", at+"/rotate-secret", "").refused(404, "subscription_not_found")
	w.post("auditor", at+"/rotate-secret", "").want(404)
}

func TestATestMessageIsOneDeliveryHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	sub := w.post("receiver", "/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`).want(201)
	at := "/api/v1/subscriptions/" + sub.text("id")
	first := w.do(w.request("receiver", "POST", at+"/test", "", "Idempotency-Key", "one")).want(200)
	again := w.do(w.request("receiver", "POST", at+"/test", "", "Idempotency-Key", "one")).want(200)
	other := w.post("receiver", at+"/test", "").want(200)
	if first.text("id") != again.text("id") || first.text("id") == other.text("id") {
		t.Errorf("deliveries %s, %s, %s", first.text("id"), again.text("id"), other.text("id"))
	}
	if first.text("subscription_id") != sub.text("id") || first.text("event_type") != "subscription.tested.v1" || first.text("incident_id") != "" {
		t.Errorf("queued %s", first.body)
	}
	w.get("receiver", "/api/v1/deliveries/"+first.text("id")).want(200)
	for _, as := range []string{"stranger", "origin"} {
		w.post(as, at+"/test", "").want(404)
		w.get(as, "/api/v1/deliveries/"+first.text("id")).want(404)
	}
	if a := w.post("receiver", at+"/enable", "").want(200); a.text("status") != "active" || a.etag() == "" {
		t.Errorf("an active one is %s", a.body)
	}
}

// eventually asks until the answer is right.
func (w *world) eventually(ask func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatal("it does not come to that")
		}
	}
}

func TestWhatATargetRefusedIsShownAndSentAgain(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !mended.Load() {
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer target.Close()
	w := newWorld(t).cast()
	if err := w.router.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	sub := w.postf("receiver", "/api/v1/subscriptions", `{"channel":"webhook","target":%q}`, target.URL).want(201)
	at := "/api/v1/subscriptions/" + sub.text("id")
	health := func() map[string]any {
		t.Helper()
		all := w.get("receiver", "/api/v1/subscriptions").want(200).items()
		one := w.get("receiver", at).want(200)
		if len(all) != 1 || fmt.Sprint(all[0]["health"]) != fmt.Sprint(one.members["health"]) {
			return nil // something was sent in between
		}
		h, _ := one.members["health"].(map[string]any)
		return h
	}
	if h := health(); h["circuit"] != "closed" || h["waiting"] != 0.0 {
		t.Errorf("a new target is %v", h)
	}
	sent := w.post("receiver", at+"/test", "").want(200).text("id")
	status := func(want string) func() bool {
		return func() bool { return w.get("receiver", "/api/v1/deliveries/"+sent).want(200).text("status") == want }
	}
	w.eventually(status("dead"))
	w.eventually(func() bool { return health()["last_code"] == "410" })

	// What told the party of it names the delivery and its subscription, and is about no incident.
	w.eventually(func() bool {
		for _, a := range w.get("receiver", "/api/v1/alerts").want(200).items() {
			if a["kind"] == "delivery_dead" {
				if a["delivery_id"] != sent || a["subscription_id"] != sub.text("id") || a["incident"] != nil {
					t.Errorf("alerted with %v", a)
				}
				return true
			}
		}
		return false
	})

	mended.Store(true)
	replay := `{"status":["dead"],"channel":"webhook","subscription_id":"` + sub.text("id") + `","since":"2026-08-31T12:00:00Z"}`
	w.pass(time.Second)
	if a := w.post("stranger", "/api/v1/deliveries/replay", replay).want(200); a.members["replayed"] != 0.0 {
		t.Errorf("a stranger replays %s", a.body)
	}
	for range 2 {
		a := w.do(w.request("receiver", "POST", "/api/v1/deliveries/replay", replay, "Idempotency-Key", "again")).want(200)
		if a.members["replayed"] != 1.0 {
			t.Errorf("replayed %s", a.body)
		}
	}
	w.eventually(status("delivered"))
	w.do(w.request("receiver", "POST", "/api/v1/deliveries/replay", `{}`, "Idempotency-Key", "again")).refused(409, "idempotency_key_reused")
	if n := len(w.get("receiver", "/api/v1/deliveries?status=delivered&channel=webhook").want(200).items()); n == 0 {
		t.Error("the list does not show it")
	}
	if n := len(w.get("receiver", "/api/v1/deliveries?channel=email").want(200).items()); n != 0 {
		t.Errorf("%d deliveries over another channel", n)
	}
	of := "/api/v1/deliveries?limit=1&subscription_id=" + sub.text("id")
	if a := w.get("receiver", of).want(200); len(a.items()) != 1 || a.items()[0]["subscription_id"] != sub.text("id") {
		t.Errorf("those of the subscription: %s", a.body)
	}
	if n := len(w.get("stranger", of).want(200).items()); n != 0 {
		t.Errorf("a stranger sees %d of them", n)
	}

	// One alone, under a key: once, however often it is asked for.
	var attempts [2]int
	for i := range attempts {
		a := w.do(w.request("receiver", "POST", "/api/v1/deliveries/"+sent+"/replay", "", "Idempotency-Key", "one")).want(200)
		w.eventually(status("delivered"))
		list, _ := w.get("receiver", "/api/v1/deliveries/"+sent).members["attempts"].([]any)
		if attempts[i] = len(list); a.text("id") != sent {
			t.Errorf("replayed %s", a.body)
		}
	}
	if attempts[0] != attempts[1] {
		t.Errorf("a repeat sent it again: %v attempts", attempts)
	}
}

func TestAReplayByFilterIsBoundedAndSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	for body, pointer := range map[string]string{
		`{"status":["queued"]}`:      "/status/0",
		`{"status":[]}`:              "/status",
		`{"status":["dead","lost"]}`: "/status/1",
		`{"channel":"pigeon"}`:       "/channel",
		`{"subscription_id":"1"}`:    "/subscription_id",
		`{"incident_id":"1"}`:        "/incident_id",
		`{"since":"yesterday"}`:      "/since",
		`{"since":"2026-09-01T11:00:00Z","until":"2026-09-01T10:00:00Z"}`: "/until",
		`{"target":"https://x.example"}`:                                  "/target",
	} {
		w.post("receiver", "/api/v1/deliveries/replay", body).refused(400, "invalid", pointer)
	}
	w.post("receiver", "/api/v1/deliveries/replay", `{"since":"2026-07-01T12:00:00Z"}`).refused(400, "replay_too_old")
	w.post("receiver", "/api/v1/deliveries/replay", "").refused(400, "body_required")
	w.post("auditor", "/api/v1/deliveries/replay", "{}").want(403)
	w.get("receiver", "/api/v1/deliveries/replay").want(404)
}
