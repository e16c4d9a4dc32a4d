package wording_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/wording"
)

var update = flag.Bool("update", false, "write the golden files anew")

const incidentID = "0198c0de-0000-7000-8000-000000000001"

// object is a JSON object.
type object = map[string]any

func header() object {
	return object{
		"id": incidentID, "code": "DMA-2017-7K3QX", "title": "Hurricane Maria: Dominica", "status": "active", "origin": "DMA",
		"receivers": []string{"ATG", "KNA", "LCA"}, "severity": "extreme", "hazard_id": "0198c0de-0000-7000-8000-000000000002",
		"hazard_type": "TC", "exercise": false, "version": 12,
	}
}

func step(code, en, fr, party, due string) object {
	return object{
		"key": code + "." + party, "code": code, "title": object{"en": en, "fr": fr}, "party": party, "status": "pending",
		"planned_due_at": due, "due_at": due, "due_revision": 1, "life_safety": false, "proof_owed": false,
	}
}

func steps() []object {
	waiting := step("HUR-18", "Reconcile manifests by number", "Rapprocher les effectifs", "ATG", "")
	delete(waiting, "due_at")
	delete(waiting, "planned_due_at")
	waiting["waiting_for"] = "ARRIVAL"
	done := step("HUR-01", "Follow the bulletins", "Suivre les bulletins", "DMA", "2017-09-17T14:00:00Z")
	done["status"] = "done"
	return []object{
		waiting, done,
		step("HUR-07", "Name reception places", "Désigner les lieux d'accueil", "ATG", "2017-09-18T22:00:00Z"),
		step("HUR-05", "Ask for places", "Demander des places", "DMA", "2017-09-18T20:00:00Z"),
		step("HUR-07", "Name reception places", "Désigner les lieux d'accueil", "LCA", "2017-09-18T22:00:00Z"),
	}
}

func voyage(status string) object {
	m := object{
		"id": "0198c0de-0000-7000-8000-000000000003", "status": status, "mode": "sea", "carrier": "Ferry of the port authority",
		"from": object{"party": "DMA", "name": "Portsmouth"}, "to": object{"party": "ATG", "port": "AGSJO"}, "receiver": "ATG",
		"departs_at": "2017-09-21T13:00:00Z", "eta": "2017-09-21T19:00:00Z", "people": object{"total": 120},
	}
	if status == "departed" || status == "arrived" {
		m["departed_at"], m["left"] = "2017-09-21T13:20:00Z", object{"total": 118}
	}
	if status == "arrived" {
		m["arrived_at"], m["came"] = "2017-09-21T19:30:00Z", object{"total": 1}
		m["difference"], m["difference_reason"] = -117, "Most went ashore at Guadeloupe"
	}
	return m
}

func alert(kind, party, requiredBy string) object {
	a := object{
		"id": "0198c0de-0000-8000-8000-000000000004", "party": party, "kind": kind, "level": 1, "status": "open", "version": 12,
		"event": object{"id": "e1", "type": "landfall.incident.activated.v1"}, "raised_at": "2017-09-18T21:00:00Z",
	}
	if requiredBy != "" {
		a["required_by"] = requiredBy
	}
	return a
}

func activation() object {
	return object{
		"protocol": object{"id": "hurricane", "version": 1, "part": "active"},
		"anchors":  []object{{"name": "LANDFALL", "at": "2017-09-19T01:15:00Z", "kind": "forecast"}},
		"steps":    steps(),
	}
}

// wordOfDominica is a relay of Dominica's word.
func wordOfDominica() object {
	return object{"on_behalf_of": "DMA", "relayed_by": "radio", "said_at": "2017-09-18T20:50:00Z", "entered_by": object{"role": "regional_officer", "party": "ORG-CDEMA"}}
}

