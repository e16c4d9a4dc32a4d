package app_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// standings say who stands how to each thing that the callers of the matrix try something on. The owner of a part comes from the row.
var standings = map[string]func(*caller) standing{
	"":               func(*caller) standing { return standing{} },
	"asset":          func(*caller) standing { return standing{} },
	"account":        func(c *caller) standing { return standing{} },
	"token":          func(c *caller) standing { return standing{} },
	"subscription":   func(c *caller) standing { return standing{} },
	"delivery":       func(c *caller) standing { return standing{} },
	"unit":           func(c *caller) standing { return standing{} },
	"confirmed_unit": func(c *caller) standing { return standing{} },
	"used_unit":      func(c *caller) standing { return standing{} },
	"hazard":         func(c *caller) standing { return standing{} },
	"opening":        opening,
	"draft":          func(*caller) standing { return standing{origin: "DMA"} },
	"opening_proposed": func(*caller) standing {
		return standing{origin: "DMA", named: []string{"ATG"}, regional: matrixParties[6:]}
	},
	"incident":       prepare,
	"start_proposed": asked,
	"naming_proposed": func(*caller) standing {
		return standing{origin: "DMA", named: []string{"ATG", "KNA"}, regional: matrixParties[6:]}
	},
	"start_withdrawn": prepare,
	"end_proposed":    prepare,
	"loosened": func(c *caller) standing {
		return standing{origin: "DMA", named: []string{"ATG"}, regional: running(c).regional}
	},
	"asked_alert":        func(*caller) standing { return standing{origin: "DMA", regional: []string{"ORG-CDEMA"}} },
	"dropped_alert":      func(*caller) standing { return standing{origin: "DMA"} },
	"alert":              alertOf,
	"inside_alert":       alertOf,
	"tourism_alert":      alertOf,
	"seen_alert":         alertOf,
	"heard_alert":        alertOf,
	"seen_inside_alert":  alertOf,
	"seen_tourism_alert": alertOf,
	"active":             running, "full": running, "reopened": running, "relayed": running, "movement": running, "departed": running, "figure": running,
}

// spokenAt says who stands how to the incident of an alert: whoever takes part passes on what a party says to an alert of its.
var spokenAt = map[string]func(*caller) standing{
	"asked_alert": asked, "heard_alert": prepare,
	"alert": running, "inside_alert": running, "tourism_alert": running, "seen_alert": running, "seen_inside_alert": running, "seen_tourism_alert": running,
}

// alertOf is an alert for Antigua: the affected state and the party that it is for know of it.
func alertOf(*caller) standing { return standing{origin: "DMA", named: []string{"ATG"}} }

func prepare(*caller) standing { return standing{origin: "DMA", named: []string{"ATG", "KNA"}} }

// asked is an incident in which a start waits: the regional bodies that would take part in it are asked too.
func asked(c *caller) standing { return running(c) }

func running(*caller) standing {
	return standing{origin: "DMA", named: []string{"ATG", "KNA"}, regional: []string{"ORG-CDEMA", "ORG-OECS"}}
}

// opening is an incident that the caller would open: a regional body that passes on the origin's word takes part in it.
func opening(c *caller) standing {
	s := prepare(c)
	if strings.HasPrefix(c.party, "ORG-") {
		s.regional = []string{c.party}
	}
	return s
}

// sharedThing is made once and used by everybody.
type sharedThing struct {
	once    sync.Once
	members map[string]string
}

// share gives the one thing of a name.
func (s *stage) share(t testing.TB, name string) map[string]string {
	t.Helper()
	s.mu.Lock()
	one, ok := s.shared[name]
	if !ok {
		one = &sharedThing{}
		s.shared[name] = one
	}
	s.mu.Unlock()
	one.once.Do(func() { one.members = s.thing(t, name) })
	if one.members == nil {
		t.Fatalf("there is no %s: making it failed elsewhere", name)
	}
	return one.members
}

const landfall = `{"protocol":"hurricane","anchors":{"LANDFALL":{"at":"2026-09-18T01:15:00Z","kind":"forecast"}}}`

