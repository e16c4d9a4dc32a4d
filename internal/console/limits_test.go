package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"landfall/internal/app"
	"landfall/internal/harness"
)

func limits(l map[string]int) harness.Option {
	return func(o *app.Options) { o.Limits = l }
}

func TestAnAccountAsksThePagesNoMoreOftenThanTheAPI(t *testing.T) {
	t.Parallel()
	w := harness.New(t, func(o *app.Options) { o.RequestRate = 1 }) // ten in a row
	c := w.Account("ATG", "official")
	for language, words := range map[string]string{"en": "asking more often", "fr": "qu’il ne le peut"} {
		v := w.Account("ATG", "official").Visit(language)
		page := v.Get("/incidents")
		for range 20 {
			if page.Status != http.StatusOK {
				break
			}
			page = v.Get("/incidents")
		}
		if page.Want(http.StatusTooManyRequests).Says(words); page.Header.Get("Retry-After") == "" {
			t.Error("the page does not say when to come back")
		}
		v.Get("/alerts/0198c0de-0000-7000-8000-000000000001").Want(http.StatusNotFound) // cannot wait
	}
	c.Get("/api/v1/me").Want(http.StatusOK)
}

func TestAnAccountHasItsShareOfPagesThatFollow(t *testing.T) {
	t.Parallel()
	w := harness.NewOnFolder(t, limits(map[string]int{"streams-account": 2, "kept-percent": 0}))
	c := w.Account("ATG", "official")
	v := c.Visit("en")
	v.Listen("alert")
	v.Listen("alert")
	v.Get("/live?of=alert").Want(http.StatusTooManyRequests)
	c.Get("/api/v1/events").Want(http.StatusTooManyRequests)
	w.Account("ATG", "official").Visit("en").Listen("alert")
}

func TestWhoSignsInAgainAndAgainEndsTheOldestSession(t *testing.T) {
	t.Parallel()
	w := harness.New(t, limits(map[string]int{"sessions-account": 2}))
	c := w.Account("ATG", "official")
	other := w.Account("ATG", "official").Visit("en")
	var visitors []*harness.Visitor
	for range 3 {
		visitors = append(visitors, c.Visit("en"))
	}
	if at := visitors[0].Get("/").URL.Path; at != "/sign-in" {
		t.Errorf("the oldest session is at %s", at)
	}
	for _, v := range append(visitors[1:], other) {
		if at := v.Get("/").URL.Path; at != "/" {
			t.Errorf("another session is at %s", at)
		}
	}
}

func TestAPartyHasSoManySubscriptionsTokensAndAccounts(t *testing.T) {
	t.Parallel()
	w := harness.New(t, limits(map[string]int{"subscriptions-party": 2, "tokens-party": 2, "accounts-party": 2}))
	c := w.Account("ATG", "official")
	wish := func(n int) harness.Object {
		return harness.Object{"channel": "webhook", "target": fmt.Sprintf("https://hooks.example.org/%d", n)}
	}
	first := c.Post("/api/v1/subscriptions", wish(0), harness.Key("0")).Want(http.StatusCreated)
	c.Post("/api/v1/subscriptions", wish(1)).Want(http.StatusCreated)
	if a := c.Post("/api/v1/subscriptions", wish(2)).Want(http.StatusConflict); a.Str("code") != "too_many_subscriptions" {
		t.Errorf("refused with %s", a.Raw)
	}
	c.Post("/api/v1/subscriptions", wish(0), harness.Key("0")).Want(http.StatusCreated) // a repeat
	for language, words := range map[string]string{
		"en": "as many subscriptions as it may have", "fr": "autant d’abonnements",
	} {
		form := url.Values{"channel": {"webhook"}, "target": {"https://hooks.example.org/3"}, "key": {language}}
		c.Visit(language).Post("/subscriptions/new", form).Says(words)
	}
	c.Do(http.MethodDelete, "/api/v1/subscriptions/"+first.Str("id"), nil, harness.IfMatch("*")).Want(http.StatusNoContent)
	c.Post("/api/v1/subscriptions", wish(2)).Want(http.StatusCreated)
	w.Account("DMA", "official").Post("/api/v1/subscriptions", wish(9)).Want(http.StatusCreated)

	me := c.Get("/api/v1/me").Str("id")
	ask := func() harness.Answer {
		return w.Admin.Post("/api/v1/tokens", harness.Object{"account_id": me, "label": "hub"})
	}
	second := ask().Want(http.StatusCreated)
	if a := ask().Want(http.StatusConflict); a.Str("code") != "too_many_party_tokens" {
		t.Errorf("refused with %s", a.Raw)
	}
	w.Admin.Do(http.MethodDelete, "/api/v1/tokens/"+second.Str("id"), nil, harness.IfMatch("*")).Want(http.StatusNoContent)
	ask().Want(http.StatusCreated)

	account := func(party, key string) harness.Answer {
		return w.Admin.Post("/api/v1/accounts", harness.Object{"name": "Post", "party": party, "role": "official"}, harness.Key(key))
	}
	account("ATG-BARBUDA", "a").Want(http.StatusCreated)
	if a := account("ATG", "b").Want(http.StatusConflict); a.Str("code") != "too_many_accounts" {
		t.Errorf("refused with %s", a.Raw)
	}
	account("ATG-BARBUDA", "a").Want(http.StatusCreated) // a repeat
	account("DMA", "c").Want(http.StatusCreated)
}
