package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/live"
	"landfall/internal/notify"
)

// Subscriptions and deliveries never reach the bus, so their pages are followed by looking. Such a page says what it shows and, after an "@", a
// fingerprint of it as it was read: "delivery/<id>@...", "subscription/<id>@...", or for a list "delivery?status=dead@...". While it
// is open, its stream looks whether the fingerprint is still that one.

// look is what one page shows.
type look struct{ of, print string }

const (
	lookEvery = 2 * time.Second // between the looks of one page
	lookBound = 2 * time.Second // how long a look may take, waiting for its turn included
	looksMost = 4               // looks of one stream
)

// looksOf gives those of the wanted streams that are followed by looking.
func looksOf(wanted []string) []*look {
	var looks []*look
	for _, w := range wanted {
		if n := strings.LastIndex(w, "@"); n > 0 && len(looks) < looksMost {
			looks = append(looks, &look{of: w[:n], print: w[n+1:]})
		}
	}
	return looks
}

// liveByLooking streams hints about what no bus carries. All open pages of a process take turns, so that however many there are, they keep no
// more than one reader of the store busy; a page whose turn does not come within two seconds tries again.
func (c *Console) liveByLooking(v *visit, looks []*look) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	first := make(chan struct{}, 1)
	first <- struct{}{}
	return v.stream(func(wait context.Context) (string, error) {
		select {
		case <-first: // what happened since the page was read
		case <-tick.C:
		case <-wait.Done():
			return "", wait.Err()
		}
		if err := v.again(); err != nil {
			return "", err
		}
		text := ""
		for _, one := range looks {
			now, err := c.look(v.ctx(), v.scope, one.of)
			if err == nil && now != one.print {
				one.print = now
				text += live.Frame("changed", "", one.of)
			}
		}
		return text, nil
	})
}

// gone is the fingerprint of what is not there, or not for the reader to see.
const gone = "gone"

// look reads what a page shows, as its reader may see it at this moment, and gives its fingerprint.
func (c *Console) look(ctx context.Context, scope access.Scope, of string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, lookBound)
	defer stop()
	select {
	case c.looking <- struct{}{}:
		defer func() { <-c.looking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	at, query, _ := strings.Cut(of, "?")
	noun, id, one := strings.Cut(at, "/")
	values, err := url.ParseQuery(query)
	if err != nil {
		return gone, nil
	}
	found := gone
	switch {
	case noun == "delivery" && one:
		var d *notify.Delivery
		if d, err = c.notify.Delivery(ctx, scope, id); err == nil {
			found = deliveryPrint(d)
		}
	case noun == "delivery":
		var page notify.Page[*notify.Delivery]
		if page, err = c.deliveries(ctx, scope, toldQueried(values.Get), values.Get("cursor"), toldLimit); err == nil {
			found = deliveriesPrint(page)
		}
	case noun == "subscription" && one:
		var t told
		if t, err = c.told(ctx, scope, id); err == nil {
			found = t.print()
		}
	case noun == "subscription":
		var t toldAll
		if t, err = c.toldAll(ctx, scope, values.Get("cursor")); err == nil {
			found = t.print()
		}
	}
	if f, ok := fault.As(err); ok && (f.Kind == fault.NotFound || f.Kind == fault.Invalid) {
		return gone, nil
	}
	return found, err
}

// fingerprint gives a short text that is another one when one of the values is.
func fingerprint(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		return gone
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func deliveryPrint(d *notify.Delivery) string { return fingerprint(d.Version) }

func deliveriesPrint(page notify.Page[*notify.Delivery]) string {
	values := []any{page.Next != ""}
	for _, d := range page.Items {
		values = append(values, d.Value.ID, d.Seq)
	}
	return fingerprint(values...)
}

// followed gives what a page follows by looking: a single thing or a list, and its fingerprint.
func followed(of, fingerprint string) option { return following(of + "@" + fingerprint) }

// print gives the fingerprint of the page of a subscription.
func (t told) print() string { return fingerprint(t.held.Seq, t.health, deliveriesPrint(t.recent)) }

// print gives the fingerprint of a page of subscriptions.
func (t toldAll) print() string {
	values := []any{t.page.Next != ""}
	for _, s := range t.page.Items {
		values = append(values, s.Value.ID, s.Seq, t.health[s.Value.ID])
	}
	return fingerprint(values...)
}
