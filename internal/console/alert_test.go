package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// alerted opens an incident and activates it, and gives the official's page of the alert, once it is raised.
func alerted(t *testing.T, w *harness.World, language string) (dominica, antigua *harness.Visitor, incident string, alert *harness.Sheet) {
	t.Helper()
	dominica = w.Account("DMA", "coordinator").Visit("en")
	antigua = w.Account("ATG", "official").Visit(language)
	opened := openBy(dominica, "no", "ATG", "LCA")
	opened.Follow("Activate").Form("/activate").Send().Want(http.StatusOK)
	harness.Eventually(t, func() (bool, string) {
		w.Run("pending")
		page := antigua.Get("/alerts")
		for _, href := range page.Links("") {
			if strings.HasPrefix(href, "/alerts/") {
				if alert = antigua.Get(href); strings.Contains(alert.Text(), "Reply by") || strings.Contains(alert.Text(), "Réagir avant") {
					return true, ""
				}
			}
		}
		return false, page.Text()
	})
	return dominica, antigua, opened.URL.Path, alert
}

func TestAnOfficialAcknowledgesAndThenAccepts(t *testing.T) {
	w := harness.New(t)
	dominica, antigua, incident, alert := alerted(t, w, "en")
	antigua.Get("/").Want(http.StatusOK).Says("Waits for your reply", "Hurricane Maria")
	alert.Says("Acknowledge: we have seen this", "Will you take people in?", "Reply by", "Hurricane Maria: Dominica")
	f := alert.Form("/acknowledge")
	f.Values.Set("outcome", "received")
	seen := f.Send().Want(http.StatusOK).Says("your office has seen it", "received", "by receiving-state official").Silent("Acknowledge: we have seen this")
	f.Send().Want(http.StatusOK) // pressed twice
	dominica.Get(incident).Says("acknowledged", "no answer yet")
	g := seen.Form("/answer").Fill("ceiling", "250").Fill("conditions", "Six months at most\nTwo ports only")
	g.Values.Set("kind", "accept")
	g.Send().Want(http.StatusOK).Says("accepts, at most 250 persons")
	dominica.Get(incident).Says("up to 250 people", "Two ports only")
	dominica.Get(incident+"/told").Says("Antigua and Barbuda", "received", "No address")
}

func TestAcceptingAcknowledgesToo(t *testing.T) {
	w := harness.New(t)
	_, antigua, incident, alert := alerted(t, w, "fr")
	f := alert.Form("/answer").Fill("ceiling", "cent")
	f.Values.Set("kind", "accept")
	back := f.Send().Want(http.StatusBadRequest).Says("Au plus tant de personnes : doit être un nombre entier")
	if got := back.Kept("/answer", "ceiling"); got != "cent" {
		t.Errorf("the ceiling came back as %q", got)
	}
	g := back.Form("/answer").Fill("ceiling", "300")
	g.Values.Set("kind", "accept")
	g.Send().Want(http.StatusOK).Says("accepte, au plus 300 personnes", "Accusés de réception")
	antigua.Get(incident + "/answers").Says("jusqu’à 300 personnes")
}

func TestAnAlertOfAnotherStateIsNotThere(t *testing.T) {
	w := harness.New(t)
	_, _, _, alert := alerted(t, w, "en")
	w.Account("GRD", "official").Visit("en").Get(alert.URL.Path).Want(http.StatusNotFound)
}

func TestALateAlertSaysSo(t *testing.T) {
	w := harness.New(t)
	_, antigua, _, alert := alerted(t, w, "en")
	w.Clock.Advance(2 * time.Hour)
	antigua.Get(alert.URL.Path).Want(http.StatusOK).Says("late by 1 h 30 min")
	antigua.Get("/alerts").Says("late")
}

func TestAnAddressIsAddedTestedAndShownToWork(t *testing.T) {
	w := harness.New(t)
	r := harness.NewReceiver(t)
	antigua := w.Account("ATG", "official").Visit("en")
	antigua.Get("/").Says("Your office has no address yet").Follow("Delivery")
	antigua.Get("/subscriptions").Want(http.StatusOK).Says("Nobody is told yet").Follow("Add an address").
		Form("/new").Fill("target", "not an address").Send().Want(http.StatusBadRequest).Says("Address: ").
		Form("/new").Fill("target", r.URL()).Send().Want(http.StatusOK).Says("shown this once", "whsec_")
	list := antigua.Get("/subscriptions").Want(http.StatusOK).Says("webhook", "never yet")
	list.Form("/test").Send().Want(http.StatusOK).Says("The test is on its way")
	harness.Eventually(t, func() (bool, string) {
		w.Run("pending")
		text := antigua.Get("/deliveries").Text()
		return strings.Contains(text, "delivered"), text
	})
	antigua.Get("/subscriptions").Silent("whsec_").Form("/remove").Send().Want(http.StatusOK).Says("Removed.", "Nobody is told yet")
}
