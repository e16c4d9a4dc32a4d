package rest

import (
	"strings"
	"testing"
)

// scene is what tests act on: an incident in each state, and one of everything else.
type scene struct {
	hazard, incident, spare, draft, active, movement, departed, unwanted string
	alert, subscription, leaving, delivery, token                        string
	unit, doomed                                                         string
	etags                                                                map[string]string
}

const (
	aMovement = `{"mode":"sea","to":{"party":"ATG"},"departs_at":"2026-09-01T13:00:00Z","eta":"2026-09-01T20:00:00Z","people":{"total":12}}`
	aFigure   = `{"place":{"party":"DMA"},"quantifier":"exact","unit":"person","number":30,"category":"idps","term":"sheltered","setting":"hotel",
		"source":{"name":"Red Cross","kind":"red_cross"},"role":"triangulation","as_of":"2026-09-01T11:00:00Z"}`
)

// allMet answers the catalogue of properties with yes.
const allMet = `{"answers":{"P01":true,"P02":true,"P03":true,"P04":true,"P05":true,"P06":true,"P07":true,"P08":true,"P09":true,"P10":true,"P11":true,"P12":true}}`

// stage makes a scene.
func (w *world) stage() scene {
	w.t.Helper()
	s := scene{etags: map[string]string{"receiver": w.account["receiver"]}}
	for _, id := range []*string{&s.subscription, &s.leaving} {
		sub := w.post("receiver", "/api/v1/subscriptions", w.hook()).want(201)
		*id = sub.text("id")
		s.etags["/api/v1/subscriptions/"+*id] = sub.etag()
	}

	i := w.open()
	s.hazard, s.incident = i.text("hazard_id"), i.text("id")
	s.etags["/api/v1/incidents/"+s.incident+"/receivers"] = i.etag()
	s.spare, s.draft = w.open().text("id"), w.open(`"draft":true`).text("id")

	s.active = w.open().text("id")
	at := "/api/v1/incidents/" + s.active
	w.post("origin", at+"/activate", activation).want(200)
	s.etags[at+"/anchors/LANDFALL"] = w.get("origin", at+"/anchors/LANDFALL").want(200).etag()
	w.post("receiver", at+"/steps/HUR-08.ATG/complete", "").want(200)
	s.movement = w.post("origin", at+"/movements", aMovement).want(201).text("id")
	s.departed = w.post("origin", at+"/movements", aMovement).want(201).text("id")
	w.post("origin", at+"/movements/"+s.departed+"/depart", "").want(200)
	s.unwanted = w.post("origin", at+"/movements", aMovement).want(201).text("id")
	w.handle()
	for _, a := range w.get("receiver", "/api/v1/alerts?incident_id="+s.active).want(200).items() {
		s.alert = a["id"].(string)
	}
	for _, d := range w.get("receiver", "/api/v1/deliveries?incident_id="+s.active).want(200).items() {
		s.delivery = d["id"].(string)
	}
	const units = "/api/v1/preparedness/units"
	for _, id := range []*string{&s.unit, &s.doomed} {
		u := w.post("liaison", units, `{"kind":"property","name":"Bay hotel A","rooms":20,"town":"Dickenson Bay"}`).want(201)
		*id = u.text("id")
		s.etags[units+"/"+*id], s.etags[units+"/"+*id+"/retire"] = u.etag(), u.etag()
	}
	w.post("liaison", units+"/"+s.unit+"/assessments", allMet).want(201)
	w.post("liaison", units+"/"+s.unit+"/capacity", `{"rooms":5,"beds":8}`).want(200)
	token := w.postf("first", "/api/v1/tokens", `{"account_id":%q,"label":"spare"}`, w.account["receiver"]).want(201)
	s.token = token.text("id")
	s.etags["/api/v1/tokens/"+s.token] = token.etag()
	return s
}

func TestNobodyElseLearnsThatAnIncidentExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	absent := "0198c0de-0000-7000-8000-00000000dead"
	for _, as := range []string{"stranger", "receiver"} {
		invisible := s.active
		if as == "receiver" {
			invisible = s.draft
		}
		for _, o := range w.server.contract.inOrder() {
			if !strings.Contains(o.path, "{incident_id}") {
				continue
			}
			body := ""
			if o.body != nil && o.bodyRequired {
				body = pretty(o.body.Example)
			}
			ask := func(id string) *answered {
				p := strings.NewReplacer("{incident_id}", id, "{anchor}", "LANDFALL", "{step_key}", "HUR-07.ATG", "{movement_id}", s.movement).Replace(o.path)
				return w.do(w.request(as, o.method, p, body, "If-Match", `"1-1"`, "Idempotency-Key", "the-same-key"))
			}
			there, gone := ask(invisible), ask(absent)
			got := strings.ReplaceAll(string(there.body), invisible, absent)
			if there.code != gone.code || got != string(gone.body) {
				t.Errorf("%s as %s tells an invisible incident from an absent one: %d %s, %d %s", o.OperationID, as, there.code, there.body, gone.code, gone.body)
			}
		}
	}
	for _, list := range []string{"incidents", "alerts", "deliveries", "subscriptions", "incidents?q=maria", "incidents?state=ATG"} {
		if items := w.get("stranger", "/api/v1/"+list).want(200).items(); len(items) != 0 {
			t.Errorf("%s shows a stranger %v", list, items)
		}
	}
	if n := len(w.get("receiver", "/api/v1/incidents").want(200).items()); n != 3 {
		t.Errorf("the receiver sees %d incidents, want the three that are no drafts", n)
	}
}

func TestAPartyThatIsUnnamedSeesNothingFurther(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	s := w.stage()
	at := "/api/v1/incidents/" + s.incident
	w.get("receiver", at).want(200)
	tag := w.get("origin", at).etag()
	w.do(w.request("origin", "PUT", at+"/receivers", `{"receivers":["KNA"]}`, "If-Match", tag)).want(200)
	w.get("receiver", at).refused(404, "incident_not_found")
	for _, i := range w.get("receiver", "/api/v1/incidents").want(200).items() {
		if i["id"] == s.incident {
			t.Error("it is still in the list")
		}
	}
	w.handle()
	for _, a := range w.get("receiver", "/api/v1/alerts?incident_id="+s.incident).want(200).items() {
		if a["kind"] != "withdrawn" {
			t.Errorf("an alert is still in the inbox: %v", a)
		}
	}
}
