package notify_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/store"
)

// opens reports whether an arrival verifies with the secret alone.
func opens(t *testing.T, a arrival, secret string) bool {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return hook.VerifyIgnoringTimestamp(a.Body, a.Header) == nil
}

func TestAReplacedSecretSignsOnForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	rotate := func(key string) notify.Subscribed {
		t.Helper()
		out, err := w.desk.RotateSecret(t.Context(), state("ATG"), writeOf(key), s.Value.ID)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	last := func() arrival {
		before := len(to.got())
		w.play("maria", figure, act{})
		w.eventually("it arrives", func() bool { return len(to.got()) > before })
		return to.got()[before]
	}
	second := rotate("second")
	if second.Secret == "" || second.Secret == s.Secret || !strings.HasPrefix(second.Secret, "whsec_") {
		t.Fatalf("secret %q", second.Secret)
	}
	if until := second.Value.PreviousSecretUntil; until == nil || !until.Equal(w.clock.plus(24*time.Hour)) {
		t.Errorf("the one before signs until %v", until)
	}
	if again, err := w.desk.RotateSecret(t.Context(), state("ATG"), writeOf("second"), s.Value.ID); err != nil || again.Secret != "" || !again.Repeated || again.Seq != second.Seq {
		t.Errorf("the repeated rotation gives %q at %d, %v", again.Secret, again.Seq, err)
	}
	if a := last(); !opens(t, a, s.Secret) || !opens(t, a, second.Secret) || len(strings.Fields(a.Header.Get("webhook-signature"))) != 2 {
		t.Error("not signed with both")
	}
	// The answer was lost: whoever rotates again locks nobody out who still has the first.
	w.clock.forward(time.Hour)
	third := rotate("third")
	to.trust(third.Secret)
	a := last()
	if !opens(t, a, s.Secret) || !opens(t, a, third.Secret) || !strings.HasPrefix(a.Header.Get("webhook-signature"), newestFirst(t, a, third.Secret)) {
		t.Error("not signed with all, the newest first")
	}
	w.clock.forward(23 * time.Hour)
	if a := last(); opens(t, a, s.Secret) || !opens(t, a, second.Secret) || !opens(t, a, third.Secret) {
		t.Error("a day after it was replaced the first still signs, or others do not")
	}
	w.clock.forward(time.Hour)
	if a := last(); opens(t, a, second.Secret) || !opens(t, a, third.Secret) {
		t.Error("after the grace not only the newest signs")
	}
	w.quiet()
	w.verified()
}

// newestFirst gives the signature that a secret makes of an arrival.
func newestFirst(t *testing.T, a arrival, secret string) string {
	t.Helper()
	for _, signature := range strings.Fields(a.Header.Get("webhook-signature")) {
		alone := arrival{Body: a.Body, Header: a.Header.Clone()}
		alone.Header.Set("webhook-signature", signature)
		if opens(t, alone, secret) {
			return signature
		}
	}
	return "none"
}

