package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// alertWorld is a hurricane that Dominica has activated, with two receiving states.
type alertWorld struct {
	*harness.World
	dma, atg, lca *harness.Client
	story         *harness.Incident
}

func alerted(t *testing.T, fields harness.Object) *alertWorld {
	t.Helper()
	w := harness.New(t)
	m := &alertWorld{World: w, dma: w.Account("DMA", "coordinator"), atg: w.Account("ATG", "official"), lca: w.Account("LCA", "official")}
	m.story = w.Maria(m.dma, []string{"ATG", "LCA"}, fields)
	m.story.Activate(w.Clock.Now().Add(36 * time.Hour))
	return m
}

// alertRequest gives the page of the activation request to the client's state.
func alertRequest(c *harness.Client) string {
	return "/alerts/" + fmt.Sprint(c.AwaitAlert("activation", 1)[0]["id"])
}

func alertAnswers(m *alertWorld) []harness.Object {
	return m.dma.Get(m.story.Path + "/answers").Want(http.StatusOK).Items()
}

func TestAnOfficialAcknowledgesWithOneButton(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at, visitor := alertRequest(m.atg), m.atg.Visit("en")
	visitor.Get("/").Want(http.StatusOK).Says("Act now", "ACTIVATION REQUEST to Antigua and Barbuda", "in 29 min").
		Follow("ACTIVATION REQUEST").Want(http.StatusOK).
		Says("Acknowledge: we have seen this", "Hurricane Maria: Dominica", "No reply yet.").
		Form("/acknowledge").Send().Want(http.StatusOK).
		Says("Acknowledged. The affected state sees it now.", "received", "by the receiving-state official of Antigua and Barbuda").Silent("Acknowledge: we have seen this")
	if page := visitor.Get("/alerts"); !strings.Contains(page.Text(), "seen, not answered") {
		t.Errorf("that an answer is still owed is not said: %s", page.Text())
	}
	visitor.Get(at).Says("Answer: will you take people in?", "Accept").Silent("Acknowledge and accept")
}

func TestAnAnswerWithACeilingAcknowledgesToo(t *testing.T) {
	t.Parallel()
	for language, words := range map[string][]string{
		"en": {"Acknowledge and accept", "Your answer is recorded", "Your answer on record: accepts, at most 250 persons"},
		"fr": {"Accuser réception et accepter", "Votre réponse est enregistrée", "Votre réponse enregistrée : accepte, au plus 250 personnes"},
	} {
		t.Run(language, func(t *testing.T) {
			m := alerted(t, nil)
			at, visitor := alertRequest(m.atg), m.atg.Visit(language)
			page := visitor.Get(at).Want(http.StatusOK).Says(words[0])
			page.Form("/answer").Fill("ceiling", "250").Fill("conditions", "Six months at most\r\n\r\nPort of St John's only").Send().
				Want(http.StatusOK).Says(words[1:]...)
			given := alertAnswers(m)
			if len(given) != 1 || fmt.Sprint(given[0]["ceiling"]) != "250" || len(given[0]["conditions"].([]any)) != 2 {
				t.Errorf("recorded: %v", given)
			}
			if a := m.atg.Get("/api/v1" + at).Want(http.StatusOK); a.Str("status") != "acknowledged" {
				t.Errorf("the alert is %s", a.Str("status"))
			}
		})
	}
}

func TestAFormThatIsSentTwiceIsRecordedOnce(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at, visitor := alertRequest(m.atg), m.atg.Visit("en")
	form := visitor.Get(at).Form("/answer").Fill("ceiling", "40")
	seen := visitor.Get(at).Form("/acknowledge")
	for range 2 {
		form.Send().Want(http.StatusOK)
		seen.Send().Want(http.StatusOK)
	}
	if given := alertAnswers(m); len(given) != 1 {
		t.Errorf("%d answers", len(given))
	}
	// The answer acknowledges, and so did the other form: two, each once.
	if further := m.atg.Get("/api/v1" + at).Body["further"]; further != nil && len(further.([]any)) != 1 {
		t.Errorf("acknowledged further: %v", further)
	}
}

