package console_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/harness"
)

// toldSecret gives the secret that a page shows.
func toldSecret(t *testing.T, page *harness.Sheet) string {
	t.Helper()
	for _, word := range strings.Fields(page.Text()) {
		if strings.HasPrefix(word, "whsec_") && len(word) > 20 {
			return word
		}
	}
	t.Fatalf("no secret is shown: %s", page.Text())
	return ""
}

func TestAnAddressIsAddedTestedAndShowsItsLastSuccess(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	visitor := w.Account("ATG", "official").Visit("en")
	form := visitor.Get("/subscriptions").Want(http.StatusOK).Says("Your office has no address yet.").
		Follow("Add an address").Want(http.StatusOK).Form("/subscriptions/new").Fill("target", far.URL()).Fill("kinds", "alert.*", "movement.*")
	page := form.Send().Want(http.StatusOK).Says("Copy this secret now", "shown this once", "How to check a message")
	secret := toldSecret(t, page)
	form.Send().Want(http.StatusOK).Says("the secret was shown once").Silent(secret)

	tested := page.Form("/test").Send().Want(http.StatusOK).Says("Test message", "The test is on its way.")
	far.CheckSignature(far.Await("subscription.tested", 1)[0], secret)
	harness.Eventually(t, func() (bool, string) {
		text := visitor.Get(tested.URL.Path).Text()
		return strings.Contains(text, "delivered") && strings.Contains(text, "answered 204"), text
	})
	visitor.Get("/subscriptions").Want(http.StatusOK).
		Says("arrives", "Last arrived", "Alerts and who acknowledged; Movements of people", "no, real events only", "Webhook: http").
		Silent("/hook", secret)
	visitor.Get("/deliveries").Want(http.StatusOK).Says("Test message", "delivered")
	if n := len(far.Of("subscription.tested")); n != 1 {
		t.Errorf("%d tests arrived", n)
	}
}

func TestABadAddressKeepsWhatWasTypedAndNamesTheField(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	visitor := w.Account("ATG", "official").Visit("fr")
	page := visitor.Get("/subscriptions/new").Form("/subscriptions/new").Fill("target", "gopher://nowhere").Fill("kinds", "answer.*").Fill("exercise", "only").Send().
		Want(http.StatusBadRequest).Says("Adresse :")
	form := page.Form("/subscriptions/new")
	if form.Values.Get("target") != "gopher://nowhere" || form.Values.Get("kinds") != "answer.*" || form.Values.Get("exercise") != "only" {
		t.Errorf("what was typed is lost: %s", form)
	}
	form.Fill("target", "").Send().Want(http.StatusBadRequest).Says("Adresse : doit être indiqué")
	visitor.Get("/subscriptions").Says("Votre service n’a pas encore d’adresse.")
}

func TestAChangeOfWhatSomebodyElseChangedShowsBothAndLosesNothing(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	c := w.Account("ATG", "official")
	id, _ := harness.Subscribe(c, far, harness.Object{"kinds": []string{"alert.*"}})
	visitor := c.Visit("en")
	stale := visitor.Get("/subscriptions/"+id).Follow("Change what is sent").Want(http.StatusOK).Form("/change").Fill("kinds", "alert.*", "figure.*")
	visitor.Get("/subscriptions/"+id+"/change").Form("/change").Fill("language", "fr").Send().Want(http.StatusOK).Says("The change is saved.", "French")
	page := stale.Send().Want(http.StatusPreconditionFailed).Says("Now on record", "French", "What you typed", "Send mine all the same")
	page.Form("/change").Send().Want(http.StatusOK).Says("Alerts and who acknowledged; Figures", "English")
}

func TestASecretIsChangedAndTheAddressRemoved(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	c := w.Account("ATG", "official")
	id, before := harness.Subscribe(c, far, nil)
	visitor := c.Visit("en")
	page := visitor.Get("/subscriptions/"+id).Form("/rotate").Send().Want(http.StatusOK).Says("Copy this secret now", "The secret before this one signs too until")
	if toldSecret(t, page) == before {
		t.Error("the secret is the one before")
	}
	stale := visitor.Get("/subscriptions/" + id)
	visitor.Get("/subscriptions/"+id+"/change").Form("/change").Fill("language", "fr").Send().Want(http.StatusOK)
	stale.Form("/delete").Send().Want(http.StatusPreconditionFailed).Says("Somebody changed this").
		Form("/delete").Send().Want(http.StatusOK).Says("The address is removed.", "Your office has no address yet.")
	visitor.Get("/subscriptions/" + id).Want(http.StatusNotFound)
}

