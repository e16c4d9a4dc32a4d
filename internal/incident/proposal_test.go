package incident_test

import (
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// onTheWordOf gives a write that passes on the word of a party.
func (w *world) onTheWordOf(party string) access.Write {
	k := w.once()
	k.IfMatch = "*"
	k.Relay = &ledger.Relay{OnBehalfOf: party, RelayedBy: "radio", SaidAt: ptr(w.clock())}
	return k
}

// calls gives "kind party" of the alerts that the last announcement calls for.
func (w *world) calls() []string {
	w.ledger.Settle(ctx, 30*time.Second) // what follows from a change comes after its answer
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, c := range w.heard[len(w.heard)-1].Alerts {
		all = append(all, c.Kind+" "+c.Party)
	}
	slices.Sort(all)
	return all
}

func TestWhatAnotherStateEntersForTheOriginWaits(t *testing.T) {
	for _, c := range []struct {
		name string
		ends bool
		kind incident.ProposalKind
		do   func(w *world, by access.Scope, k access.Write, id string) (*incident.Proposal, error)
	}{
		{"stand down", true, incident.ProposeStandDown, func(w *world, by access.Scope, k access.Write, id string) (*incident.Proposal, error) {
			done, err := w.desk.StandDown(ctx, by, k, id, "It turned north.")
			return done.Proposed, err
		}},
		{"un-name", true, incident.ProposeReceivers, func(w *world, by access.Scope, k access.Write, id string) (*incident.Proposal, error) {
			done, err := w.desk.SetReceivers(ctx, by, k, id, []place.Party{"ATG"})
			return done.Proposed, err
		}},
		{"name", false, incident.ProposeReceivers, func(w *world, by access.Scope, k access.Write, id string) (*incident.Proposal, error) {
			done, err := w.desk.SetReceivers(ctx, by, k, id, []place.Party{"ATG", "LCA", "BRB"})
			return done.Proposed, err
		}},
		{"move an anchor", false, incident.ProposeAnchor, func(w *world, by access.Scope, k access.Write, id string) (*incident.Proposal, error) {
			done, err := w.desk.MoveAnchor(ctx, by, k, id, "LANDFALL", forecast(maria.Add(5*time.Hour)))
			return done.Proposed, err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			i := w.active()
			before := must(w.desk.Get(ctx, dma, i.ID))(t)
			p, err := c.do(w, atg, w.onTheWordOf("DMA"), i.ID)
			if err != nil || p == nil || p.Kind != c.kind || p.Ends != c.ends || p.By != "ATG" || p.Relay.OnBehalfOf != "DMA" {
				t.Fatalf("%+v, %v", p, err)
			}
			after := must(w.desk.Get(ctx, dma, i.ID))(t)
			if after.Status != before.Status || !slices.Equal(after.Receivers, before.Receivers) || len(after.Proposals) != 1 {
				t.Fatalf("it did not wait: %+v", after)
			}
			told := []string{"proposed DMA", "proposed ORG-CDEMA", "proposed ORG-OECS"}
			if c.ends {
				told = told[:1]
			}
			if got := w.calls(); !slices.Equal(got, told) {
				t.Errorf("told %v, want %v", got, told)
			}
			for _, by := range []access.Scope{atg, lca, official("DMA")} {
				_, err = w.desk.Confirm(ctx, by, w.once(), i.ID, p.ID)
				if !fault.Is(err, fault.Forbidden) {
					t.Errorf("%s confirms: %v", by.Party, err)
				}
			}
			if _, err = w.desk.Confirm(ctx, cdema, access.Write{}, i.ID, p.ID); c.ends != fault.Is(err, fault.Forbidden) {
				t.Fatalf("the regional officer confirms: %v", err)
			}
			if c.ends {
				must(w.desk.Confirm(ctx, dma, w.once(), i.ID, p.ID))(t)
			}
			if now := must(w.desk.Get(ctx, dma, i.ID))(t); len(now.Proposals) != 0 || now.Version == after.Version {
				t.Errorf("not carried out: %+v", now)
			}
			relays := must(w.desk.Relays(ctx, dma, i.ID))(t)
			if c.ends && len(relays) != 0 || !c.ends && (len(relays) != 1 || relays[0].Confirmed() || relays[0].By != "ATG") {
				t.Errorf("relays %+v", relays)
			}
			if !c.ends { // the origin confirms later what the regional officer let stand
				must(w.desk.ConfirmRelay(ctx, dma, w.once(), i.ID, relays[0].Seq))(t)
				if again := must(w.desk.Relays(ctx, atg, i.ID))(t); !again[0].Confirmed() {
					t.Error("not confirmed")
				}
			}
		})
	}
}

func TestAReceiverIsToldOfWhatIsProposedOnItsWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	k := w.onTheWordOf("ATG")
	k.IfNone, k.IfMatch = true, ""
	must(w.desk.MoveAnchor(ctx, lca, k, i.ID, "STAY_END.ATG", forecast(maria.AddDate(0, 1, 0))))(t)
	if got, want := w.calls(), []string{"proposed ATG", "proposed DMA", "proposed ORG-CDEMA", "proposed ORG-OECS"}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	for _, call := range w.last(incident.EventProposed).Alerts {
		if confirms := call.Party != "ATG"; call.RequiredBy.IsZero() == confirms {
			t.Errorf("%s is asked to confirm by %s", call.Party, call.RequiredBy)
		}
	}
}

