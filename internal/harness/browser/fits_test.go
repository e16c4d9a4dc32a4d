package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
	"landfall/internal/harness/browser"
)

// TestEveryPageFitsEveryWidthAndTextOfDoubleSize looks at what a receiving state and the affected state look at most.
func TestEveryPageFitsEveryWidthAndTextOfDoubleSize(t *testing.T) {
	w := harness.New(t)
	dma, atg := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	story := w.Maria(dma, []string{"ATG", "LCA", "GRD", "KNA"}, nil)
	story.Activate(w.Clock.Now().Add(36 * time.Hour))
	notice := fmt.Sprint(atg.AwaitAlert("activation", 1)[0]["id"])
	moving := story.Post(story.Path+"/movements", harness.Object{
		"mode": "sea", "carrier": "Ferry Grenadines Star", "from": harness.Object{"party": "DMA", "port": "DMRSU"}, "to": harness.Object{"party": "ATG", "port": "AGSJO"},
		"departs_at": w.Clock.Now().Add(time.Hour), "eta": w.Clock.Now().Add(4 * time.Hour), "people": harness.Object{"total": 120},
	}).Want(http.StatusCreated).Str("id")
	w.Pass(5 * time.Hour)
	ship := fmt.Sprint(atg.AwaitAlert("movement", 1)[0]["id"])
	at := "/incidents/" + story.ID
	for _, who := range []struct {
		client   *harness.Client
		language string
		paths    []string
	}{
		{dma, "en", []string{
			"/", "/incidents", "/incidents/new", at, at + "/steps", at + "/steps?party=all", at + "/steps/HUR-05", at + "/timeline", at + "/movements", at + "/figures", at + "/answers",
			at + "/told", at + "/known", at + "/movements/" + moving, at + "/movements/new", at + "/figures/new", "/relay", "/preparedness", "/subscriptions", "/deliveries",
		}},
		{atg, "fr", []string{"/", "/incidents", "/alerts", "/alerts/" + notice, "/alerts/" + ship, at, at + "/steps", at + "/answers/new", at + "/movements/" + moving + "/arrive", "/subscriptions/new"}},
	} {
		tab := browser.Open(t, w.App.URL(), browser.Phone.In(who.language)).SignIn(who.client.Token())
		for _, path := range who.paths {
			tab.Go(path).Fits()
		}
	}
}

func TestAReviewIsAnAnswer(t *testing.T) {
	w := harness.New(t)
	tab := browser.Open(t, w.App.URL(), browser.Phone).SignIn(w.Account("DMA", "coordinator").Token())
	sent := func(what string) {
		t.Helper()
		if text := tab.Text(); strings.Contains(text, "Not sent") {
			t.Errorf("%s says that nothing was sent:\n%s", what, text)
		}
	}
	tab.Go("/incidents/new").Tick(`input[name=exercise][value=yes]`).Tick(`input[name=hazard_type][value=TC]`).Type("#hazard_name", "Hurricane Maria").
		Tick(`input[name=severity][value=extreme]`).Tick(`input[name=receivers][value=ATG]`).PressText("Next").See("Nothing is recorded and nobody is told yet")
	sent("the review of an incident")
	tab.Offline(true).Tick(`button[value=yes]`).See("Not sent: there is no connection.")
	tab.Offline(false).Press(".unsent button").See("The incident is open")
	sent("what is open now")
	tab.PressText("Activate a protocol").Tick(`input[name=kind_LANDFALL][value=now]`).PressText("Next").See("Activate now?")
	sent("the review of a protocol")
}

func TestWhatCannotBeSentStaysOnThePageAndIsSentOnce(t *testing.T) {
	w := harness.New(t)
	dma, atg := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	story := w.Maria(dma, []string{"ATG", "LCA"}, nil)
	story.Activate(w.Clock.Now().Add(36 * time.Hour))
	at := "/alerts/" + fmt.Sprint(atg.AwaitAlert("activation", 1)[0]["id"])
	tab := browser.Open(t, w.App.URL(), browser.Phone).SignIn(atg.Token()).Go(at).Type("#ceiling", "250")
	const key, accept = `form[action$="/answer"] input[name=key]`, `form[action$="/answer"] button.tall`
	before := tab.Value(key)
	tab.Offline(true).Tick(accept).See("Not sent: there is no connection.")
	tab.Offline(false).Go("/incidents").Go(at).See("Not sent: there is no connection.")
	if got, now := tab.Value("#ceiling"), tab.Value(key); got != "250" || now != before {
		t.Errorf("after a reload the form holds %q under the key %s, want 250 under %s", got, now, before)
	}
	if n := len(dma.Get(story.Path + "/answers").Want(http.StatusOK).Items()); n != 0 {
		t.Errorf("%d answers were recorded", n)
	}
	tab.Press(".unsent button").See("Your answer is recorded", "250 persons").Go(at)
	if text := tab.Text(); strings.Contains(text, "Not sent") {
		t.Error("what was sent is offered again")
	}
	if n := len(dma.Get(story.Path + "/answers").Want(http.StatusOK).Items()); n != 1 {
		t.Errorf("%d answers were recorded, want 1", n)
	}
}