func TestABadCeilingKeepsWhatWasTypedAndNamesTheField(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at, visitor := alertRequest(m.atg), m.atg.Visit("fr")
	page := visitor.Get(at).Form("/answer").Fill("ceiling", "beaucoup").Fill("conditions", "Six mois").Send().
		Want(http.StatusBadRequest).Says("Combien de personnes au plus", "Votre saisie est conservée")
	if page.Kept("/answer", "ceiling") != "beaucoup" || page.Kept("/answer", "conditions") != "Six mois" {
		t.Error("what was typed is lost")
	}
	if len(alertAnswers(m)) != 0 {
		t.Error("something was recorded")
	}
	page.Form("/answer").Fill("ceiling", "1 200").Send().Want(http.StatusOK).Says("au plus 1 200 personnes")
}

func TestAnAnswerWhoseEndHasPassedIsRefusedAtItsField(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	visitor := m.atg.Visit("en")
	page := visitor.Get(alertRequest(m.atg)).Form("/answer").Fill("valid_until", "2020-01-01T10:00").Send().
		Want(http.StatusBadRequest).Says("The answer holds until", "has passed already")
	if page.Kept("/answer", "valid_until") != "2020-01-01T10:00" {
		t.Error("what was typed is lost")
	}
}

func TestDecliningAndAskingAreAnswersToo(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	page := m.atg.Visit("en").Get(alertRequest(m.atg))
	for _, a := range []struct {
		values map[string]string
		says   string
	}{
		{map[string]string{"kind": "question", "question": ""}, "is required"},
		{map[string]string{"kind": "question", "question": "By air or by sea?"}, "asks a question"},
		{map[string]string{"kind": "decline", "why": ""}, "declines"},
	} {
		form := page.Form("/answer")
		for name, value := range a.values {
			form.Values.Set(name, value)
		}
		form.Send().Says(a.says)
	}
	if given := alertAnswers(m); len(given) != 2 {
		t.Errorf("recorded: %v", given)
	}
}

func TestTheAlertOfAnotherStateIsNotThere(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	visitor := m.lca.Visit("en")
	visitor.Get(at).Want(http.StatusNotFound)
	own := visitor.Get(alertRequest(m.lca)).Form("/acknowledge")
	visitor.Post(at+"/acknowledge", own.Values).Want(http.StatusNotFound)
	visitor.Post(at+"/answer", own.Values).Want(http.StatusNotFound)
	visitor.Get("/alerts").Want(http.StatusOK).Silent("Antigua")
	m.Account("GRD", "official").Visit("en").Get("/alerts?incident=" + m.story.ID).Want(http.StatusNotFound)
}

func TestTheAffectedStateSeesAnAlertAndCannotSpeakForItsParty(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	page := m.dma.Visit("en").Get(at).Want(http.StatusOK).Says("Antigua and Barbuda acknowledges this").Silent("Acknowledge: we have seen this", "Will you take people in")
	page.Follow("Enter what they said").Want(http.StatusOK).Says("How it came", "ACTIVATION REQUEST to Antigua and Barbuda")
}

func TestALateAlertIsMarked(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	m.Pass(42 * time.Minute)
	visitor := m.atg.Visit("en")
	for _, path := range []string{"/", "/alerts", at} {
		visitor.Get(path).Want(http.StatusOK).Says("12 min late", "late")
	}
	m.dma.Visit("fr").Get("/").Says("Pas encore de réponse", "Antigua-et-Barbuda", "en retard de 12 min")
}

func TestAnAcknowledgementWithAQuestionSaysSo(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	page := m.atg.Visit("en").Get(alertRequest(m.atg))
	form := page.Form("/acknowledge")
	form.Values.Set("outcome", "cannot_act")
	form.Values.Set("note", "Airport closed until 06:00")
	form.Send().Want(http.StatusOK).Says("received, cannot act", "Airport closed until 06:00")
	long := page.Form("/acknowledge")
	long.Values.Set("outcome", "question")
	long.Values.Set("note", strings.Repeat("x", 501))
	refused := long.Send().Want(http.StatusBadRequest).Says("more than 500 characters")
	if !strings.Contains(refused.Raw, strings.Repeat("x", 501)) {
		t.Error("what was typed is lost")
	}
}

