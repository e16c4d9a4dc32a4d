package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// act sends a form with one of its named buttons.
func act(f *harness.Form, button string) *harness.Sheet {
	f.Values.Set("act", button)
	return f.Send()
}

func TestWhatAnotherStateEntersForTheOriginWaitsOnThePageUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	official := w.Account("ATG", "official").Visit("en")
	form := official.Get(page(i, "stand-down")).Want(http.StatusOK).Form("/stand-down")
	wantAt(t, form.Fill("reason", "It turned north").Fill("on_behalf_of", "DMA").Fill("relayed_by", "radio").Send(), "/incidents/"+i.ID, "work_proposed")
	official.Get("/incidents/"+i.ID).Says("Waits to be confirmed", "Stand the incident down", "It turned north", "by radio", "Take it back").
		Silent("Confirm<")
	liaison := w.Account("ATG", "liaison")
	liaison.Visit("en").Get("/incidents/"+i.ID).Want(http.StatusOK).Silent("Waits to be confirmed", "It turned north")
	liaison.Get(i.Path + "/proposals").Want(http.StatusForbidden)
	if shown := string(liaison.Get(i.Path).Want(http.StatusOK).Raw); strings.Contains(shown, "proposals") {
		t.Errorf("a liaison reads %s", shown)
	}

	waiting := func() string { return "/proposals/" + dma.Get(i.Path + "/proposals").Items()[0]["id"].(string) }
	coordinator := dma.Visit("fr")
	sheet := coordinator.Get("/incidents/"+i.ID).Want(http.StatusOK).Says("À confirmer", "Lever le dispositif", "par radio", "Antigua-et-Barbuda", "Refuser")
	wantAt(t, act(sheet.Form(waiting()), "drop"), "/incidents/"+i.ID, "proposal_withdrawn")
	wantAt(t, form.Fill("key", "another").Send(), "/incidents/"+i.ID, "work_proposed")
	sheet = coordinator.Get("/incidents/" + i.ID)
	wantAt(t, act(sheet.Form(waiting()), "confirm"), "/incidents/"+i.ID, "proposal_confirmed")
	if got := dma.Get(i.Path).Want(http.StatusOK).Str("status"); got != "stood_down" {
		t.Errorf("the incident is %s", got)
	}
}

func TestConfirmingAProposalSaysFirstWhomItReaches(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	reachable(t, w, "LCA")
	official := w.Account("ATG", "official")
	propose := func(what string, fields harness.Object) {
		t.Helper()
		fields["on_behalf_of"], fields["relayed_by"] = "DMA", "radio"
		method := http.MethodPost
		if what == "/receivers" {
			method = http.MethodPut
		}
		official.Do(method, i.Path+what, fields, harness.Header{Name: "If-Match", Value: "*"}).Want(http.StatusAccepted)
	}
	shown := func(c *harness.Client, language string) *harness.Sheet {
		t.Helper()
		return c.Visit(language).Get("/incidents/" + i.ID).Want(http.StatusOK)
	}
	drop := func() {
		t.Helper()
		act(shown(dma, "en").Form("/proposals/"+dma.Get(i.Path + "/proposals").Items()[0]["id"].(string)), "drop")
	}
	propose("/activate", harness.Object{
		"protocol": "hurricane", "anchors": harness.Object{"LANDFALL": harness.Object{"at": w.Clock.Now().Add(48 * time.Hour).Truncate(time.Second), "kind": "forecast"}},
	})
	shown(dma, "en").Says("Confirm: send a REAL alert to 1 state", "Saint Lucia is asked to reply within 30 min Reached by Webhook (1 address)",
		"Antigua and Barbuda is asked to reply within 30 min NOBODY is reached: no address", "NOBODY is told here: Antigua and Barbuda.", "This is REAL.")
	shown(dma, "fr").Says("Confirmer : envoyer une alerte RÉELLE à 1 État")
	shown(official, "en").Says("Take it back").Silent("Confirm", "This is REAL.")
	shown(w.Account("ORG-CDEMA", "regional_officer"), "en").Says("Dominica is told what was confirmed on its word NOBODY is reached: no address")
	drop()

	propose("/receivers", harness.Object{"receivers": []string{"LCA", "ATG", "BRB"}})
	shown(dma, "en").Says("Confirm; nobody is alerted", "Barbados is named as a receiving state", "NOBODY is told here: Barbados.").Silent("This is REAL.", "Reached by")
	drop()

	propose("/stand-down", harness.Object{"reason": "It turned north"})
	shown(dma, "en").Says("Confirm: send a REAL alert to 1 state", "Saint Lucia is told that nothing more is asked of it Reached by Webhook")
}

