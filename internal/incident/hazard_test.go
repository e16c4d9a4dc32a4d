package incident_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

func (w *world) hazardOf(exercise bool) *incident.Hazard {
	w.t.Helper()
	return must(w.desk.OpenHazard(ctx, dma, w.once(), incident.OpenHazard{Name: "Delta", Type: "TC", StartedAt: monday, Exercise: exercise}))(w.t).Value
}

func TestAHazardIsAnExerciseForEverAndEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, exercise := range []bool{true, false} {
		h := w.hazardOf(exercise)
		heard := w.announced()
		if len(heard) != 1 || heard[0].Exercise != exercise || strings.Contains(string(heard[0].Data), `"exercise":true`) != exercise {
			t.Errorf("exercise %v: announced %+v", exercise, heard)
		}
		commits := must(w.store.ReadStream(ctx, "hazard/"+h.ID, 0, 0))(t)
		if len(commits) != 1 || strings.Contains(string(commits[0].Body), `"exercise":true,"key"`) != exercise {
			t.Errorf("exercise %v: recorded %s", exercise, commits[0].Body)
		}
		if diff := cmp.Diff(heard, must(w.ledger.Announcements(ctx, commits[0]))(t)); diff != "" {
			t.Error(diff)
		}
		if read := must(w.desk.GetHazard(ctx, vct, h.ID))(t); h.Exercise != exercise || read.Exercise != exercise {
			t.Errorf("exercise %v: opened %+v, read %+v", exercise, h, read)
		}
		if list := must(w.desk.ListHazards(ctx, vct, incident.PageRequest{Limit: 1}))(t); list.Items[0].ID != h.ID || list.Items[0].Exercise != exercise {
			t.Errorf("exercise %v: listed %+v", exercise, list.Items[0])
		}
		w.pass(time.Minute)
	}
}

func TestAnActualIncidentIsNotOpenedOnAHazardOfAnExercise(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, c := range []struct{ hazard, incident, may bool }{
		{hazard: false, incident: false, may: true}, {hazard: false, incident: true, may: true},
		{hazard: true, incident: false, may: false}, {hazard: true, incident: true, may: true},
	} {
		in := w.request()
		in.HazardID, in.Exercise = w.hazardOf(c.hazard).ID, c.incident
		for _, in.Draft = range []bool{true, false} {
			done, err := w.desk.Open(ctx, dma, w.once(), in)
			switch {
			case !c.may:
				names(t, err, "/hazard_id")
			case err != nil:
				t.Errorf("%+v: %v", c, err)
			case done.Value.Exercise != c.incident:
				t.Errorf("%+v: opened %+v", c, done.Value)
			}
		}
	}
	relayed := w.once()
	relayed.Relay = &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "radio"}
	in := w.request()
	in.HazardID, in.Receivers = w.hazardOf(true).ID, []place.Party{"ATG"}
	_, err := w.desk.Open(ctx, atg, relayed, in)
	names(t, err, "/hazard_id")
}

// TestAHazardRecordedBeforeThereWasTheFlagIsActual keeps the text of a commit and of its document as they were written then.
func TestAHazardRecordedBeforeThereWasTheFlagIsActual(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const id = "0198c0de-0000-7000-8000-000000000002"
	body := []byte(`{"stream":"hazard/` + id + `","seq":1,"id":"0198c0de-0000-7000-8000-000000000003","recorded_at":"2017-09-17T12:00:00Z",` +
		`"actor":{"account":"c-DMA","role":"coordinator","party":"DMA"},"exercise":false,"events":[{"type":"hazard.opened.v1",` +
		`"data":{"name":"Maria","type":"TC","glide":["TC-2017-000136-DMA"],"started_at":"2017-09-16T12:00:00Z"}}]}`)
	const document = `{"id":"` + id + `","name":"Maria","type":"TC","glide":["TC-2017-000136-DMA"],"started_at":"2017-09-16T12:00:00Z",` +
		`"opened_at":"2017-09-17T12:00:00Z","seq":1}`
	hash := sha256.Sum256(body)
	must(w.store.Append(ctx, []store.Commit{
		{Stream: "hazard/" + id, Seq: 1, ID: "0198c0de-0000-7000-8000-000000000003", RecordedAt: monday, Body: body, Hash: hash[:], Pending: store.OwesDocuments},
	}))(t)
	commits := must(w.store.ReadStream(ctx, "hazard/"+id, 0, 0))(t)
	if err := w.ledger.DeriveOwed(ctx, commits); err != nil {
		t.Fatal(err)
	}

	if h := must(w.desk.GetHazard(ctx, vct, id))(t); h.Name != "Maria" || h.Exercise {
		t.Errorf("read %+v", h)
	}
	if derived := must(w.store.Get(ctx, incident.KindHazard, id))(t)[id]; string(derived.Body) != document {
		t.Errorf("its document would be %s, and verify would find the old one wrong", derived.Body)
	}
	if heard := must(w.ledger.Announcements(ctx, commits[0]))(t); len(heard) != 1 || heard[0].Exercise {
		t.Errorf("announced %+v", heard)
	}
	in := w.request()
	in.HazardID = id
	must(w.desk.Open(ctx, dma, w.once(), in))(t)
	w.ledger.Settle(ctx, 30*time.Second)
	report := must(w.ledger.Verify(ctx, incident.Kinds(), nil))(t)
	if len(report.Findings) > 0 || report.Documents == 0 {
		t.Errorf("verified %+v", report)
	}
}