func TestAStartThatARegionalOfficerEntersStandsUnconfirmed(t *testing.T) {
	w := newWorld(t, nil)
	k := access.Write{Relay: &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "satellite"}}
	opened := must(w.desk.Open(ctx, cdema, k, w.request()))(t)
	if opened.Value.Status != incident.Monitoring || opened.Proposed != nil {
		t.Fatalf("%+v", opened.Value)
	}
	done := must(w.desk.Activate(ctx, cdema, k, opened.Value.ID, incident.Start{Protocol: "hurricane", Anchors: map[string]protocol.Value{"LANDFALL": forecast(maria)}}))(t)
	if done.Value.Status != incident.Active || done.Proposed != nil {
		t.Fatalf("%+v", done)
	}
	if got := w.calls(); !slices.Contains(got, "relayed DMA") {
		t.Errorf("the origin is not told: %v", got)
	}
	relays := must(w.desk.Relays(ctx, dma, opened.Value.ID))(t)
	if len(relays) != 2 || relays[0].Type != incident.EventActivated || relays[0].Confirmed() || relays[0].By != "ORG-CDEMA" {
		t.Fatalf("%+v", relays)
	}
	_, err := w.desk.ConfirmRelay(ctx, atg, w.once(), opened.Value.ID, relays[0].Seq)
	refused(t, err, fault.Forbidden, "not_your_word")
	shown := func(want ...string) {
		t.Helper()
		for _, by := range []access.Scope{dma, atg, liaison("ATG")} {
			var got []string
			for _, r := range must(w.desk.Get(ctx, by, opened.Value.ID))(t).Unconfirmed {
				got = append(got, r.Type)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s reads that %v is not confirmed, want %v", by.Account, got, want)
			}
		}
	}
	shown(incident.EventOpened, incident.EventActivated)
	must(w.desk.MoveAnchor(ctx, cdema, w.onTheWordOf("DMA"), opened.Value.ID, "LANDFALL", forecast(maria.Add(5*time.Hour))))(t)
	shown(incident.EventOpened, incident.EventActivated, incident.EventAnchorMoved)
	must(w.desk.ConfirmRelay(ctx, dma, w.once(), opened.Value.ID, relays[0].Seq))(t)
	own := w.once()
	own.IfMatch = "*"
	must(w.desk.MoveAnchor(ctx, dma, own, opened.Value.ID, "LANDFALL", forecast(maria.Add(6*time.Hour))))(t)
	shown(incident.EventOpened)
	if latest := must(w.desk.Relays(ctx, dma, opened.Value.ID))(t)[0]; latest.Confirmed() || !latest.Settled() {
		t.Errorf("an own key time leaves %+v", latest)
	}
	_, err = w.desk.ConfirmRelay(ctx, dma, w.once(), opened.Value.ID, relays[0].Seq)
	refused(t, err, fault.State, "relay_confirmed")
	done, err = w.desk.StandDown(ctx, cdema, access.Write{Relay: k.Relay}, opened.Value.ID, "It turned north.")
	if err != nil || done.Proposed == nil || !done.Proposed.Ends {
		t.Errorf("an end did not wait: %+v, %v", done.Proposed, err)
	}
}

