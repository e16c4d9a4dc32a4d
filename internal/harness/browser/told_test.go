package browser_test

import (
	"net/http"
	"testing"
	"time"

	"landfall/internal/harness"
	"landfall/internal/harness/browser"
)

func TestAMessageOnItsWayShowsByItselfThatItArrived(t *testing.T) {
	w, far := harness.New(t), harness.NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	official := w.Account("ATG", "official")
	id, _ := harness.Subscribe(official, far, nil)
	low := browser.Phone
	low.Height = 420 // so that there is something to scroll
	const following = `document.documentElement.dataset.following === "yes"`

	message := browser.Open(t, w.App.URL(), low).SignIn(official.Token()).Go("/subscriptions/" + id).See("not tried yet").NeverWider().Accessible()
	message.PressText("Send a test").See("will be tried again", "it has a fault of its own (answered 503)").NeverWider().Accessible().Await(following)
	var at float64
	message.Evaluate(`window.same = true; document.getElementById("tech").open = true; window.scrollTo(0, 250); window.scrollY`, &at)

	list := message.Another().Go("/deliveries").See("will be tried again", "1 attempt").NeverWider().Accessible().Await(following)
	list.Type("#status", "dead").Evaluate(`window.same = true`, nil)
	address := message.Another().Go("/subscriptions/"+id).See("last attempt failed", "1 message waits").NeverWider().Accessible().Await(following)
	all := message.Another().Go("/subscriptions").See("last attempt failed").NeverWider().Accessible().Await(following)

	far.Answer(nil)
	w.Pass(time.Minute)
	message.See("delivered", "taken (answered 204)").Await(`window.same && document.getElementById("tech").open`)
	var now float64
	message.Evaluate(`window.scrollY`, &now)
	if at == 0 || now != at {
		t.Errorf("the page stood at %.0f and stands at %.0f", at, now)
	}
	list.See("delivered").Await(`window.same`)
	if got := list.Value("#status"); got != "dead" {
		t.Errorf("what was chosen in the filter is now %q", got)
	}
	address.See("arrives", "delivered")
	all.See("arrives")
	for _, tab := range []*browser.Tab{message, list, address, all} {
		tab.NeverWider().Accessible()
	}
}

func TestWithoutScriptsAMessageShowsThatItArrivedToo(t *testing.T) {
	w, far := harness.New(t), harness.NewReceiver(t)
	official := w.Account("ATG", "official")
	id, _ := harness.Subscribe(official, far, nil)
	hold := make(chan struct{})
	far.Answer(func(int, http.ResponseWriter, *http.Request) { <-hold })
	tab := browser.Open(t, w.App.URL(), browser.Phone.Unscripted()).SignIn(official.Token()).Go("/subscriptions/" + id)
	tab.PressText("Send a test").See("It is being sent").NeverWider()
	close(hold)
	tab.See("delivered")
}
