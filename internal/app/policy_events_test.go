package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/app"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// told is an event as its row in events.csv and its own body have it.
type told struct {
	id, kind, level string
	owner           string   // party of its step, alert or unit
	then            standing // of its incident, when it happened
	now             standing
	settled         bool // how those stood to it did not change between its happening and its being sent
}

// levels reads events.csv: the level by type, or by type and kind of alert.
func levels(t testing.TB, types []string) (by map[string]string, story map[string]bool) {
	t.Helper()
	by, story = map[string]string{}, map[string]bool{}
	for _, row := range rows(t, "testdata/policy/events.csv") {
		if !slices.Contains(types, row["type"]) {
			t.Errorf("there is no event type %s", row["type"])
		}
		by[row["type"]] = row["level"]
		if row["kind"] != "" {
			by[row["type"]+" "+row["kind"]] = row["level"]
		}
		story[row["type"]] = row["by"] == "story"
	}
	for _, one := range types {
		if by[one] == "" {
			t.Errorf("%s has no row in testdata/policy/events.csv", one)
		}
	}
	return by, story
}

// phases follows an incident: who stands how to it from which event on.
func phases(all []ledger.Announcement) map[string]map[int64]standing {
	out := map[string]map[int64]standing{}
	for _, a := range all {
		if a.Incident == "" || !strings.HasPrefix(string(a.Stream), "incident/") {
			continue
		}
		of := out[a.Incident]
		if of == nil {
			of = map[int64]standing{}
			out[a.Incident] = of
		}
		before := of[0] // the latest
		var body struct {
			Incident struct {
				Status    string
				Receivers []string
			}
		}
		_ = json.Unmarshal(a.Data, &body)
		now := before
		switch {
		case body.Incident.Status == "draft":
			now = standing{origin: "DMA"}
		case a.Type == "incident.opened.v1" || a.Type == "incident.released.v1":
			now = standing{origin: "DMA", named: body.Incident.Receivers}
		case a.Type == "incident.receivers_changed.v1":
			now.named = body.Incident.Receivers
		case a.Type == "incident.activated.v1":
			now.regional = []string{"ORG-CDEMA", "ORG-OECS"}
		}
		of[a.Seq], of[0] = now, now
	}
	return out
}

// telling says of each announced event who may be told.
func telling(t testing.TB, all []ledger.Announcement, by map[string]string) []told {
	t.Helper()
	stood := phases(all)
	var out []told
	for _, a := range all {
		var body struct {
			Step  struct{ Key, Party string }
			Alert struct{ Party, Kind, Subject string }
			Unit  struct{ Party string }
		}
		if err := json.Unmarshal(a.Data, &body); err != nil {
			t.Fatal(err)
		}
		e := told{id: a.EventID, kind: strings.TrimSpace(a.Type + " " + body.Alert.Kind), owner: cmp.Or(body.Step.Party, body.Alert.Party, body.Unit.Party)}
		if e.level = by[a.Type]; body.Alert.Kind != "" {
			if e.level = by["alert.raised.v1 "+body.Alert.Kind]; e.level == "" {
				t.Errorf("alerts of kind %s have no row in testdata/policy/events.csv", body.Alert.Kind)
			}
		}
		if e.level == "side" {
			e.level = "inside"
			for _, code := range []string{"HUR-03", "HUR-13", "HUR-23", "HUR-32"} { // the steps of the tourism side
				if strings.HasPrefix(cmp.Or(body.Step.Key, body.Alert.Subject), code) {
					e.level = "tourism"
				}
			}
		}
		if of := stood[a.Incident]; of != nil {
			e.now = of[0]
			if e.then = of[a.Seq]; body.Alert.Party != "" {
				e.then = standing{origin: "DMA", named: []string{body.Alert.Party}}
				e.owner = body.Alert.Party
			}
			e.settled = !slices.Contains(e.then.named, "LCA")
		}
		out = append(out, e)
	}
	return out
}

