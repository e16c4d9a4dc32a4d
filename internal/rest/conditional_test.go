package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAReaderThatHasTheVersionIsToldSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	for _, path := range []string{
		"/api/v1/hazards/" + s.hazard, "/api/v1/incidents/" + s.active, "/api/v1/incidents/" + s.active + "/steps/HUR-07.ATG",
		"/api/v1/incidents/" + s.active + "/anchors/LANDFALL", "/api/v1/incidents/" + s.active + "/movements/" + s.movement,
		"/api/v1/alerts/" + s.alert, "/api/v1/subscriptions/" + s.subscription, "/api/v1/tokens/" + s.token, "/api/v1/me", "/docs", "/openapi.yaml",
	} {
		a := w.get("receiver", path).want(200)
		if shown := a.text("etag"); a.etag() == "" || shown != "" && shown != a.etag() {
			t.Errorf("%s: ETag %q, etag %q", path, a.etag(), shown)
		}
		if again := w.do(w.request("receiver", "GET", path, "", "If-None-Match", a.etag())); again.code != 304 || len(again.body) > 0 {
			t.Errorf("%s answers %d to its own ETag", path, again.code)
		}
		w.do(w.request("receiver", "GET", path, "", "If-None-Match", `"1-999"`)).want(200)
	}
}

func TestAStepsETagChangesOnlyWithTheStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	at := "/api/v1/incidents/" + s.active
	step, incident := w.get("receiver", at+"/steps/HUR-07.ATG"), w.get("receiver", at)
	w.post("origin", at+"/steps/HUR-05/start", "").want(200)
	if now := w.get("receiver", at+"/steps/HUR-07.ATG"); now.etag() != step.etag() {
		t.Errorf("the ETag went from %s to %s though another step changed", step.etag(), now.etag())
	}
	now := w.get("receiver", at)
	if now.etag() != incident.etag() {
		t.Errorf("the incident's ETag went from %s to %s though a step changed", incident.etag(), now.etag())
	}
	if now.members["version"] == incident.members["version"] {
		t.Error("the version did not rise")
	}
	w.do(w.request("receiver", "POST", at+"/steps/HUR-07.ATG/start", "", "If-Match", step.etag())).want(200)
	w.do(w.request("receiver", "POST", at+"/steps/HUR-07.ATG/complete", "", "If-Match", step.etag())).refused(412, "changed_meanwhile")
}

func TestReplacingNeedsTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	for _, c := range []struct{ method, as, path, body string }{
		{"PUT", "origin", "/api/v1/incidents/" + s.incident + "/receivers", `{"receivers":["KNA"]}`},
		{"PUT", "origin", "/api/v1/incidents/" + s.active + "/anchors/LANDFALL", `{"at":"2026-09-03T03:00:00Z","kind":"forecast"}`},
		{"PUT", "receiver", "/api/v1/subscriptions/" + s.subscription, `{}`},
		{"DELETE", "receiver", "/api/v1/subscriptions/" + s.subscription, ``},
		{"DELETE", "receiver", "/api/v1/tokens/" + s.token, ``},
	} {
		w.do(w.request(c.as, c.method, c.path, c.body)).want(428)
		w.do(w.request(c.as, c.method, c.path, c.body, "If-Match", `"1-77"`)).want(412)
		w.do(w.request(c.as, c.method, c.path, c.body, "If-Match", `"0-1"`)).want(412) // of before a restore
		w.do(w.request(c.as, c.method, c.path, c.body, "If-Match", `7`)).want(400)
		a := w.do(w.request(c.as, c.method, c.path, c.body, "If-Match", "*"))
		if a.code >= 300 {
			t.Errorf("%s %s with * answers %d: %s", c.method, c.path, a.code, a.body)
		}
	}
}

func TestAnAbsentAnchorIsSetWithIfNoneMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	path, body := "/api/v1/incidents/"+s.active+"/anchors/STAY_END.ATG", `{"at":"2026-12-31T00:00:00Z","kind":"forecast"}`
	w.get("origin", path).want(404)
	w.do(w.request("receiver", "PUT", path, body)).refused(428, "if_none_match_required")
	set := w.do(w.request("receiver", "PUT", path, body, "If-None-Match", "*")).want(200)
	w.do(w.request("receiver", "PUT", path, body, "If-None-Match", "*")).refused(412, "exists")
	w.do(w.request("receiver", "PUT", path, strings.Replace(body, "12-31", "11-30", 1), "If-Match", set.etag())).want(200)
}

