package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestOnAnEmptyServiceTheFirstThingsToDoAreSaid(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	w.Account("DMA", "coordinator").Visit("en").Get("/").Want(http.StatusOK).
		Says("Welcome to Landfall", "Three first things to do", "Say where your alerts go", "Open an exercise")
	w.Account("ATG", "official").Visit("fr").Get("/").Want(http.StatusOK).
		Says("Bienvenue dans Landfall", "Dites où vont vos alertes", "Sachez où sont les alertes").Silent("Ouvrez un exercice")
	w.Account("LCA", "liaison").Visit("en").Get("/").Want(http.StatusOK).Says("Record how ready you are")
	w.Account("LCA", "auditor").Visit("en").Get("/").Want(http.StatusOK).Says("Look at the incidents").Silent("Say where your alerts go")
}

func TestACoordinatorSeesWhatIsDueAndWhoHasNotReplied(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.lca.AwaitAlert("activation", 1)
	visitor := m.dma.Visit("en")
	visitor.Get("/").Want(http.StatusOK).Says("Open an incident", "Your incidents", "Hurricane Maria: Dominica", "0 of 2 states have said",
		"Waiting for others", "Antigua and Barbuda No reply yet in 29 min", "Saint Lucia No reply yet in 29 min", "Next for you", "no address is on record")
	m.lca.Visit("en").Get(alertRequest(m.lca)).Form("/answer").Fill("ceiling", "30").Send().Want(http.StatusOK)
	visitor.Get("/").Says("1 of 2 states have said").Silent("Saint Lucia No reply")
	m.Pass(4 * time.Hour)
	visitor.Get("/").Says("life-safety tasks of yours are late", " late").Silent("overdue")
}

func TestAnOfficialSeesTheIncidentsThatNameTheState(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	visitor := m.atg.Visit("en")
	page := visitor.Get("/").Want(http.StatusOK).Says("Incidents that name you", "You have not said whether you take people in.", "Next for you").
		Silent("Open an incident", "Your incidents")
	if strings.Index(page.Raw, at) > strings.Index(page.Raw, "named-title") {
		t.Error("what wants an answer does not stand first")
	}
	visitor.Get(at).Form("/answer").Fill("ceiling", "30").Send().Want(http.StatusOK)
	visitor.Get("/").Says("Your answer: accepts, at most 30 persons", "Nothing of yours is late or due soon.")
	m.Account("GRD", "official").Visit("en").Get("/").Silent("Maria")
}

func TestALiaisonSeesTheBoardAndTheStepsOfTourism(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.Account("ATG", "liaison").Visit("en").Get("/").Want(http.StatusOK).
		Says("Tourism preparedness", "No establishment is on record yet.", "Open the board", "Hurricane Maria: Dominica").Silent("No reply yet")
}

func TestWhoOverseesSeesHowThingsStand(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.lca.AwaitAlert("activation", 1)
	m.Pass(time.Hour)
	m.Admin.Visit("en").Get("/").Want(http.StatusOK).Says("1 Incidents open", "2 Answers due", "2 Late", "0 Messages given up", "Waiting for others", "Due next", "Hurricane Maria: Dominica", "No reply yet")
	m.Account("ORG-CDEMA", "regional_officer").Visit("en").Get("/").Want(http.StatusOK).Says("1 Incidents open", "Hurricane Maria: Dominica")
}

func TestWhatIsWorstStandsFirstAndNothingGreenStandsAboveIt(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	quiet := m.Maria(m.dma, []string{"ATG"}, harness.Object{"title": "A calm one, opened later"})
	moving := movement(m.World, m.story, "ATG")
	m.story.Post(m.story.Path+"/movements/"+moving+"/depart", harness.Object{}).Want(http.StatusOK)
	m.Pass(26 * time.Hour)
	page := m.Account("ATG", "official").Visit("en").Get("/").Want(http.StatusOK).
		Says("120 people should have arrived by now.", "life-safety tasks of yours are late.", "It has arrived", " overdue")
	for _, order := range [][]string{{"It has arrived", "ACTIVATION REQUEST", "Arrivals counted and reconciled", "Reception capacity declaration refreshed", "Incidents that name you"},
		{m.story.ID + `">Hurricane Maria`, quiet.ID + `">A calm one`}} {
		last := -1
		for _, text := range order {
			at := strings.Index(page.Raw, text)
			if at <= last {
				t.Errorf("%q stands at %d, want it behind %d:\n%s", text, at, last, page.Text())
			}
			last = at
		}
	}
	if strings.Contains(page.Raw, "note good") {
		t.Error("something green stands on a page with late things")
	}
	m.Account("DMA", "coordinator").Visit("en").Get("/incidents/"+m.story.ID).Says("21 h overdue", "120 persons · by sea").Silent("Nothing is late")
	m.Account("ATG", "official").Visit("fr").Get("/").Says("120 personnes devraient être arrivées.", "Vies en jeu")
}

func TestNobodyIsAskedOnTheFirstPageForWhatOthersSay(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.atg.Visit("en").Get("/").Want(http.StatusOK).Says("ACTIVATION REQUEST")
	m.Account("ATG", "liaison").Visit("en").Get("/").Want(http.StatusOK).Silent("ACTIVATION REQUEST")
}

func TestWhoHasNotAnsweredStandsAboveWhoAccepts(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.Post(m.story.Path+"/answers", harness.Object{"kind": "accept", "ceiling": 40}).Want(http.StatusCreated)
	for _, path := range []string{"/incidents/" + m.story.ID, page(m.story, "answers")} {
		text := m.dma.Visit("en").Get(path).Want(http.StatusOK).Text()
		if waits, accepts := strings.Index(text, "Saint Lucia no answer"), strings.Index(text, "Antigua and Barbuda accepts"); waits < 0 || accepts < waits {
			t.Errorf("%s: who waits stands at %d, who accepts at %d: %s", path, waits, accepts, text)
		}
	}
}
