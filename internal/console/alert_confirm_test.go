package console_test

import (
	"fmt"
	"net/http"
	"testing"

	"landfall/internal/harness"
)

// relaySeen records for Antigua and Barbuda that its request was seen, as it said by radio.
func relaySeen(t *testing.T) (m *alertWorld, at string) {
	t.Helper()
	m = alerted(t, nil)
	at = alertRequest(m.atg)
	m.dma.Post("/api/v1"+at+"/acknowledge", harness.Object{"outcome": "received", "on_behalf_of": "ATG", "relayed_by": "radio"}).Want(http.StatusOK)
	return m, at
}

func TestWhatWasAcknowledgedForAPartyIsConfirmedByItsOwnWord(t *testing.T) {
	t.Parallel()
	m, at := relaySeen(t)
	const open, by = "not confirmed by Antigua and Barbuda yet", "confirmed by the receiving-state official of Antigua and Barbuda, 09:00 today"
	everywhere := func(says, silent string) {
		t.Helper()
		for _, path := range []string{at, page(m.story, "told"), page(m.story, "answers"), "/incidents/" + m.story.ID} {
			m.dma.Visit("en").Get(path).Want(http.StatusOK).Says("by radio, entered by the emergency coordinator of Dominica; " + says).Silent(silent)
		}
	}
	everywhere(open, by)
	if a := m.dma.Get("/api/v1" + at).Want(http.StatusOK); a.Str("acknowledged.confirmed_at") != "" {
		t.Errorf("confirmed before anybody did: %s", a.Raw)
	}

	relayed := "/alerts/" + fmt.Sprint(m.atg.AwaitAlert("relayed", 1)[0]["id"])
	visitor := m.atg.Visit("en")
	sheet := visitor.Get(relayed).Want(http.StatusOK).Says("Entered on the word of Antigua and Barbuda: Antigua and Barbuda has acknowledged").
		Follow("See it and confirm it").Want(http.StatusOK).Says("Entered in your name, not yet confirmed", "This is so")
	if sheet.URL.Path != at {
		t.Errorf("it leads to %s", sheet.URL)
	}
	sheet.Form("/acknowledge").Send().Want(http.StatusOK).Silent("Entered in your name")
	everywhere(by, open)
	a := m.dma.Get("/api/v1" + at).Want(http.StatusOK)
	if a.Str("acknowledged.confirmed_by_role") != "official" || a.Str("acknowledged.confirmed_by_party") != "ATG" || a.Str("acknowledged.confirmed_at") == "" {
		t.Errorf("the program is told %s", a.Raw)
	}
	harness.Eventually(t, func() (bool, string) {
		a := m.atg.Get("/api/v1" + relayed)
		return a.Str("closed_reason") == "confirmed", a.Str("status")
	})
}

func TestAnOwnAnswerConfirmsThatTheRequestWasSeen(t *testing.T) {
	t.Parallel()
	m, at := relaySeen(t)
	m.atg.Visit("fr").Get(at).Want(http.StatusOK).Says("pas encore confirmé").Form("/answer").Fill("ceiling", "40").Send().Want(http.StatusOK).
		Says("confirmé (agent de l’État d’accueil, Antigua-et-Barbuda), aujourd’hui 09:00")
}

func TestAnOwnWordThatSaysOtherwiseCorrectsWhatWasEntered(t *testing.T) {
	t.Parallel()
	m, at := relaySeen(t)
	form := m.atg.Visit("en").Get(at).Form("/acknowledge") // the first: the button that confirms
	form.Values.Set("outcome", "cannot_act")
	form.Send().Want(http.StatusOK).Says("received, cannot act by the receiving-state official of Antigua and Barbuda", "corrected since").
		Silent("not confirmed")
	if a := m.dma.Get("/api/v1" + at).Want(http.StatusOK); a.Str("acknowledged.outcome") != "cannot_act" || len(a.Body["corrected"].([]any)) != 1 {
		t.Errorf("stands: %s", a.Raw)
	}
}
