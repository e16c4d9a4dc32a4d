package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// openBy opens an incident from Dominica to Antigua and Saint Lucia through the form, and gives the page of it.
func openBy(visitor *harness.Visitor, exercise string, receivers ...string) *harness.Sheet {
	review := visitor.Get("/incidents/new").Want(http.StatusOK).Form("/incidents/new").
		Fill("exercise", exercise).Fill("hazard_name", "Hurricane Maria").Fill("receivers", receivers...).Send().Want(http.StatusOK)
	f := review.Form("/incidents/new")
	f.Values.Set("do", "send")
	return f.Send().Want(http.StatusOK)
}

func TestACoordinatorOpensAndActivatesAndTheButtonsSayWhatTheyDo(t *testing.T) {
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	dominica.Get("/incidents").Want(http.StatusOK).Says("No incident yet", "Open an incident")
	page := dominica.Get("/incidents/new").Want(http.StatusOK)
	review := page.Form("/incidents/new").Fill("exercise", "no").Fill("hazard_name", "Hurricane Maria").Fill("receivers", "ATG", "LCA").Send().
		Want(http.StatusOK).Says("Nothing has been sent yet", "Antigua and Barbuda", "Saint Lucia", "Send REAL alert to 2 states")
	if list := dominica.Get("/incidents").Text(); strings.Contains(list, "Maria") {
		t.Error("looking at it sent it")
	}
	f := review.Form("/incidents/new")
	f.Values.Set("do", "send")
	opened := f.Send().Want(http.StatusOK).Says("Hurricane Maria: Dominica", "monitoring", "Activate a protocol", "The incident is open")
	again := f.Send().Want(http.StatusOK) // the button pressed twice
	if again.URL.Path != opened.URL.Path {
		t.Errorf("sent twice it was opened twice: %s, %s", opened.URL.Path, again.URL.Path)
	}
	activate := opened.Follow("Activate a protocol").Want(http.StatusOK).Says("Send REAL alert to 2 states", "56 steps", "5 parties", "Antigua and Barbuda")
	landfall := w.Clock.Now().Add(30*time.Hour - 4*time.Hour).Format("2006-01-02T15:04")
	active := activate.Form("/activate").Fill("at_LANDFALL", landfall).Send().Want(http.StatusOK).
		Says("active", "landfall", "forecast", "in 1 day 5 h", "The protocol is in force")
	active.Follow("Steps").Want(http.StatusOK).Says("Protocol activated", "HUR-05", "Activation")
	active.Follow("Timeline").Want(http.StatusOK).Says("Incident opened", "Protocol activated", "Dominica, emergency coordinator")
	dominica.Get("/incidents").Says("Hurricane Maria: Dominica", "active")
	for _, tab := range []string{"Movements", "Figures", "Answers", "Who was told"} {
		active.Follow(tab).Want(http.StatusOK)
	}
}

func TestBadInputKeepsWhatWasTypedAndNamesTheFieldInFrench(t *testing.T) {
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("fr")
	page := dominica.Get("/incidents/new").Form("/incidents/new").Fill("title", "Ouragan Maria sur la Dominique").Fill("occurred_at", "hier").
		Fill("receivers", "ATG").Send().Want(http.StatusBadRequest).
		Says("Est-ce réel ? : doit être indiqué", "Quand c’est arrivé ou commence : doit être une date et une heure", "Votre saisie est conservée", "3 points sont à corriger")
	if got := page.Kept("/incidents/new", "title"); got != "Ouragan Maria sur la Dominique" {
		t.Errorf("the title came back as %q", got)
	}
	if got := page.Form("/incidents/new").Values["receivers"]; len(got) != 1 || got[0] != "ATG" {
		t.Errorf("the receivers came back as %v", got)
	}
}

func TestAnExerciseSaysSoEverywhere(t *testing.T) {
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	opened := openBy(dominica, "yes", "ATG").Says("EXERCISE: this is play")
	opened.Follow("Activate").Want(http.StatusOK).Says("Send EXERCISE alert to 1 state", "EXERCISE: this is play").Silent("REAL")
}

