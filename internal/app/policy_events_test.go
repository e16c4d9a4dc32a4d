package app_test

import (
	"cmp"
	"encoding/json"
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
	cause           string   // of an alert that is raised: the event that called for it
	then            standing // of its incident, when it happened
	now             standing
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
			Proposal struct{ Kind string }
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
		case a.Type == "incident.activated.v1", a.Type == "incident.proposed.v1" && body.Proposal.Kind == "monitor":
			now.regional = []string{"ORG-CDEMA", "ORG-OECS"}
		case a.Type == "incident.proposal_ended.v1" && body.Proposal.Kind == "monitor":
			now.regional = nil
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
			Alert struct {
				Party, Kind, Subject string
				Event                struct{ ID string }
			}
			Unit struct{ Party string }
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
		if a.Type == "alert.raised.v1" {
			e.cause = body.Alert.Event.ID
		}
		if of := stood[a.Incident]; of != nil {
			e.now = of[0]
			if e.then = of[a.Seq]; body.Alert.Party != "" {
				e.then = standing{origin: "DMA", named: []string{body.Alert.Party}}
				e.owner = body.Alert.Party
			}
		}
		out = append(out, e)
	}
	return out
}

// left reports whether the caller could know of the event when it happened and sees the incident no longer: whether it was sent it depends on
// which came first.
func (c *caller) left(e told) bool { return c.in(e.then) && !c.in(e.now) }

// in reports whether the caller acts for somebody who takes part.
func (c *caller) in(s standing) bool {
	return slices.ContainsFunc(slices.Concat([]string{s.origin}, s.named, s.regional), c.actsFor)
}