// tells is the rule of the table for one event and one account.
func (s *stage) tells(t testing.TB, c *caller, e told) bool {
	could := slices.ContainsFunc(slices.Concat([]string{e.then.origin}, e.then.named, e.then.regional), c.actsFor)
	now := e.now
	now.owner = e.owner
	switch {
	case c.role == "first" || e.level == "public":
		return c.role != "nobody"
	case e.level == "unit":
		return c.actsFor(e.owner) && s.policy.may(t, c, "read.unit", now)
	case e.level == "party" && c.actsFor(e.owner):
		return true
	case !could || e.level == "never":
		return false
	case s.policy.may(t, c, "read.inside", now):
		return true
	case e.level == "headline":
		return s.policy.may(t, c, "read.headline", now)
	case e.level == "tourism":
		return s.policy.may(t, c, "read.headline", now) && s.policy.may(t, c, "read.tourism", standing{owner: e.owner})
	}
	return false
}

// listening is the way out that a reader opens.
const listening = "the event stream"

// listener is a reader of the event stream that goes away when it has heard the last event.
type listener struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
	last   string
	leave  func()
}

func (l *listener) Header() http.Header              { return l.header }
func (l *listener) WriteHeader(int)                  {}
func (l *listener) Flush()                           {}
func (l *listener) SetWriteDeadline(time.Time) error { return nil }
func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if strings.Contains(l.text.String(), l.last) {
		l.leave()
	}
	return len(b), nil
}

// listen reads the event stream from the beginning until the event named last, and gives the bodies by event.
func (s *stage) listen(t testing.TB, c *caller, from, last string) map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/events", nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Last-Event-ID", from)
	l := &listener{header: http.Header{}, last: last, leave: cancel}
	s.app.Handler().ServeHTTP(l, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	got := map[string]string{}
	for line := range strings.Lines(l.text.String()) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var event struct{ ID string }
			_ = json.Unmarshal([]byte(data), &event)
			got[event.ID] = data
		}
	}
	if !strings.Contains(l.text.String(), last) {
		t.Errorf("%s does not hear the last event: %.300s", c, l.text.String())
	}
	return got
}

// hooks takes the webhooks of many accounts: the bodies by account and event.
type hooks struct {
	mu  sync.Mutex
	got map[string]map[string]string
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var event struct{ ID string }
	_ = json.Unmarshal(body, &event)
	h.mu.Lock()
	if h.got[r.URL.Path] == nil {
		h.got[r.URL.Path] = map[string]string{}
	}
	h.got[r.URL.Path][event.ID] = string(body)
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// matches compares what somebody was told with what the table says.
func (s *stage) matches(t testing.TB, way string, c *caller, events []told, got map[string]string) {
	t.Helper()
	for _, e := range events {
		s.cells.Add(1)
		want := s.tells(t, c, e) && (way == listening || e.level != "public") // a hazard is nobody's: it is shown, and sent to nobody
		if !want {
			s.refusals.Add(1)
		}
		body, is := got[e.id]
		if is != want && (e.settled || c.party != "LCA" || way == listening) {
			t.Errorf("%s tells %s of %s (%s %s): %t, want %t", way, c, e.kind, e.level, e.owner, is, want)
		}
		s.leak(t, c, way+" "+e.kind, body)
	}
}

func TestEveryEventAsksThePolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t, (*stage).listened)
	s.play(t)
	last := s.thing(t, "hazard")["hazard_id"]
	all, recorded, err := s.app.Announced(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	by, story := levels(t, s.app.EventTypes())
	all = slices.DeleteFunc(all, func(a ledger.Announcement) bool { return s.early[string(a.Stream)] })
	events := telling(t, all, by)
	announced := map[string]bool{}
	for _, a := range all {
		announced[a.Type] = true
	}
	for one, level := range by {
		if strings.Contains(one, " ") {
			continue
		}
		switch played := story[one]; {
		case played && !recorded[one]:
			t.Errorf("the story has no %s", one)
		case played && announced[one] == (level == "never"):
			t.Errorf("%s is announced: %t, and its level is %s", one, announced[one], level)
		}
	}
	var readers sync.WaitGroup
	for _, c := range s.callers {
		if c.token != "" {
			readers.Go(func() { s.matches(t, listening, c, events, s.listen(t, c, s.began, last)) })
		}
	}
	readers.Wait()
	for _, c := range s.callers {
		if !c.hooked {
			continue
		}
		s.until(t, "what is to be sent is sent", func() bool {
			got := s.hooked(c)
			return !slices.ContainsFunc(events, func(e told) bool { return got[e.id] == "" && e.level != "public" && s.tells(t, c, e) })
		})
	}
	s.sentAll(t)
	for _, c := range s.callers {
		if c.hooked {
			s.matches(t, "a webhook", c, events, s.hooked(c))
		}
	}
	for n, a := range all {
		states := app.CopiesOf(a)
		for _, state := range []string{"DMA", "ATG", "KNA", "LCA", "GRD"} {
			s.cells.Add(1)
			e := events[n]
			if a.Type != "alert.closed.v1" { // of an alert that the party was un-named from, which is hidden by then
				e.now = e.then // a copy is made at once
			}
			want := s.tells(t, &caller{role: "partner", party: state}, e) && e.level != "public"
			if !want {
				s.refusals.Add(1)
			}
			if is := slices.Contains(states, state); is != want {
				t.Errorf("%s has a copy of %s (%s): %t, want %t", state, e.kind, e.level, is, want)
			}
		}
	}
	made := s.madeUp(t, by, story)
	t.Logf("%d event types (%d announced, %d made up), %d events, %d callers: %d cells, %d refusals, %d leaks",
		len(s.app.EventTypes()), len(announced), made, len(events), len(s.callers), s.cells.Load(), s.refusals.Load(), s.leaks.Load())
}

