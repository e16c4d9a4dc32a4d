package demo

import (
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/harness"
	"landfall/internal/harness/browser"
	"landfall/internal/notify/email/emailtest"
)

// A newcomer opens the inbox on a phone before the offices are seated, and enters when they are, with scripts and without.
func TestANewcomerEntersFromTheInbox(t *testing.T) {
	browser.Path(t)
	for name, device := range map[string]browser.Device{"with scripts": browser.Phone, "without scripts": browser.Phone.Unscripted()} {
		t.Run(name, func(t *testing.T) {
			var b *inbox
			r := newReceiver(t, func(a arrival) { b.hook(a, "") })
			w := harness.NewOnFolder(t, func(o *app.Options) { o.Now, o.NoSchedule, o.TrustedOrigins = time.Now, false, []string{r.url} })
			p := &play{}
			b, err := newInbox(w.App.URL(), time.Now, names(), p.tokens)
			if err != nil {
				t.Fatal(err)
			}
			b.mount(r.mux)
			readable := func(tab *browser.Tab) {
				if !device.NoScript { // the checker is a script itself
					tab.Accessible()
				}
			}
			tab := browser.Open(t, r.url, device).Go("/").See("being seated", "Dominica").NeverWider()
			readable(tab)
			p.mu.Lock()
			p.offices = map[string]office{stVincent: {party: party{code: stVincent, role: coordinator}, token: w.Account(stVincent, coordinator).Token()}}
			p.mu.Unlock()
			b.mail(emailtest.Mail{To: []string{address(dominica)}, Subject: "Named as a receiving state", Text: "Acknowledge."})
			if device.NoScript {
				tab.Go("/")
			}
			tab.See("Enter as coordinator", "E-mails 1").NeverWider()
			readable(tab)
			tab.Go("/box/" + dominica).See("Named as a receiving state").NeverWider()
			readable(tab)
			tab.Go("/").Press("#enter-coordinator").See("Saint Vincent", "Sign out")
		})
	}
}