func TestARepeatIsAnsweredAsTheFirstTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	tag := i.etag()
	for _, c := range []struct{ method, as, path, body, other string }{
		{"POST", "origin", "/api/v1/hazards", `{"name":"A","type":"TC","started_at":"2026-08-30T12:00:00Z"}`, `{"name":"B","type":"TC","started_at":"2026-08-30T12:00:00Z"}`},
		{"POST", "origin", "/api/v1/incidents", `{"title":"T","hazard_id":"` + i.text("hazard_id") + `","origin":"DMA","severity":"minor","occurred_at":"2026-09-01T12:00:00Z"}`,
			`{"title":"U","hazard_id":"` + i.text("hazard_id") + `","origin":"DMA","severity":"minor","occurred_at":"2026-09-01T12:00:00Z"}`},
		{"POST", "origin", at + "/activate", activation, strings.Replace(activation, "03T01", "03T02", 1)},
		{"POST", "receiver", at + "/steps/HUR-07.ATG/start", ``, `{"occurred_at":"2026-09-01T11:00:00Z"}`},
		{"POST", "origin", at + "/movements", aMovement, strings.Replace(aMovement, "12}", "13}", 1)},
		{"POST", "origin", at + "/figures", aFigure, strings.Replace(aFigure, "30", "31", 1)},
		{"POST", "receiver", at + "/answers", `{"kind":"decline"}`, `{"kind":"accept"}`},
		{"PUT", "origin", at + "/receivers", `{"receivers":["ATG","KNA"]}`, `{"receivers":["KNA"]}`},
		{"POST", "first", "/api/v1/accounts", `{"name":"A","role":"official","party":"ATG"}`, `{"name":"B","role":"official","party":"ATG"}`},
	} {
		key := "key-" + c.path + c.method
		ask := func(body, key string) *answered {
			r := w.request(c.as, c.method, c.path, body, "Idempotency-Key", key)
			if c.method == "PUT" {
				r.Header.Set("If-Match", w.get("origin", at).etag())
				if key == "key-"+c.path+c.method {
					r.Header.Set("If-Match", tag)
				}
			}
			return w.do(r)
		}
		if c.method == "PUT" {
			tag = w.get("origin", at).etag()
		}
		first := ask(c.body, key)
		if first.code >= 300 {
			t.Errorf("%s: %d %s", c.path, first.code, first.body)
			continue
		}
		streams := len(w.streams())
		again := ask(spaced(c.body), key)
		if again.code != first.code || again.etag() != first.etag() || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: repeated with %d %s %s, first %d %s", c.path, again.code, again.etag(), again.body, first.code, first.etag())
		}
		if diff := cmp.Diff(string(first.body), string(again.body)); diff != "" {
			t.Errorf("%s: the repeat is answered otherwise: %s", c.path, diff)
		}
		ask(c.other, key).refused(409, "idempotency_key_reused")
		if n := len(w.streams()); n != streams {
			t.Errorf("%s: %d streams after the repeats, %d before", c.path, n, streams)
		}
	}
}

// spaced writes the same JSON otherwise: a client library may.
func spaced(body string) string {
	return strings.NewReplacer(`":`, `" : `, `,"`, ` , "`).Replace(body)
}

func TestASecretIsNotShownTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	for _, c := range []struct{ as, path, body, prefix string }{
		{"first", "/api/v1/tokens", fmt.Sprintf(`{"account_id":%q,"label":"hub"}`, w.account["origin"]), "lf_"},
		{"origin", "/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`, "whsec_"},
	} {
		first := w.do(w.request(c.as, "POST", c.path, c.body, "Idempotency-Key", "k")).want(201)
		if !strings.HasPrefix(first.text("secret"), c.prefix) {
			t.Errorf("%s shows no secret: %s", c.path, first.body)
		}
		again := w.do(w.request(c.as, "POST", c.path, c.body, "Idempotency-Key", "k")).want(201)
		read := w.get(c.as, c.path+"/"+first.text("id")).want(200)
		if again.text("secret")+read.text("secret") != "" || again.text("id") != first.text("id") {
			t.Errorf("%s shows its secret again: %s %s", c.path, again.body, read.body)
		}
	}
}

