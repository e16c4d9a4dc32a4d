package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// failing gives an office with an address that cannot receive, and the address of the page of a test message on its way there.
func failing(t *testing.T) (w *harness.World, far *harness.Receiver, c *harness.Client, visitor *harness.Visitor, subscription, at string) {
	t.Helper()
	w, far = harness.New(t), harness.NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	c = w.Account("ATG", "official")
	subscription, _ = harness.Subscribe(c, far, nil)
	visitor = c.Visit("en")
	at = visitor.Get("/subscriptions/" + subscription).Form("/test").Send().Want(http.StatusOK).URL.Path
	says(t, visitor, at, "will be tried again")
	return w, far, c, visitor, subscription, at
}

// says waits until a page says something.
func says(t *testing.T, visitor *harness.Visitor, at, what string) {
	t.Helper()
	harness.Eventually(t, func() (bool, string) {
		text := visitor.Get(at).Text()
		return strings.Contains(text, what), text
	})
}

func TestPagesOfAddressesAndMessagesAreHintedAtWhatHappens(t *testing.T) {
	t.Parallel()
	w, far, _, visitor, subscription, at := failing(t)
	pages := []string{at, "/deliveries", "/deliveries?channel=webhook&subscription=" + subscription, "/subscriptions", "/subscriptions/" + subscription}
	var open []*harness.Listening
	var sheets []*harness.Sheet
	for _, path := range pages {
		sheet := visitor.Get(path).Want(http.StatusOK)
		sheets = append(sheets, sheet)
		open = append(open, sheet.Listen())
	}
	far.Answer(nil)
	w.Pass(time.Minute)
	for n, page := range open {
		page.Await(1)
		for _, hint := range page.Hints() { // which page, and nothing of what it shows
			if strings.Contains(hint, "@") || strings.Contains(hint, "http") {
				t.Errorf("%s: %q", pages[n], hint)
			}
		}
	}
	says(t, visitor, at, "delivered")
	for _, sheet := range sheets { // what happened between the reading of a page and its stream is hinted at once
		sheet.Listen().Await(1)
	}
}

func TestHintsAreForWhatAPageShowsAndItsReaderMaySee(t *testing.T) {
	t.Parallel()
	w, far, _, visitor, subscription, at := failing(t)
	mine := visitor.Get(at)
	id := strings.TrimPrefix(at, "/deliveries/")
	own := w.Account("ATG", "auditor").Visit("fr").Get(at).Listen()
	stranger := w.Account("LCA", "official").Visit("en")
	strange := stranger.Listen("delivery/" + id + "@gone delivery?subscription=" + subscription + "@" + printOf(t, stranger.Get("/deliveries")) + " subscription/" + subscription + "@gone nonsense@gone")
	other := visitor.Get("/subscriptions/" + subscription).Form("/test").Send().Want(http.StatusOK).URL.Path
	says(t, visitor, other, "will be tried again")
	quiet := visitor.Get(other).Listen()
	page := mine.Listen()
	far.Answer(func(_ int, rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("webhook-id") != id {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	visitor.Get(at).Form("/replay").Send()
	says(t, visitor, at, "delivered")
	own.Await(1)
	page.Await(1)
	visitor.Get(at).Form("/replay").Send()
	before := len(page.Hints())
	page.Await(before + 1) // all others have looked meanwhile
	if hints := strange.Hints(); len(hints) > 0 {
		t.Errorf("another office is hinted at %q", hints)
	}
	if hints := quiet.Hints(); slices.Contains(hints, "delivery/"+id) {
		t.Errorf("the page of another message is hinted at %q", hints)
	}
}

// printOf gives the fingerprint that a page follows.
func printOf(t *testing.T, sheet *harness.Sheet) string {
	t.Helper()
	_, after, ok := strings.Cut(sheet.Raw, `data-live="`)
	of, _, ends := strings.Cut(after, `"`)
	_, fingerprint, has := strings.Cut(of, "@")
	if !ok || !ends || !has {
		t.Fatalf("%s follows nothing", sheet.URL)
	}
	return fingerprint
}

func TestLookingEndsWithTheSession(t *testing.T) {
	t.Parallel()
	w, _, c, visitor, _, at := failing(t)
	page := visitor.Get(at).Listen()
	revoke(w, c)
	page.AwaitEnd()
}
