package notify_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/store"
)

func hookRequest(f notify.Filter) notify.SubscriptionRequest {
	return notify.SubscriptionRequest{Channel: webhook.Name, Target: "https://odm.example.org/hooks/4711", Filter: f}
}

func TestASecretIsShownOnceAndKeptEncrypted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := access.Write{Key: "one", Digest: digest("one")}
	s, err := w.desk.Subscribe(t.Context(), state("ATG"), key, hookRequest(notify.Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Secret, "whsec_"))
	if err != nil || len(raw) < 24 || len(raw) > 64 || !strings.HasPrefix(s.Secret, "whsec_") {
		t.Fatalf("secret %q", s.Secret)
	}
	again, err := w.desk.Subscribe(t.Context(), state("ATG"), key, hookRequest(notify.Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	if !again.Repeated || again.Secret != "" || again.Value.ID != s.Value.ID {
		t.Errorf("the repeated create gives %q for %s, want nothing for %s", again.Secret, again.Value.ID, s.Value.ID)
	}
	if _, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{Key: "one", Digest: digest("other")}, hookRequest(notify.Filter{})); !fault.Is(err, fault.Conflict) {
		t.Errorf("the key with another request: %v", err)
	}
	commits, err := w.raw.ReadStream(t.Context(), string(ledger.StreamOf(notify.NounSubscription, s.Value.ID)), 0, 0)
	if err != nil || len(commits) != 1 {
		t.Fatalf("%d commits, %v", len(commits), err)
	}
	page, err := w.raw.Find(t.Context(), store.Query{Kind: "subscription", Limit: 10})
	if err != nil || len(page.Docs) != 1 {
		t.Fatalf("%d documents, %v", len(page.Docs), err)
	}
	body, detached, doc := string(commits[0].Body), string(commits[0].Detached), string(page.Docs[0].Body)
	secret := strings.TrimPrefix(s.Secret, "whsec_")
	if strings.Contains(body+detached+doc, secret) {
		t.Error("the secret lies open in the store")
	}
	if strings.Contains(doc, "sealed") || strings.Contains(body, "odm.example.org") {
		t.Error("what must be erasable, or is nobody's business, lies where it should not")
	}
	if !strings.Contains(detached, "odm.example.org") {
		t.Error("the target is not kept beside the body")
	}
}

