package console_test

import (
	"net/http"
	"testing"
	"time"

	"landfall/internal/harness"
	"landfall/internal/preparedness"
)

// register makes a property through the form and gives its page.
func register(visitor *harness.Visitor, name string) *harness.Sheet {
	return visitor.Get("/preparedness/units/new").Want(http.StatusOK).Form("/new").Fill("name", name).Fill("town", "Gros Islet").Fill("rooms", "120").Send().Want(http.StatusOK)
}

// assess answers every question with yes, but for some.
func assess(page *harness.Sheet, link string, not ...string) *harness.Form {
	f := page.Follow(link).Want(http.StatusOK).Form("/assess")
	for _, i := range preparedness.CatalogueOf(preparedness.Property).Indicators {
		f.Fill(i.Code, "yes")
	}
	for _, code := range not {
		f.Fill(code, "no")
	}
	return f
}

func TestALiaisonRecordsAnAssessmentAndSeesItExpire(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	liaison := w.Account("LCA", "liaison").Visit("en")
	liaison.Get("/preparedness").Want(http.StatusOK).Says("Nothing is registered yet").Follow("Register a place")
	unit := register(liaison, "Bay hotel A").Says("never assessed", "Assess it next")
	after := assess(unit, "Assess it", "P05").Send().Want(http.StatusOK).Says("The assessment is recorded", "95 / 100", "ready", "holds until 16 September 2027")
	liaison.Get("/preparedness").Says("ready: 1", "100 % of rooms assessed", "95 / 95 / 95")
	w.Pass(370 * 24 * time.Hour)
	again := w.Account("LCA", "liaison").Visit("en")
	again.Get(after.URL.Path).Want(http.StatusOK).Says("expired", "expired on 16 Sep 09:00")
	again.Get("/preparedness").Says("expired: 1", "0 % of rooms assessed").Silent("95 / 95 / 95")
}

func TestAnAssessmentThatIsNotWholeKeepsItsAnswers(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	liaison := w.Account("LCA", "liaison").Visit("fr")
	f := assess(register(liaison, "Hôtel de la baie"), "L’évaluer")
	f.Values.Del("P07")
	f.Fill("reference", "Visite 14")
	back := f.Send().Want(http.StatusBadRequest).Says("P07 Déclencheurs écrits liés à la veille et à l’alerte cycloniques : doit être indiqué", "Votre saisie est conservée")
	if got := back.Kept("/assess", "reference"); got != "Visite 14" {
		t.Errorf("the reference came back as %q", got)
	}
	back.Form("/assess").Fill("P07", "no").Send().Want(http.StatusOK).Says("partiel", "Un point critique non rempli limite")
}

func TestTwoLiaisonsAssessAtOnceAndNobodyLosesAnAnswer(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	account := w.Account("LCA", "liaison")
	first, second := account.Visit("en"), account.Visit("en")
	unit := register(first, "Bay hotel A")
	assess(unit, "Assess it").Send().Want(http.StatusOK)
	mine := assess(second.Get(unit.URL.Path), "Assess it again", "P02", "P03")
	assess(first.Get(unit.URL.Path), "Assess it again", "P12").Send().Want(http.StatusOK).Says("93 / 100")
	conflict := mine.Send().Want(http.StatusPreconditionFailed).Says("Somebody changed this while you were writing")
	if conflict.Kept("/assess", "P02") != "no" || conflict.Kept("/assess", "P12") != "yes" {
		t.Error("what was answered is not there any more")
	}
	conflict.Form("/assess").Send().Want(http.StatusOK).Says("80 / 100")
}

func TestRoomsAreOfferedFlaggedAndUsed(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	liaison := w.Account("LCA", "liaison").Visit("en")
	unit := register(liaison, "Bay hotel A")
	offered := unit.Follow("Offer rooms").Form("/capacity").Fill("rooms", "40").Fill("beds", "90").Fill("floor_area_m2", "280").Fill("rooms_free_tonight", "12").Send().
		Want(http.StatusOK).Says("More beds than the floor area gives room for: 80 people", "40 rooms, 90 beds")
	f := offered.Form("/move").Fill("rooms", "50").Fill("beds", "90")
	f.Values.Set("do", "confirm")
	back := f.Send().Want(http.StatusBadRequest).Says("must not be more than is offered")
	f = back.Form("/move").Fill("rooms", "30").Fill("beds", "60")
	f.Values.Set("do", "confirm")
	f.Send().Want(http.StatusOK).Says("30 rooms, 60 beds")
	liaison.Get("/preparedness").Says("40 rooms, 90 beds", "Rooms free tonight 12")
	w.Account("LCA", "official").Visit("en").Get(unit.URL.Path).Says("Offer rooms").Silent("Assess it")
	w.Account("DMA", "liaison").Visit("en").Get(unit.URL.Path).Want(http.StatusNotFound)
	w.Account("DMA", "liaison").Visit("en").Get("/preparedness").Silent("Bay hotel A")
}

func TestVisitorsAreCountedAndSmallGroupsHidden(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	liaison := w.Account("LCA", "liaison").Visit("en")
	unit := register(liaison, "Bay hotel A")
	f := unit.Follow("Count visitors").Form("/visitors").Fill("nationality_0", "usa").Fill("number_0", "200").Fill("nationality_1", "ISL").Fill("number_1", "2")
	f.Fill("nationality_2", "FRA").Fill("number_2", "zwölf").Fill("warning", "watch")
	back := f.Send().Want(http.StatusBadRequest).Says("How many: must be a whole number")
	back.Form("/visitors").Fill("number_2", "12").Send().Want(http.StatusOK).Says("214 in all", "ISL: 2")
	w.Account("ORG-CDEMA", "regional_officer").Visit("en").Get(unit.URL.Path).Want(http.StatusOK).Says("OTH: 14", "Groups of fewer than five are merged").Silent("ISL")
}
