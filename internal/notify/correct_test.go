package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
)

func TestAVersionThatNobodyHasSeenIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	w.play("maria", figure, act{}) // the incident is at 3, the alert shows 2
	for _, version := range []int64{4, 9007199254740991, -1} {
		_, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, a.ID, notify.AcknowledgeRequest{Version: version})
		if e, ok := fault.As(err); !ok || e.Kind != fault.Invalid || len(e.Fields) != 1 || e.Fields[0].Pointer != "/version" {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if out, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, a.ID, notify.AcknowledgeRequest{Version: 3}); err != nil || out.Value.Acknowledged.Version != 3 {
		t.Errorf("the newest version: %+v, %v", out.Value, err)
	}
}

func TestAWrongAcknowledgementIsCorrectedAndWhatWasSaidStaysVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("DMA", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	wrong := notify.AcknowledgeRequest{Outcome: notify.AckReceived, Note: "Ready", Channel: notify.ViaConsole}
	right := notify.AcknowledgeRequest{Outcome: notify.AckCannotAct}
	if _, err := w.desk.Correct(t.Context(), state("ATG"), access.Write{}, a.ID, right, "Pressed too soon"); fault.CodeOf(err) != "not_acknowledged" {
		t.Errorf("corrected what nobody said: %v", err)
	}
	if _, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, a.ID, wrong); err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct {
		as     access.Scope
		reason string
		kind   fault.Kind
	}{{state("ATG"), " ", fault.Invalid}, {state("DMA"), "It was not them", fault.Forbidden}, {state("LCA"), "It was not them", fault.NotFound}} {
		if _, err := w.desk.Correct(t.Context(), try.as, access.Write{}, a.ID, right, try.reason); !fault.Is(err, try.kind) {
			t.Errorf("%s, %q: %v", try.as.Party, try.reason, err)
		}
	}
	w.clock.forward(time.Minute)
	out, err := w.desk.Correct(t.Context(), state("ATG"), access.Write{}, a.ID, right, "Pressed too soon")
	if err != nil {
		t.Fatal(err)
	}
	now, before := out.Value.Acknowledged, out.Value.Corrected
	if now.Outcome != notify.AckCannotAct || now.Reason != "Pressed too soon" || now.Role != "official" || now.ByParty != "ATG" || now.Channel != notify.ViaAPI {
		t.Errorf("stands as %+v", now)
	}
	if len(before) != 1 || before[0].Outcome != notify.AckReceived || before[0].Note != "Ready" || before[0].Channel != notify.ViaConsole || out.Value.Status != notify.AlertAcknowledged {
		t.Errorf("what was said before: %+v", before)
	}
	w.eventually("the correction arrives", func() bool { return to.types()["landfall.alert.acknowledgement_corrected.v1"] == 1 })
	var event struct {
		Data struct {
			Acknowledgement, Before struct {
				Outcome, Reason string
				ByRole          string `json:"by_role"`
				ByParty         string `json:"by_party"`
			}
		}
	}
	for _, m := range to.got() {
		if strings.Contains(string(m.Body), "acknowledgement_corrected") {
			if err := json.Unmarshal(m.Body, &event); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := event.Data; d.Acknowledgement.Outcome != "cannot_act" || d.Acknowledgement.Reason != "Pressed too soon" || d.Before.Outcome != "received" ||
		d.Before.ByRole != "official" || d.Before.ByParty != "ATG" {
		t.Errorf("told as %+v", d)
	}
}

func TestWhoEnteredAnAcknowledgementIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG", "VCT")
	w.play("maria", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	vct := access.Scope{Account: "account-VCT", Role: access.RoleCoordinator, Party: "VCT"}
	out, err := w.desk.Acknowledge(t.Context(), vct, access.Write{Relay: &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "phone"}}, a.ID, notify.AcknowledgeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if k := out.Value.Acknowledged; k.Party != "ATG" || k.OnBehalfOf != "ATG" || k.ByParty != "VCT" || k.Role != "coordinator" || k.RelayedBy != "phone" {
		t.Errorf("kept as %+v", k)
	}
}

func TestAlertsOfOneSubjectAreClosedAndNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.play("maria", activated, act{Alerts: []call{{Party: "ATG", Kind: "step_overdue", Subject: "HUR-07.ATG"}, {Party: "ATG", Kind: "step_overdue", Subject: "HUR-08.ATG"}}})
	w.alerted("ATG", 2)
	w.play("maria", figure, act{Closes: []ledger.AlertClose{{Subject: "HUR-07.ATG", Reason: "step_done"}}})
	w.eventually("one of them is closed", func() bool { return len(w.inbox(state("ATG"), notify.AlertQuery{Status: notify.AlertClosed})) == 1 })
	w.quiet()
	if diff := cmp.Diff([]string{"step_overdue HUR-07.ATG closed"}, w.inbox(state("ATG"), notify.AlertQuery{Status: notify.AlertClosed})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"step_overdue HUR-08.ATG open"}, w.inbox(state("ATG"), notify.AlertQuery{Status: notify.AlertOpen})); diff != "" {
		t.Error(diff)
	}
}