func TestAnOpeningThatAnotherStateProposesIsADraft(t *testing.T) {
	w := newWorld(t, nil)
	propose := func() incident.Done[incident.Incident] {
		return must(w.desk.Open(ctx, atg, w.onTheWordOf("DMA"), w.request()))(t)
	}
	opened := propose()
	if opened.Value.Status != incident.Draft || opened.Proposed == nil || opened.Proposed.Kind != incident.ProposeOpening {
		t.Fatalf("%+v", opened)
	}
	if got := w.calls(); !slices.Contains(got, "proposed DMA") || slices.Contains(got, "named ATG") {
		t.Errorf("told %v", got)
	}
	id := opened.Value.ID
	for _, by := range []access.Scope{dma, atg, cdema} {
		must(w.desk.Get(ctx, by, id))(t)
	}
	_, err := w.desk.Get(ctx, lca, id)
	refused(t, err, fault.NotFound, "incident_not_found")
	_, err = w.desk.Confirm(ctx, atg, w.once(), id, id)
	refused(t, err, fault.Forbidden, "origin_or_region_only")
	done := must(w.desk.Confirm(ctx, dma, w.once(), id, id))(t)
	if done.Value.Status != incident.Monitoring || len(done.Value.Proposals) != 0 {
		t.Fatalf("%+v", done.Value)
	}
	must(w.desk.Get(ctx, lca, id))(t)

	withdrawn := propose().Value.ID
	if done := must(w.desk.Withdraw(ctx, atg, w.once(), withdrawn, withdrawn, ""))(t); done.Value.Status != incident.StoodDown {
		t.Errorf("withdrawn, and %s", done.Value.Status)
	}
	_, err = w.desk.Get(ctx, atg, withdrawn)
	refused(t, err, fault.NotFound, "incident_not_found")
	declined := propose().Value.ID
	if done := must(w.desk.Withdraw(ctx, dma, w.once(), declined, declined, "Not true."))(t); done.Value.Status != incident.StoodDown {
		t.Errorf("declined, and %s", done.Value.Status)
	}
	expired := propose().Value.ID
	w.pass(incident.ProposalTime + time.Second)
	if n, err := w.desk.Sweep(ctx, expired, w.clock()); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if i := must(w.desk.Get(ctx, dma, expired))(t); i.Status != incident.StoodDown {
		t.Errorf("expired, and %s", i.Status)
	}
}

func TestAProposalEndsWhenItIsTakenBackOrItsTimeIsOver(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	propose := func() *incident.Proposal {
		return must(w.desk.StandDown(ctx, atg, w.onTheWordOf("DMA"), i.ID, "It turned north."))(t).Proposed
	}
	p := propose()
	_, err := w.desk.Withdraw(ctx, lca, w.once(), i.ID, p.ID, "")
	refused(t, err, fault.Forbidden, "not_your_proposal")
	must(w.desk.Withdraw(ctx, atg, w.once(), i.ID, p.ID, "misheard"))(t)
	_, err = w.desk.Confirm(ctx, dma, w.once(), i.ID, p.ID)
	refused(t, err, fault.NotFound, "proposal_not_found")
	p = propose()
	w.pass(incident.ProposalTime + time.Second)
	must(w.desk.Sweep(ctx, i.ID, w.clock()))(t)
	if left := must(w.desk.Proposals(ctx, dma, i.ID))(t); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
	_, err = w.desk.Confirm(ctx, dma, w.once(), i.ID, p.ID)
	refused(t, err, fault.NotFound, "proposal_not_found")
}

func TestWhatIsEnteredForAPartyIsToldToItAndNeverForOnesOwn(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	must(w.desk.GiveAnswer(ctx, dma, w.onTheWordOf("ATG"), i.ID, incident.Answer{Party: "ATG", Kind: incident.Decline}))(t)
	if got := w.calls(); !slices.Equal(got, []string{"relayed ATG"}) {
		t.Errorf("told %v", got)
	}
	must(w.desk.NoteStep(ctx, dma, w.onTheWordOf("ATG"), i.ID, "HUR-07.ATG", incident.StepReport{Note: "on it"}))(t)
	if got := w.calls(); !slices.Equal(got, []string{"relayed ATG"}) {
		t.Errorf("of a note told %v", got)
	}
	for _, by := range []access.Scope{official("DMA"), dma} {
		_, err := w.desk.StandDown(ctx, by, w.onTheWordOf("DMA"), i.ID, "It turned north.")
		refused(t, err, fault.Invalid, "invalid")
	}
	_, err := w.desk.OpenHazard(ctx, dma, w.onTheWordOf("ATG"), incident.OpenHazard{Name: "Lee", Type: "TC", StartedAt: monday})
	refused(t, err, fault.Invalid, "invalid")
}