// thing makes a new thing and gives its members.
func (s *stage) thing(t testing.TB, name string) map[string]string {
	t.Helper()
	post := func(path, body string) *heard { t.Helper(); return s.made(t, s.first, path, body) }
	in := func(m map[string]string) string { return "/api/v1/incidents/" + m["incident_id"] }
	with := func(m map[string]string, key, value string) map[string]string { m[key] = value; return m }
	const word = `"on_behalf_of":"%s","relayed_by":"radio","said_at":"2026-09-16T12:59:00Z"`
	relayed := func(by *caller, party, path, body string) *heard {
		t.Helper()
		return s.made(t, by, path, strings.Replace(body, "{", "{"+fmt.Sprintf(word, party)+",", 1))
	}
	official := s.caller("official", "ATG")
	switch name {
	case "":
		return map[string]string{}
	case "asset":
		return map[string]string{"asset": regexp.MustCompile(`/assets/([^"]+)`).FindStringSubmatch(s.ask(&caller{}, "GET", "/sign-in", "").body)[1]}
	case "account":
		return map[string]string{"account_id": official.account}
	case "token":
		h := post("/api/v1/tokens", fmt.Sprintf(`{"account_id":%q,"label":"spare"}`, official.account))
		return map[string]string{"token_id": h.text("id")}
	case "hazard":
		h := post("/api/v1/hazards", `{"name":"Hurricane Maria","type":"TC","started_at":"2026-09-15T12:00:00Z"}`)
		return map[string]string{"hazard_id": h.text("id")}
	case "opening":
		return s.share(t, "hazard")
	case "incident", "draft":
		return s.incident(t, "Hurricane Maria", name == "draft")
	case "opening_proposed":
		h := relayed(official, "DMA", "/api/v1/incidents", s.opening(t, "Hurricane Maria", false))
		m := map[string]string{"incident_id": h.text("id")}
		return with(m, "proposal_id", s.sent(t, s.first, "GET", in(m)+"/proposals", "").items()[0]["id"].(string))
	case "start_proposed":
		m := s.thing(t, "incident")
		return with(m, "proposal_id", relayed(official, "DMA", in(m)+"/monitor", landfall).text("id"))
	case "naming_proposed":
		m := s.thing(t, "incident")
		return with(m, "proposal_id", s.renamed(t, m, `"ATG","KNA","VCT"`))
	case "loosened": // a list that named one and un-named another, which is un-named by now
		m := s.thing(t, "active")
		with(m, "proposal_id", s.renamed(t, m, `"ATG","VCT"`))
		s.sent(t, s.first, "PUT", in(m)+"/receivers", `{"receivers":["ATG"]}`, "If-Match", "*")
		return m
	case "start_withdrawn":
		m := s.thing(t, "start_proposed")
		s.made(t, official, in(m)+"/proposals/"+m["proposal_id"]+"/withdraw", "")
		return m
	case "end_proposed":
		m := s.thing(t, "incident")
		return with(m, "proposal_id", relayed(official, "DMA", in(m)+"/stand-down", `{"reason":"It turned north."}`).text("id"))
	case "active":
		m := s.thing(t, "incident")
		post(in(m)+"/activate", landfall)
		return m
	case "reopened":
		m := s.thing(t, "active")
		post(in(m)+"/steps/HUR-08.ATG/complete", "")
		return m
	case "relayed":
		m := s.thing(t, "active")
		relayed(s.caller("coordinator", "DMA"), "ATG", in(m)+"/steps/HUR-07.ATG/note", `{"note":"By radio."}`)
		return with(m, "relay_version", fmt.Sprint(s.sent(t, s.first, "GET", in(m)+"/relays", "").items()[0]["version"]))
	case "movement", "departed":
		m := map[string]string{"incident_id": s.share(t, "active")["incident_id"]}
		h := post(in(m)+"/movements", movementOf(12))
		with(m, "movement_id", h.text("id"))
		if name == "departed" {
			post(in(m)+"/movements/"+m["movement_id"]+"/depart", "")
		}
		return m
	case "figure":
		m := map[string]string{"incident_id": s.share(t, "active")["incident_id"]}
		return with(m, "figure_id", s.made(t, official, in(m)+"/figures", figureOf(30)).text("id"))
	case "full":
		return s.full(t)
	case "overdue":
		return s.overdue(t)
	case "asked_alert", "dropped_alert":
		m := s.thing(t, "start_proposed")
		with(m, "alert_id", s.awaited(t, "/api/v1/alerts?limit=500&incident_id="+m["incident_id"], func(a map[string]any) bool {
			return a["kind"] == "proposed" && a["party"] == "ORG-CDEMA"
		}))
		if name == "dropped_alert" {
			s.made(t, official, in(m)+"/proposals/"+m["proposal_id"]+"/withdraw", "")
		}
		return m
	case "alert", "inside_alert", "tourism_alert":
		return s.alerted(t, name)
	case "heard_alert": // another state passed on what Antigua says to it
		m := s.thing(t, "incident")
		with(m, "alert_id", s.awaited(t, "/api/v1/alerts?limit=500&incident_id="+m["incident_id"], func(a map[string]any) bool {
			return a["kind"] == "named" && a["party"] == "ATG"
		}))
		relayed(s.caller("coordinator", "KNA"), "ATG", "/api/v1/alerts/"+m["alert_id"]+"/acknowledge", `{"outcome":"received"}`)
		return m
	case "seen_alert", "seen_inside_alert", "seen_tourism_alert":
		m := s.alerted(t, strings.TrimPrefix(name, "seen_"))
		s.made(t, official, "/api/v1/alerts/"+m["alert_id"]+"/acknowledge", `{"outcome":"received"}`)
		return m
	case "subscription":
		h := s.made(t, official, "/api/v1/subscriptions", fmt.Sprintf(`{"channel":"webhook","target":"https://hooks.example.org/%d"}`, s.unique.Add(1)))
		return map[string]string{"subscription_id": h.text("id"), "account": official.account}
	case "delivery":
		m := s.share(t, "subscription")
		h := s.made(t, official, "/api/v1/subscriptions/"+m["subscription_id"]+"/test", "")
		return map[string]string{"delivery_id": h.text("id")}
	case "unit":
		return s.unit(t)
	case "confirmed_unit", "used_unit":
		m := s.unit(t)
		at := "/api/v1/preparedness/units/" + m["unit_id"] + "/capacity"
		post(at+"/confirm", `{"rooms":4,"beds":8}`)
		if name == "used_unit" {
			post(at+"/use", `{"rooms":2,"beds":4}`)
		}
		return m
	}
	t.Fatalf("no thing is called %q", name)
	return nil
}