func TestAnExerciseIsMarkedOnEveryPageOfAnAlert(t *testing.T) {
	t.Parallel()
	m := alerted(t, harness.Object{"exercise": true})
	at := alertRequest(m.atg)
	visitor := m.atg.Visit("en")
	visitor.Get(at).Want(http.StatusOK).Says("EXERCISE: this is an exercise")
	for _, path := range []string{"/", "/alerts"} {
		visitor.Get(path).Want(http.StatusOK).Says("EXERCISE")
	}
}

func TestAWithdrawnStateSeesThatItIsNoLongerAskedAndNoMore(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	old := alertRequest(m.lca)
	now := m.dma.Get(m.story.Path).Want(http.StatusOK)
	m.dma.Put(m.story.Path+"/receivers", harness.Object{"receivers": []string{"ATG"}}, harness.IfMatch(now.ETag())).Want(http.StatusOK)
	withdrawn := "/alerts/" + fmt.Sprint(m.lca.AwaitAlert("withdrawn", 1)[0]["id"])
	visitor := m.lca.Visit("en")
	visitor.Get(withdrawn).Want(http.StatusOK).Says("Saint Lucia is no longer named", "Nothing is asked of it any more")
	harness.Eventually(t, func() (bool, string) {
		page := visitor.Get(old)
		return page.Status == http.StatusNotFound, "the old alert is still there"
	})
}

func TestAnAuditorReadsAndChangesNothing(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	page := m.Account("ATG", "auditor").Visit("en").Get(at).Want(http.StatusOK)
	if strings.Contains(page.Raw, `action="`+at) {
		t.Error("the page offers what is not allowed")
	}
}

func TestAlertsThatAreOverHavePagesOfTheirOwn(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	visitor := m.atg.Visit("en")
	visitor.Get(alertRequest(m.atg)).Form("/acknowledge").Send().Want(http.StatusOK)
	visitor.Get("/alerts?status=acknowledged").Want(http.StatusOK).Says("ACTIVATION REQUEST", "received")
	visitor.Get("/alerts?status=closed").Want(http.StatusOK).Says("There are none.")
	visitor.Get("/alerts?status=nonsense").Want(http.StatusBadRequest)
	visitor.Get("/alerts?incident="+m.story.ID).Want(http.StatusOK).Says("Only", m.story.Code)
}

func TestWhatIsToBeKnownNeverHidesWhatIsDue(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	alertRequest(m.atg)
	for range 31 {
		m.World.Maria(m.dma, []string{"ATG"}, harness.Object{"title": "A later one"})
	}
	harness.Eventually(t, func() (bool, string) {
		n := len(m.atg.Inbox("named"))
		return n == 32, fmt.Sprintf("%d named", n)
	})
	visitor := m.atg.Visit("en")
	for _, path := range []string{"/", "/alerts"} {
		visitor.Get(path).Want(http.StatusOK).Says("ACTIVATION REQUEST to Antigua and Barbuda")
	}
	visitor.Get("/alerts").Follow("More").Want(http.StatusOK).Says("named as a receiving state")
}

func TestAWrongAcknowledgementIsCorrectedOnThePage(t *testing.T) {
	m := alerted(t, nil)
	at, visitor := alertRequest(m.atg), m.atg.Visit("en")
	visitor.Get(at).Form("/acknowledge").Send().Want(http.StatusOK)
	if a := m.atg.Get("/api/v1" + at).Want(http.StatusOK); a.Str("acknowledged.channel") != "console" {
		t.Errorf("pressed on a page, recorded as %s", a.Str("acknowledged.channel"))
	}
	form := visitor.Get(at).Says("Correct what was acknowledged").Form("/correct")
	form.Send().Want(http.StatusBadRequest).Says("Why it was wrong is required")
	form.Fill("right", "cannot_act").Fill("reason", "The port is closed").Send().Want(http.StatusOK).
		Says("The correction is recorded", "received, cannot act", "Reason: The port is closed", "corrected since")
	m.dma.Visit("en").Get("/incidents/"+m.story.ID+"/told").Says("received, cannot act", "by the receiving-state official of Antigua and Barbuda", "corrected since")
	m.dma.Visit("fr").Get(at).Says("corrigé depuis")
}

