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
	"landfall/internal/place"
	"landfall/internal/store"
)

// inbox gives a party's alerts as "kind subject status".
func (w *world) inbox(scope access.Scope, q notify.AlertQuery) []string {
	w.t.Helper()
	page, err := w.desk.Alerts(w.t.Context(), scope, q, notify.Paging{})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, item := range page.Items {
		a := item.Value
		out = append(out, strings.TrimSpace(a.Kind+" "+a.Subject)+" "+string(a.Status))
	}
	return out
}

// alerted waits until the party has n alerts in all, and gives them, newest first.
func (w *world) alerted(party string, n int) []notify.Listed[*notify.Alert] {
	w.t.Helper()
	var page notify.Page[*notify.Alert]
	w.eventually("alerts of "+party, func() bool {
		var err error
		page, err = w.desk.Alerts(w.t.Context(), state(party), notify.AlertQuery{}, notify.Paging{})
		return err == nil && len(page.Items) == n
	})
	return page.Items
}

func activation(parties ...string) act {
	var a act
	for _, p := range parties {
		a.Alerts = append(a.Alerts, call{Party: p, Kind: "activation", RequiredBy: time.Date(2017, 9, 18, 21, 30, 0, 0, time.UTC)})
	}
	return a
}

func TestAnActivationAlertsEveryReceiverWhoThenAcknowledges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	s := w.subscribe("ATG", to, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG", "LCA")
	cause := w.play("maria", activated, activation("ATG", "LCA"))
	a := w.alerted("ATG", 1)[0]
	w.alerted("LCA", 1)
	v := a.Value
	if v.Party != "ATG" || v.Kind != "activation" || v.Status != notify.AlertOpen || v.Level != 1 || v.Version() != 2 || v.Severity != "severe" ||
		v.Cause.ID != cause || v.IncidentID != "maria" || v.RequiredBy == nil || !v.RequiredBy.Equal(w.clock.plus(30*time.Minute)) {
		t.Errorf("alert %+v", v)
	}
	if diff := cmp.Diff([]notify.Target{{ID: s.Value.ID, Channel: "webhook"}}, v.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	w.eventually("the alert arrives", func() bool { return to.types()["landfall.alert.raised.v1"] == 1 })
	var event struct {
		Subject string
		Data    struct {
			Incident struct{ ID, Title string }
			Alert    struct{ Party, Kind, Status string }
			Step     map[string]any
		}
	}
	if err := json.Unmarshal(to.got()[0].Body, &event); err != nil {
		t.Fatal(err)
	}
	if event.Subject != "alert/"+v.ID || event.Data.Incident.ID != "maria" || event.Data.Incident.Title != "Hurricane" ||
		event.Data.Alert.Party != "ATG" || event.Data.Alert.Status != "open" || event.Data.Step == nil {
		t.Errorf("the event reads %s", to.got()[0].Body)
	}
	w.clock.forward(10 * time.Minute)
	ack, err := w.desk.Acknowledge(t.Context(), state("ATG"), ifMatch(w, a.Seq), v.ID, notify.AcknowledgeRequest{Outcome: notify.AckQuestion, Version: 2, Note: "Which port?"})
	if err != nil {
		t.Fatal(err)
	}
	want := &notify.Acknowledgement{
		At: w.clock.now(), Account: "account-ATG", Role: "official", ByParty: "ATG", Party: "ATG", Channel: "api", Outcome: "question", Version: 2, Note: "Which port?", Seq: 2,
	}
	if diff := cmp.Diff(want, ack.Value.Acknowledged); diff != "" || ack.Value.Status != notify.AlertAcknowledged {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	// The first one stands; the second is kept beside it.
	said := w.clock.plus(-time.Minute)
	relay := access.Write{Relay: &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "radio", SaidAt: &said}}
	second, err := w.desk.Acknowledge(t.Context(), state("DMA"), relay, v.ID, notify.AcknowledgeRequest{Outcome: notify.AckCannotAct})
	if err != nil {
		t.Fatal(err)
	}
	if second.Value.Acknowledged.Outcome != notify.AckQuestion || len(second.Value.Further) != 1 {
		t.Fatalf("after the second: %+v", second.Value)
	}
	if f := second.Value.Further[0]; f.OnBehalfOf != "ATG" || f.RelayedBy != "radio" || !f.SaidAt.Equal(said) || f.Account != "account-DMA" || f.Version != 2 {
		t.Errorf("further %+v", f)
	}
	w.eventually("both are announced", func() bool { return to.types()["landfall.alert.acknowledged.v1"] == 2 })
	for _, arrived := range to.got() {
		if strings.Contains(string(arrived.Body), "Which port?") || strings.Contains(string(arrived.Body), "account-") {
			t.Errorf("more is told than others need: %s", arrived.Body)
		}
	}
	w.quiet()
	w.verified()
}

func TestWhoMayAcknowledge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG", "LCA")
	w.play("maria", activated, activation("ATG"))
	id := w.alerted("ATG", 1)[0].Value.ID
	on := func(p string) access.Write {
		return access.Write{Relay: &ledger.Relay{OnBehalfOf: p, RelayedBy: "phone"}}
	}
	auditor := state("ATG")
	auditor.Role = access.RoleAuditor
	for _, c := range []struct {
		name  string
		scope access.Scope
		w     access.Write
		in    notify.AcknowledgeRequest
		want  fault.Kind
	}{
		{"a stranger", state("GRD"), access.Write{}, notify.AcknowledgeRequest{}, fault.NotFound},
		{"a stranger for the party", state("GRD"), on("ATG"), notify.AcknowledgeRequest{}, fault.NotFound},
		{"the origin as itself", state("DMA"), access.Write{}, notify.AcknowledgeRequest{}, fault.Forbidden},
		{"another receiver as itself", state("LCA"), access.Write{}, notify.AcknowledgeRequest{}, fault.NotFound},
		{"the origin for somebody else", state("DMA"), on("LCA"), notify.AcknowledgeRequest{}, fault.Invalid},
		{"an auditor", auditor, access.Write{}, notify.AcknowledgeRequest{}, fault.Forbidden},
		{"an unknown outcome", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Outcome: "maybe"}, fault.Invalid},
		{"a negative version", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Version: -1}, fault.Invalid},
		{"a long note", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Note: strings.Repeat("é", 501)}, fault.Invalid},
		{"a note of passengers", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Note: "On board: John Smith, Mary Jones"}, fault.Invalid},
		{"a note of one zero-width space", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Note: "\u200b"}, fault.Invalid},
		{"a note with control characters", state("ATG"), access.Write{}, notify.AcknowledgeRequest{Note: "a\x00b"}, fault.Invalid},
		{"a stale version", state("ATG"), access.Write{IfMatch: w.l.ETag(9)}, notify.AcknowledgeRequest{}, fault.Precondition},
	} {
		if _, err := w.desk.Acknowledge(t.Context(), c.scope, c.w, id, c.in); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name  string
		scope access.Scope
		w     access.Write
	}{
		{"the party", state("ATG"), access.Write{}},
		{"the party, repeated", state("ATG"), writeOf("k")},
		{"the same request again", state("ATG"), writeOf("k")},
		{"the first account", first, access.Write{}},
		{"another named party for it", state("LCA"), on("ATG")},
	} {
		if _, err := w.desk.Acknowledge(t.Context(), c.scope, c.w, id, notify.AcknowledgeRequest{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	a, err := w.desk.Alert(t.Context(), state("DMA"), id)
	if err != nil || len(a.Value.Further) != 3 {
		t.Errorf("%d further acknowledgements, %v", len(a.Value.Further), err)
	}
	for _, scope := range []access.Scope{state("LCA"), state("GRD"), {}} {
		if _, err := w.desk.Alert(t.Context(), scope, id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s reads the alert: %v", scope.Party, err)
		}
	}
}

func TestHandlingAgainRaisesAndSendsNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := newReceiver(t, answering(200))
	w.subscribe("ATG", to, notify.Filter{})
	w.openIncident("maria", "ATG")
	a := activation("ATG")
	a.Alerts = append(a.Alerts, call{Party: "ATG", Kind: "step_overdue", Subject: "HUR-05"}, call{Party: "ATG", Kind: "step_overdue", Subject: "HUR-06"})
	w.play("maria", activated, a)
	w.alerted("ATG", 3)
	w.quiet()
	commits, err := w.raw.ReadStream(t.Context(), "incident/maria", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := len(to.got())
	for i := range commits {
		if owes := commits[i].Pending; owes != 0 {
			t.Errorf("commit %d owes %d still", commits[i].Seq, owes)
		}
		commits[i].Pending = store.OwesNotices // as a copy read before it was paid would say
	}
	for range 3 {
		if err := w.router.Handle(t.Context(), commits); err != nil {
			t.Fatal(err)
		}
	}
	w.quiet()
	if got := w.inbox(state("ATG"), notify.AlertQuery{}); len(got) != 3 {
		t.Errorf("alerts %v", got)
	}
	if len(to.got()) != before || len(w.deliveries()) != before {
		t.Errorf("%d requests and %d deliveries, want %d", len(to.got()), len(w.deliveries()), before)
	}
	for id, n := range to.ids() {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func TestUnNamingClosesThePartysAlertsAndTellsItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	antigua, dominica := newReceiver(t, answering(200)), newReceiver(t, answering(200))
	w.subscribe("ATG", antigua, notify.Filter{Kinds: []string{"alert.*"}})
	w.subscribe("DMA", dominica, notify.Filter{Kinds: []string{"alert.*"}})
	w.openIncident("maria", "ATG", "LCA")
	w.play("maria", activated, activation("ATG", "LCA"))
	old := w.alerted("ATG", 1)[0].Value.ID
	w.quiet()
	w.play("maria", changed, act{
		Unnamed: []string{"ATG"}, Closes: []ledger.AlertClose{{Party: "ATG", Reason: "unnamed"}},
		Alerts: []call{{Party: "ATG", Kind: "withdrawn", Own: `{"incident":{"id":"maria","title":"Hurricane"}}`}},
	})
	w.eventually("the withdrawal arrives", func() bool { return antigua.types()["landfall.alert.raised.v1"] == 2 })
	w.quiet()
	if diff := cmp.Diff([]string{"withdrawn open"}, w.inbox(state("ATG"), notify.AlertQuery{})); diff != "" {
		t.Errorf("inbox of the un-named party (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"activation open"}, w.inbox(state("LCA"), notify.AlertQuery{})); diff != "" {
		t.Errorf("inbox of the other party (-want +got):\n%s", diff)
	}
	if _, err := w.desk.Alert(t.Context(), state("ATG"), old); !fault.Is(err, fault.NotFound) {
		t.Errorf("the un-named party reads its old alert: %v", err)
	}
	if a, err := w.desk.Alert(t.Context(), state("DMA"), old); err != nil || a.Value.Status != notify.AlertClosed || a.Value.Closed.Reason != "unnamed" {
		t.Errorf("for the origin: %+v, %v", a.Value, err)
	}
	if n := antigua.types()["landfall.alert.closed.v1"]; n != 0 {
		t.Errorf("the un-named party was told of %d closings", n)
	}
	if n := dominica.types()["landfall.alert.closed.v1"]; n != 1 {
		t.Errorf("the origin was told of %d closings, want 1", n)
	}
	withdrawn := w.alerted("ATG", 1)[0]
	if strings.Contains(string(withdrawn.Value.Data), "step") {
		t.Errorf("the withdrawal shows more than it may: %s", withdrawn.Value.Data)
	}
	if _, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, withdrawn.Value.ID, notify.AcknowledgeRequest{}); err != nil {
		t.Errorf("the withdrawal cannot be acknowledged: %v", err)
	}
	w.clock.forward(time.Minute)
	// Handled once more, the un-naming closes nothing that came of it or after it.
	w.play("maria", changed, act{Named: []string{"ATG"}, Alerts: []call{{Party: "ATG", Kind: "named"}}})
	w.alerted("ATG", 2)
	commits, err := w.raw.Commits(t.Context(), refs("incident/maria", 3))
	if err != nil {
		t.Fatal(err)
	}
	commits[0].Pending = store.OwesNotices
	if err := w.router.Handle(t.Context(), commits); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"named open", "withdrawn acknowledged"}, w.inbox(state("ATG"), notify.AlertQuery{})); diff != "" {
		t.Errorf("after handling it again (-want +got):\n%s", diff)
	}
	w.quiet()
	w.verified()
}

func TestClosingAnIncidentClosesAlertsThatNobodyHadRaisedYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf.Store(true) // the bus loses the events; only the sweep finds them
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG"))
	w.play("maria", closed, act{Closes: []ledger.AlertClose{{Reason: "closed"}}})
	// The closing is handled first.
	if err := w.router.HandleRefs(t.Context(), refs("incident/maria", 3)); err != nil {
		t.Fatal(err)
	}
	want := []string{"activation closed"}
	if diff := cmp.Diff(want, w.inbox(state("ATG"), notify.AlertQuery{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.sweep()
	if diff := cmp.Diff(want, w.inbox(state("ATG"), notify.AlertQuery{})); diff != "" {
		t.Errorf("after the sweep (-want +got):\n%s", diff)
	}
	w.sweep() // the alert's own events
	w.quiet()
}

func TestNoAlertIsRaisedForAPartyNoLongerNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf.Store(true)
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG", "LCA")) // LCA never was
	w.play("maria", changed, act{Unnamed: []string{"ATG"}})
	w.sweep()
	if got := w.inbox(first, notify.AlertQuery{}); len(got) != 0 {
		t.Errorf("alerts %v", got)
	}
	w.quiet()
}

func TestTheInboxCanBeNarrowedAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"irma", "maria"} {
		w.openIncident(id, "ATG", "ATG-BARBUDA")
		w.play(id, activated, activation("ATG", "ATG-BARBUDA"))
		w.play(id, overdue, act{Alerts: []call{{Party: "ATG", Kind: "step_overdue", Subject: "HUR-07.ATG"}}})
		w.clock.forward(time.Minute)
	}
	w.alerted("ATG", 6)
	w.alerted("ATG-BARBUDA", 2)
	for _, c := range []struct {
		q    notify.AlertQuery
		want int
	}{
		{notify.AlertQuery{Incident: "maria"}, 3},
		{notify.AlertQuery{Kind: "step_overdue"}, 2},
		{notify.AlertQuery{Incident: "irma", Kind: "activation", Status: notify.AlertOpen}, 2},
		{notify.AlertQuery{Status: notify.AlertClosed}, 0},
	} {
		if got := w.inbox(state("ATG"), c.q); len(got) != c.want {
			t.Errorf("%+v: %v, want %d", c.q, got, c.want)
		}
	}
	if got := w.inbox(state("LCA"), notify.AlertQuery{Incident: "maria"}); len(got) != 0 {
		t.Errorf("a stranger's inbox holds %v", got)
	}
	if _, err := w.desk.Alerts(t.Context(), first, notify.AlertQuery{Status: "gone"}, notify.Paging{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown status: %v", err)
	}
	seen := map[string]bool{}
	for p := (notify.Paging{Limit: 2}); ; {
		page, err := w.desk.Alerts(t.Context(), state("ATG"), notify.AlertQuery{}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if seen[item.Value.ID] {
				t.Errorf("%s is listed twice", item.Value.ID)
			}
			seen[item.Value.ID] = true
		}
		if page.Next == "" {
			break
		}
		p.Cursor = page.Next
	}
	if len(seen) != 6 {
		t.Errorf("%d alerts were listed", len(seen))
	}
}

func TestWhoWasToldAndWhoAnsweredIsKeptForEachParty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad := newReceiver(t, answering(200)), newReceiver(t, answering(500))
	w.subscribe("ATG", good, notify.Filter{})
	w.subscribe("LCA", bad, notify.Filter{})
	w.subscribe("DMA", good, notify.Filter{})
	w.openIncident("maria", "ATG", "GRD", "LCA")
	w.play("maria", activated, activation("ATG", "GRD", "LCA"))
	a := w.alerted("ATG", 1)[0].Value
	if _, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, a.ID, notify.AcknowledgeRequest{}); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Party     place.Party
		Status    notify.AlertStatus
		Version   int64
		NoAddress bool
		By        string
		Delivered []notify.Status
		Shown     bool // the target
	}
	told := func(scope access.Scope) []row {
		all, err := w.desk.ForIncident(t.Context(), scope, "maria")
		if err != nil {
			t.Fatal(err)
		}
		var out []row
		for _, p := range all {
			for _, a := range p.Alerts {
				r := row{Party: p.Party, Status: a.Alert.Status, Version: a.Alert.Version(), NoAddress: a.NoAddress}
				if a.Alert.Acknowledged != nil {
					r.By = a.Alert.Acknowledged.Account
				}
				for _, d := range a.Deliveries {
					r.Delivered, r.Shown = append(r.Delivered, d.Status), r.Shown || d.Target != ""
				}
				out = append(out, r)
			}
		}
		return out
	}
	want := []row{
		{"ATG", notify.AlertAcknowledged, 2, false, "account-ATG", []notify.Status{notify.Delivered}, true},
		{"GRD", notify.AlertOpen, 2, true, "", nil, false},
		{"LCA", notify.AlertOpen, 2, false, "", []notify.Status{notify.Retrying}, false},
	}
	var diff string
	w.eventually("all have been tried", func() bool { diff = cmp.Diff(want, told(state("ATG"))); return diff == "" })
	if _, err := w.desk.ForIncident(t.Context(), state("VCT"), "maria"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger asks: %v", err)
	}
	w.verified()
}

func TestAnErasedSnapshotOfAnAlertIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG")
	w.play("maria", activated, activation("ATG"))
	id := w.alerted("ATG", 1)[0].Value.ID
	if _, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, id, notify.AcknowledgeRequest{Note: "call the harbour"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []ledger.Erased{{Seq: 1, Name: "data", Reason: "r"}, {Seq: 2, Name: "note", Reason: "r"}} {
		if err := w.desk.AlertStreams().Erase(t.Context(), id, ledger.System, e); err != nil {
			t.Fatal(err)
		}
	}
	a, err := w.desk.Alert(t.Context(), state("ATG"), id)
	if err != nil || a.Value.Data != nil || a.Value.Acknowledged.Note != "" {
		t.Errorf("%+v, %v", a.Value, err)
	}
	w.quiet()
	w.verified()
}

func TestWhoWasToldAsItCouldBeKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := newReceiver(t, answering(200))
	w.subscribe("ATG", good, notify.Filter{})
	w.openIncident("maria", "ATG")
	start := w.clock.now()
	w.clock.forward(time.Minute)
	w.play("maria", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	w.eventually("the alert is delivered", func() bool {
		all, err := w.desk.ForIncident(t.Context(), state("DMA"), "maria")
		return err == nil && len(all) == 1 && len(all[0].Alerts) == 1 && len(all[0].Alerts[0].Deliveries) == 1 && all[0].Alerts[0].Deliveries[0].Status == notify.Delivered
	})
	raised := w.clock.now()
	w.clock.forward(time.Hour)
	if _, err := w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, a.ID, notify.AcknowledgeRequest{}); err != nil {
		t.Fatal(err)
	}
	known := func(at time.Time) []notify.Told {
		t.Helper()
		all, err := w.desk.ForIncidentAsKnownAt(t.Context(), state("DMA"), "maria", at)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := known(start); len(all) != 0 {
		t.Errorf("before the alert: %+v", all)
	}
	if then := known(raised)[0].Alerts[0]; then.Alert.Status != notify.AlertOpen || then.Alert.Acknowledged != nil || then.Deliveries[0].Status != notify.Delivered {
		t.Errorf("when it had arrived: %+v", then)
	}
	if then := known(a.RaisedAt)[0].Alerts[0]; then.Deliveries[0].LastAt.After(a.RaisedAt) || then.Alert.Acknowledged != nil {
		t.Errorf("when it was raised: %+v", then)
	}
	if now := known(w.clock.now())[0].Alerts[0]; now.Alert.Status != notify.AlertAcknowledged {
		t.Errorf("now: %+v", now)
	}
	if _, err := w.desk.ForIncidentAsKnownAt(t.Context(), state("VCT"), "maria", w.clock.now()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger asks: %v", err)
	}
}