func TestAnErasedTargetAndSecretAreGoneAndNothingIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	subs := w.desk.SubscriptionStreams()
	for _, name := range []string{"target", "secret"} {
		if err := subs.Erase(t.Context(), s.Value.ID, ledger.System, ledger.Erased{Seq: 1, Name: name, Reason: "asked for"}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.desk.Subscription(t.Context(), state("ATG"), s.Value.ID)
	if err != nil || got.Value.Target != "" || got.Value.SealedSecret != "" {
		t.Fatalf("%+v, %v", got.Value, err)
	}
	w.openIncident("maria", "ATG")
	w.becomes(w.play("maria", activated, act{}), s, notify.Cancelled)
	if len(to.got()) != 0 {
		t.Error("something was sent to an erased target")
	}
	w.verified()
}

func TestASubscriptionIsChangedByItsPartyAgainstWhatItHasSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := hookRequest(notify.Filter{})
	s, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, in)
	if err != nil {
		t.Fatal(err)
	}
	id := s.Value.ID
	change := func(scope access.Scope, wr access.Write, in notify.SubscriptionRequest) error {
		_, err := w.desk.ChangeSubscription(t.Context(), scope, wr, id, in)
		return err
	}
	next := notify.SubscriptionRequest{Target: "https://new.example.org/", Filter: notify.Filter{Kinds: []string{"step.*"}, MinSeverity: "severe"}, Language: "fr"}
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"without If-Match":   {change(state("ATG"), access.Write{}, next), fault.PreconditionRequired},
		"with a stale one":   {change(state("ATG"), ifMatch(w, 7), next), fault.Precondition},
		"by another party":   {change(state("LCA"), ifMatch(w, 1), next), fault.NotFound},
		"by an auditor":      {change(access.Scope{Account: "a", Role: access.RoleAuditor, Party: "ATG"}, ifMatch(w, 1), next), fault.Forbidden},
		"to a bad target":    {change(state("ATG"), ifMatch(w, 1), notify.SubscriptionRequest{Target: "ftp://x"}), fault.Invalid},
		"to another channel": {change(state("ATG"), ifMatch(w, 1), notify.SubscriptionRequest{Channel: "email"}), fault.Invalid},
	} {
		if !fault.Is(c.err, c.kind) {
			t.Errorf("a change %s: %v, want %s", name, c.err, c.kind)
		}
	}
	if err := change(state("ATG"), ifMatch(w, 1), next); err != nil {
		t.Fatal(err)
	}
	got, err := w.desk.Subscription(t.Context(), state("ATG"), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seq != 2 || got.Value.Target != next.Target || got.Value.Language != "fr" || got.Value.Filter.MinSeverity != "severe" {
		t.Errorf("after the change: %+v", got.Value)
	}
	same := next
	same.Filter.Exercise = notify.ExerciseExclude // the default, said aloud
	if err := change(state("ATG"), ifMatch(w, 2), same); err != nil {
		t.Fatal(err)
	}
	if again, _ := w.desk.Subscription(t.Context(), state("ATG"), id); again.Seq != 2 {
		t.Errorf("a change that changes nothing wrote commit %d", again.Seq)
	}
	if err := w.desk.Unsubscribe(t.Context(), state("ATG"), access.Write{}, id); !fault.Is(err, fault.PreconditionRequired) {
		t.Errorf("delete without If-Match: %v", err)
	}
	del := ifMatch(w, 2)
	del.Key, del.Digest = "del", digest("del")
	for range 2 { // the second time is a repetition
		if err := w.desk.Unsubscribe(t.Context(), state("ATG"), del, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.desk.Subscription(t.Context(), state("ATG"), id); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted one is shown: %v", err)
	}
	if page, err := w.desk.Subscriptions(t.Context(), first, notify.Paging{}); err != nil || len(page.Items) != 0 {
		t.Errorf("a deleted one is listed: %d, %v", len(page.Items), err)
	}
	w.verified()
}

func TestARequestThatCannotBeIsRefusedWithItsFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	past := w.clock.plus(-time.Second)
	for name, c := range map[string]struct {
		in   notify.SubscriptionRequest
		want []string
	}{
		"everything": {notify.SubscriptionRequest{}, []string{"/channel"}},
		"no target":  {notify.SubscriptionRequest{Channel: "webhook"}, []string{"/target"}},
		"user info":  {notify.SubscriptionRequest{Channel: "webhook", Target: "https://a:b@example.org/"}, []string{"/target"}},
		"no host":    {notify.SubscriptionRequest{Channel: "webhook", Target: "https:///x"}, []string{"/target"}},
		"long":       {notify.SubscriptionRequest{Channel: "webhook", Target: "https://example.org/" + strings.Repeat("x", 2048)}, []string{"/target"}},
		"expired":    {notify.SubscriptionRequest{Channel: "webhook", Target: "https://example.org", ExpiresAt: &past}, []string{"/expires_at"}},
		"filter": {hookRequest(notify.Filter{
			States: []string{"DMA", "XXX", "ORG-CDEMA", "DMA"}, Kinds: []string{"step.*", "step", "steps.*", "step.overdoo", "step.*", "account.created"},
			MinSeverity: "bad", Exercise: "maybe",
		}), []string{"/filter/states/1", "/filter/states/2", "/filter/states/3", "/filter/kinds/1", "/filter/kinds/2", "/filter/kinds/3", "/filter/kinds/4",
			"/filter/kinds/5", "/filter/min_severity", "/filter/exercise"}},
		"language": {notify.SubscriptionRequest{Channel: "webhook", Target: "https://example.org", Language: "english"}, []string{"/language"}},
	} {
		_, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, c.in)
		e, ok := fault.As(err)
		if !ok || e.Kind != fault.Invalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, f := range e.Fields {
			got = append(got, f.Pointer)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if n, err := w.raw.Count(t.Context(), store.Query{Kind: "subscription", Limit: 1}); err != nil || n != 0 {
		t.Errorf("%d were stored, %v", n, err)
	}
}

func TestASubscriptionExpiresOnceThroughItsWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(500))
	expires := w.clock.plus(3 * time.Second)
	in := hookRequest(notify.Filter{})
	in.Target, in.ExpiresAt = to.url(), &expires
	s, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, in)
	if err != nil {
		t.Fatal(err)
	}
	to.trust(s.Secret)
	id := s.Value.ID
	wake := func() any {
		w.l.Settle(t.Context(), 5*time.Second)
		page, err := w.raw.Find(t.Context(), store.Query{
			Kind: ledger.KindWake, Index: "at", From: time.Unix(0, 0), Until: w.clock.now().Add(time.Microsecond), Limit: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Docs)
	}
	if fired, err := w.desk.Sweep(t.Context(), id, w.clock.now()); err != nil || fired != 0 {
		t.Fatalf("before its time: fired %d, %v", fired, err)
	}
	if n := wake(); n != 0 {
		t.Errorf("%v wakes are due too early", n)
	}
	w.openIncident("maria", "ATG")
	event := w.play("maria", activated, act{})
	w.becomes(event, s, notify.Retrying)
	w.clock.forward(3 * time.Second)
	if n := wake(); n != 1 {
		t.Errorf("%v wakes are due, want 1", n)
	}
	for _, want := range []int{1, 0} {
		if fired, err := w.desk.Sweep(t.Context(), id, w.clock.now()); err != nil || fired != want {
			t.Fatalf("fired %d, %v, want %d", fired, err, want)
		}
	}
	if n := wake(); n != 0 {
		t.Errorf("%v wakes are still due", n)
	}
	got, err := w.desk.Subscription(t.Context(), state("ATG"), id)
	if err != nil || got.Value.Status != notify.SubscriptionExpired {
		t.Errorf("%+v, %v", got.Value, err)
	}
	if d := w.cancelled(event, s); d.Attempts[1].Code != "subscription_expired" {
		t.Errorf("cancelled with %q", d.Attempts[1].Code)
	}
	if d := w.deliveryOf(w.play("maria", figure, act{}), s); d != nil {
		t.Error("an expired subscription was given a delivery")
	}
	if _, err := w.desk.ChangeSubscription(t.Context(), state("ATG"), ifMatch(w, got.Seq), id, in); !fault.Is(err, fault.State) {
		t.Errorf("an expired one was changed: %v", err)
	}
	w.verified()
}

func TestEachPartySeesItsOwnSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, party := range []string{"ATG", "ATG-BARBUDA", "LCA"} {
		if _, err := w.desk.Subscribe(t.Context(), state(party), access.Write{}, hookRequest(notify.Filter{})); err != nil {
			t.Fatal(err)
		}
		w.clock.forward(time.Second)
	}
	if _, err := w.desk.Subscribe(t.Context(), first, access.Write{}, hookRequest(notify.Filter{})); err != nil {
		t.Fatal(err)
	}
	list := func(scope access.Scope) []string {
		var out []string
		for p := (notify.Paging{Limit: 1}); ; {
			page, err := w.desk.Subscriptions(t.Context(), scope, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				out = append(out, string(item.Value.Owner.Party))
			}
			if page.Next == "" {
				return out
			}
			p.Cursor = page.Next
		}
	}
	for name, c := range map[string]struct {
		scope access.Scope
		want  []string
	}{
		"a state sees its islands'":    {state("ATG"), []string{"ATG-BARBUDA", "ATG"}},
		"an island its own":            {state("ATG-BARBUDA"), []string{"ATG-BARBUDA"}},
		"another state its own":        {state("LCA"), []string{"LCA"}},
		"the first account all":        {first, []string{"", "LCA", "ATG-BARBUDA", "ATG"}},
		"nobody nothing":               {access.Scope{}, nil},
		"who has none sees none of it": {state("DMA"), nil},
	} {
		if diff := cmp.Diff(c.want, list(c.scope)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, p := range []notify.Paging{{Limit: 501}, {Limit: -1}, {Cursor: "x"}} {
		if _, err := w.desk.Subscriptions(t.Context(), first, p); !fault.Is(err, fault.Invalid) {
			t.Errorf("paging %+v: %v", p, err)
		}
	}
}

func TestTheFirstAccountSubscribesForAPartyAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	relay := access.Write{Relay: &ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio"}}
	s, err := w.desk.Subscribe(t.Context(), first, relay, hookRequest(notify.Filter{}))
	if err != nil || s.Value.Owner.Party != "LCA" || s.Value.Owner.All {
		t.Errorf("%+v, %v", s.Value, err)
	}
	if _, err := w.desk.Subscribe(t.Context(), state("ATG"), relay, hookRequest(notify.Filter{})); !fault.Is(err, fault.Forbidden) {
		t.Errorf("ATG for LCA: %v", err)
	}
}

func TestTheWordOnWhichASubscriptionIsMadeIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		by    ledger.Relay
		ago   time.Duration
		code  string // of the refusal; "" for none
		meant []string
	}{
		"nobody":            {ledger.Relay{OnBehalfOf: "XXX", RelayedBy: "radio"}, time.Minute, "invalid", nil},
		"no way":            {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "pigeon"}, time.Minute, "invalid", nil},
		"still to be said":  {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio"}, -time.Hour, "invalid", nil},
		"old":               {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio"}, 7 * time.Hour, "unconfirmed", nil},
		"old, and so meant": {ledger.Relay{OnBehalfOf: "KNA", RelayedBy: "radio"}, 7 * time.Hour, "", []string{"/said_at"}},
		"said a minute ago": {ledger.Relay{OnBehalfOf: "VCT", RelayedBy: "radio"}, time.Minute, "", nil},
	} {
		said := w.clock.now().Add(-c.ago)
		c.by.SaidAt = &said
		_, err := w.desk.Subscribe(t.Context(), first, access.Write{Relay: &c.by, Confirm: c.meant}, hookRequest(notify.Filter{}))
		if code := fault.CodeOf(err); code != c.code {
			t.Errorf("%s: %q, %v", name, code, err)
		}
	}
}
