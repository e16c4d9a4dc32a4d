package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// openBy opens an incident from Dominica through the form, and gives the page of it.
func openBy(visitor *harness.Visitor, exercise string, receivers ...string) *harness.Sheet {
	form := visitor.Get("/incidents/new").Want(http.StatusOK).Form("/incidents/new").
		Fill("exercise", exercise).Fill("hazard_type", "TC").Fill("hazard_name", "Hurricane Maria").Fill("severity", "severe").Fill("receivers", receivers...)
	return press(form.Send().Want(http.StatusOK).Form("/incidents/new"), "yes").Want(http.StatusOK)
}

// activateBy activates the hurricane protocol of an incident through the form, and gives the page of the incident.
func activateBy(visitor *harness.Visitor, opened *harness.Sheet) *harness.Sheet {
	form := visitor.Get(opened.URL.Path+"/activate").Want(http.StatusOK).Form("/activate").Fill("kind_LANDFALL", "now")
	return press(form.Send().Want(http.StatusOK).Form("/activate"), "yes").Want(http.StatusOK)
}

func TestAnIncidentIsReadFromEverySide(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	dominica.Get("/incidents").Want(http.StatusOK).Says("No incident yet", "Open an incident")
	opened := openBy(dominica, "no", "ATG", "LCA").Says("Hurricane Maria: Dominica", "monitoring", "Activate a protocol")
	active := activateBy(dominica, opened).Says("active", "activation", "observed")
	active.Follow("Steps").Want(http.StatusOK).Says("Protocol activated", "HUR-05", "Activation")
	active.Follow("Timeline").Want(http.StatusOK).Says("Incident opened", "Protocol activated", "Dominica, emergency coordinator")
	dominica.Get("/incidents").Says("Hurricane Maria: Dominica", "active")
	for _, tab := range []string{"Movements", "Figures", "Answers", "Who was told"} {
		active.Follow(tab).Want(http.StatusOK)
	}
	for _, form := range []string{"Announce a movement", "Report a figure", "Receiving states", "Stand down", "Close the incident"} {
		active.Follow(form).Want(http.StatusOK)
	}
}

func TestAnExerciseSaysSoEverywhere(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	opened := openBy(dominica, "yes", "ATG").Says("EXERCISE: this is an exercise")
	for _, page := range []string{"", "/steps", "/timeline", "/figures", "/answers", "/movements", "/told", "/activate"} {
		dominica.Get(opened.URL.Path + page).Want(http.StatusOK).Says("EXERCISE: this is an exercise")
	}
}

func TestAnOfficialAnswersWithACeilingAndTheAffectedStateSeesIt(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	antigua := w.Account("ATG", "official").Visit("fr")
	opened := openBy(dominica, "no", "ATG", "LCA")
	form := antigua.Get("/incidents").Want(http.StatusOK).Says("Hurricane Maria: Dominica").Follow("Hurricane Maria").
		Follow("Répondre à la demande").Want(http.StatusOK).Form("/answers/new").Fill("kind", "accept").Fill("ceiling", "250").Fill("conditions", "Six mois au plus")
	press(form, "yes").Want(http.StatusOK).Says("jusqu’à 250 personnes", "accepte")
	dominica.Get(opened.URL.Path).Says("accepts", "up to 250 people", "Six mois au plus", "no answer yet")
	dominica.Get(opened.URL.Path+"/answers").Says("Places offered in all", "250")
	w.Account("GRD", "official").Visit("en").Get(opened.URL.Path).Want(http.StatusNotFound).Says("There is nothing here")
}

func TestAStepIsWorkedOnAndAStaleTabLosesNothing(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	dominica := account.Visit("en")
	opened := openBy(dominica, "no", "ATG")
	activateBy(dominica, opened)
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
	dominica.Get(opened.URL.Path + "/timeline").Want(http.StatusOK).Says("HUR-05 Protocol activated; assistance request sent")

	owed := dominica.Get(opened.URL.Path + "/steps/HUR-11").Want(http.StatusOK).Form("/steps/HUR-11")
	owed.Values.Set("act", "complete")
	owed.Send().Want(http.StatusOK).Says("proof owed")
	dominica.Get(opened.URL.Path).Says("1 proof owed")
	w.Account("ATG", "liaison").Visit("en").Get(opened.URL.Path).Want(http.StatusOK).Silent("Who was told")
	w.Account("ATG", "official").Visit("en").Get(step).Want(http.StatusOK).Says("Pass on what Dominica said")
}

func TestOverdueStepsComeFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("fr")
	opened := openBy(dominica, "no", "ATG")
	activateBy(dominica, opened).Says("À traiter")
	w.Pass(8 * time.Hour)
	text := dominica.Get(opened.URL.Path).Want(http.StatusOK).Says("en retard", "sans nouvelles").Text()
	if strings.Index(text, "en retard") > strings.Index(text, "Qui a été prévenu, qui a répondu") {
		t.Error("what is overdue does not stand first")
	}
	dominica.Get(opened.URL.Path+"/steps?only=overdue").Says("HUR-05", "en retard")
	dominica.Get(opened.URL.Path+"/told").Want(http.StatusOK).Says("demande d", "Antigua-et-Barbuda")
}

func TestTheListOfIncidentsIsReadPageByPage(t *testing.T) {
	t.Parallel()
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

func TestAnIncidentIsSeenAsItWasKnown(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	account, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	dominica := account.Visit("en")
	opened := openBy(dominica, "no", "ATG", "LCA")
	w.Pass(time.Hour)
	activateBy(dominica, opened)
	w.Pass(time.Hour)
	at := "/api/v1/incidents/" + strings.TrimPrefix(opened.URL.Path, "/incidents/")
	antigua.Post(at+"/answers", harness.Object{"kind": "accept", "ceiling": 250}).Want(http.StatusCreated)
	report := func(number int) {
		account.Post(at+"/figures", harness.Figure("DMA", number, w.Clock.Now())).Want(http.StatusCreated)
	}
	for n := range 51 {
		report(3000 + n)
	}
	report(1111)
	w.Pass(time.Hour)
	report(2222)

	known := opened.URL.Path + "/known?at="
	form := func(ago time.Duration) string {
		return w.Clock.Now().Add(-ago).In(time.FixedZone("", -4*3600)).Format("2006-01-02T15:04")
	}
	dominica.Get(opened.URL.Path).Follow("As it was known at another time").Want(http.StatusOK).Says("2,222", "1,111", "up to 250 people", "so young", "Only the latest 50 figures are shown")
	dominica.Get(known+form(30*time.Minute)).Want(http.StatusOK).Says("As known at", "1,111", "up to 250 people", "active").Silent("2,222", "Announce a movement", "so young")
	dominica.Get(known+form(90*time.Minute)).Want(http.StatusOK).Says("active", "no answer yet").Silent("1,111", "up to 250 people").
		Follow("All steps as they stood").Want(http.StatusOK).Says("As known at", "Protocol activated")
	dominica.Get(known+form(150*time.Minute)).Want(http.StatusOK).Says("monitoring", "No steps yet").Silent("hurricane", "HUR-05")
	dominica.Get(known + form(240*time.Minute)).Want(http.StatusOK).Says("Nothing could be known of it then")
	dominica.Get(known + form(-48*time.Hour)).Want(http.StatusBadRequest).Says("lies in the future")
	dominica.Get(known + "0001-01-01T00:00").Want(http.StatusBadRequest).Says("Known at")
	if kept := dominica.Get(known+"yesterday").Want(http.StatusBadRequest).Kept("/known", "at"); kept != "yesterday" {
		t.Errorf("what was typed came back as %q", kept)
	}

	// A state that is named later finds nothing of the time before, and neither does one that is not named.
	dominica.Get(opened.URL.Path+"/timeline").Follow("recorded").Want(http.StatusOK).Says("As known at", "2,222")
	w.Account("GRD", "official").Visit("en").Get(known + form(0)).Want(http.StatusNotFound)
	w.Account("ATG", "liaison").Visit("en").Get(known+form(30*time.Minute)).Want(http.StatusOK).Silent("1,111", "Who was told")
}

func TestTheTimelineSaysWhatHappenedTheNewestFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	dominica := account.Visit("en")
	opened := openBy(dominica, "no", "ATG", "LCA")
	activateBy(dominica, opened)
	at := "/api/v1/incidents/" + strings.TrimPrefix(opened.URL.Path, "/incidents/")
	for n := range 90 {
		account.Post(at+"/steps/HUR-05/note", harness.Object{"note": fmt.Sprintf("Call %02d made", n)}).Want(http.StatusOK)
	}
	account.Post(at+"/steps/HUR-11/complete", harness.Object{"evidence": harness.Object{"type": "figure", "reference": "Table 4"}}).Want(http.StatusOK)
	w.Account("ATG", "official").Post(at+"/answers", harness.Object{"kind": "accept", "ceiling": 300, "conditions": []string{"Two ports"}}).Want(http.StatusCreated)

	first := dominica.Get(opened.URL.Path+"/timeline").Want(http.StatusOK).
		Says("Antigua and Barbuda accepts, up to 300 people", "Two ports", "HUR-11", "figure: Table 4", "Call 89 made").Silent("Call 10 made")
	text := first.Text()
	if strings.Index(text, "Table 4") > strings.Index(text, "Call 89 made") || strings.Index(text, "Call 89 made") > strings.Index(text, "Call 88 made") {
		t.Error("the newest does not stand first")
	}
	seen := text
	for page := first; len(page.Links("Older")) > 0; {
		page = page.Follow("Older").Want(http.StatusOK)
		seen += page.Text()
	}
	for n := range 90 {
		if times := strings.Count(seen, fmt.Sprintf("Call %02d made", n)); times != 1 {
			t.Errorf("call %d is told %d times", n, times)
		}
	}
	if !strings.Contains(seen, "Incident opened") || !strings.Contains(seen, "Protocol activated") {
		t.Error("the beginning is not told")
	}
	dominica.Get(opened.URL.Path+"/steps/HUR-11").Follow("What happened to this step").Want(http.StatusOK).Says("Step done", "Table 4").Silent("Call 89 made", "Incident opened")
}

