package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestAMovementIsAnnouncedDepartsAndArrivesInBothClocks(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, jam := w.Account("DMA", "coordinator"), w.Account("JAM", "official")
	i := w.Maria(dma, []string{"JAM", "LCA"}, nil)
	visitor := dma.Visit("en")
	now := w.Clock.Now().Truncate(time.Minute)
	form := visitor.Get(page(i, "movements/new")).Want(http.StatusOK).Says("Jamaica, port not known yet", "Send REAL movement notice").Form("/movements/new").
		Fill("mode", "sea").Fill("from", "port:DMRSU").Fill("to", "port:JMKIN").Fill("departs_at", local(now.Add(time.Hour))).Fill("eta", local(now.Add(4*time.Hour))).
		Fill("people", "120").Fill("people_sex_f", "70").Fill("people_age_0_4", "12").Fill("people_need_wheelchair", "3")
	if _, ok := form.Values["people_age__"]; !ok {
		t.Error("age unknown cannot be said")
	}
	sent := form.Send()
	sheet := sent.Want(http.StatusOK).Says("The movement notice is recorded", "120 persons", "Roseau (DMRSU), Dominica", "10:00 today (09:00 Jamaica)", "women and girls: 70", "aged 0 to 4: 12", "wheelchair: 3", "It has left")
	m := sheet.URL.Path
	if again := form.Send(); again.URL.Path != m {
		t.Error("the same form announced two movements")
	}
	jam.AwaitAlert("movement", 1)

	departed := visitor.Get(m+"/depart").Want(http.StatusOK).Form("/depart").Fill("people", "118").Send()
	wantAt(t, departed, m, "work_departed")
	w.Pass(4 * time.Hour)
	official := jam.Visit("en")
	arrive := official.Get(m).Want(http.StatusOK).Says("It has arrived").Silent("It has left").Follow("It has arrived").Want(http.StatusOK).Form("/arrive")
	arrive.Send().Want(http.StatusBadRequest).Says("Counted at arrival: is required")
	wantAt(t, arrive.Fill("people", "117").Fill("reason", "one stayed behind").Send(), m, "work_arrived")
	official.Get(m).Says("Difference between those who left and those who came: −1.", "one stayed behind")
	visitor.Get(m + "/depart").Form("/depart").Send().Want(http.StatusConflict).Says("has arrived already")
}

func TestAMovementThatCannotBeIsRefusedInFrenchAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	now := w.Clock.Now().Truncate(time.Minute)
	back := dma.Visit("fr").Get(page(i, "movements/new")).Form("/movements/new").Fill("mode", "sea").Fill("to", "LCA").
		Fill("departs_at", local(now.Add(3*time.Hour))).Fill("eta", local(now)).Fill("people", "10").Fill("people_sex_m", "12").
		Fill("people_age_5_11", "onze").Fill("carrier", "Ferry, dob 12.03.1980").Send().Want(http.StatusBadRequest)
	back.Says("doit être un nombre entier")
	if got := back.Kept("/movements/new", "carrier"); got != "Ferry, dob 12.03.1980" {
		t.Errorf("the carrier came back as %q", got)
	}
	back.Form("/movements/new").Fill("people_age_5_11", "").Send().Want(http.StatusBadRequest).
		Says("Arrivée prévue : précède le départ", "Personnes : donnent ensemble plus que le total", "semble contenir une date de naissance")
	dma.Visit("fr").Get(page(i, "movements/new")).Form("/movements/new").Send().Want(http.StatusBadRequest).
		Says("Voyage : doit être indiqué", "Vers : doit être indiqué", "Personnes : doit être indiqué")
}

func TestAMovementIsCorrectedOnlyWhereItDiffers(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	m := page(i, "movements/"+movement(w, i, "LCA"))
	visitor := dma.Visit("en")
	form := visitor.Get(m + "/correct").Want(http.StatusOK).Says("Change only what is wrong").Form("/correct")
	form.Fill("reason", "typing").Send().Want(http.StatusBadRequest).Says("Why it is corrected: is given, but nothing else was changed")
	wantAt(t, form.Fill("people", "125").Fill("carrier", "L’Express").Fill("reason", "recounted").Send(), m, "work_corrected")
	visitor.Get(m).Says("125 persons", "L’Express", "recounted")
	timeline := dma.Get(i.Path + "/timeline").Want(http.StatusOK)
	if n := strings.Count(string(timeline.Raw), "movement.corrected"); n == 0 {
		t.Error("no correction is on record")
	}
	lca := w.Account("LCA", "official")
	w.Account("LCA", "liaison").Visit("fr").Get(m + "/correct").Want(http.StatusForbidden)
	w.Pass(5 * time.Hour)
	lca.Post(strings.Replace(m, "/incidents", "/api/v1/incidents", 1)+"/arrive", harness.Object{"people": harness.Object{"total": 100}}).Want(http.StatusOK)
	fr := lca.Visit("fr")
	correction := fr.Get(m+"/correct").Want(http.StatusOK).Form("/correct").Fill("came", "120").Fill("came_sex_f", "60").Fill("reason", "recompté")
	wantAt(t, correction.Send(), m, "work_corrected")
	fr.Get(m).Says("femmes et filles : 60", "Écart", "−5")
}

func TestAMovementIsCancelledWithAReason(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, harness.Object{"exercise": true})
	m := page(i, "movements/"+movement(w, i, "LCA"))
	visitor := dma.Visit("fr")
	form := visitor.Get(m+"/cancel").Want(http.StatusOK).Says("EXERCICE : ceci est un exercice", "Annuler ce mouvement d’EXERCICE").Form("/cancel")
	form.Send().Want(http.StatusBadRequest).Says("Raison : doit être indiqué")
	wantAt(t, form.Fill("reason", "mer trop forte").Send(), m, "work_cancelled")
	visitor.Get(m).Says("annulé", "mer trop forte").Silent("Il est parti")
}

func TestWhoReportsOnAMovementThatChangedMeanwhileComparesFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	m := page(i, "movements/"+movement(w, i, "LCA"))
	visitor := dma.Visit("en")
	form := visitor.Get(m+"/depart").Form("/depart").Fill("people", "118")
	wantAt(t, visitor.Get(m+"/correct").Form("/correct").Fill("people", "130").Fill("reason", "more came").Send(), m, "work_corrected")
	stale := form.Send().Want(http.StatusPreconditionFailed).Says("Now on record", "130 persons", "Send mine all the same")
	if got := stale.Kept("/depart", "people"); got != "118" {
		t.Errorf("what was typed came back as %q", got)
	}
	wantAt(t, stale.Form("/depart").Send(), m, "work_departed")
}

func TestAMovementIsNotShownToWhoMayNotSeeIt(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	m := page(i, "movements/"+movement(w, i, "LCA"))
	w.Account("JAM", "official").Visit("en").Get(m).Want(http.StatusNotFound)
	w.Account("LCA", "liaison").Visit("fr").Get(m).Want(http.StatusForbidden)
	w.Account("LCA", "official").Visit("en").Get(page(i, "movements/0195e9e6-0000-7000-8000-000000000000")).Want(http.StatusNotFound)
	atg := w.Account("ATG", "official").Visit("en")
	atg.Get(m+"/arrive").Want(http.StatusOK).Form("/arrive").Fill("people", "1").Send().Want(http.StatusBadRequest).Says("It came by: is required")
}
