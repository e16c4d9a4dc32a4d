package rest

import "testing"

func TestAHazardOfAnExerciseSaysSoAndCarriesNoActualIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	actual := w.post("origin", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
	drill := w.post("origin", "/api/v1/hazards", `{"name":"Delta","type":"TC","started_at":"2026-08-30T12:00:00Z","exercise":true}`).want(201)
	for want, h := range map[bool]*answered{false: actual, true: drill} {
		read := w.get("stranger", "/api/v1/hazards/"+h.text("id")).want(200)
		if h.members["exercise"] != want || read.members["exercise"] != want {
			t.Errorf("exercise %v: opened %s, read %s", want, h.body, read.body)
		}
	}
	for _, item := range w.get("stranger", "/api/v1/hazards").want(200).members["items"].([]any) {
		if h := item.(map[string]any); h["exercise"] != (h["name"] == "Delta") {
			t.Errorf("listed %v", h)
		}
	}
	open := func(hazard *answered, exercise string) *answered {
		return w.postf("origin", "/api/v1/incidents",
			`{"title":"Dominica","hazard_id":%q,"origin":"DMA","receivers":["ATG"],"severity":"extreme","occurred_at":"2026-09-01T12:00:00Z"%s}`,
			hazard.text("id"), exercise)
	}
	open(drill, "").refused(400, "invalid", "/hazard_id")
	open(drill, `,"exercise":false`).refused(400, "invalid", "/hazard_id")
	i := open(drill, `,"exercise":true`).want(201)
	open(actual, `,"exercise":true`).want(201) // an exercise replays a real storm
	open(actual, "").want(201)

	known := w.get("origin", "/api/v1/incidents/"+i.text("id")+"?as_known_at="+w.now().Format("2006-01-02T15:04:05Z")).want(200)
	if h, _ := known.members["hazard"].(map[string]any); h["exercise"] != true {
		t.Errorf("as known then: %s", known.body)
	}
	w.post("origin", "/api/v1/hazards", `{"name":"Delta","type":"TC","started_at":"2026-08-30T12:00:00Z","exercise":"yes"}`).refused(400, "invalid", "/exercise")
}