func TestWhatWasEnteredForAPartyIsConfirmedOnThePage(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.dma.Post(m.story.Path+"/answers", harness.Object{
		"kind": "decline", "party": "ATG", "on_behalf_of": "ATG", "relayed_by": "phone",
	}).Want(http.StatusCreated)
	m.dma.Visit("en").Get(page(m.story, "timeline")).Says("not confirmed by Antigua and Barbuda yet")
	visitor := m.atg.Visit("en")
	form := visitor.Get("/incidents/"+m.story.ID).Says("Entered in your name, not yet confirmed", "by telephone").Form("/relays/" + fmt.Sprint(m.dma.Get(m.story.Path + "/relays").Items()[0]["version"]))
	wantAt(t, form.Send(), "/incidents/"+m.story.ID, "relay_confirmed")
	visitor.Get("/incidents/" + m.story.ID).Silent("not yet confirmed")
	visitor.Get(page(m.story, "timeline")).Says("confirmed by the receiving-state official of Antigua and Barbuda, 09:00 today")
}

func TestWhatAPartyHasSaidItselfSinceWaitsForItNoLonger(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	for _, ceiling := range []int{40, 60} {
		m.dma.Post(m.story.Path+"/answers", harness.Object{
			"kind": "accept", "ceiling": ceiling, "party": "ATG", "on_behalf_of": "ATG", "relayed_by": "phone",
		}).Want(http.StatusCreated)
	}
	visitor := m.atg.Visit("en")
	visitor.Get("/incidents/" + m.story.ID).Says("not yet confirmed")
	m.atg.Post(m.story.Path+"/answers", harness.Object{"kind": "accept", "ceiling": 60, "party": "ATG"}).Want(http.StatusCreated)
	visitor.Get("/incidents/" + m.story.ID).Silent("not yet confirmed")
	visitor.Get(page(m.story, "timeline")).Silent("not confirmed by").
		Says("corrected since by the receiving-state official of Antigua and Barbuda", "confirmed by the receiving-state official of Antigua and Barbuda")
	entries := m.dma.Get(m.story.Path + "/relays").Items()
	if entries[0]["confirmed"] != true || entries[1]["confirmed"] != false || entries[1]["corrected_by"] != "official" {
		t.Errorf("%v", entries)
	}
}

func TestEverybodyReadsThatAStartIsNotConfirmed(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	w.Account("ATG", "official").Post(i.Path+"/monitor", harness.Object{
		"protocol": "hurricane", "anchors": harness.Object{"LANDFALL": harness.Object{"at": w.Clock.Now().Add(36 * time.Hour), "kind": "forecast"}},
		"on_behalf_of": "DMA", "relayed_by": "phone",
	}).Want(http.StatusAccepted)
	proposal := dma.Get(i.Path + "/proposals").Items()[0]["id"].(string)
	w.Account("ORG-CDEMA", "regional_officer").Post(i.Path+"/proposals/"+proposal+"/confirm", nil).Want(http.StatusOK)
	liaison := w.Account("ATG", "liaison")
	for _, path := range []string{"/incidents/" + i.ID, page(i, "steps")} {
		liaison.Visit("en").Get(path).Says("Word of Dominica, by telephone, entered by the receiving-state official of Antigua and Barbuda", "not confirmed by Dominica yet")
	}
	open := liaison.Get(i.Path).Want(http.StatusOK).Body["unconfirmed"]
	if all, _ := open.([]any); len(all) != 1 {
		t.Errorf("the incident shows %v", open)
	}
	dma.Post(i.Path+"/relays/"+fmt.Sprint(dma.Get(i.Path + "/relays").Items()[0]["version"])+"/confirm", nil).Want(http.StatusOK)
	liaison.Visit("en").Get("/incidents/" + i.ID).Silent("not confirmed by")
}