// tells is the rule of the table for one event and one account.
func (s *stage) tells(t testing.TB, c *caller, e told) bool {
	could := c.in(e.then)
	now := e.now
	now.owner = e.owner
	switch {
	case c.role == "first" || e.level == "public", e.level == "copied":
		return c.role != "nobody"
	case e.level == "unit":
		return c.actsFor(e.owner) && s.policy.may(t, c, "read.unit", now)
	case e.level == "operation":
		return c.actsFor(e.owner) && s.policy.may(t, c, "read.operation", now)
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

// sends is the rule for what goes out by itself. Every account sees a hazard, and nobody is sent it. A person is told of a fact once: where
// an alert about an event reaches an address of mail, the event does not, and of late steps the alerts tell.
func (s *stage) sends(t testing.TB, way string, c *caller, events []told, e told) bool {
	if e.level == "public" || !s.tells(t, c, e) {
		return false
	}
	return way != mailing || e.kind != "step.overdue.v1" && !slices.ContainsFunc(events, func(alert told) bool {
		return alert.cause == e.id && c.actsFor(alert.owner) && s.tells(t, c, alert)
	})
}

// matches compares what somebody was told with what the table says. Whatever is told and is none of the announced events is a leak.
func (s *stage) matches(t testing.TB, way string, c *caller, events []told, got map[string]string) {
	t.Helper()
	known := map[string]bool{}
	for _, e := range events {
		known[e.id] = true
		s.cells.Add(1)
		want := s.tells(t, c, e)
		if way != listening {
			want = s.sends(t, way, c, events, e)
		}
		if !want {
			s.refusals.Add(1)
		}
		body, is := got[e.id]
		if is != want && (!c.left(e) || way == listening || way == copying) {
			t.Errorf("%s tells %s of %s (%s %s): %t, want %t", way, c, e.kind, e.level, e.owner, is, want)
		}
		s.leak(t, c, way+" "+e.kind, body)
	}
	for id, body := range got {
		if !known[id] && !s.early[id] {
			s.leaks.Add(1)
			t.Errorf("%s tells %s of what is announced to nobody: %.300s", way, c, body)
		}
	}
}

func TestEveryEventAsksThePolicy(t *testing.T) {
	t.Parallel()
	out := newWaysOut(t)
	s := newStage(t, out)
	s.play(t)
	last := s.thing(t, "hazard")["hazard_id"]
	all, recorded, err := s.app.Announced(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	by, story := levels(t, s.app.EventTypes())
	all = slices.DeleteFunc(all, func(a ledger.Announcement) bool {
		if s.early[string(a.Stream)] {
			s.early[a.EventID] = true
		}
		return s.early[string(a.Stream)]
	})
	events := telling(t, all, by)
	announced := map[string]bool{}
	for _, a := range all {
		announced[a.Type] = true
	}
	silent := 0
	for one, level := range by {
		if strings.Contains(one, " ") {
			continue
		}
		switch played := story[one]; {
		case played && !recorded[one]:
			t.Errorf("the story has no %s", one)
		case announced[one] && level == "never", played && !announced[one] && level != "never":
			t.Errorf("%s is announced: %t, and its level is %s", one, announced[one], level)
		case level == "never":
			silent++
		}
	}
	var readers sync.WaitGroup
	for _, c := range s.callers {
		if c.token != "" {
			readers.Go(func() { s.matches(t, listening, c, events, s.listen(t, c, s.began, last)) })
		}
	}
	readers.Wait()
	for _, way := range out.sent(t, events) {
		for _, c := range s.callers {
			if c.subscribed {
				s.until(t, way.name+" has brought "+c.String()+" everything", func() bool {
					got := way.got(c)
					return !slices.ContainsFunc(events, func(e told) bool {
						return got[e.id] == "" && s.sends(t, way.name, c, events, e)
					})
				})
			}
		}
		s.sentAll(t)
		for _, c := range s.callers {
			if c.subscribed {
				s.matches(t, way.name, c, events, way.got(c))
			}
		}
	}
	for _, state := range []string{"DMA", "ATG", "KNA", "LCA", "GRD"} {
		c := &caller{role: "partner", party: state}
		var got map[string]string
		s.until(t, "the copies for "+state+" are there", func() bool {
			got = out.copies(t, state)
			return !slices.ContainsFunc(events, func(e told) bool {
				return got[e.id] == "" && s.sends(t, copying, c, events, e)
			})
		})
		s.matches(t, copying, c, events, got)
	}
	s.copiesLate(t, out, all, events)
	made := s.madeUp(t, by, story)
	t.Logf("%d event types (%d announced, %d played that are announced to nobody, %d made up), %d events, %d callers: %d cells, %d refusals, %d leaks",
		len(s.app.EventTypes()), len(announced), silent, made, len(events), len(s.callers), s.cells.Load(), s.refusals.Load(), s.leaks.Load())
}

// copiesLate has every event told to the systems of states once more, now that some states are not
// named any more.
func (s *stage) copiesLate(t testing.TB, out *waysOut, all []ledger.Announcement, events []told) {
	t.Helper()
	withheld, takenBack := 0, 0
	for i, a := range all {
		late := s.app.LateCopiesOf(t.Context(), a)
		for _, state := range app.CopiesOf(a) {
			now := events[i].now
			of := slices.Contains([]string{"inside", "headline", "tourism"}, events[i].level)
			gone := of && now.origin != "" && state != now.origin && !slices.Contains(now.named, state)
			if gone {
				withheld++
			}
			if slices.Contains(late, state) == gone {
				t.Errorf("%s, told late, is copied for %v; %s is named no more: %t", events[i].kind, late, state, gone)
			}
			if gone && len(late) > 0 && takenBack == 0 {
				takenBack++
				s.unnamedMeanwhile(t, out, a, state, late[0])
			}
		}
	}
	if withheld == 0 || takenBack == 0 {
		t.Error("no state of the story has been un-named")
	}
}

// unnamedMeanwhile has an event told late by somebody who looked at its incident before a state was
// un-named, and publishes when that is over.
func (s *stage) unnamedMeanwhile(t testing.TB, out *waysOut, a ledger.Announcement, gone, named string) {
	t.Helper()
	a.EventID = ledger.NewID() // the bus would take it for the one that it has
	if err := s.app.TellLate(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	s.until(t, "the copy for a state that is named still is there", func() bool { return out.copies(t, named)[a.EventID] != "" })
	if out.copies(t, gone)[a.EventID] != "" {
		t.Errorf("%s, told late, lies there for %s, which was un-named before it was published", a.Type, gone)
	}
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
		if level == "copied" {
			a.Level = ledger.Public
			if states := app.CopiesOf(a); len(states) != 1 {
				t.Errorf("of %s copies are for %v, want ATG", one, states)
			}
		}
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
