package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// roles are the columns of the matrix: an account of each kind, and nobody.
var roles = []string{"nobody", "first", "origin", "receiver", "stranger", "liaison", "auditor"}

// scene is what one column of the matrix acts on. No row takes away what a row below it needs.
type scene struct {
	hazard, incident, spare, draft, active, movement, departed, unwanted string
	alert, subscription, leaving, delivery, token                        string
	unit, doomed                                                         string
	etags                                                                map[string]string
}

// matrixRow is one operation with what each role is answered: the columns of roles.
type matrixRow struct {
	operation string
	call      func(s scene) (path, body string, headers []string)
	want      string
}

func path(format string, args ...func(scene) string) func(scene) (string, string, []string) {
	return with(format, "", args...)
}

// with builds a call whose path takes parts of the scene. A PUT or DELETE sends the ETag that the scene knows of its path.
func with(format, body string, args ...func(scene) string) func(scene) (string, string, []string) {
	return func(s scene) (string, string, []string) {
		parts := make([]any, len(args))
		for i, a := range args {
			parts[i] = a(s)
		}
		p := fmt.Sprintf(format, parts...)
		if tag, ok := s.etags[p]; ok {
			return p, body, []string{"If-Match", tag}
		}
		return p, body, nil
	}
}

func hazardOf(s scene) string       { return s.hazard }
func incidentOf(s scene) string     { return s.incident }
func spareOf(s scene) string        { return s.spare }
func draftOf(s scene) string        { return s.draft }
func unwantedOf(s scene) string     { return s.unwanted }
func leavingOf(s scene) string      { return s.leaving }
func activeOf(s scene) string       { return s.active }
func movementOf(s scene) string     { return s.movement }
func departedOf(s scene) string     { return s.departed }
func alertOf(s scene) string        { return s.alert }
func subscriptionOf(s scene) string { return s.subscription }
func deliveryOf(s scene) string     { return s.delivery }
func tokenOf(s scene) string        { return s.token }
func unitOf(s scene) string         { return s.unit }
func doomedOf(s scene) string       { return s.doomed }

const (
	aMovement = `{"mode":"sea","to":{"party":"ATG"},"departs_at":"2026-09-01T13:00:00Z","eta":"2026-09-01T20:00:00Z","people":{"total":12}}`
	aFigure   = `{"place":{"party":"DMA"},"quantifier":"exact","unit":"person","number":30,"category":"idps","term":"sheltered","setting":"hotel",
		"source":{"name":"Red Cross","kind":"red_cross"},"role":"triangulation","as_of":"2026-09-01T11:00:00Z"}`
)

// allMet answers the catalogue of properties with yes.
const allMet = `{"answers":{"P01":true,"P02":true,"P03":true,"P04":true,"P05":true,"P06":true,"P07":true,"P08":true,"P09":true,"P10":true,"P11":true,"P12":true}}`