func TestStepsAreChosenByParty(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dominica := w.Account("DMA", "coordinator").Visit("en")
	opened := openBy(dominica, "no", "ATG", "LCA")
	activateBy(dominica, opened)
	steps := dominica.Get(opened.URL.Path+"/steps").Want(http.StatusOK).Says("All parties", "HUR-05", "Saint Lucia")
	lucia := steps.Follow("Saint Lucia").Want(http.StatusOK).Says("HUR-07").Silent("HUR-05 ")
	lucia.Follow("All parties").Want(http.StatusOK).Says("HUR-05")
	dominica.Get(opened.URL.Path + "/steps?party=LCA&only=overdue").Want(http.StatusOK).Says("No step is like this now")
}

func TestStepsStandByUrgencyAndTheClockAndOursComeFirst(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.Pass(20 * time.Hour)
	visitor := m.Account("DMA", "coordinator").Visit("en")
	page := visitor.Get("/incidents/" + m.story.ID + "/steps").Want(http.StatusOK).Silent("Antigua and Barbuda ·")
	if !regexp.MustCompile(`aria-current="true">Ours <span>`).MatchString(page.Raw) {
		t.Error("ours are not chosen by default")
	}
	all := visitor.Get("/incidents/" + m.story.ID + "/steps?party=all").Want(http.StatusOK).Says("Antigua and Barbuda ·")
	for _, sheet := range []*harness.Sheet{page, all} {
		_, late, _ := strings.Cut(sheet.Raw, `id="steps-late"`)
		late, rest, _ := strings.Cut(late, `id="steps-later"`)
		if rest == "" || !strings.Contains(late, "<li") {
			t.Fatalf("what is late does not stand first:\n%s", sheet.Text())
		}
		life, last := true, ""
		for _, line := range strings.Split(late, "<li")[1:] {
			if strings.Contains(line, `id="steps-soon"`) {
				break
			}
			now := strings.Contains(line, "life-safety")
			due := regexp.MustCompile(`datetime="([^"]+)"`).FindStringSubmatch(line)[1]
			if now && !life || now == life && due < last {
				t.Errorf("a step stands too late: due %s after %s, life-safety %t", due, last, now)
			}
			life, last = now, due
		}
	}
	m.Account("ORG-CDEMA", "regional_officer").Visit("en").Get("/incidents/" + m.story.ID + "/steps").Want(http.StatusOK)
}
