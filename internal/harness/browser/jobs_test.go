package browser_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
	"landfall/internal/harness/browser"
	"landfall/internal/preparedness"
)

// pictures names the folder that pictures of pages are kept in; unset, none are.
const pictures = "LANDFALL_TEST_PICTURES"

// keep takes a picture of a page for the documents, when a folder is named.
func keep(tab *browser.Tab, name string) {
	if folder := os.Getenv(pictures); folder != "" {
		tab.Shot(filepath.Join(folder, name+".png"))
	}
}

// open does the coordinator's first job on a device: opens an incident and activates the protocol.
func open(tab *browser.Tab, exercise string) {
	tab.Go("/incidents/new").NeverWider().
		Tick(`input[name=exercise][value=`+exercise+`]`).Tick(`input[name=hazard_type][value=TC]`).Type("#hazard_name", "Hurricane Maria").
		Tick(`input[name=severity][value=extreme]`).Tick(`input[name=receivers][value=ATG]`).Tick(`input[name=receivers][value=LCA]`).
		PressText("Next").See("Nothing is recorded and nobody is told yet", "Antigua and Barbuda", "Saint Lucia").NeverWider().
		Press(`button[value=yes]`).See("Hurricane Maria: Dominica").NeverWider()
}

// activate does the second, as the storm strikes. No state has an address here, and the button says that nobody is alerted.
func activate(tab *browser.Tab, button string) {
	tab.PressText("Activate a protocol").NeverWider().Tick(`input[name=kind_LANDFALL][value=now]`).PressText("Next").See(button, "steps").NeverWider().
		Press(`button[value=yes]`).See("active")
}

func TestACoordinatorOpensAndActivatesOnAPhone(t *testing.T) {
	for _, d := range []browser.Device{browser.Phone, browser.Phone.Unscripted()} {
		t.Run(d.Name+" scripts "+map[bool]string{true: "off", false: "on"}[d.NoScript], func(t *testing.T) {
			w := harness.New(t)
			tab := browser.Open(t, w.App.URL(), d).SignIn(w.Account("DMA", "coordinator").Token())
			began := time.Now()
			open(tab, "no")
			activate(tab, "nobody is alerted")
			if took := time.Since(began); took > 2*time.Minute {
				t.Errorf("it took %s", took)
			}
			if !d.NoScript {
				tab.NeverWider().Accessible().PressText("Steps").See("HUR-05").NeverWider().Accessible()
			}
		})
	}
}

func TestAnOfficialSeesTheAlertArriveAndAccepts(t *testing.T) {
	w := harness.New(t)
	official := w.Account("ATG", "official")
	tab := browser.Open(t, w.App.URL(), browser.Phone).SignIn(official.Token()).See("Antigua and Barbuda", "Welcome")
	tab.Await(`document.documentElement.dataset.following === "yes"`)
	dominica := browser.Open(t, w.App.URL(), browser.Desktop).SignIn(w.Account("DMA", "coordinator").Token())
	open(dominica, "no")
	activate(dominica, "nobody is alerted")
	dominica.Await(`document.documentElement.dataset.following === "yes"`)
	w.Run("pending")
	tab.See("Act now", "Hurricane Maria") // by itself
	tab.NeverWider().Accessible()
	keep(tab, "home-phone")
	tab.Press("#acts .list a").See("Acknowledge: we have seen this", "Answer by").NeverWider().Accessible()
	keep(tab, "alert-phone")
	tab.Press("form[action$=acknowledge] button.primary").See("answer")
	tab.Type("#ceiling", "250").Type("#conditions", "Six months at most").PressText("Accept").See("250 persons").NeverWider()
	dominica.See("up to 250 people", "Six months at most") // by itself, too
	dominica.Accessible()
	keep(dominica, "incident-desktop")
	dominica.PressText("Who was told").See("Print it as proof").Accessible()
}

func TestALiaisonAssessesAndSeesItExpire(t *testing.T) {
	for _, d := range []browser.Device{browser.Phone, browser.Phone.Unscripted().In("fr")} {
		t.Run(d.Language, func(t *testing.T) {
			w := harness.New(t)
			account := w.Account("LCA", "liaison")
			words := map[string][]string{
				"en": {"never assessed", "95 / 100", "ready", "expired", "rooms assessed"}, "fr": {"jamais évalué", "95 / 100", "prêt", "expiré", "chambres évaluées"},
			}[d.Language]
			tab := browser.Open(t, w.App.URL(), d).SignIn(account.Token()).Go("/preparedness/units/new").NeverWider().
				Type("#name", "Bay hotel A").Type("#rooms", "120").Press("main form button.primary").See(words[0])
			tab.Press("#assessment a.button").NeverWider()
			for _, i := range preparedness.CatalogueOf(preparedness.Property).Indicators {
				answer := "yes"
				if i.Code == "P05" {
					answer = "no"
				}
				tab.Tick(`input[name=` + i.Code + `][value=` + answer + `]`)
			}
			if !d.NoScript {
				tab.Accessible()
			}
			tab.Press("main form button.primary").See(words[1], words[2]).NeverWider()
			unit := tab.Path()
			tab.Go("/preparedness").See("100 %").NeverWider()
			if !d.NoScript {
				tab.Accessible()
				keep(tab, "board-phone")
			}
			w.Pass(370 * 24 * time.Hour)
			again := browser.Open(t, w.App.URL(), d).SignIn(account.Token()).Go(strings.Split(unit, "?")[0]).See(words[3])
			again.Go("/preparedness").See("0 %", words[4])
		})
	}
}

