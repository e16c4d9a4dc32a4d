package browser_test

import (
	"testing"

	"landfall/internal/harness"
	"landfall/internal/harness/browser"
)

func TestTheStylePageFitsEveryScreenAndEveryReader(t *testing.T) {
	w := harness.New(t)
	for _, d := range []browser.Device{browser.Phone, browser.Phone.AtNight().In("fr"), browser.Desktop, browser.Desktop.AtNight()} {
		browser.Open(t, w.App.URL(), d).SignIn(w.Admin.Token()).Go("/style").NeverWider().Accessible()
	}
	browser.Open(t, w.App.URL(), browser.Phone.Unscripted().In("fr")).SignIn(w.Admin.Token()).Go("/style").NeverWider().See("L’aspect des pages")
}