// matrix says who is answered what.
func matrix() []matrixRow {
	hazard := func(s scene) (string, string, []string) {
		return "/api/v1/incidents", fmt.Sprintf(`{"title":"T","hazard_id":%q,"origin":"DMA","severity":"minor","occurred_at":"2026-09-01T12:00:00Z"}`, s.hazard), nil
	}
	account := func(format, body string) func(scene) (string, string, []string) {
		return func(s scene) (string, string, []string) {
			return strings.ReplaceAll(format, "RECEIVER", s.etags["receiver"]), strings.ReplaceAll(body, "RECEIVER", s.etags["receiver"]), nil
		}
	}
	in, unit := "/api/v1/incidents/%s", "/api/v1/preparedness/units/%s"
	return []matrixRow{
		//                                                                           nobody first origin receiver stranger liaison auditor
		{"listHazards", path("/api/v1/hazards"), "401 200 200 200 200 200 200"},
		{"openHazard", with("/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`), "401 201 201 403 201 403 403"},
		{"getHazard", path("/api/v1/hazards/%s", hazardOf), "401 200 200 200 200 200 200"},
		{"listIncidents", path("/api/v1/incidents"), "401 200 200 200 200 200 200"},
		{"openIncident", hazard, "401 201 201 403 403 403 403"},
		{"getIncident", path(in, incidentOf), "401 200 200 200 404 200 200"},
		{"releaseIncident", path(in+"/open", draftOf), "401 200 200 404 404 404 403"},
		{"nameReceivers", with(in+"/receivers", `{"receivers":["ATG","KNA"]}`, incidentOf), "401 200 200 403 404 403 403"},
		{"monitorIncident", with(in+"/monitor", activation, incidentOf), "401 200 200 403 404 403 403"},
		{"activateIncident", with(in+"/activate", activation, incidentOf), "401 200 200 403 404 403 403"},
		{"standDownIncident", with(in+"/stand-down", `{"reason":"It turned north."}`, incidentOf), "401 200 200 403 404 403 403"},
		{"closeIncident", with(in+"/close", `{}`, spareOf), "401 200 200 403 404 403 403"},
		{"listProposals", path(in+"/proposals", activeOf), "401 200 200 200 404 200 200"},
		{"confirmProposal", path(in+"/proposals/%s/confirm", activeOf, movementOf), "401 404 404 404 404 404 403"},
		{"withdrawProposal", path(in+"/proposals/%s/withdraw", activeOf, movementOf), "401 404 404 404 404 404 403"},
		{"listRelays", path(in+"/relays", activeOf), "401 200 200 200 404 403 200"},
		{"confirmRelay", path(in+"/relays/1/confirm", activeOf), "401 404 404 404 404 404 403"},
		{"getAnchor", path(in+"/anchors/LANDFALL", activeOf), "401 200 200 200 404 200 200"},
		{"moveAnchor", with(in+"/anchors/LANDFALL", `{"at":"2026-09-03T03:00:00Z","kind":"forecast"}`, activeOf), "401 200 200 403 404 403 403"},
		{"listSteps", path(in+"/steps", activeOf), "401 200 200 200 404 200 200"},
		{"getStep", path(in+"/steps/HUR-07.ATG", activeOf), "401 200 200 200 404 404 200"},
		{"startStep", path(in+"/steps/HUR-07.ATG/start", activeOf), "401 200 403 200 404 404 403"},
		{"completeStep", path(in+"/steps/HUR-07.ATG/complete", activeOf), "401 200 403 200 404 404 403"},
		{"markStepNotApplicable", with(in+"/steps/HUR-15.ATG/not-applicable", `{"reason":"None needed."}`, activeOf), "401 200 403 200 404 404 403"},
		{"noteStep", with(in+"/steps/HUR-07.ATG/note", `{"note":"Soon."}`, activeOf), "401 200 403 200 404 404 403"},
		{"reopenStep", with(in+"/steps/HUR-08.ATG/reopen", `{"reason":"By mistake."}`, activeOf), "401 200 403 200 404 404 403"},
		{"listMovements", path(in+"/movements", activeOf), "401 200 200 200 404 403 200"},
		{"announceMovement", with(in+"/movements", aMovement, activeOf), "401 201 201 403 404 403 403"},
		{"getMovement", path(in+"/movements/%s", activeOf, movementOf), "401 200 200 200 404 403 200"},
		{"departMovement", path(in+"/movements/%s/depart", activeOf, movementOf), "401 200 200 403 404 403 403"},
		{"arriveMovement", with(in+"/movements/%s/arrive", `{"people":{"total":12}}`, activeOf, departedOf), "401 200 403 200 404 403 403"},
		{"cancelMovement", with(in+"/movements/%s/cancel", `{"reason":"Swell."}`, activeOf, unwantedOf), "401 200 200 403 404 403 403"},
		{"correctMovement", with(in+"/movements/%s/correct", `{"reason":"Wrong.","people":{"total":11}}`, activeOf, movementOf), "401 200 200 403 404 403 403"},
		{"listFigures", path(in+"/figures", activeOf), "401 200 200 200 404 403 200"},
		{"reportFigure", with(in+"/figures", aFigure, activeOf), "401 201 201 201 404 403 403"},
		{"listAnswers", path(in+"/answers", activeOf), "401 200 200 200 404 403 200"},
		{"giveAnswer", with(in+"/answers", `{"party":"ATG","kind":"decline"}`, activeOf), "401 201 403 201 404 403 403"},
		{"getTimeline", path(in+"/timeline", activeOf), "401 200 200 200 404 403 200"},
		{"listAcknowledgements", path(in+"/acknowledgements", activeOf), "401 200 200 200 404 403 200"},
		{"listAlerts", path("/api/v1/alerts"), "401 200 200 200 200 200 200"},
		{"getAlert", path("/api/v1/alerts/%s", alertOf), "401 200 200 200 404 404 200"},
		{"acknowledgeAlert", with("/api/v1/alerts/%s/acknowledge", `{"outcome":"received"}`, alertOf), "401 200 403 200 404 404 403"},
		{"listSubscriptions", path("/api/v1/subscriptions"), "401 200 200 200 200 200 200"},
		{"subscribe", with("/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`), "401 201 201 201 201 201 403"},
		{"getSubscription", path("/api/v1/subscriptions/%s", subscriptionOf), "401 200 404 200 404 200 404"},
		{"changeSubscription", with("/api/v1/subscriptions/%s", `{"language":"fr"}`, subscriptionOf), "401 200 404 200 404 403 404"},
		{"unsubscribe", path("/api/v1/subscriptions/%s", leavingOf), "401 204 404 204 404 403 404"},
		{"rotateSecret", path("/api/v1/subscriptions/%s/rotate-secret", subscriptionOf), "401 200 404 200 404 403 404"},
		{"enableSubscription", path("/api/v1/subscriptions/%s/enable", subscriptionOf), "401 200 404 200 404 403 404"},
		{"testSubscription", path("/api/v1/subscriptions/%s/test", subscriptionOf), "401 200 404 200 404 403 404"},
		{"listDeliveries", path("/api/v1/deliveries"), "401 200 200 200 200 200 200"},
		{"getDelivery", path("/api/v1/deliveries/%s", deliveryOf), "401 200 404 200 404 200 404"},
		{"replayDelivery", path("/api/v1/deliveries/%s/replay", deliveryOf), "401 409 404 409 404 409 404"},
		{"replayDeliveries", with("/api/v1/deliveries/replay", `{"status":["expired"]}`), "401 200 200 200 200 200 403"},
		{"listProtocols", path("/api/v1/protocols"), "401 200 200 200 200 200 200"},
		{"getProtocol", path("/api/v1/protocols/hurricane"), "401 200 200 200 200 200 200"},
		{"listIndicators", path("/api/v1/preparedness/indicators"), "401 200 200 200 200 200 200"},
		{"listUnits", path("/api/v1/preparedness/units"), "401 200 200 200 200 200 200"},
		{"registerUnit", with("/api/v1/preparedness/units", `{"kind":"property","party":"ATG","name":"Bay hotel B","rooms":10}`), "401 201 403 403 403 201 403"},
		{"getUnit", path(unit, unitOf), "401 200 404 200 404 200 404"},
		{"changeUnit", with(unit, `{"name":"Bay hotel C","rooms":12}`, unitOf), "401 200 404 403 404 200 404"},
		{"listAssessments", path(unit+"/assessments", unitOf), "401 200 404 200 404 200 404"},
		{"assessUnit", with(unit+"/assessments", allMet, unitOf), "401 201 404 403 404 201 404"},
		{"confirmSeason", path(unit+"/confirm-season", unitOf), "401 409 404 403 404 409 404"},
		{"invalidateAssessment", with(unit+"/invalidate", `{"trigger":"major_damage","reason":"Roof lost"}`, unitOf), "401 200 404 403 404 200 404"},
		{"getCapacity", path(unit+"/capacity", unitOf), "401 200 404 200 404 200 404"},
		{"offerCapacity", with(unit+"/capacity", `{"rooms":5,"beds":9,"floor_area_m2":28}`, unitOf), "401 200 404 200 404 200 404"},
		{"confirmCapacity", with(unit+"/capacity/confirm", `{"rooms":4,"beds":8}`, unitOf), "401 200 404 200 404 200 404"},
		{"useCapacity", with(unit+"/capacity/use", `{"rooms":2,"beds":4}`, unitOf), "401 200 404 200 404 200 404"},
		{"releaseCapacity", with(unit+"/capacity/release", `{"rooms":2,"beds":4}`, unitOf), "401 200 404 200 404 200 404"},
		{"listCaseloads", path(unit+"/caseload", unitOf), "401 200 404 200 404 200 404"},
		{"reportCaseload", with(unit+"/caseload", `{"counts":[{"nationality":"GBR","setting":"hotel","number":7}]}`, unitOf), "401 201 404 403 404 201 404"},
		{"getBoard", path("/api/v1/preparedness/board"), "401 200 200 200 200 200 200"},
		{"retireUnit", with(unit+"/retire", `{"reason":"Closed for good"}`, doomedOf), "401 200 404 403 404 200 404"},
		{"listAccounts", path("/api/v1/accounts"), "401 200 403 403 403 403 403"},
		{"createAccount", with("/api/v1/accounts", `{"name":"Duty desk","role":"official","party":"ATG"}`), "401 201 403 403 403 403 403"},
		{"getAccount", account("/api/v1/accounts/RECEIVER", ""), "401 200 404 200 404 404 404"},
		{"listTokens", account("/api/v1/tokens?account_id=RECEIVER", ""), "401 200 404 200 404 404 404"},
		{"createToken", account("/api/v1/tokens", `{"account_id":"RECEIVER","label":"spare"}`), "401 201 403 403 403 403 403"},
		{"getToken", path("/api/v1/tokens/%s", tokenOf), "401 200 404 200 404 404 404"},
		{"revokeToken", path("/api/v1/tokens/%s", tokenOf), "401 204 404 204 404 404 404"},
		{"whoAmI", path("/api/v1/me"), "401 200 200 200 200 200 200"},
		{"followEvents", path("/api/v1/events"), "401 200 200 200 200 200 200"},
		{"getOperation", path("/api/v1/operation"), "401 200 403 403 403 403 200"},
		{"releaseOperation", path("/api/v1/operation/release"), "401 200 403 403 403 403 403"},
		{"getHealth", path("/healthz"), "200 200 200 200 200 200 200"},
		{"getReadiness", path("/readyz"), "200 200 200 200 200 200 200"},
		{"getMetrics", path("/metrics"), "401 401 401 401 401 401 401"},
		{"getContract", path("/openapi.yaml"), "200 200 200 200 200 200 200"},
		{"getDocs", path("/docs"), "200 200 200 200 200 200 200"},
	}
}

// stage makes a scene.
func (w *world) stage() scene {
	w.t.Helper()
	s := scene{etags: map[string]string{"receiver": w.account["receiver"]}}
	for _, id := range []*string{&s.subscription, &s.leaving} {
		sub := w.post("receiver", "/api/v1/subscriptions", `{"channel":"webhook","target":"https://hooks.example.org/x"}`).want(201)
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

func TestEveryRouteAnswersEveryRoleAsTheTableSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.Operation = &restored{}
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		})
	}).cast()
	untested := map[string]*operation{}
	for _, o := range w.server.contract.operations {
		untested[o.OperationID] = o
	}
	scenes := make([]scene, len(roles))
	for i := range scenes {
		scenes[i] = w.stage()
	}
	for _, row := range matrix() {
		o := untested[row.operation]
		if o == nil {
			t.Fatalf("the contract has no operation %s, or it stands in the table twice", row.operation)
		}
		delete(untested, row.operation)
		for column, want := range strings.Fields(row.want) {
			target, body, headers := row.call(scenes[column])
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if o.stream {
				cancel() // who may follow is answered before the reader has gone
			}
			a := w.do(w.request(roles[column], o.method, target, body, headers...).WithContext(ctx))
			cancel()
			if fmt.Sprint(a.code) != want {
				t.Errorf("%s as %s: %d, want %s: %s", row.operation, roles[column], a.code, want, cut(string(a.body), 300))
			}
		}
	}
	for id := range untested {
		t.Errorf("%s is not in the table", id)
	}
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
