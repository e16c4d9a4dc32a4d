package rest

import (
	"testing"
)

func TestAnIncidentFromFirstToLastCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	if i.header.Get("Location") != at || i.text("status") != "monitoring" {
		t.Errorf("Location %q, status %q", i.header.Get("Location"), i.text("status"))
	}

	w.post("origin", at+"/monitor", activation).want(200)
	active := w.post("origin", at+"/activate", activation).want(200)
	if active.text("status") != "active" {
		t.Errorf("status %q", active.text("status"))
	}
	anchor := w.get("receiver", at+"/anchors/LANDFALL").want(200)
	w.do(w.request("origin", "PUT", at+"/anchors/LANDFALL", `{"at":"2026-09-03T05:00:00Z","kind":"forecast"}`, "If-Match", anchor.etag())).want(200)

	steps := w.get("receiver", at+"/steps").want(200).items()
	if len(steps) < 37 {
		t.Errorf("%d steps", len(steps))
	}
	w.post("receiver", at+"/steps/HUR-07.ATG/start", `{}`).want(200)
	w.post("receiver", at+"/steps/HUR-07.ATG/note", `{"note":"The cabinet meets at six.\nMore then."}`).want(200)
	done := w.post("receiver", at+"/steps/HUR-07.ATG/complete", `{"evidence":{"type":"note_verbale","reference":"NV 114/2026"}}`).want(200)
	if done.text("status") != "done" {
		t.Errorf("step %s", done.body)
	}
	w.post("receiver", at+"/steps/HUR-07.ATG/reopen", `{"reason":"The note was withdrawn."}`).want(200)
	w.post("origin", at+"/steps/HUR-04/not-applicable", `{"reason":"No watch was issued."}`).want(200)
	w.get("origin", at+"/steps/HUR-07.ATG").want(200)

	w.post("receiver", at+"/answers", `{"kind":"accept","ceiling":300,"conditions":["Six months at most"]}`).want(201)
	w.get("origin", at+"/answers").want(200)

	m := w.post("origin", at+"/movements", `{"mode":"sea","carrier":"Ferry","from":{"party":"DMA","name":"Roseau"},"to":{"party":"ATG"},
		"departs_at":"2026-09-01T13:00:00Z","eta":"2026-09-01T20:00:00Z","people":{"total":120,"sex":[{"sex":"f","count":61}],"ages":[{"age_from":0,"age_to":4,"count":9}]}}`).want(201)
	ferry := at + "/movements/" + m.text("id")
	w.get("receiver", ferry).want(200)
	w.post("origin", ferry+"/depart", `{"departed_at":"2026-09-01T12:00:00Z","people":{"total":118}}`).want(200)
	w.post("receiver", ferry+"/arrive", `{"people":{"total":117},"reason":"One was taken off by the coast guard."}`).want(200)
	corrected := w.post("receiver", ferry+"/correct", `{"reason":"Counted twice.","came":{"total":118}}`).want(200)
	if corrected.members["difference"] != 0.0 {
		t.Errorf("difference %v", corrected.members["difference"])
	}
	second := w.post("origin", at+"/movements", `{"mode":"air","to":{"party":"ATG"},"departs_at":"2026-09-02T13:00:00Z","eta":"2026-09-02T14:00:00Z","people":{"total":9}}`).want(201)
	w.post("origin", at+"/movements/"+second.text("id")+"/cancel", `{"reason":"The runway is flooded."}`).want(200)
	if n := len(w.get("origin", at+"/movements").want(200).items()); n != 2 {
		t.Errorf("%d movements", n)
	}

	w.post("origin", at+"/figures", `{"place":{"party":"DMA"},"quantifier":"more_than","unit":"person","number":3000,"category":"idps","term":"sheltered",
		"setting":"public_shelter","source":{"name":"Office of Disaster Management","kind":"government"},"role":"recommended","as_of":"2026-09-01T11:00:00Z"}`).want(201)
	w.get("receiver", at+"/figures?role=recommended").want(200)

	w.handle()
	inbox := w.get("receiver", "/api/v1/alerts?status=open").want(200).items()
	if len(inbox) == 0 {
		t.Fatal("the receiver was not alerted")
	}
	alert := "/api/v1/alerts/" + inbox[0]["id"].(string)
	w.get("receiver", alert).want(200)
	w.post("receiver", alert+"/acknowledge", `{"outcome":"received"}`).want(200)
	told := w.get("origin", at+"/acknowledgements").want(200).items()
	if len(told) != 1 || told[0]["party"] != "ATG" {
		t.Errorf("told %v", told)
	}
	w.get("origin", at+"/timeline?limit=5").want(200)
	known := w.get("origin", at+"?as_known_at=2026-09-01T12:00:00Z").want(200)
	if known.members["known"] == nil || known.members["provisional"] != true {
		t.Errorf("as known: %s", known.body)
	}

	w.post("origin", at+"/close", `{}`).refused(409, "unfinished", "/steps/HUR-05")
	w.post("origin", at+"/stand-down", `{"reason":"The storm turned north."}`).want(200)
	w.get("origin", "/api/v1/incidents?status=stood_down,closed&state=ATG&hazard_type=TC&exercise=false&q=maria").want(200)
	w.get("origin", "/api/v1/hazards").want(200)
	w.get("origin", "/api/v1/protocols").want(200)
	w.get("origin", "/api/v1/protocols/hurricane").want(200)
	w.get("origin", "/api/v1/protocols/nothing").refused(404, "protocol_not_found")
}
