package notify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
)

// entered is a word that another party passes on for Antigua and Barbuda.
var entered = access.Write{Relay: &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "radio"}}

// TestTheOwnWordSettlesWhatAnotherPartyEntered goes through what was entered before a party speaks itself, and what becomes of it.
func TestTheOwnWordSettlesWhatAnotherPartyEntered(t *testing.T) {
	t.Parallel()
	const received, cannot = notify.AckReceived, notify.AckCannotAct
	for name, c := range map[string]struct {
		own             notify.AckOutcome // said first
		relayed         []notify.AckOutcome
		says            notify.AckOutcome
		stands          notify.AckOutcome
		confirmed       []bool // what stands, then what stands beside it
		corrected, ends int    // ends: alerts that told the party of what was entered for it, and are closed
		tells           string // in the event
	}{
		"the same":                  {relayed: []notify.AckOutcome{received}, says: received, stands: received, confirmed: []bool{true, false}, ends: 1, tells: `"confirmed":[{`},
		"something else":            {relayed: []notify.AckOutcome{received}, says: cannot, stands: cannot, confirmed: []bool{false}, corrected: 1, ends: 1, tells: `"before":{`},
		"beside an own word":        {own: received, relayed: []notify.AckOutcome{cannot}, says: received, stands: received, confirmed: []bool{false, false}, corrected: 1, ends: 1},
		"two words, one of them so": {relayed: []notify.AckOutcome{received, cannot}, says: cannot, stands: cannot, confirmed: []bool{false, true}, corrected: 1, ends: 2, tells: `"before":{`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			to := newReceiver(t, answering(200))
			w.subscribe("DMA", to, notify.Filter{Kinds: []string{"alert.*"}})
			w.openIncident("maria", "ATG", "VCT")
			w.play("maria", activated, activation("ATG"))
			id := w.alerted("ATG", 1)[0].Value.ID
			say := func(as access.Scope, how access.Write, what notify.AckOutcome) *notify.Alert {
				out, err := w.desk.Acknowledge(t.Context(), as, how, id, notify.AcknowledgeRequest{Outcome: what})
				if err != nil {
					t.Fatal(err)
				}
				return out.Value
			}
			if c.own != "" {
				say(state("ATG"), access.Write{}, c.own)
			}
			for _, word := range c.relayed {
				say(access.Scope{Account: "vct", Role: access.RoleCoordinator, Party: "VCT"}, entered, word)
			}
			w.alerted("ATG", 1+len(c.relayed))
			w.clock.forward(time.Minute)
			a := say(state("ATG"), access.Write{}, c.says)

			if a.Unconfirmed() || a.Acknowledged.Outcome != c.stands || len(a.Corrected) != c.corrected {
				t.Errorf("stands: %+v, corrected: %+v", a.Acknowledged, a.Corrected)
			}
			for n, ack := range append([]notify.Acknowledgement{*a.Acknowledged}, a.Further...) {
				if k := ack.Confirmed; (k != nil) != c.confirmed[n] || k != nil && (k.ByRole != "official" || k.ByParty != "ATG" || !k.At.After(ack.At)) {
					t.Errorf("word %d: %+v, confirmed by %+v", n, ack, k)
				}
			}
			w.eventually("what told of the entered words is closed", func() bool {
				return len(w.inbox(state("ATG"), notify.AlertQuery{Status: notify.AlertClosed, Kind: notify.KindRelayed})) == c.ends
			})
			if c.tells != "" {
				w.eventually("receivers are told what is settled", func() bool {
					return slices.ContainsFunc(to.got(), func(m arrival) bool { return strings.Contains(string(m.Body), c.tells) })
				})
			}
		})
	}
}

