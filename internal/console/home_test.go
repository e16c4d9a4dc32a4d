package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestOnAnEmptyServiceTheFirstThingsToDoAreSaid(t *testing.T) {
	w := harness.New(t)
	w.Account("DMA", "coordinator").Visit("en").Get("/").Want(http.StatusOK).
		Says("Welcome to Landfall", "Three first things to do", "Say where your alerts go", "Open an exercise")
	w.Account("ATG", "official").Visit("fr").Get("/").Want(http.StatusOK).
		Says("Bienvenue dans Landfall", "Dites où vont vos alertes", "Sachez où sont les alertes").Silent("Ouvrez un exercice")
	w.Account("LCA", "liaison").Visit("en").Get("/").Want(http.StatusOK).Says("Record how ready you are")
	w.Account("LCA", "auditor").Visit("en").Get("/").Want(http.StatusOK).Says("Look at the incidents").Silent("Say where your alerts go")
}

func TestACoordinatorSeesWhatIsDueAndWhoHasNotReplied(t *testing.T) {
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.lca.AwaitAlert("activation", 1)
	visitor := m.dma.Visit("en")
	visitor.Get("/").Want(http.StatusOK).Says("Open an incident", "Your incidents", "Hurricane Maria: Dominica", "0 of 2 states have said",
		"No reply yet", "Antigua and Barbuda in 29 min", "Saint Lucia in 29 min", "Next for you", "no address is on record")
	m.lca.Visit("en").Get(alertRequest(m.lca)).Form("/answer").Fill("ceiling", "30").Send().Want(http.StatusOK)
	visitor.Get("/").Says("1 of 2 states have said").Silent("Saint Lucia in")
	m.Pass(4 * time.Hour)
	visitor.Get("/").Says("overdue", " late")
}

func TestAnOfficialSeesTheIncidentsThatNameTheState(t *testing.T) {
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	visitor := m.atg.Visit("en")
	page := visitor.Get("/").Want(http.StatusOK).Says("Incidents that name you", "You have not said whether you take people in.", "Next for you").
		Silent("Open an incident", "Your incidents")
	if strings.Index(page.Raw, at) > strings.Index(page.Raw, "named-title") {
		t.Error("what wants an answer does not stand first")
	}
	visitor.Get(at).Form("/answer").Fill("ceiling", "30").Send().Want(http.StatusOK)
	visitor.Get("/").Says("Your answer: accepts, at most 30 persons", "Nothing waits for an answer of yours.")
	m.Account("GRD", "official").Visit("en").Get("/").Silent("Maria")
}

func TestALiaisonSeesTheBoardAndTheStepsOfTourism(t *testing.T) {
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.Account("ATG", "liaison").Visit("en").Get("/").Want(http.StatusOK).
		Says("Tourism preparedness", "No establishment is on record yet.", "Open the board", "Hurricane Maria: Dominica").Silent("No reply yet")
}

func TestWhoOverseesSeesHowThingsStand(t *testing.T) {
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.lca.AwaitAlert("activation", 1)
	m.Pass(time.Hour)
	m.Admin.Visit("en").Get("/").Want(http.StatusOK).Says("1 Incidents open", "2 Answers due", "2 Late", "0 Messages given up", "Waiting for an answer", "Due next", "Hurricane Maria: Dominica", "No reply yet")
	m.Account("ORG-CDEMA", "regional_officer").Visit("en").Get("/").Want(http.StatusOK).Says("1 Incidents open", "Hurricane Maria: Dominica")
}
