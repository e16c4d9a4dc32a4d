package incident_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// proposeReceivers has a party propose a list of receivers on the affected state's word.
func proposeReceivers(t *testing.T, w *world, by access.Scope, id string, list ...place.Party) *incident.Proposal {
	t.Helper()
	return must(w.desk.SetReceivers(ctx, by, w.onTheWordOf("DMA"), id, list))(t).Proposed
}

// setReceivers has the affected state set the list itself.
func setReceivers(t *testing.T, w *world, id string, list ...place.Party) {
	t.Helper()
	must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: "*"}, id, list))(t)
}

func TestAProposalOfReceiversKeepsWhatTheAffectedStateNamedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active() // ATG and LCA
	p := proposeReceivers(t, w, atg, i.ID, "ATG", "LCA", "VCT")
	if asked := p.Asked(); !slices.Equal(asked.Named, []place.Party{"VCT"}) || len(asked.Unnamed) != 0 {
		t.Fatalf("%+v", asked)
	}
	setReceivers(t, w, i.ID, "ATG", "LCA", "KNA")
	done := must(w.desk.Confirm(ctx, cdema, w.once(), i.ID, p.ID))(t)
	if got := done.Value.Receivers; !slices.Equal(got, []place.Party{"ATG", "LCA", "KNA", "VCT"}) {
		t.Errorf("receivers %v", got)
	}
}

func TestAProposalOfReceiversIsJudgedByWhatItWouldDoNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	p := proposeReceivers(t, w, atg, i.ID, "ATG", "VCT") // un-names LCA
	_, err := w.desk.Confirm(ctx, cdema, w.once(), i.ID, p.ID)
	refused(t, err, fault.Forbidden, "origin_only")
	setReceivers(t, w, i.ID, "ATG", "KNA")
	done := must(w.desk.Confirm(ctx, cdema, w.once(), i.ID, p.ID))(t)
	if got := done.Value.Receivers; !slices.Equal(got, []place.Party{"ATG", "KNA", "VCT"}) {
		t.Errorf("receivers %v", got)
	}
}

func TestTheProposalsOfAStateEndWhenItIsNamedNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	p := proposeReceivers(t, w, lca, i.ID, "ATG", "LCA", "VCT")
	k := w.onTheWordOf("LCA")
	k.IfNone, k.IfMatch = true, ""
	stay := must(w.desk.MoveAnchor(ctx, atg, k, i.ID, "STAY_END.LCA", forecast(maria.AddDate(0, 1, 0))))(t).Proposed
	own := must(w.desk.StandDown(ctx, atg, w.onTheWordOf("DMA"), i.ID, "It turned north."))(t).Proposed
	setReceivers(t, w, i.ID, "ATG", "KNA")
	for _, ended := range []*incident.Proposal{p, stay} {
		_, err := w.desk.Confirm(ctx, cdema, w.once(), i.ID, ended.ID)
		refused(t, err, fault.NotFound, "proposal_not_found")
	}
	if left := must(w.desk.Proposals(ctx, dma, i.ID))(t); len(left) != 1 || left[0].ID != own.ID {
		t.Errorf("left %+v", left)
	}
	p = proposeReceivers(t, w, atg, i.ID, "KNA")
	must(w.desk.Confirm(ctx, dma, w.once(), i.ID, p.ID))(t) // a state may propose to be named no more
	if left := must(w.desk.Proposals(ctx, dma, i.ID))(t); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

func TestAConfirmedProposalStaysAWordThatWasPassedOn(t *testing.T) {
	t.Parallel()
	for _, by := range []access.Scope{cdema, dma} {
		w := newWorld(t, nil)
		i := w.active()
		k := w.onTheWordOf("DMA")
		p := must(w.desk.MoveAnchor(ctx, atg, k, i.ID, "LANDFALL", forecast(maria.Add(5*time.Hour))))(t).Proposed
		must(w.desk.Confirm(ctx, by, w.once(), i.ID, p.ID))(t)
		is := func(what string, word *incident.Word) {
			t.Helper()
			if word == nil || word.OnBehalfOf != "DMA" || word.RelayedBy != "radio" || word.SaidAt == nil || word.EnteredBy.Party != "ATG" ||
				word.ConfirmedBy == nil || word.ConfirmedBy.Party != by.Party {
				t.Errorf("%s confirms: %s: %+v", by.Party, what, word)
			}
		}
		anchor := must(w.desk.Anchor(ctx, atg, i.ID, "LANDFALL"))(t)
		is("key time", anchor.Relayed)
		if anchor.SetBy != "DMA" {
			t.Errorf("set by %s", anchor.SetBy)
		}
		entry := must(w.desk.Latest(ctx, atg, i.ID, "LANDFALL", incident.PageRequest{Limit: 1}))(t).Items[0]
		is("timeline", entry.Word())
		if own := by.Party == "DMA"; entry.Confirmed() != own || entry.Relay == nil {
			t.Errorf("%s confirms: confirmed %t, %+v", by.Party, entry.Confirmed(), entry.Relay)
		}
		relayed := slices.Contains(w.calls(), "relayed DMA")
		relays := must(w.desk.Relays(ctx, dma, i.ID))(t)
		if by.Party == "DMA" {
			if relayed || len(relays) != 0 {
				t.Errorf("its own word waits to be confirmed again: %v, %+v", relayed, relays)
			}
			continue
		}
		if !relayed || len(relays) != 1 {
			t.Fatalf("the party spoken for is not told: %v, %+v", relayed, relays)
		}
		is("relay", relays[0].Word())
		is("message", w.lastWord(t))
	}
}

