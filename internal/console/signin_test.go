package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"landfall/internal/harness"
)

func TestATokenSignsInAndASessionEndsWithIt(t *testing.T) {
	w := harness.New(t)
	visitor := w.Account("DMA", "coordinator").Visit("en")
	visitor.Get("/").Want(http.StatusOK).Says("Dominica", "emergency coordinator")
	for _, token := range w.Admin.Get("/api/v1/accounts").Want(http.StatusOK).Body["items"].([]any) {
		account := token.(harness.Object)
		if account["party"] != "DMA" {
			continue
		}
		for _, k := range w.Admin.Get("/api/v1/tokens?account_id=" + account["id"].(string)).Want(http.StatusOK).Body["items"].([]any) {
			w.Admin.Do(http.MethodDelete, "/api/v1/tokens/"+k.(harness.Object)["id"].(string), nil, harness.IfMatch("*")).Want(http.StatusNoContent)
		}
	}
	visitor.Get("/style?state=DMA").Want(http.StatusOK).Says("Your session has ended").Silent("Dominica")
}

func TestABadTokenIsRefusedAndNotSentBack(t *testing.T) {
	w := harness.New(t)
	visitor := w.Admin.Visit("fr")
	visitor.Get("/style").Want(http.StatusOK).Form("/sign-out").Send().Says("Vous êtes déconnecté.")
	page := visitor.Post("/sign-in", url.Values{"token": {"lf_nothing"}}).Want(http.StatusUnauthorized).Says("Ce jeton n’ouvre rien")
	if strings.Contains(page.Raw, "lf_nothing") {
		t.Error("the token was sent back")
	}
}

func TestTheLanguageCanBeChangedAndStays(t *testing.T) {
	w := harness.New(t)
	visitor := w.Admin.Visit("en")
	visitor.Get("/style").Says("Sign out").Form("/language").Send().Want(http.StatusOK).Says("Se déconnecter", "L’aspect des pages")
	visitor.Get("/").Says("Accueil")
}

func TestNobodyIsLedElsewhere(t *testing.T) {
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
