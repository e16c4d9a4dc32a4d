package incident_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// told is an announcement as the golden file keeps it: without the ids that are new at every run.
type told struct {
	Type     string              `json:"type"`
	Stream   ledger.Stream       `json:"stream"`
	Seq      int64               `json:"seq"`
	At       time.Time           `json:"at"`
	Exercise bool                `json:"exercise"`
	Origin   string              `json:"origin"`
	Incident string              `json:"incident"`
	Parties  []string            `json:"parties"`
	Severity string              `json:"severity"`
	Alerts   []ledger.AlertCall  `json:"alerts"`
	Closes   []ledger.AlertClose `json:"closes"`
	Data     json.RawMessage     `json:"data"`
}

func id(n string) string { return "00000000-0000-4000-8000-0000000000" + n }

// TestWhatPartnersReceiveStaysAsItIs plays one of everything and compares every announcement, byte for byte, with the golden file. A
// difference there is a change of the contract.
func TestWhatPartnersReceiveStaysAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, chain(t))
	must(w.desk.OpenHazard(ctx, dma, w.once(), incident.OpenHazard{
		ID: id("01"), Name: "Maria", Type: "TC", GLIDE: []string{"TC-2017-000136-DMA"}, StartedAt: monday.Add(-24 * time.Hour),
	}))(t)
	must(w.desk.OpenHazard(ctx, dma, w.once(), incident.OpenHazard{ID: id("07"), Name: "Delta", Type: "TC", StartedAt: monday, Exercise: true}))(t)
	in := incident.Open{
		ID: id("02"), Title: "Hurricane Maria, Dominica", HazardID: id("01"), Origin: "DMA", Receivers: []place.Party{"ATG"}, Severity: incident.Extreme,
		OccurredAt: monday, Exercise: true, ExerciseSpeed: 60, Draft: true,
	}
	i := must(w.desk.Open(ctx, dma, w.once(), in))(t).Value
	i = must(w.desk.Release(ctx, dma, w.once(), i.ID))(t).Value
	i = must(w.desk.Activate(ctx, dma, w.once(), i.ID, incident.Start{Protocol: "chain"}))(t).Value
	i = must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"LCA"}))(t).Value
	relayed := w.once()
	relayed.Relay = &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "radio", SaidAt: ptr(monday)}
	must(w.desk.StartStep(ctx, lca, relayed, i.ID, "CHN-01", incident.StepReport{}))(t)
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{Evidence: bulletin}))(t)
	must(w.desk.ReopenStep(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{Reason: "wrong bulletin"}))(t)
	must(w.desk.MarkNotApplicable(ctx, dma, w.once(), i.ID, "CHN-01", incident.StepReport{Reason: "no need"}))(t)
	must(w.desk.AnnounceMovement(ctx, dma, w.once(), i.ID, incident.AnnounceMovement{
		ID: id("03"), Mode: incident.BySea, Carrier: "coast guard", To: incident.Spot{Party: "LCA", Name: "Castries", Port: "LCCAS"},
		DepartsAt: monday.Add(time.Hour), ETA: monday.Add(9 * time.Hour),
		People: incident.People{
			Total: 120, Sex: []incident.SexCount{{Sex: incident.Female, Count: 70}, {Sex: incident.Male, Count: 50}},
			Ages: []incident.AgeBand{{From: ptr(0), To: ptr(17), Count: 31}}, Needs: []incident.NeedCount{{Need: incident.Wheelchair, Count: 2}},
		},
	}))(t)
	must(w.desk.DepartMovement(ctx, dma, w.once(), i.ID, id("03"), incident.DepartMovement{}))(t)
	must(w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, id("03"), incident.CorrectMovement{Reason: "head wind", ETA: ptr(monday.Add(10 * time.Hour))}))(t)
	must(w.desk.ArriveMovement(ctx, lca, w.once(), i.ID, id("03"), incident.ArriveMovement{People: incident.People{Total: 119}, Reason: "one left at the port"}))(t)
	must(w.desk.AnnounceMovement(ctx, dma, w.once(), i.ID, incident.AnnounceMovement{
		ID: id("04"), Mode: incident.ByAir, To: incident.Spot{Party: "LCA"}, People: incident.People{Total: 9}, DepartsAt: monday.Add(time.Hour), ETA: monday.Add(2 * time.Hour),
	}))(t)
	must(w.desk.CancelMovement(ctx, dma, w.once(), i.ID, id("04"), incident.CancelMovement{Reason: "unlit strip"}))(t)
	must(w.desk.ReportFigure(ctx, lca, w.once(), i.ID, figure(func(f *incident.Figure) {
		f.ID, f.Place, f.Final = id("05"), incident.Spot{Party: "LCA"}, true
	})))(t)
	must(w.desk.GiveAnswer(ctx, lca, w.once(), i.ID, incident.Answer{
		ID: id("06"), Kind: incident.Accept, Ceiling: ptr(300), Conditions: []string{"screening at the port"}, ValidUntil: monday.Add(72 * time.Hour), Reference: "NV 12/2017",
	}))(t)
	w.setClock(w.wake(i.ID))
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	w.pass(time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	must(w.desk.StandDown(ctx, dma, w.once(), i.ID, "it turned north"))(t)

	var all []told
	for _, a := range w.announced() {
		all = append(all, told{a.Type, a.Stream, a.Seq, a.At, a.Exercise, a.Origin, a.Incident, a.Parties, a.Severity, a.Alerts, a.Closes, a.Data})
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "announcements.json", append(got, '\n'))
}

// TestAnAnnouncementIsTheSameFromTheLog compares what was announced at once with what is computed from the log later.
func TestAnAnnouncementIsTheSameFromTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	m := w.boat(i.ID, "ATG")
	w.arrive(i.ID, m.ID, atg, 119)
	w.pass(5 * time.Hour)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	heard := w.announced()
	var again []ledger.Announcement
	for _, stream := range []string{"hazard/" + i.HazardID, "incident/" + i.ID} {
		commits, err := w.store.ReadStream(ctx, stream, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commits {
			again = append(again, must(w.ledger.Announcements(ctx, c))(t)...)
		}
	}
	if diff := cmp.Diff(heard, again); diff != "" {
		t.Error(diff)
	}
}

// golden compares with a file under testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the tests with -update", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}