func TestSecretsInTheirGraceStayEncryptedAndCanBeErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	second, err := w.desk.RotateSecret(t.Context(), state("ATG"), access.Write{}, s.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	commits, err := w.raw.ReadStream(t.Context(), "subscription/"+s.Value.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	page, err := w.raw.Find(t.Context(), store.Query{Kind: "subscription", Limit: 10})
	if err != nil || len(page.Docs) != 1 {
		t.Fatalf("%d documents, %v", len(page.Docs), err)
	}
	all := string(page.Docs[0].Body)
	if strings.Contains(all, "sealed") || strings.Contains(all, "former") {
		t.Errorf("the document holds what nobody looks for there: %s", all)
	}
	for _, c := range commits {
		all += string(c.Body) + string(c.Detached)
	}
	for _, secret := range []string{s.Secret, second.Secret} {
		if strings.Contains(all, strings.TrimPrefix(secret, "whsec_")) {
			t.Error("a secret lies open in the store")
		}
	}
	subs := w.desk.SubscriptionStreams()
	if err := subs.Erase(t.Context(), s.Value.ID, ledger.System, ledger.Erased{Seq: 1, Name: "secret", Reason: "it leaked"}); err != nil {
		t.Fatal(err)
	}
	w.openIncident("maria", "ATG")
	w.play("maria", figure, act{})
	to.trust(second.Secret)
	w.eventually("it arrives", func() bool { return len(to.got()) == 1 })
	if a := to.got()[0]; opens(t, a, s.Secret) || !opens(t, a, second.Secret) {
		t.Error("an erased secret still signs, or the other does not")
	}
	// A fresh fold says the same as the one that saw it happen.
	held, err := subs.Load(t.Context(), s.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.sweep()
	w.quiet()
	w.restart()
	again, err := w.desk.SubscriptionStreams().Load(t.Context(), s.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mustMarshal(t, held.Value), mustMarshal(t, again.Value)); diff != "" {
		t.Errorf("folded anew (-held +anew):\n%s", diff)
	}
	w.verified()
}

func mustMarshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhoMayRotateAndHowOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	rotate := func(scope access.Scope, write access.Write) error {
		_, err := w.desk.RotateSecret(t.Context(), scope, write, s.Value.ID)
		return err
	}
	auditor := state("ATG")
	auditor.Role = access.RoleAuditor
	if err := rotate(state("LCA"), access.Write{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
	if err := rotate(auditor, access.Write{}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an auditor: %v", err)
	}
	if err := rotate(state("ATG"), ifMatch(w, s.Seq+1)); !fault.Is(err, fault.Precondition) {
		t.Errorf("a stale version: %v", err)
	}
	for range 4 {
		if err := rotate(state("ATG"), access.Write{}); err != nil {
			t.Error(err)
		}
	}
	if err := rotate(state("ATG"), access.Write{}); fault.CodeOf(err) != "too_many_secrets" {
		t.Errorf("the fifth in a day: %v", err)
	}
	w.clock.forward(24 * time.Hour)
	if err := rotate(state("ATG"), access.Write{}); err != nil {
		t.Errorf("the next day: %v", err)
	}
	held, err := w.desk.Subscription(t.Context(), state("ATG"), s.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Unsubscribe(t.Context(), state("ATG"), ifMatch(w, held.Seq), s.Value.ID); err != nil {
		t.Fatal(err)
	}
	if err := rotate(state("ATG"), access.Write{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a subscription that is gone: %v", err)
	}
}

func TestATestMessageGoesTheOrdinaryWayToOneTargetAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		filter   notify.Filter
		exercise bool
	}{
		{"whatever it wants", notify.Filter{Kinds: []string{"figure.*"}}, false},
		{"of exercises only", notify.Filter{Exercise: notify.ExerciseOnly}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var published atomic.Int64
			w := newWorld(t, func(w *world) {
				w.opt.Publish = func(_ context.Context, notes []notify.Note) error {
					published.Add(int64(len(notes)))
					return nil
				}
			})
			to, beside := newReceiver(t, answering(200)), newReceiver(t, answering(200))
			s := w.subscribe("ATG", to, c.filter)
			w.subscribe("ATG", beside, notify.Filter{})
			d, err := w.desk.Test(t.Context(), state("ATG"), writeOf("try"), s.Value.ID)
			if err != nil || d.EventType != notify.EventSubscriptionTested || d.Subscription != s.Value.ID {
				t.Fatalf("%+v, %v", d, err)
			}
			w.eventually("it arrives", func() bool { return len(to.got()) == 1 })
			w.sweep()
			w.quiet()
			var event struct {
				Type     string
				Exercise bool
				Data     struct {
					Test         bool
					Subscription struct{ ID, Channel string }
				}
			}
			if err := json.Unmarshal(to.got()[0].Body, &event); err != nil {
				t.Fatal(err)
			}
			if event.Type != "landfall.subscription.tested.v1" || !event.Data.Test || event.Exercise != c.exercise ||
				event.Data.Subscription.ID != s.Value.ID || event.Data.Subscription.Channel != webhook.Name {
				t.Errorf("it reads %s", to.got()[0].Body)
			}
			again, err := w.desk.Test(t.Context(), state("ATG"), writeOf("try"), s.Value.ID)
			if err != nil || again.ID != d.ID || again.Status != notify.Delivered {
				t.Errorf("repeated: %+v, %v", again, err)
			}
			if len(to.got()) != 1 || len(beside.got()) != 0 || published.Load() != 0 {
				t.Errorf("%d arrived, %d beside, %d published", len(to.got()), len(beside.got()), published.Load())
			}
			if _, err := w.desk.Test(t.Context(), state("LCA"), access.Write{}, s.Value.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("a stranger tests it: %v", err)
			}
			w.verified()
		})
	}
}

func TestATestMessageIsSentThoughTheProcessDiesRightAfterItIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	w.quiet()
	w.st.onAppend(dieOn("subscription", dieAfter))
	if _, err := w.desk.Test(t.Context(), state("ATG"), writeOf("try"), s.Value.ID); err == nil {
		t.Fatal("it did not die")
	}
	w.kill()
	w.restart()
	w.sweep()
	w.eventually("it arrives", func() bool { return len(to.got()) == 1 })
	w.quiet()
	d, err := w.desk.Test(t.Context(), state("ATG"), writeOf("try"), s.Value.ID)
	if err != nil || d.Status != notify.Delivered || len(to.ids()) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestADisabledTargetIsTestedBeforeItIsEnabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to, good := newReceiver(t, answering(503)), newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG")
	w.fails(to, s, 5)
	w.play("maria", figure, act{})
	w.inTime("it is disabled", func() bool { return w.health(s).Circuit == notify.CircuitDisabled })
	w.quietly()
	to.answers(answering(200))
	w.clock.forward(time.Second)
	before := len(to.got())
	d, err := w.desk.Test(t.Context(), state("ATG"), access.Write{}, s.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.inTime("it arrives", func() bool {
		got, err := w.desk.Delivery(t.Context(), state("ATG"), d.ID)
		return err == nil && got.Status == notify.Delivered && len(to.got()) == before+1
	})
	if h := w.health(s); h.Circuit != notify.CircuitDisabled || h.LastCode != "200" {
		t.Errorf("health %+v", h)
	}
}

func TestAnAttemptIsPartOfTheTraceOfItsRequest(t *testing.T) {
	t.Parallel()
	type seen struct {
		Trace, Channel, Delivery, Code string
		Sent                           bool
	}
	var mu sync.Mutex
	var spans []seen
	w := newWorld(t, func(w *world) {
		w.opt.Hooks.Attempting = func(ctx context.Context, trace, channel, delivery string) (context.Context, func(string, bool)) {
			return ctx, func(code string, sent bool) {
				mu.Lock()
				defer mu.Unlock()
				spans = append(spans, seen{trace, channel, delivery, code, sent})
			}
		}
	})
	to := newReceiver(t, answering(503))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"figure.*"}})
	w.openIncident("maria", "ATG")
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	out, err := w.acts.Execute(context.WithValue(t.Context(), traceKey{}, trace), "maria", ledger.Command[incident]{
		Actor: ledger.System,
		Decide: func(incident, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Events: []ledger.Event{{Type: figure, Data: act{}}}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	event := out.Events[0].ID()
	d := w.becomes(event, s, notify.Retrying)
	to.answers(answering(200))
	w.restart() // who sends later still knows
	w.clock.forward(5 * time.Second)
	w.becomes(event, s, notify.Delivered)
	mu.Lock()
	defer mu.Unlock()
	want := []seen{{trace, webhook.Name, d.ID, "503", false}, {trace, webhook.Name, d.ID, "200", true}}
	if diff := cmp.Diff(want, spans); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if bodies := to.got(); slices.ContainsFunc(bodies, func(a arrival) bool { return strings.Contains(string(a.Body), trace) }) {
		t.Error("the trace is told to the receiver")
	}
}