func movementOf(people int) string {
	return fmt.Sprintf(`{"mode":"sea","to":{"party":"ATG"},"departs_at":"2026-09-16T13:00:00Z","eta":"2026-09-16T20:00:00Z","people":{"total":%d}}`, people)
}

func figureOf(people int) string {
	return fmt.Sprintf(`{"place":{"party":"DMA"},"quantifier":"exact","unit":"person","number":%d,"category":"idps","term":"sheltered","setting":"hotel",
		"source":{"name":"Red Cross","kind":"red_cross"},"role":"triangulation","as_of":"2026-09-16T11:00:00Z"}`, people)
}

func (s *stage) opening(t testing.TB, title string, draft bool) string {
	t.Helper()
	return fmt.Sprintf(`{"title":%q,"hazard_id":%q,"origin":"DMA","receivers":["ATG","KNA","LCA"],"severity":"extreme","occurred_at":"2026-09-16T12:00:00Z","draft":%t}`,
		title, s.share(t, "hazard")["hazard_id"], draft)
}

// incident opens one that named Saint Lucia and no longer does; of a draft nobody is told anyway.
func (s *stage) incident(t testing.TB, title string, draft bool) map[string]string {
	t.Helper()
	body := s.opening(t, title, draft)
	id := s.made(t, s.first, "/api/v1/incidents", body).text("id")
	if draft {
		return map[string]string{"incident_id": id}
	}
	s.sent(t, s.first, "PUT", "/api/v1/incidents/"+id+"/receivers", `{"receivers":["ATG","KNA"]}`, "If-Match", "*")
	return map[string]string{"incident_id": id, "hazard_id": s.share(t, "hazard")["hazard_id"]}
}

// renamed has an official of Antigua pass on another list of receivers, and gives the id of what waits.
func (s *stage) renamed(t testing.TB, m map[string]string, receivers string) string {
	t.Helper()
	body := fmt.Sprintf(`{"receivers":[%s],"on_behalf_of":"DMA","relayed_by":"radio","said_at":"2026-09-16T12:59:00Z"}`, receivers)
	return s.sent(t, s.caller("official", "ATG"), "PUT", "/api/v1/incidents/"+m["incident_id"]+"/receivers", body, "If-Match", "*").text("id")
}

