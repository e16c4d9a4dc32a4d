package browser_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"landfall/internal/harness"
	"landfall/internal/harness/browser"
)

// TestTheAlertOfAMovementIsAcknowledgedOnTheFirstScreenOfAPhone measures where things stand on a small phone: the button, and above it when
// they come, to which port, with whom and how many.
func TestTheAlertOfAMovementIsAcknowledgedOnTheFirstScreenOfAPhone(t *testing.T) {
	w := harness.New(t)
	dma, atg := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	phone := browser.Device{Name: "small phone", Width: 360, Height: 740, Phone: true}
	for _, exercise := range []bool{false, true} {
		story := w.Maria(dma, []string{"ATG"}, harness.Object{"exercise": exercise})
		story.Activate(w.Clock.Now().Add(36 * time.Hour))
		id := story.Post(story.Path+"/movements", harness.Object{
			"mode": "sea", "carrier": "Ferry Grenadines Star", "from": harness.Object{"party": "DMA", "port": "DMRSU"}, "to": harness.Object{"party": "ATG", "port": "AGSJO"},
			"departs_at": w.Clock.Now().Add(time.Hour), "eta": w.Clock.Now().Add(4 * time.Hour), "people": harness.Object{"total": 120},
		}).Want(http.StatusCreated).Str("id")
		var at string
		harness.Eventually(t, func() (bool, string) {
			for _, a := range atg.Inbox("movement") {
				if a["movement_id"] == id {
					at = fmt.Sprint("/alerts/", a["id"])
				}
			}
			return at != "", "no alert of the movement"
		})
		for language, facts := range map[string][]string{
			"en": {"Expected arrival", "Saint John's (AGSJO)", "Ferry Grenadines Star", "120 persons"},
			"fr": {"Arrivée prévue", "Saint John's (AGSJO)", "Ferry Grenadines Star", "120 personnes"},
		} {
			tab := browser.Open(t, w.App.URL(), phone.In(language)).SignIn(atg.Token()).Go(at).See(facts...)
			keep(tab, "movement-alert-"+language)
			// What lies under the menu at the bottom of the window is not seen.
			var ends, menu float64
			tab.Evaluate(`document.querySelector("form[action$=acknowledge] button.tall").getBoundingClientRect().bottom`, &ends)
			tab.Evaluate(`document.querySelector("nav.main").getBoundingClientRect().top`, &menu)
			if ends <= 0 || ends > menu || menu > 740 {
				t.Errorf("%s, exercise %t: the button ends at %.0f, the menu begins at %.0f", language, exercise, ends, menu)
			}
			for _, fact := range facts {
				var top, bottom float64
				tab.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("#movement dt, #movement dd")].find((e) => e.innerText.includes(%q)).getBoundingClientRect().top`, fact), &top)
				tab.Evaluate(fmt.Sprintf(`[...document.querySelectorAll("#movement dt, #movement dd")].find((e) => e.innerText.includes(%q)).getBoundingClientRect().bottom`, fact), &bottom)
				if top < 0 || bottom > ends {
					t.Errorf("%s, exercise %t: %q stands at %.0f to %.0f, the button ends at %.0f", language, exercise, fact, top, bottom, ends)
				}
			}
		}
	}
}