func TestAWithdrawalSaysWhichIncidentItWas(t *testing.T) {
	t.Parallel()
	a := &notify.Alert{Origin: "DMA", Data: json.RawMessage(`{"code":"DMA-2017-7K3QX","title":"Hurricane","at":"2017-09-18T21:00:00Z"}`)}
	if h := a.Header(); h != (notify.AlertHeader{Code: "DMA-2017-7K3QX", Title: "Hurricane", Origin: "DMA"}) {
		t.Errorf("%+v", h)
	}
}

func TestTheSameSubscriptionTwiceIsRefusedNamingTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	wish := notify.SubscriptionRequest{Channel: "webhook", Target: to.url(), Filter: notify.Filter{Kinds: []string{"step.*", "figure.*"}, States: []string{"DMA", "ATG"}}}
	one, err := w.desk.Subscribe(t.Context(), state("ATG"), writeOf("k"), wish)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.desk.Subscribe(t.Context(), state("ATG"), writeOf("k"), wish); err != nil || !again.Repeated {
		t.Errorf("the same request again: %v", err)
	}
	twice := wish
	twice.Language, twice.Filter.Kinds, twice.Filter.States = "fr", []string{"figure.*", "step.*"}, []string{"ATG", "DMA"} // in another order and language
	_, err = w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, twice)
	if e, ok := fault.As(err); !ok || e.Code != "subscription_exists" || !strings.Contains(e.Detail, one.Value.ID) {
		t.Errorf("twice: %v", err)
	}
	spelled := wish
	spelled.Target = strings.Replace(to.url(), "http://", "HTTP://", 1)
	if _, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, spelled); fault.CodeOf(err) != "subscription_exists" {
		t.Errorf("spelled in another way: %v", err)
	}
	other := wish
	other.Filter.Kinds = []string{"figure.*"}
	made, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.ChangeSubscription(t.Context(), state("ATG"), ifMatch(w, made.Seq), made.Value.ID, wish); fault.CodeOf(err) != "subscription_exists" {
		t.Errorf("changed into the first: %v", err)
	}
	if _, err := w.desk.Subscribe(t.Context(), state("LCA"), access.Write{}, wish); err != nil {
		t.Errorf("another party: %v", err)
	}
	if err := w.desk.Unsubscribe(t.Context(), state("ATG"), ifMatch(w, one.Seq), one.Value.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, twice); err != nil {
		t.Errorf("after the first was deleted: %v", err)
	}
}