// full is an active incident in which everything is planted that not everybody may read.
func (s *stage) full(t testing.TB) map[string]string {
	t.Helper()
	body := strings.Replace(s.opening(t, "Zephyrine", false), `,"LCA"`, "", 1)
	m := map[string]string{"incident_id": s.made(t, s.first, "/api/v1/incidents", body).text("id")}
	at := "/api/v1/incidents/" + m["incident_id"]
	for _, call := range [][2]string{
		{"/activate", landfall},
		{"/steps/HUR-05/complete", `{"evidence":{"type":"note_verbale","reference":"HiddenReference"}}`},
		{"/steps/HUR-07.ATG/complete", `{"evidence":{"type":"note_verbale","reference":"HiddenReference 2"}}`},
		{"/steps/HUR-07.KNA/note", `{"note":"HiddenNote"}`},
		{"/steps/HUR-23.ATG/note", `{"note":"TourismNote"}`},
		{"/figures", figureOf(751175)},
		{"/answers", `{"party":"ATG","kind":"accept","ceiling":731173}`},
	} {
		s.made(t, s.first, at+call[0], call[1])
	}
	m["movement_id"] = s.made(t, s.first, at+"/movements", movementOf(741174)).text("id")
	return m
}

// alerted gives an alert for Antigua: that it is named, of a movement, or of a tourism step that is overdue.
func (s *stage) alerted(t testing.TB, name string) map[string]string {
	t.Helper()
	full := s.share(t, "full")
	kind := map[string]string{"alert": "named", "inside_alert": "movement", "tourism_alert": "step_overdue"}[name]
	if name == "tourism_alert" {
		full = s.share(t, "overdue")
	}
	id := s.awaited(t, "/api/v1/alerts?limit=500&incident_id="+full["incident_id"], func(a map[string]any) bool {
		return a["kind"] == kind && a["party"] == "ATG" && (name != "tourism_alert" || a["step_key"] == "HUR-23.ATG")
	})
	s.made(t, s.first, "/api/v1/alerts/"+id+"/acknowledge", `{"outcome":"received"}`) // what nobody said cannot be corrected
	return map[string]string{"alert_id": id, "incident_id": full["incident_id"]}
}

// overdue is an active incident with a boat that came in. It is made four hours before noon, so that by noon a tourism step of Antigua is overdue.
func (s *stage) overdue(t testing.TB) map[string]string {
	t.Helper()
	m := s.thing(t, "active")
	at := "/api/v1/incidents/" + m["incident_id"] + "/movements"
	boat := s.made(t, s.first, at, strings.ReplaceAll(movementOf(12), "2026-09-16", "2026-09-15")).text("id")
	s.made(t, s.first, at+"/"+boat+"/depart", `{"departed_at":"2026-09-15T13:00:00Z"}`)
	s.made(t, s.first, at+"/"+boat+"/arrive", `{"arrived_at":"2026-09-15T20:00:00Z","people":{"total":12}}`)
	return m
}

func (s *stage) unit(t testing.TB) map[string]string {
	t.Helper()
	liaison := s.caller("liaison", "ATG")
	const units = "/api/v1/preparedness/units"
	id := s.made(t, liaison, units, `{"kind":"property","name":"Palmhaven","rooms":20,"town":"Dickenson Bay"}`).text("id")
	s.made(t, liaison, units+"/"+id+"/assessments", allMet)
	s.made(t, liaison, units+"/"+id+"/capacity", `{"rooms":5,"beds":8}`)
	s.made(t, liaison, units+"/"+id+"/caseload", `{"counts":[{"nationality":"GBR","setting":"hotel","number":711171}]}`)
	return map[string]string{"unit_id": id}
}

// allMet answers the catalogue of properties with yes.
const allMet = `{"answers":{"P01":true,"P02":true,"P03":true,"P04":true,"P05":true,"P06":true,"P07":true,"P08":true,"P09":true,"P10":true,"P11":true,"P12":true}}`

func (s *stage) standing(name, owner string, c *caller, m map[string]string) standing {
	make, ok := standings[name]
	if !ok {
		panic("nobody says how callers stand to a thing " + name)
	}
	st := make(c)
	st.named, st.regional = slices.Clone(st.named), slices.Clone(st.regional)
	st.owner, st.account = owner, m["account"]
	if owner == "caller" {
		st.owner = c.party
	}
	if name == "account" || name == "token" {
		st.account = s.caller("official", "ATG").account
	}
	return st
}