// with adds members to an object.
func with(o object, more ...any) object {
	out := object{}
	for k, v := range o {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

// about gives data about the incident.
func about(more ...any) object { return with(object{"incident": header()}, more...) }

// said is every event that people are told of, at least once, as receivers get it.
var said = []struct {
	name, kind string
	exercise   bool
	data       object
}{
	{"hazard-opened", "hazard.opened", false, object{"hazard": object{
		"id": "h1", "name": "Maria", "type": "TC", "glide": []string{"TC-2017-000136-DMA"}, "started_at": "2017-09-16T12:00:00Z",
	}}},
	{"hazard-opened-exercise", "hazard.opened", true, object{"hazard": object{
		"id": "h2", "name": "Delta", "type": "TC", "glide": []string{}, "started_at": "2026-09-16T12:00:00Z", "exercise": true,
	}}},
	{"incident-opened", "incident.opened", false, about()},
	{"incident-released", "incident.released", false, about()},
	{"receivers-changed", "incident.receivers_changed", false, about("named", []string{"VCT", "MTQ"}, "unnamed", []string{"KNA"}, "steps", steps())},
	{"monitored", "incident.monitored", false, about("protocol", object{"id": "hurricane", "version": 1, "part": "monitoring"})},
	{"activated", "incident.activated", false, with(activation(), "incident", header())},
	{"proposed", "incident.proposed", false, about("proposal", object{"id": "p1", "kind": "stand_down", "by": "ATG"}, "relay", wordOfDominica())},
	{"proposal-declined", "incident.proposal_ended", false, about("proposal", object{"id": "p1", "kind": "stand_down", "by": "ATG", "outcome": "declined"}, "reason", "Nobody said so")},
	{"relay-confirmed", "incident.relay_confirmed", false, about()},
	{"stood-down", "incident.stood_down", false, about("reason", "It turned north")},
	{"closed", "incident.closed", false, about("reason", "Everybody is back")},
	{"anchor-moved", "anchor.moved", false, about("anchor", object{
		"name": "LANDFALL", "at": "2017-09-19T01:15:00Z", "kind": "observed", "before": object{"at": "2017-09-19T03:00:00Z", "kind": "forecast"},
	}, "steps", steps())},
	{"stay-end-moved", "anchor.moved", false, about("anchor", object{"name": "STAY_END.ATG", "at": "2018-03-19T04:00:00Z", "kind": "forecast"})},
	{"step-started", "step.started", false, about("step", with(steps()[2], "status", "in_progress"))},
	{"step-completed", "step.completed", false, about("step", with(steps()[2], "status", "done",
		"evidence", object{"type": "note_verbale", "reference": "NV 12/2017"}), "relay", object{
		"on_behalf_of": "ATG", "relayed_by": "radio", "said_at": "2017-09-18T20:30:00Z", "entered_by": object{"role": "coordinator", "party": "VCT"},
	})},
	{"step-completed-without-proof", "step.completed", false, about("step", with(steps()[2], "status", "done", "proof_owed", true))},
	{"step-not-applicable", "step.marked_not_applicable", false, about("step", with(steps()[2], "status", "not_applicable"), "reason", "Nobody comes here")},
	{"step-reopened", "step.reopened", false, about("step", steps()[2], "reason", "The hall has lost its roof")},
	{"step-overdue", "step.overdue", false, about("step", with(steps()[2], "life_safety", true, "planned_due_at", "2017-09-18T21:00:00Z"))},
	{"step-overdue-jamaica", "step.overdue", true, about("step", with(steps()[2], "party", "JAM"))},
	{"movement-announced", "movement.announced", false, about("movement", voyage("announced"), "steps", steps())},
	{"movement-departed", "movement.departed", false, about("movement", voyage("departed"))},
	{"movement-arrived", "movement.arrived", false, about("movement", voyage("arrived"))},
	{"movement-cancelled", "movement.cancelled", false, about("movement", voyage("cancelled"), "reason", "Sea too high")},
	{"movement-corrected", "movement.corrected", false, about("movement", voyage("announced"), "reason", "Another ferry")},
	{"figure-reported", "figure.reported", false, about("figure", object{
		"id": "f1", "place": object{"party": "ATG", "name": "St John's"}, "quantifier": "approximately", "unit": "person", "number": 7411, "persons": 7411,
		"kind": "stock", "category": "people_displaced_across_borders", "term": "sheltered", "setting": "host_family",
		"source": object{"name": "NODS", "kind": "government", "reference": "SitRep 3"}, "role": "recommended", "as_of": "2017-09-22T16:00:00Z",
		"parts": []object{{"number": 7000}, {"number": 854}}, "parts_add_up": false, "occurred_at": "2017-09-22T17:00:00Z",
	})},
	{"figure-of-households", "figure.reported", false, about("figure", object{
		"id": "f1", "place": object{"party": "LCA"}, "quantifier": "less_than", "unit": "household", "number": 1, "household_size": 2.6, "persons": 3,
		"kind": "stock", "category": "people_displaced_across_borders", "term": "homeless", "setting": "unknown",
		"source": object{"name": "Radio", "kind": "media"}, "role": "triangulation", "as_of": "2017-09-22T16:00:00Z", "parts_add_up": true, "final": true,
	})},
	{"answer-accept", "answer.given", false, about("answer", object{
		"id": "a1", "party": "ATG", "kind": "accept", "ceiling": 300, "conditions": []string{"By sea only", "Papers are waived for 30 days"},
		"valid_until": "2017-10-18T04:00:00Z", "reference": "NV 7/2017", "occurred_at": "2017-09-18T22:00:00Z",
	})},
	{"answer-decline", "answer.given", false, about("answer", object{"id": "a1", "party": "KNA", "kind": "decline", "text": "Our own shelters are full"})},
	{"answer-question", "answer.given", false, about("answer", object{"id": "a1", "party": "LCA", "kind": "question", "text": "How many need a hospital bed?"})},
	{"alert-named", "alert.raised", false, about("alert", alert("named", "ATG", ""))},
	{"alert-planning", "alert.raised", false, with(activation(), "incident", header(), "alert", alert("planning", "LCA", "2017-09-19T01:00:00Z"))},
	{"alert-activation", "alert.raised", false, with(activation(), "incident", header(), "alert", alert("activation", "ATG", "2017-09-18T21:30:00Z"))},
	{"alert-activation-exercise", "alert.raised", true, with(activation(), "incident", with(header(), "exercise", true), "alert", alert("activation", "ATG", "2017-09-18T21:30:00Z"))},
	{"alert-movement", "alert.raised", false, about("alert", alert("movement", "ATG", "2017-09-21T12:15:00Z"), "movement", voyage("announced"))},
	{"alert-departure", "alert.raised", false, about("alert", alert("departure", "ATG", ""), "movement", voyage("departed"))},
	{"alert-movement-cancelled", "alert.raised", false, about("alert", alert("movement_cancelled", "ATG", ""), "movement", voyage("cancelled"), "reason", "Sea too high")},
	{"alert-movement-corrected", "alert.raised", false, about("alert", alert("movement_corrected", "ATG", "2017-09-21T12:15:00Z"),
		"movement", with(voyage("announced"), "before", with(voyage("announced"), "carrier", "Ferry Two", "people", object{"total": 90})), "reason", "Another ferry")},
	{"alert-stood-down", "alert.raised", false, about("alert", alert("stood_down", "ATG", ""), "reason", "It turned north")},
	{"alert-incident-closed", "alert.raised", false, about("alert", alert("closed", "ATG", ""), "reason", "Everybody is back")},
	{"alert-step-overdue", "alert.raised", false, about("alert", alert("step_overdue", "ATG", ""), "step", steps()[2])},
	{"alert-proposed", "alert.raised", false, about("alert", alert("proposed", "DMA", "2017-09-19T21:00:00Z"), "proposal",
		object{"id": "p1", "kind": "stand_down", "by": "ATG"}, "relay", wordOfDominica())},
	{"alert-proposed-for-another", "alert.raised", false, about("alert", alert("proposed", "ATG", ""), "proposal",
		object{"id": "p1", "kind": "anchor", "by": "LCA"}, "relay", with(wordOfDominica(), "on_behalf_of", "ATG", "entered_by", object{"role": "official", "party": "LCA"}))},
	{"alert-relayed", "alert.raised", false, about("alert", with(alert("relayed", "DMA", ""), "event", object{"id": "e1", "type": "landfall.step.completed.v1"}),
		"step", steps()[3], "relay", wordOfDominica())},
	{"alert-withdrawn", "alert.raised", false, object{
		"code": "DMA-2017-7K3QX", "title": "Hurricane Maria: Dominica", "at": "2017-09-20T10:00:00Z", "alert": alert("withdrawn", "KNA", ""),
	}},
	{"alert-delivery-dead", "alert.raised", false, about("alert", alert("delivery_dead", "ATG", ""), "delivery", object{
		"id": "d1", "event_id": "e1", "event_type": "landfall.step.overdue.v1", "subscription_id": "s1", "channel": "email", "target": "d***@od***.org",
		"attempts": 9, "code": "550", "at": "2017-09-19T17:42:00Z",
	})},
	{"alert-subscription-disabled", "alert.raised", false, object{"alert": alert("subscription_disabled", "ATG", ""), "subscription": object{
		"id": "s1", "party": "ATG", "channel": "webhook", "target": "https://hooks.example.org/…", "failing_since": "2017-09-13T20:00:00Z", "code": "timeout",
	}}},
	{"alert-of-another-kind", "alert.raised", false, about("alert", alert("volcano_watch", "ATG", ""))},
	{"alert-acknowledged", "alert.acknowledged", false, about("alert", with(alert("activation", "ATG", ""), "status", "acknowledged"), "acknowledgement", object{
		"at": "2017-09-18T21:10:00Z", "by_role": "coordinator", "by_party": "VCT", "party": "ATG", "channel": "api", "outcome": "received", "version": 12,
		"on_behalf_of": "ATG", "relayed_by": "satellite", "said_at": "2017-09-18T21:05:00Z",
	})},
	{"alert-cannot-act", "alert.acknowledged", false, about("alert", alert("activation", "KNA", ""), "acknowledgement", object{
		"party": "KNA", "outcome": "cannot_act", "by_role": "official", "by_party": "KNA",
	})},
	{"alert-acknowledgement-corrected", "alert.acknowledgement_corrected", false, about("alert", alert("activation", "KNA", ""),
		"acknowledgement", object{"party": "KNA", "outcome": "cannot_act", "by_role": "coordinator", "by_party": "KNA", "reason": "The port is closed"},
		"before", object{"party": "KNA", "outcome": "received", "by_role": "official", "by_party": "KNA"})},
	{"alert-acknowledgement-confirmed", "alert.acknowledged", false, about("alert", alert("activation", "KNA", ""),
		"acknowledgement", object{"party": "KNA", "outcome": "received", "by_role": "official", "by_party": "KNA"},
		"confirmed", []object{{"party": "KNA", "outcome": "received", "by_role": "coordinator", "by_party": "DMA", "on_behalf_of": "KNA", "relayed_by": "radio"}})},
	{"alert-relayed-acknowledgement-corrected", "alert.acknowledgement_corrected", false, about("alert", alert("activation", "KNA", ""),
		"acknowledgement", object{"party": "KNA", "outcome": "cannot_act", "by_role": "official", "by_party": "KNA"},
		"before", object{"party": "KNA", "outcome": "received", "by_role": "coordinator", "by_party": "DMA", "on_behalf_of": "KNA", "relayed_by": "radio"})},
	{"alert-question", "alert.acknowledged", false, about("alert", alert("activation", "LCA", ""), "acknowledgement", object{"party": "LCA", "outcome": "question"})},
	{"alert-closed", "alert.closed", false, about("alert", with(alert("activation", "LCA", ""), "closed", object{"at": "2017-09-20T10:00:00Z", "reason": "stood_down"}))},
	{"subscription-tested", "subscription.tested", false, object{"test": true, "subscription": object{"id": "s1", "channel": "email"}}},
	{"unknown-with-incident", "step.frozen", false, about()},
	{"unknown-without", "moon.risen", false, object{}},
}

func render(kind string, exercise bool, data object) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
		EventID: "0198c0de-0000-7000-8000-00000000000e-1", Type: kind + ".v1", Stream: "incident/" + incidentID, Seq: 12,
		At: time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC), Exercise: exercise, Origin: "DMA", Data: text,
	})
}