func TestTheSameCreateSentManyTimesAtOnceMakesOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	before := len(w.streams())
	var all sync.WaitGroup
	answers := make([]*answered, 16)
	for i := range answers {
		all.Go(func() {
			answers[i] = w.do(w.request("origin", "POST", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`, "Idempotency-Key", "one"))
		})
	}
	all.Wait()
	for _, a := range answers {
		if a.code != 201 || a.text("id") != answers[0].text("id") {
			t.Errorf("answered %d %s", a.code, a.body)
		}
	}
	if n := len(w.streams()) - before; n != 1 {
		t.Errorf("%d records", n)
	}
}

func TestAnIDThatTheCallerChoseIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	body := `{"id":"0198c0de-0000-7000-8000-0000000000aa","name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`
	if a := w.post("origin", "/api/v1/hazards", body).want(201); a.text("id") != "0198c0de-0000-7000-8000-0000000000aa" {
		t.Errorf("id %s", a.text("id"))
	}
	w.post("origin", "/api/v1/hazards", body).refused(409, "id_taken")
}

func TestWordsPassedOnAreRecordedAsSuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	at := "/api/v1/incidents/" + s.active
	relay := `"on_behalf_of":"ATG","relayed_by":"radio","said_at":"2026-09-01T11:30:00-04:00"`
	w.post("origin", at+"/answers", `{"kind":"decline",`+relay+`}`).want(400) // said in the future
	relay = strings.Replace(relay, "-04:00", "Z", 1)
	w.post("origin", at+"/answers", `{"kind":"decline",`+relay+`}`).want(201)
	w.post("origin", at+"/steps/HUR-07.ATG/start", `{`+relay+`}`).want(200)
	w.post("origin", "/api/v1/alerts/"+s.alert+"/acknowledge", `{"outcome":"received",`+strings.Replace(relay, "11:30", "11:55", 1)+`}`).want(200)
	w.post("stranger", at+"/answers", `{"kind":"decline",`+relay+`}`).refused(404, "incident_not_found")
	var last map[string]any
	for _, e := range w.get("origin", at+"/timeline").want(200).items() {
		if e["type"] == "answer.given.v1" {
			last = e
		}
	}
	want := map[string]any{
		"on_behalf_of": "ATG", "relayed_by": "radio", "said_at": "2026-09-01T11:30:00Z", "entered_by": map[string]any{"role": "coordinator", "party": "DMA"},
	}
	if diff := cmp.Diff(want, last["relay"]); diff != "" || last["party"] != "DMA" {
		t.Errorf("recorded as %v %s", last, diff)
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	w.post("origin", at+"/activate", activation).want(200)
	for range 5 {
		w.post("origin", at+"/movements", aMovement).want(201)
		w.post("origin", at+"/figures", aFigure).want(201)
		w.post("receiver", at+"/answers", `{"kind":"decline"}`).want(201)
		w.post("origin", "/api/v1/subscriptions", w.hook()).want(201)
		w.postf("first", "/api/v1/tokens", `{"account_id":%q,"label":"x"}`, w.account["origin"]).want(201)
		w.open()
	}
	w.handle()
	for _, list := range []struct{ as, path, key string }{
		{"origin", "/api/v1/incidents", "id"}, {"origin", "/api/v1/hazards", "id"}, {"origin", at + "/movements", "id"}, {"origin", at + "/figures", "id"},
		{"origin", at + "/answers", "id"}, {"origin", at + "/steps", "key"}, {"origin", "/api/v1/subscriptions", "id"}, {"receiver", "/api/v1/alerts", "id"},
		{"origin", "/api/v1/tokens", "id"}, {"first", "/api/v1/accounts", "id"}, {"origin", "/api/v1/deliveries", "id"},
	} {
		whole := w.get(list.as, list.path+"?limit=500").want(200)
		if whole.members["next_cursor"] != nil {
			t.Errorf("%s does not fit on one page", list.path)
		}
		var want, got []any
		for _, item := range whole.items() {
			want = append(want, item[list.key])
		}
		cursor, size := "", max(2, len(want)/10)
		for range 100 {
			page := w.get(list.as, fmt.Sprintf("%s?limit=%d%s", list.path, size, cursor)).want(200)
			for _, item := range page.items() {
				got = append(got, item[list.key])
			}
			if page.text("next_cursor") == "" {
				break
			}
			if len(page.items()) != size {
				t.Errorf("%s: a page of %d", list.path, len(page.items()))
			}
			cursor = "&cursor=" + page.text("next_cursor")
		}
		if !slices.Equal(got, want) || len(want) < 3 {
			t.Errorf("%s read by pages: %d items, whole %d, or in another order", list.path, len(got), len(want))
		}
	}
	next := w.get("origin", at+"/timeline?limit=1")
	if next.text("next_cursor") == "" || len(w.get("origin", at+"/timeline?cursor="+next.text("next_cursor")).want(200).items()) < 3 {
		t.Errorf("the timeline ends early: %s", next.body)
	}
}

func TestAWriteThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	before := w.get("origin", "/api/v1/incidents/"+s.active).want(200)
	for _, r := range []*http.Request{
		w.request("origin", "POST", "/api/v1/incidents/"+s.active+"/activate", activation),
		w.request("receiver", "POST", "/api/v1/incidents/"+s.active+"/movements", aMovement),
		w.request("origin", "POST", "/api/v1/incidents/"+s.active+"/open", "{}"),
		w.request("origin", "PUT", "/api/v1/incidents/"+s.active+"/receivers", `{"receivers":[]}`),
	} {
		if a := w.do(r); a.code < 400 {
			t.Errorf("%s is accepted: %s", a.what, a.body)
		}
	}
	if diff := cmp.Diff(before.body, w.get("origin", "/api/v1/incidents/"+s.active).body); diff != "" {
		t.Error(diff)
	}
}