func TestAMessageThatWasGivenUpIsSentAgain(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	far.Answer(func(_ int, rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusGone) // for ever
		_, _ = rw.Write([]byte("this hook has moved"))
	})
	c := w.Account("ATG", "official")
	id, _ := harness.Subscribe(c, far, nil)
	visitor := c.Visit("en")
	at := visitor.Get("/subscriptions/" + id).Form("/test").Send().Want(http.StatusOK).URL.Path
	harness.Eventually(t, func() (bool, string) {
		text := visitor.Get(at).Text()
		return strings.Contains(text, "given up"), text
	})
	visitor.Get(at).Says("answered 410", "this hook has moved", "Mend the address")
	harness.Eventually(t, func() (bool, string) { // the alert that tells of it goes the same way
		text := visitor.Get("/").Text()
		return strings.Contains(text, "2 messages to your office could not be delivered and were given up."), text
	})
	visitor.Get("/").Follow("See why and send again").Want(http.StatusOK).Says("Test message", "there is nothing at this address (answered 410): this hook has moved")
	far.Answer(nil)
	dead := visitor.Get("/deliveries?status=dead&subscription="+id).Want(http.StatusOK).Says("Only Webhook", "Send these 2 messages again")
	dead.Form("/deliveries/replay").Send().Want(http.StatusOK).Says("They are being sent again.")
	far.Await("subscription.tested", 1)
	harness.Eventually(t, func() (bool, string) {
		text := visitor.Get(at).Text()
		return strings.Contains(text, "delivered") && strings.Contains(text, "Sent again 1 time on request."), text
	})
	visitor.Get(at).Form("/replay").Send().Want(http.StatusOK).Says("It is being sent again.")
	far.Await("subscription.tested", 2)
	visitor.Get("/deliveries?status=dead").Says("No message like this.")
}

func TestWhatGoesToAnotherOfficeIsNotThere(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	c := w.Account("ATG", "official")
	id, _ := harness.Subscribe(c, far, nil)
	own := c.Visit("en").Get("/subscriptions/" + id)
	at := own.Form("/test").Send().URL.Path
	other := w.Account("LCA", "official").Visit("en")
	other.Get("/subscriptions").Want(http.StatusOK).Silent("Webhook")
	other.Get("/deliveries").Want(http.StatusOK).Silent("Test message")
	for _, path := range []string{"/subscriptions/" + id, "/subscriptions/" + id + "/change", at, "/deliveries?subscription=" + id} {
		other.Get(path).Want(http.StatusNotFound)
	}
	for _, act := range []string{"/test", "/delete", "/rotate"} {
		other.Post("/subscriptions/"+id+act, own.Form(act).Values).Want(http.StatusNotFound)
	}
	auditor := w.Account("ATG", "auditor").Visit("en")
	if page := auditor.Get("/subscriptions/" + id).Want(http.StatusOK); strings.Contains(page.Raw, id+"/test") {
		t.Error("an auditor is offered what is not allowed")
	}
	auditor.Get("/subscriptions/new").Want(http.StatusForbidden)
}

func TestAFileIsAnAddressWhereTheServiceOffersThem(t *testing.T) {
	t.Parallel()
	w := harness.NewOnFolder(t, func(o *app.Options) { o.LogfileDir = filepath.Join(t.TempDir(), "out") })
	visitor := w.Account("ATG", "official").Visit("en")
	page := visitor.Get("/subscriptions/new").Form("/subscriptions/new").Fill("channel", "logfile").Fill("target", "warnings.log").
		Fill("state_eastern", "ATG").Fill("kind_step", "step.overdue").Send().
		Want(http.StatusOK).Says("The address is added.", "File: warnings.log", "Step late", "Antigua and Barbuda")
	if strings.Contains(page.Raw, "/rotate") {
		t.Error("a file has no secret to change")
	}
	page.Form("/test").Send()
	harness.Eventually(t, func() (bool, string) {
		text := visitor.Get("/deliveries").Text()
		return strings.Contains(text, "delivered"), text
	})
}

func TestAnAddressThatCannotReceiveSaysSo(t *testing.T) {
	t.Parallel()
	w, far := harness.New(t), harness.NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	c := w.Account("ATG", "official")
	id, _ := harness.Subscribe(c, far, nil)
	visitor := c.Visit("en")
	for range 5 {
		visitor.Get("/subscriptions/" + id).Form("/test").Send().Want(http.StatusOK)
	}
	harness.Eventually(t, func() (bool, string) {
		w.Pass(time.Second)
		text := visitor.Get("/subscriptions").Text()
		return strings.Contains(text, "cannot receive now") && strings.Contains(text, "Last failure: it has a fault of its own (answered 503)") && strings.Contains(text, "5 messages wait"), text
	})
}
