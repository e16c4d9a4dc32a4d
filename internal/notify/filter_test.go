package notify_test

import (
	"testing"

	"landfall/internal/notify"
	"landfall/internal/store"
)

func TestAFilterChoosesWhatIsDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	filters := map[string]struct {
		party string
		f     notify.Filter
		want  []string // of the events below
	}{
		"all":                  {"ATG", notify.Filter{}, []string{"opened", "activated", "overdue", "figure"}},
		"a noun":               {"ATG", notify.Filter{Kinds: []string{"step.*"}}, []string{"overdue"}},
		"two kinds":            {"ATG", notify.Filter{Kinds: []string{"step.overdue", "figure.reported"}}, []string{"overdue", "figure"}},
		"severity reached":     {"ATG", notify.Filter{MinSeverity: "severe"}, []string{"opened", "activated", "overdue", "figure"}},
		"severity not reached": {"ATG", notify.Filter{MinSeverity: "extreme"}, nil},
		"the origin":           {"ATG", notify.Filter{States: []string{"DMA"}}, []string{"opened", "activated", "overdue", "figure"}},
		"a receiver":           {"ATG", notify.Filter{States: []string{"LCA", "GRD"}}, []string{"opened", "activated", "overdue", "figure"}},
		"no state of it":       {"ATG", notify.Filter{States: []string{"GRD"}}, nil},
		"the origin's own":     {"DMA", notify.Filter{Kinds: []string{"incident.opened"}}, []string{"opened"}},
		"a party not named":    {"VCT", notify.Filter{}, nil},
		"an island's state":    {"KNA", notify.Filter{}, []string{"opened", "activated", "overdue", "figure"}},
	}
	type sub struct {
		name string
		s    notify.Subscribed
	}
	var subs []sub
	to := newReceiver(t, answering(200))
	for name, c := range filters {
		subs = append(subs, sub{name, w.subscribe(c.party, to, c.f)})
	}
	all, err := w.desk.Subscribe(t.Context(), first, writeOf("first"), notify.SubscriptionRequest{Channel: "webhook", Target: to.url()})
	if err != nil {
		t.Fatal(err)
	}
	to.trust(all.Secret)
	events := map[string]string{
		"opened":    w.play("maria", opened, act{Origin: "DMA", Severity: "severe", Named: []string{"ATG", "LCA", "KNA-NEVIS"}}),
		"activated": w.play("maria", activated, act{}),
		"overdue":   w.play("maria", overdue, act{}),
		"figure":    w.play("maria", figure, act{}),
	}
	w.eventually("all is handled", func() bool {
		n, _, err := w.raw.PendingStats(t.Context(), store.OwesAll, nil)
		return err == nil && n == 0
	})
	for _, s := range subs {
		want := map[string]bool{}
		for _, name := range filters[s.name].want {
			want[name] = true
		}
		for name, event := range events {
			if got := w.deliveryOf(event, s.s) != nil; got != want[name] {
				t.Errorf("%s: %s delivered %t, want %t", s.name, name, got, want[name])
			}
		}
	}
	for name, event := range events {
		if w.deliveryOf(event, all) == nil {
			t.Errorf("the first account was not told that it was %s", name)
		}
	}
}

func TestASubscriptionMadeBeforeAnEventAlwaysGetsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	to := newReceiver(t, answering(200))
	for range 50 {
		s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
		event := w.play("maria", figure, act{})
		w.eventually("it is delivered", func() bool { return w.deliveryOf(event, s) != nil })
	}
	w.quiet()
}