// madeUp asks the policy of events that the story has not.
func (s *stage) madeUp(t testing.TB, by map[string]string, story map[string]bool) (made int) {
	t.Helper()
	for one, level := range by {
		if strings.Contains(one, " ") || story[one] || level == "never" {
			continue
		}
		made++
		a := ledger.Announcement{Type: one, Parties: []string{"ATG"}, Data: json.RawMessage(`{}`)}
		e := told{kind: one, level: level, owner: "ATG"}
		thing := access.Thing{}
		if level == "headline" {
			a.Level, a.Incident, a.Parties, e.then = ledger.Headline, "an incident", []string{"DMA", "ATG"}, standing{origin: "DMA", named: []string{"ATG"}}
			e.now, thing = running(nil), access.Thing{Origin: "DMA", Named: []place.Party{"ATG", "KNA"}, Regional: []place.Party{"ORG-CDEMA"}}
		}
		for _, c := range s.callers {
			s.cells.Add(1)
			scope := access.Scope{Account: c.account, Role: access.Role(c.role), Party: place.Party(c.party)}
			switch c.role {
			case "nobody":
				scope = access.Scope{}
			case "first":
				scope = access.Scope{Account: "first", Role: access.RoleAdministrator, All: true}
			}
			want := s.tells(t, c, e)
			if !want {
				s.refusals.Add(1)
			}
			if _, is := scope.Read(a, thing); is != want {
				t.Errorf("%s may be told of %s: %t, want %t", c, one, is, want)
			}
		}
	}
	return made
}

// sentAll waits until every delivery is over.
func (s *stage) sentAll(t testing.TB) {
	t.Helper()
	s.until(t, "every delivery is over", func() bool {
		for _, status := range []string{"queued", "sending"} {
			if len(s.sent(t, s.first, "GET", "/api/v1/deliveries?limit=1&status="+status, "").items()) > 0 {
				return false
			}
		}
		return true
	})
}

// until sweeps and looks, at most 30 s.
func (s *stage) until(t testing.TB, what string, look func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !look() {
		if time.Now().After(deadline) {
			t.Logf("not within 30 s: %s", what)
			return
		}
		if err := s.app.RunOnce(t.Context(), "pending"); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// hooked gives what an account was sent by its webhook so far.
func (s *stage) hooked(c *caller) map[string]string {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	return maps.Clone(s.hooks.got["/"+c.account])
}