// Nobody is told where there is no address, whatever the page is.
func TestAStateWithoutAnAddressIsNeverShownAsTold(t *testing.T) {
	m := alerted(t, nil)
	alertRequest(m.atg)
	visitor := m.dma.Visit("en")
	for _, part := range []string{"", "/answers", "/told"} {
		visitor.Get("/incidents/"+m.story.ID+part).Want(http.StatusOK).Says("NOBODY was told: no address was on record", "alert raised").Silent("told 09:0", ", told ")
	}
	visitor.Get("/incidents/" + m.story.ID + "/told").Says("NOBODY is reached: no address")
	told := m.dma.Get("/api/v1/incidents/" + m.story.ID + "/acknowledgements").Want(http.StatusOK).Items()
	if list, ok := told[0]["reached_by"].([]any); !ok || len(list) != 0 {
		t.Errorf("reached by %v", told[0]["reached_by"])
	}
}

// How a word came that another entered, in both languages.
const (
	typedForATG   = "Word of Antigua and Barbuda, by telephone, entered by the emergency coordinator of Dominica, said 08:"
	typedForATGFr = "Parole transmise (Antigua-et-Barbuda), par téléphone, saisi par : coordination d’urgence, Dominique, dit le"
)

// typed is what is sent with a word of Antigua that Dominica enters.
func typed(m *alertWorld, fields harness.Object) harness.Object {
	word := harness.Object{"on_behalf_of": "ATG", "relayed_by": "phone", "said_at": m.Clock.Now().Add(-5 * time.Minute).UTC().Format(time.RFC3339)}
	maps.Copy(word, fields)
	return word
}

func TestAnAnswerThatWasTypedForAnotherSaysSoWhereverItStands(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.dma.Post(m.story.Path+"/answers", typed(m, harness.Object{"party": "ATG", "kind": "decline"})).Want(http.StatusCreated)
	for _, part := range []string{"", "/answers", "/timeline"} {
		m.dma.Visit("en").Get("/incidents/" + m.story.ID + part).Says(typedForATG)
		m.atg.Visit("fr").Get("/incidents/" + m.story.ID + part).Says(typedForATGFr)
	}
	for at, words := range map[string][2]string{
		"/": {"Your answer: declines", "Votre réponse : "}, alertRequest(m.atg): {"Your answer on record: declines", "Votre réponse enregistrée : "},
		"/incidents/" + m.story.ID + "/answers/new": {"Last answer of Antigua and Barbuda", "Dernière réponse (Antigua-et-Barbuda)"},
	} {
		m.atg.Visit("en").Get(at).Want(http.StatusOK).Says(words[0], " · "+typedForATG)
		m.atg.Visit("fr").Get(at).Want(http.StatusOK).Says(words[1], " · "+typedForATGFr)
	}
	if a := m.dma.Get(m.story.Path + "/answers").Items()[0]; fmt.Sprint(a["by_role"], " ", a["by_party"]) != "coordinator DMA" {
		t.Errorf("the answer reads %v", a)
	}
}

func TestWorkThatWasTypedForAnotherSaysSoWhereverItStands(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	key := m.dma.Get(m.story.Path + "/steps?party=ATG&status=pending").Want(http.StatusOK).Items()[0]["key"].(string)
	m.dma.Post(m.story.Path+"/steps/"+key+"/start", typed(m, nil)).Want(http.StatusOK)
	now := m.Clock.Now().Truncate(time.Second)
	boat := m.dma.Post(m.story.Path+"/movements", harness.Object{
		"mode": "sea", "from": harness.Object{"party": "DMA"}, "to": harness.Object{"party": "ATG"},
		"departs_at": now, "eta": now.Add(time.Hour), "people": harness.Object{"total": 80},
	}).Want(http.StatusCreated).Str("id")
	at := "/alerts/" + fmt.Sprint(m.atg.AwaitAlert("movement", 1)[0]["id"])
	m.dma.Post(m.story.Path+"/movements/"+boat+"/arrive", typed(m, harness.Object{"people": harness.Object{"total": 80}})).Want(http.StatusOK)
	for _, part := range []string{"/incidents/" + m.story.ID + "/steps/" + key, "/incidents/" + m.story.ID + "/steps"} {
		m.atg.Visit("en").Get(part).Want(http.StatusOK).Says(typedForATG)
		m.atg.Visit("fr").Get(part).Want(http.StatusOK).Says(typedForATGFr)
	}
	m.atg.Visit("en").Get(at).Want(http.StatusOK).Says("Arrived · " + typedForATG)
}