var reachable = wording.Options{PublicURL: "https://landfall.example.org", Callback: "+1 246 555 0100"}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
	}
}

func TestWhatPeopleAreTold(t *testing.T) {
	for _, c := range said {
		for _, language := range []string{"en", "fr"} {
			t.Run(c.name+"/"+language, func(t *testing.T) {
				n := wording.Of("landfall."+c.kind+".v1", render(c.kind, c.exercise, c.data), language, reachable)
				golden(t, c.name+"."+language+".txt", "SUBJECT "+n.Subject+"\nSHORT   "+n.Short+"\n\n"+n.Text())
			})
		}
	}
}

func TestThePageOfANotice(t *testing.T) {
	for _, name := range []string{"alert-activation-exercise", "answer-accept", "unknown-without"} {
		for _, c := range said {
			if c.name != name {
				continue
			}
			for _, language := range []string{"en", "fr"} {
				golden(t, name+"."+language+".html", wording.Of("", render(c.kind, c.exercise, c.data), language, reachable).HTML())
			}
		}
	}
}

func TestWithoutAPublicAddressThereIsNoLinkButACodeAndATelephone(t *testing.T) {
	body := render("incident.opened", false, about())
	for _, c := range []struct {
		name  string
		opt   wording.Options
		link  string
		reach []string
	}{
		{"both", reachable, "https://landfall.example.org/incidents/" + incidentID, []string{"Call +1 246 555 0100 and quote the code DMA-2017-7K3QX."}},
		{"address only", wording.Options{PublicURL: reachable.PublicURL}, "https://landfall.example.org/incidents/" + incidentID, nil},
		{"telephone only", wording.Options{Callback: reachable.Callback}, "", []string{"Call +1 246 555 0100 and quote the code DMA-2017-7K3QX."}},
		{"neither", wording.Options{}, "", []string{"Quote the code DMA-2017-7K3QX."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := wording.Of("", body, "en", c.opt)
			if n.Link != c.link {
				t.Errorf("link %q, want %q", n.Link, c.link)
			}
			if diff := cmp.Diff(c.reach, n.Reach); diff != "" {
				t.Error(diff)
			}
			for _, text := range []string{n.Text(), n.HTML()} {
				if strings.Contains(text, "https://") != (c.link != "") {
					t.Errorf("a link where there should be none, or none:\n%s", text)
				}
			}
		})
	}
}

