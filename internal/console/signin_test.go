package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/harness"
)

func TestATokenSignsInAndASessionEndsWithIt(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	c := w.Account("DMA", "coordinator")
	visitor := c.Visit("en")
	visitor.Get("/").Want(http.StatusOK).Says("Dominica", "emergency coordinator")
	revoke(w, c)
	visitor.Get("/style?state=DMA").Want(http.StatusOK).Says("Your session has ended").Silent("Dominica")
}

// revoke revokes the tokens of a client's account.
func revoke(w *harness.World, c *harness.Client) {
	account := c.Get("/api/v1/me").Want(http.StatusOK).Str("id")
	for _, k := range w.Admin.Get("/api/v1/tokens?account_id=" + account).Want(http.StatusOK).Items() {
		w.Admin.Do(http.MethodDelete, "/api/v1/tokens/"+k["id"].(string), nil, harness.IfMatch("*")).Want(http.StatusNoContent)
	}
}

func TestASessionEndsAfterItsDayAndLeadsBackToThePageThatWasWanted(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	c := w.Account("DMA", "coordinator")
	visitor := c.Visit("en")
	w.Clock.Advance(access.SessionTime - time.Minute)
	visitor.Get("/deliveries?status=dead").Want(http.StatusOK).Says("Messages sent")
	w.Clock.Advance(time.Minute)
	page := visitor.Get("/deliveries?status=dead").Want(http.StatusOK).Says("Your session has ended").Silent("Messages sent")
	if page.URL.Path != "/sign-in" {
		t.Errorf("led to %s", page.URL)
	}
	back := page.Form("/sign-in").Fill("token", c.Token()).Send().Want(http.StatusOK).Says("Messages sent")
	if got := back.URL.RequestURI(); got != "/deliveries?status=dead" {
		t.Errorf("back at %s", got)
	}
	w.Clock.Advance(time.Hour)
	visitor.Get("/").Want(http.StatusOK).Says("Dominica")
}

// A browser drops a cookie whose time is over; then nobody could say why it has to sign in again.
func TestTheCookieOutlivesItsSession(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.App.URL()+"/sign-in", strings.NewReader(url.Values{"token": {w.Admin.Token()}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for _, cookie := range res.Cookies() {
		if least := access.SessionTime + 6*24*time.Hour; !cookie.HttpOnly || time.Duration(cookie.MaxAge)*time.Second < least {
			t.Errorf("%s, want at least %s", cookie, least)
		}
	}
	if len(res.Cookies()) != 1 {
		t.Errorf("%d cookies", len(res.Cookies()))
	}
}

func TestABadTokenIsRefusedAndNotSentBack(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	visitor := w.Admin.Visit("fr")
	visitor.Get("/style").Want(http.StatusOK).Form("/sign-out").Send().Says("Vous êtes déconnecté.")
	page := visitor.Post("/sign-in", url.Values{"token": {"lf_nothing"}}).Want(http.StatusUnauthorized).Says("Ce jeton n’ouvre rien")
	if strings.Contains(page.Raw, "lf_nothing") {
		t.Error("the token was sent back")
	}
}

func TestTheLanguageCanBeChangedAndStays(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	visitor := w.Admin.Visit("en")
	visitor.Get("/style").Says("Sign out").Form("/language").Send().Want(http.StatusOK).Says("Se déconnecter", "L’aspect des pages")
	visitor.Get("/").Says("Accueil")
}

func TestNobodyIsLedElsewhere(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	for _, next := range []string{"https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)", ""} {
		visitor := w.Admin.Visit("en")
		page := visitor.Post("/sign-in", url.Values{"token": {"x"}, "next": {next}})
		if got := page.Kept("/sign-in", "next"); got != "/" {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	req, err := http.NewRequest(http.MethodPost, w.App.URL()+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%d", res.StatusCode)
	}
}

func TestPagesAllowOnlyWhatIsOurs(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	page := w.Admin.Visit("en").Get("/style").Want(http.StatusOK)
	if p := page.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
		t.Error(p)
	}
	for _, forbidden := range []string{" style=", "<script>", " onclick=", "http://", "https://"} {
		if strings.Contains(page.Raw, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	w.Admin.Visit("en").Get("/nothing/here").Want(http.StatusNotFound).Says("There is nothing here")
}