// lastWord gives how the word came of what was announced last.
func (w *world) lastWord(t *testing.T) *incident.Word {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var m struct {
		Relay *incident.Word `json:"relay"`
	}
	if err := json.Unmarshal(w.heard[len(w.heard)-1].Data, &m); err != nil {
		t.Fatal(err)
	}
	return m.Relay
}

func TestAKeyTimeThatMovedMeanwhileIsNotSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	propose := func(v protocol.Value) *incident.Proposal {
		return must(w.desk.MoveAnchor(ctx, atg, w.onTheWordOf("DMA"), i.ID, "LANDFALL", v))(t).Proposed
	}
	p := propose(forecast(maria.Add(5 * time.Hour)))
	truth := forecast(maria.Add(2 * time.Hour))
	must(w.desk.MoveAnchor(ctx, dma, access.Write{IfMatch: "*"}, i.ID, "LANDFALL", truth))(t)
	for _, by := range []access.Scope{cdema, dma} {
		_, err := w.desk.Confirm(ctx, by, w.once(), i.ID, p.ID)
		refused(t, err, fault.State, "anchor_moved_since")
	}
	p = propose(forecast(maria.Add(6 * time.Hour)))
	must(w.desk.MoveAnchor(ctx, dma, access.Write{IfMatch: "*"}, i.ID, "LANDFALL", forecast(maria.Add(6*time.Hour))))(t)
	must(w.desk.Confirm(ctx, cdema, w.once(), i.ID, p.ID))(t) // it has come about by itself
	if left := must(w.desk.Proposals(ctx, dma, i.ID))(t); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

func TestAProposalThatExpiredIsNotConfirmedEvenBeforeItIsSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	p := proposeReceivers(t, w, atg, i.ID, "ATG", "LCA", "VCT")
	w.pass(incident.ProposalTime)
	_, err := w.desk.Confirm(ctx, dma, w.once(), i.ID, p.ID)
	refused(t, err, fault.NotFound, "proposal_not_found")
}

func TestNoPartyTakesTheRoomOfAnothersProposals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) { in.Receivers = []place.Party{"ATG", "LCA", "VCT"} })
	first := proposeReceivers(t, w, atg, i.ID, "ATG", "LCA", "VCT", "KNA")
	for _, p := range []place.Party{"GRD", "BRB", "TTO", "KNA", "GRD"} {
		last := proposeReceivers(t, w, atg, i.ID, "ATG", "LCA", "VCT", p)
		if waits := must(w.desk.Proposals(ctx, dma, i.ID))(t); len(waits) != 1 || waits[0].ID != last.ID {
			t.Fatalf("%+v", waits)
		}
	}
	if relays := must(w.desk.Relays(ctx, dma, i.ID))(t); len(relays) != 0 {
		t.Errorf("what was replaced counts as said: %+v", relays)
	}
	_, err := w.desk.Confirm(ctx, dma, w.once(), i.ID, first.ID)
	refused(t, err, fault.NotFound, "proposal_not_found")
	must(w.desk.StandDown(ctx, atg, w.onTheWordOf("DMA"), i.ID, "It turned north."))(t)
	proposeReceivers(t, w, atg, i.ID, "ATG")
	k := w.onTheWordOf("DMA")
	must(w.desk.MoveAnchor(ctx, atg, k, i.ID, "LANDFALL", forecast(maria.Add(time.Hour))))(t)
	propose := func(by access.Scope, party, name string) error {
		k := w.onTheWordOf(party)
		k.IfNone, k.IfMatch = true, ""
		_, err := w.desk.MoveAnchor(ctx, by, k, i.ID, name, forecast(maria.AddDate(0, 1, 0)))
		return err
	}
	if err := propose(atg, "LCA", "STAY_END.LCA"); err != nil {
		t.Fatal(err)
	}
	refused(t, propose(atg, "VCT", "STAY_END.VCT"), fault.State, "too_many_proposals")
	if err := propose(lca, "ATG", "STAY_END.ATG"); err != nil {
		t.Errorf("another party has no room: %v", err)
	}
}