func TestAnExerciseSaysSoFirstEverywhere(t *testing.T) {
	for _, c := range said {
		for language, word := range map[string]string{"en": "EXERCISE", "fr": "EXERCICE"} {
			for _, exercise := range []bool{true, false} {
				n := wording.Of("", render(c.kind, exercise, c.data), language, reachable)
				for what, text := range map[string]string{"subject": n.Subject, "short": n.Short, "text": n.Text()} {
					if strings.HasPrefix(text, word) != exercise {
						t.Errorf("%s, %s: %q", c.name, what, text)
					}
				}
				first := strings.Index(n.HTML(), "<p role=\"alert\"")
				if headline := strings.Index(n.HTML(), "<h1"); exercise != (first >= 0 && first < headline) {
					t.Errorf("%s: the page does not begin with it", c.name)
				}
			}
		}
	}
}

func TestABodyThatIsNoEventIsStillTold(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing":             {``, "Event step.overdue"},
		"no JSON":             {`{"id":`, "Event step.overdue"},
		"no object":           {`[1]`, "Event step.overdue"},
		"empty":               {`{}`, "Event step.overdue"},
		"a step that is none": {`{"id":"e1","type":"landfall.step.overdue.v1","data":{"step":"x","incident":{"code":"DMA-1","title":"T"}}}`, "DMA-1"},
		"no step":             {`{"id":"e1","type":"landfall.step.overdue.v1","data":{"incident":{"code":"DMA-1","title":"T"}}}`, "DMA-1"},
		"an exercise":         {`{"exercise":true,"type":7`, "EXERCISE – Event step.overdue"},
	} {
		t.Run(name, func(t *testing.T) {
			n := wording.Of("landfall.step.overdue.v1", []byte(c.body), "en", reachable)
			if !strings.Contains(n.Subject, c.want) || n.Text() == "" || n.Short == "" || len(n.Said) == 0 {
				t.Errorf("%q\n%s", n.Subject, n.Text())
			}
		})
	}
}