func TestAWordPassedOnReplacesNoWordThatThePartyStandsBy(t *testing.T) {
	t.Parallel()
	const received, cannot = notify.AckReceived, notify.AckCannotAct
	vct := access.Scope{Account: "vct", Role: access.RoleCoordinator, Party: "VCT"}
	for name, c := range map[string]struct {
		relayed, own notify.AckOutcome
		code         string
	}{
		"an own word":             {own: cannot, code: "own_word_stands"},
		"a word that is own too":  {relayed: cannot, own: cannot, code: "own_word_stands"},
		"a word passed on before": {relayed: cannot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openIncident("maria", "ATG", "VCT")
			w.play("maria", activated, activation("ATG"))
			id := w.alerted("ATG", 1)[0].Value.ID
			for _, word := range []struct {
				as   access.Scope
				how  access.Write
				what notify.AckOutcome
			}{{vct, entered, c.relayed}, {state("ATG"), access.Write{}, c.own}} {
				if word.what == "" {
					continue
				}
				if _, err := w.desk.Acknowledge(t.Context(), word.as, word.how, id, notify.AcknowledgeRequest{Outcome: word.what}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := w.desk.Correct(t.Context(), vct, entered, id, notify.AcknowledgeRequest{Outcome: received}, "They said so")
			if fault.CodeOf(err) != c.code {
				t.Errorf("passed on: %v", err)
			}
			own := notify.AcknowledgeRequest{Outcome: received}
			if _, err := w.desk.Correct(t.Context(), state("ATG"), access.Write{}, id, own, "The port is open"); err != nil {
				t.Errorf("the party itself: %v", err)
			}
		})
	}
}

func TestAWordPassedOnIsNoOlderThanItsAlert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openIncident("maria", "ATG", "VCT")
	w.play("maria", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	w.clock.forward(7 * time.Hour)
	vct := access.Scope{Account: "vct", Role: access.RoleCoordinator, Party: "VCT"}
	for name, say := range map[string]func(access.Write) error{
		"acknowledged": func(how access.Write) error {
			_, err := w.desk.Acknowledge(t.Context(), vct, how, a.ID, notify.AcknowledgeRequest{})
			return err
		},
		"corrected": func(how access.Write) error {
			if _, err := w.desk.Acknowledge(t.Context(), vct, entered, a.ID, notify.AcknowledgeRequest{}); err != nil {
				return err
			}
			_, err := w.desk.Correct(t.Context(), vct, how, a.ID, notify.AcknowledgeRequest{Outcome: notify.AckQuestion}, "Misheard")
			return err
		},
	} {
		for _, c := range []struct {
			said    time.Time
			confirm []string
			code    string
		}{
			{a.RaisedAt.Add(-check.Skew - time.Minute), []string{"/said_at"}, "invalid"},
			{a.RaisedAt, nil, fault.Unconfirmed},
			{a.RaisedAt, []string{"/said_at"}, ""},
		} {
			how := access.Write{Confirm: c.confirm, Relay: &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "phone", SaidAt: &c.said}}
			if err := say(how); fault.CodeOf(err) != c.code {
				t.Errorf("%s, said at %s, confirming %v: %v", name, c.said, c.confirm, err)
			}
		}
	}
}

func TestAnAlertAboutAnAcknowledgementIsAcknowledged(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]string{"of an incident at its fifth version": `{"incident":{"version":5}}`, "that shows no incident": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.openIncident("maria", "ATG", "VCT")
			for range 3 {
				w.play("maria", figure, act{})
			}
			w.play("maria", activated, act{Alerts: []call{{Party: "ATG", Kind: "activation", Own: own}}})
			first := w.alerted("ATG", 1)[0].Value.ID
			vct := access.Scope{Account: "vct", Role: access.RoleCoordinator, Party: "VCT"}
			if _, err := w.desk.Acknowledge(t.Context(), vct, entered, first, notify.AcknowledgeRequest{}); err != nil {
				t.Fatal(err)
			}
			all := w.alerted("ATG", 2)
			told := all[slices.IndexFunc(all, func(l notify.Listed[*notify.Alert]) bool { return l.Value.Kind == notify.KindRelayed })].Value
			acknowledge := func(version int64) (ledger.Outcome[*notify.Alert], error) {
				return w.desk.Acknowledge(t.Context(), state("ATG"), access.Write{}, told.ID, notify.AcknowledgeRequest{Version: version})
			}
			if _, err := acknowledge(6); !fault.Is(err, fault.Invalid) {
				t.Errorf("a version that the incident has not had: %v", err)
			}
			out, err := acknowledge(0)
			if err != nil || out.Value.Acknowledged == nil || out.Value.Acknowledged.Version != told.Version() {
				t.Errorf("acknowledged: %+v, %v", out.Value, err)
			}
		})
	}
}

func TestAWordOfAnExerciseIsNoOlderThanItsAlertOnEitherClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.play("drill", opened, act{Origin: "DMA", Title: "Drill", Severity: "extreme", Named: []string{"ATG", "VCT"}, Exercise: true})
	w.play("drill", activated, activation("ATG"))
	a := w.alerted("ATG", 1)[0].Value
	w.clock.forward(time.Hour) // ten on the clock of the exercise
	vct := access.Scope{Account: "vct", Role: access.RoleCoordinator, Party: "VCT"}
	for _, c := range []struct {
		said time.Time
		code string
	}{
		{time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), "invalid"},
		{drilled.Add(-time.Hour), "invalid"},
		{drilled.Add(time.Minute), fault.Unconfirmed},
		{drilled.Add(10 * time.Hour), ""},
		{w.clock.now(), ""},
		{w.clock.now().Add(time.Hour), "invalid"},
	} {
		how := access.Write{Relay: &ledger.Relay{OnBehalfOf: "ATG", RelayedBy: "phone", SaidAt: &c.said}}
		if _, err := w.desk.Acknowledge(t.Context(), vct, how, a.ID, notify.AcknowledgeRequest{}); fault.CodeOf(err) != c.code {
			t.Errorf("said at %s: %v, want %q", c.said, err, c.code)
		}
	}
}