func TestTwoPeopleAtOneStepLoseNothing(t *testing.T) {
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	first := browser.Open(t, w.App.URL(), browser.Desktop).SignIn(account.Token())
	open(first, "yes")
	activate(first.See("EXERCISE"), "nobody is alerted")
	first.PressText("Steps").Press(`a[href$="HUR-05"]`).See("It is done")
	step := strings.Split(first.Path(), "?")[0]
	second := first.Another().Go(step).See("It is done")
	second.Type("#reference", "Request 14/2017")
	first.Press(`button[value=start]`).See("work has begun")
	second.Press(`button[value=complete]`).See("Somebody changed this while you were writing")
	if got := second.Value("#reference"); got != "Request 14/2017" {
		t.Errorf("what was typed is now %q", got)
	}
	second.Press(`button[value=complete]`).See("the step is done", "Request 14/2017").Accessible()
}

func TestWhatWasTypedSurvivesALostConnectionAndTheLanguageCanBeChanged(t *testing.T) {
	w := harness.New(t)
	tab := browser.Open(t, w.App.URL(), browser.Phone).SignIn(w.Account("DMA", "coordinator").Token())
	tab.Go("/incidents/new").Type("#hazard_name", "Hurricane Maria").Tick(`input[name=receivers][value=ATG]`)
	tab.Go("/").Go("/incidents/new").See("What you had typed here before was brought back")
	if got := tab.Value("#hazard_name"); got != "Hurricane Maria" {
		t.Errorf("the name is %q", got)
	}
	tab.Press(`form[action="/language"] button`).See("Ouvrir un incident", "Votre saisie précédente a été rétablie").NeverWider().Accessible()
	tab.Go("/").See("Bienvenue dans Landfall").NeverWider()
}

func TestAHazardOfAnExerciseIsOutOfSightWhileARealIncidentIsOpened(t *testing.T) {
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	for name, exercise := range map[string]bool{"Hurricane Maria": false, "Storm Delta": true} {
		account.Post("/api/v1/hazards", harness.Object{"name": name, "type": "TC", "started_at": "2026-09-16T12:00:00Z", "exercise": exercise}).Want(http.StatusCreated)
	}
	for _, d := range []browser.Device{browser.Phone, browser.Phone.Unscripted()} {
		tab := browser.Open(t, w.App.URL(), d).SignIn(account.Token())
		hazards := func() string {
			var text string
			tab.Evaluate(`document.querySelector("#hazard").innerText`, &text)
			return text
		}
		tab.Go("/incidents/new").See("EXERCISE Storm Delta").NeverWider()
		tab.Tick(`input[name=exercise][value=no]`)
		if got := hazards(); strings.Contains(got, "Storm Delta") || !strings.Contains(got, "Hurricane Maria") {
			t.Errorf("a real incident is offered %q", got)
		}
		tab.Tick(`input[name=exercise][value=yes]`).See("EXERCISE Storm Delta")
	}
}

func TestEveryPageFitsAPhoneInBothLanguagesAndByNight(t *testing.T) {
	w := harness.New(t)
	account := w.Account("DMA", "coordinator")
	hazard := account.Post("/api/v1/hazards", harness.Object{"name": "Hurricane Maria", "type": "TC", "started_at": "2026-09-16T12:00:00Z"}).Want(http.StatusCreated).Str("id")
	id := account.Post("/api/v1/incidents", harness.Object{
		"title": "Hurricane Maria: Dominica", "hazard_id": hazard, "origin": "DMA", "receivers": []string{"ATG", "LCA", "GRD", "KNA"}, "severity": "extreme", "occurred_at": "2026-09-16T12:00:00Z",
	}).Want(http.StatusCreated).Str("id")
	account.Post("/api/v1/incidents/"+id+"/activate", harness.Object{"protocol": "hurricane", "anchors": harness.Object{"LANDFALL": harness.Object{"at": "2026-09-18T12:00:00Z", "kind": "forecast"}}}).Want(http.StatusOK)
	account.Post("/api/v1/incidents/"+id+"/figures", harness.Object{
		"place": harness.Object{"party": "DMA"}, "quantifier": "exact", "unit": "person", "number": 7411, "category": "idps", "term": "sheltered", "setting": "public_shelter",
		"source": harness.Object{"name": "National office", "kind": "government"}, "role": "recommended", "as_of": "2026-09-16T12:00:00Z",
		"parts": []harness.Object{{"setting": "public_shelter", "number": 4136}, {"setting": "host_family", "number": 3718}},
	}).Want(http.StatusCreated)
	w.Run("pending")
	at := "/incidents/" + id
	for _, d := range []browser.Device{browser.Phone, browser.Phone.AtNight().In("fr"), browser.Desktop} {
		tab := browser.Open(t, w.App.URL(), d).SignIn(account.Token())
		for _, path := range []string{
			"/", "/incidents", "/incidents/new", at, at + "/movements/new", at + "/figures/new", at + "/receivers", at + "/stand-down", at + "/close", "/relay", at + "/steps", at + "/steps?party=ATG&only=all", at + "/steps/HUR-05", at + "/timeline", at + "/timeline?step=HUR-05", at + "/known", at + "/known?at=2026-09-15T08:00", at + "/figures", at + "/answers", at + "/movements", at + "/told",
			"/alerts", "/preparedness", "/subscriptions", "/subscriptions/new", "/deliveries", "/nothing",
		} {
			if path == "/nothing" {
				tab.Go(path).NeverWider()
				continue
			}
			tab.Go(path).NeverWider().Accessible()
		}
		tab.Go(at + "/figures").See("7")
		if d.Language == "en" {
			tab.See("the parts printed beside it make 7,854")
			keep(tab.Go(at), "incident-"+d.Name)
			keep(tab.Go(at+"/steps"), "steps-"+d.Name)
		}
	}
}