func TestAnOfficialAnswersWithACeilingAndTheAffectedStateSeesIt(t *testing.T) {
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	antigua := w.Account("ATG", "official").Visit("fr")
	opened := openBy(dominica, "no", "ATG", "LCA")
	antigua.Get("/incidents").Want(http.StatusOK).Says("Hurricane Maria: Dominica").Follow("Hurricane Maria").
		Follow("Répondre à la demande").Want(http.StatusOK).
		Form("/answers/new").Fill("kind", "accept").Fill("ceiling", "beaucoup").Fill("conditions", "Six mois au plus").Send().
		Want(http.StatusBadRequest).Says("Au plus tant de personnes : doit être un nombre entier", "Six mois au plus").
		Form("/answers/new").Fill("ceiling", "250").Send().Want(http.StatusOK).Says("Votre réponse est enregistrée", "jusqu’à 250 personnes", "accepte")
	dominica.Get(opened.URL.Path).Says("accepts", "up to 250 people", "Six mois au plus", "no answer yet")
	dominica.Get(opened.URL.Path+"/answers").Says("Places offered in all", "250")
	w.Account("GRD", "official").Visit("en").Get(opened.URL.Path).Want(http.StatusNotFound).Says("There is nothing here")
}

func TestAStepIsWorkedOnAndAStaleTabLosesNothing(t *testing.T) {
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	dominica := account.Visit("en")
	opened := openBy(dominica, "no", "ATG")
	opened.Follow("Activate").Form("/activate").Send().Want(http.StatusOK)
	step := opened.URL.Path + "/steps/HUR-05"
	page := dominica.Get(step).Want(http.StatusOK).Says("Protocol activated", "It is done", "Whose step", "Dominica")
	stale := dominica.Get(step).Form(step)
	f := page.Form(step)
	f.Values.Set("act", "start")
	f.Send().Want(http.StatusOK).Says("work has begun", "in progress")

	stale.Fill("reference", "Request 14/2017").Values.Set("act", "complete")
	conflict := stale.Send().Want(http.StatusPreconditionFailed).Says("Somebody changed this while you were writing", "in progress")
	if got := conflict.Kept(step, "reference"); got != "Request 14/2017" {
		t.Errorf("what was typed came back as %q", got)
	}
	mine := conflict.Form(step)
	mine.Values.Set("act", "complete")
	mine.Send().Want(http.StatusOK).Says("the step is done", "Request 14/2017")

	owed := dominica.Get(opened.URL.Path + "/steps/HUR-11").Want(http.StatusOK).Form("/steps/HUR-11")
	owed.Values.Set("act", "complete")
	owed.Send().Want(http.StatusOK).Says("proof owed")
	dominica.Get(opened.URL.Path).Says("1 proof owed")
	w.Account("ATG", "liaison").Visit("en").Get(opened.URL.Path).Want(http.StatusOK).Silent("Who was told")
	w.Account("ATG", "official").Visit("en").Get(step).Want(http.StatusOK).Says("Pass on what Dominica said")
}

func TestOverdueStepsComeFirst(t *testing.T) {
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("fr")
	opened := openBy(dominica, "no", "ATG")
	opened.Follow("Activer").Form("/activate").Send().Want(http.StatusOK).Says("À traiter")
	w.Pass(8 * time.Hour)
	text := dominica.Get(opened.URL.Path).Want(http.StatusOK).Says("en retard", "sans nouvelles").Text()
	if strings.Index(text, "en retard") > strings.Index(text, "Qui a été prévenu, qui a répondu") {
		t.Error("what is overdue does not stand first")
	}
	dominica.Get(opened.URL.Path+"/steps?only=overdue").Says("HUR-05", "en retard")
	dominica.Get(opened.URL.Path+"/told").Want(http.StatusOK).Says("demande d", "Antigua-et-Barbuda")
}

func TestTheListOfIncidentsIsReadPageByPage(t *testing.T) {
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	hazard := account.Post("/api/v1/hazards", harness.Object{"name": "Hurricane Maria", "type": "TC", "started_at": "2026-09-16T12:00:00Z"}).Want(http.StatusCreated).Str("id")
	for i := range 60 {
		account.Post("/api/v1/incidents", harness.Object{
			"title": fmt.Sprintf("Incident %d", i), "hazard_id": hazard, "origin": "DMA", "receivers": []string{"ATG"}, "severity": "severe", "occurred_at": "2026-09-16T12:00:00Z",
		}).Want(http.StatusCreated)
	}
	page := account.Visit("en").Get("/incidents").Want(http.StatusOK).Says("Incident 59").Silent("Incident 12 ")
	page.Follow("More").Want(http.StatusOK).Says("Incident 12 ")
	if len(page.Links("Incident ")) != 25 {
		t.Errorf("%d incidents on a page", len(page.Links("Incident ")))
	}
}