func TestOfIdenticalSubscriptionsMadeAtOnceOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared())
	beside := newWorldBeside(t, w)
	to := newReceiver(t, answering(200))
	wish := notify.SubscriptionRequest{Channel: "webhook", Target: to.url()}
	results := make(chan error, 8)
	made := make(chan string, 8)
	for n := range 8 {
		desk := []*notify.Desk{w.desk, beside.desk}[n%2]
		go func() {
			s, err := desk.Subscribe(t.Context(), state("ATG"), access.Write{}, wish)
			if err == nil {
				made <- s.Value.ID
			}
			results <- err
		}()
	}
	var refusals []string
	for range 8 {
		if err := <-results; err != nil {
			if fault.CodeOf(err) != "subscription_exists" {
				t.Errorf("%v", err)
			}
			refusals = append(refusals, err.Error())
		}
	}
	if len(made) != 1 || len(refusals) != 7 {
		t.Fatalf("%d made, %d refused", len(made), len(refusals))
	}
	first := <-made
	for _, words := range refusals {
		if !strings.Contains(words, first) {
			t.Errorf("%s does not name %s", words, first)
		}
	}
}

func TestAnIDOfAnotherPartysSubscriptionTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{})
	wish := notify.SubscriptionRequest{ID: s.Value.ID, Channel: "webhook", Target: to.url()}
	if _, err := w.desk.Subscribe(t.Context(), state("LCA"), access.Write{}, wish); !fault.Is(err, fault.Invalid) {
		t.Errorf("another party: %v", err)
	}
	wish.Filter.Kinds = []string{"figure.*"}
	if _, err := w.desk.Subscribe(t.Context(), state("ATG"), access.Write{}, wish); fault.CodeOf(err) != "id_taken" {
		t.Errorf("its own party: %v", err)
	}
}

func TestWhatReachesAPartyIsWhatItsAlertsGoTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{})
	w.subscribe("ATG", to, notify.Filter{MinSeverity: "extreme"})          // another address, for worse only
	w.subscribe("LCA", to, notify.Filter{Kinds: []string{"step.overdue"}}) // wants no alerts
	w.subscribe("VCT", to, notify.Filter{Exercise: notify.ExerciseOnly})   // wants exercises
	gone := w.subscribe("KNA", to, notify.Filter{})                        // deleted
	if err := w.desk.Unsubscribe(t.Context(), state("KNA"), ifMatch(w, gone.Seq), gone.Value.ID); err != nil {
		t.Fatal(err)
	}
	about := notify.About{Origin: "DMA", Severity: "severe"}
	got, err := w.desk.Reaching(t.Context(), about, "ATG", "ATG-BARBUDA", "LCA", "VCT", "KNA")
	if err != nil {
		t.Fatal(err)
	}
	one := []notify.ChannelReach{{Channel: "webhook", Addresses: 1}}
	want := []notify.Reach{{Party: "ATG", Channels: one}, {Party: "ATG-BARBUDA", Channels: one}, {Party: "LCA"}, {Party: "VCT"}, {Party: "KNA"}}
	for i := range got {
		if diff := cmp.Diff(want[i].Channels, got[i].Channels); len(want[i].Channels)+len(got[i].Channels) > 0 && diff != "" || got[i].Party != want[i].Party {
			t.Errorf("%s: %v", want[i].Party, got[i])
		}
	}
	about.Exercise = true
	if got, err := w.desk.Reaching(t.Context(), about, "ATG", "VCT"); err != nil || !got[0].Nobody() || got[1].Nobody() {
		t.Errorf("of an exercise: %v, %v", got, err)
	}
	w.openIncident("maria", "ATG", "LCA")
	w.play("maria", activated, activation("ATG", "LCA"))
	if a := w.alerted("ATG", 1)[0].Value; len(a.Targets) != 1 {
		t.Errorf("the alert went to %v", a.Targets)
	}
	if a := w.alerted("LCA", 1)[0].Value; len(a.Targets) != 0 {
		t.Errorf("the alert went to %v", a.Targets)
	}
}