func TestNothingOfAnEventBecomesMarkup(t *testing.T) {
	bad := `</title><script>alert(1)</script><img src=x onerror="alert(1)">`
	data := about("step", with(steps()[2], "title", object{"en": bad}), "reason", bad)
	data["incident"].(object)["title"] = bad
	data["incident"].(object)["id"] = `x"onmouseover="alert(1)`
	page := wording.Of("", render("step.overdue", false, data), "en", reachable).HTML()
	for _, sign := range []string{"<script", "<img", `"onmouseover`} {
		if strings.Contains(page, sign) {
			t.Errorf("%q is in the page:\n%s", sign, page)
		}
	}
}

func TestWhateverAnEventHoldsANoticeIsWhole(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\r\nBcc: x@example.org", "\x00\u202e\xff", strings.Repeat("é", 900), "ATG", "accept"}))
	rapid.Check(t, func(t *rapid.T) {
		c := said[rapid.IntRange(0, len(said)-1).Draw(t, "event")]
		var scramble func(v any) any
		scramble = func(v any) any {
			switch v := v.(type) {
			case object:
				out := object{}
				for _, k := range slices.Sorted(maps.Keys(v)) {
					out[k] = scramble(v[k])
				}
				return out
			case []object:
				out := []any{}
				for _, x := range v {
					out = append(out, scramble(x))
				}
				return out
			case string:
				if _, err := time.Parse(time.RFC3339, v); err == nil || rapid.Bool().Draw(t, "keep") {
					return v
				}
				return word.Draw(t, "word")
			case int:
				if rapid.Bool().Draw(t, "keep") {
					return v
				}
				return rapid.Int().Draw(t, "number")
			}
			return v
		}
		body := render(c.kind, true, scramble(c.data).(object))
		n := wording.Of("landfall."+c.kind+".v1", body, rapid.SampledFrom([]string{"en", "fr"}).Draw(t, "language"), reachable)
		for what, line := range map[string]string{"subject": n.Subject, "short": n.Short, "headline": n.Headline, "link": n.Link} {
			if line == "" || strings.ContainsAny(line, "\r\n\x00\u202e") || !utf8.ValidString(line) {
				t.Errorf("%s: %q", what, line)
			}
		}
		if a, b := utf8.RuneCountInString(n.Subject), utf8.RuneCountInString(n.Short); a > 150 || b > 400 {
			t.Errorf("subject of %d, short text of %d characters", a, b)
		}
		if text := n.Text(); len(text) > 64<<10 || strings.ContainsAny(text, "\r\x00") || !utf8.ValidString(text) {
			t.Errorf("text of %d bytes", len(text))
		}
		if n.HTML() == "" {
			t.Error("no page")
		}
	})
}
