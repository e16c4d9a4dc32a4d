package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func relayOf(m *alertWorld, rest string) string {
	return "/relay?incident=" + m.story.ID + "&party=ATG" + rest
}

func TestAnAcknowledgementThatCameByRadioIsEntered(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	visitor := m.dma.Visit("en")
	form := visitor.Get("/").Follow("Enter what came by radio").Want(http.StatusOK).Says("Which incident is it about?").
		Follow("Hurricane Maria").Want(http.StatusOK).Says("Who said it?", "Saint Lucia").Silent("Dominica?").
		Follow("Antigua and Barbuda").Want(http.StatusOK).Says("They have seen an alert", "Nothing yet.").
		Follow("ACTIVATION REQUEST").Want(http.StatusOK).Form("/relay")
	form.Send().Want(http.StatusBadRequest).Says("How it came", "is required")
	form.Fill("relayed_by", "radio").Fill("said_at", "2026-09-16T08:59").Send().Want(http.StatusOK).
		Says("Recorded, as their word", "by radio, entered by the emergency coordinator of Dominica", "said 08:59 today, 1 min ago")
	m.atg.Visit("en").Get(at).Want(http.StatusOK).Says("by radio, entered by the emergency coordinator of Dominica, said 08:59 today")
}

func TestAnAnswerThatCameByPhoneAcknowledgesTheRequestToo(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	at := alertRequest(m.atg)
	form := m.dma.Visit("en").Get(relayOf(m, "&what=answer")).Want(http.StatusOK).Says("It is recorded too that Antigua and Barbuda has seen the request").Form("/relay")
	form.Fill("relayed_by", "phone").Fill("ceiling", "-4").Send().Want(http.StatusBadRequest).Says("At most how many people")
	form.Fill("ceiling", "120")
	for range 2 {
		form.Send().Want(http.StatusOK).Says("answer given", "by telephone, entered by the emergency coordinator of Dominica")
	}
	given := alertAnswers(m)
	if len(given) != 1 || given[0]["party"] != "ATG" {
		t.Errorf("recorded: %v", given)
	}
	if a := m.atg.Get("/api/v1" + at).Want(http.StatusOK); a.Str("acknowledged.relayed_by") != "phone" {
		t.Errorf("the request is not acknowledged by telephone: %s", a.Raw)
	}
}

func TestAStepAndAnArrivalAreReportedForOthers(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	visitor := m.dma.Visit("en")
	steps := m.dma.Get(m.story.Path + "/steps?party=ATG&status=pending").Want(http.StatusOK).Items()
	key := steps[0]["key"].(string)
	form := visitor.Get(relayOf(m, "&what=step&item="+url.QueryEscape(key))).Want(http.StatusOK).Form("/relay")
	form.Fill("relayed_by", "satellite").Fill("action", "started").Fill("note", "Team is on its way").Send().
		Want(http.StatusOK).Says("step begun: "+key, "note on a step: "+key, "by satellite telephone")
	visitor.Get(relayOf(m, "&what=step&item=nothing")).Want(http.StatusNotFound)

	now := m.Clock.Now().Truncate(time.Second)
	boat := m.dma.Post(m.story.Path+"/movements", harness.Object{
		"mode": "sea", "from": harness.Object{"party": "DMA"}, "to": harness.Object{"party": "ATG"},
		"departs_at": now, "eta": now.Add(time.Hour), "people": harness.Object{"total": 80},
	}).Want(http.StatusCreated).Str("id")
	links := visitor.Get(relayOf(m, "")).Links("80 persons") // to the arrival, and to the alert of it as soon as that is raised
	at := slices.IndexFunc(links, func(href string) bool { return strings.Contains(href, "item="+boat) })
	if at < 0 {
		t.Fatalf("the boat is not among %v", links)
	}
	arrival := visitor.Get(links[at]).Want(http.StatusOK).Says("80 expected").Form("/relay")
	arrival.Fill("relayed_by", "radio").Send().Want(http.StatusBadRequest).Says("How many people were counted is required")
	arrival.Fill("people", "78").Fill("why", "Two stayed behind").Send().Want(http.StatusOK).Says("arrival counted", "Nobody is on the way there.")
}

func TestOnlyWhoMaySpeakForOthersDoes(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.Account("ATG", "liaison").Visit("en").Get("/relay").Want(http.StatusForbidden)
	m.Account("GRD", "official").Visit("en").Get(relayOf(m, "")).Want(http.StatusNotFound)
	m.dma.Visit("en").Get("/relay?incident=" + m.story.ID + "&party=GRD").Want(http.StatusNotFound)
	if page := m.atg.Visit("fr").Get("/relay?incident="+m.story.ID).Want(http.StatusOK).Says("Qui l’a dit ?", "Dominique"); strings.Contains(page.Raw, "party=ATG") {
		t.Error("who speaks for itself passes nothing on")
	}
}
