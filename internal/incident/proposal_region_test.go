package incident_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// propose has Antigua pass something on as the word of Dominica, and gives what waits.
type propose func(t *testing.T, w *world, id string) *incident.Proposal

func proposeMonitoring(t *testing.T, w *world, id string) *incident.Proposal {
	t.Helper()
	return must(w.desk.Monitor(ctx, atg, w.onTheWordOf("DMA"), id, landfall(maria)))(t).Proposed
}

func proposeActivation(t *testing.T, w *world, id string) *incident.Proposal {
	t.Helper()
	return must(w.desk.Activate(ctx, atg, w.onTheWordOf("DMA"), id, landfall(maria)))(t).Proposed
}

func proposeNaming(t *testing.T, w *world, id string) *incident.Proposal {
	t.Helper()
	return must(w.desk.SetReceivers(ctx, atg, w.onTheWordOf("DMA"), id, []place.Party{"ATG", "LCA", "BRB"}))(t).Proposed
}

func proposeAnchor(t *testing.T, w *world, id string) *incident.Proposal {
	t.Helper()
	must(w.desk.Monitor(ctx, dma, w.once(), id, landfall(maria)))(t)
	return must(w.desk.MoveAnchor(ctx, atg, w.onTheWordOf("DMA"), id, "LANDFALL", forecast(maria.Add(5*time.Hour))))(t).Proposed
}

// in lists the regional bodies that see the incident, and checks that lists say the same.
func (w *world) in(id string) []place.Party {
	w.t.Helper()
	var all []place.Party
	for _, body := range []place.Party{"ORG-CDEMA", "ORG-IOM", "ORG-OECS"} {
		scope := access.DutyScope(body)
		_, err := w.desk.Get(ctx, scope, id)
		if sees := err == nil; sees {
			all = append(all, body)
		}
		_, inside := w.desk.Steps(ctx, scope, id, incident.StepFilter{}, incident.PageRequest{})
		list := must(w.desk.List(ctx, scope, incident.Filter{}, incident.PageRequest{}))(w.t)
		open, _, _ := w.desk.ListOpen(ctx, scope, 10)
		if listed := len(list.Items) == 1; listed != (err == nil) || (inside == nil) != listed || len(open) == 1 != listed {
			w.t.Errorf("%s sees it: %v; its steps: %v; lists it: %t; among the open ones: %d", body, err, inside, listed, len(open))
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			w.t.Errorf("%s: %v", body, err)
		}
	}
	return all
}

// last gives the latest announcement of a type.
func (w *world) last(eventType string) ledger.Announcement {
	w.t.Helper()
	w.ledger.Settle(ctx, 30*time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.heard) {
		if a.Type == eventType {
			return a
		}
	}
	w.t.Fatalf("no %s was announced", eventType)
	return ledger.Announcement{}
}

func TestRegionalBodiesTakePartWhileAStartWaits(t *testing.T) {
	region := []place.Party{"ORG-CDEMA", "ORG-OECS"}
	for _, c := range []struct {
		name   string
		make   propose
		asked  []place.Party
		always []place.Party // that take part when it is confirmed
	}{
		{"monitoring", proposeMonitoring, region, nil},
		{"activation", proposeActivation, region, region},
		{"naming before it is known which protocol will run", proposeNaming, []place.Party{"ORG-CDEMA", "ORG-IOM", "ORG-OECS"}, nil},
		{"a key time", proposeAnchor, region, nil},
	} {
		for _, end := range []struct {
			name string
			by   place.Party // that is in afterwards
			do   func(t *testing.T, w *world, id, proposal string)
		}{
			{"withdrawn", "", func(t *testing.T, w *world, id, p string) { must(w.desk.Withdraw(ctx, atg, w.once(), id, p, ""))(t) }},
			{"declined by the origin", "", func(t *testing.T, w *world, id, p string) { must(w.desk.Withdraw(ctx, dma, w.once(), id, p, ""))(t) }},
			{"declined by a regional officer", "", func(t *testing.T, w *world, id, p string) { must(w.desk.Withdraw(ctx, cdema, w.once(), id, p, ""))(t) }},
			{"expired", "", func(t *testing.T, w *world, id, _ string) {
				w.pass(incident.ProposalTime + time.Second)
				must(w.desk.Sweep(ctx, id, w.clock()))(t)
			}},
			{"ended with the incident", "", func(t *testing.T, w *world, id, _ string) { must(w.desk.StandDown(ctx, dma, w.once(), id, "no"))(t) }},
			{"confirmed by the origin", "ORG-NONE", func(t *testing.T, w *world, id, p string) { must(w.desk.Confirm(ctx, dma, w.once(), id, p))(t) }},
			{"confirmed by a regional officer", "ORG-CDEMA", func(t *testing.T, w *world, id, p string) { must(w.desk.Confirm(ctx, cdema, w.once(), id, p))(t) }},
		} {
			t.Run(c.name+" "+end.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, nil)
				id := w.open().ID
				if in := w.in(id); len(in) != 0 {
					t.Fatalf("before anything is proposed %v take part", in)
				}
				p := c.make(t, w, id)
				var asked []string
				for _, body := range c.asked {
					asked = append(asked, "proposed "+string(body))
				}
				if got := w.calls(); !slices.Equal(got, append([]string{"proposed DMA"}, asked...)) {
					t.Errorf("asked %v", got)
				}
				if in := w.in(id); !slices.Equal(in, c.asked) {
					t.Fatalf("%v take part", in)
				}
				proposed := w.last(incident.EventProposed)
				w.mayRead(t, proposed, true)
				end.do(t, w, id, p.ID)

				var want []place.Party
				switch end.by {
				case "":
				case "ORG-NONE":
					want = c.always
				default:
					want = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(c.always), end.by))))
				}
				if in := w.in(id); !slices.Equal(in, want) {
					t.Errorf("afterwards %v take part, want %v", in, want)
				}
				w.mayRead(t, proposed, slices.Contains(want, "ORG-CDEMA"))
				if _, err := w.desk.Timeline(ctx, cdema, id, incident.PageRequest{}); (err == nil) != slices.Contains(want, "ORG-CDEMA") {
					t.Errorf("the timeline: %v", err)
				}
			})
		}
	}
}

// mayRead checks whether a regional officer may still be told of an event, by whatever way.
func (w *world) mayRead(t *testing.T, a ledger.Announcement, want bool) {
	t.Helper()
	data, may, err := w.desk.ReadEvent(ctx, cdema, a)
	if err != nil || may != want || may != json.Valid(data) {
		t.Errorf("a regional officer may read %s: %t %v", a.Type, may, err)
	}
}

func TestARegionalBodyKnowsAnIncidentFromTheProposalOn(t *testing.T) {
	w := newWorld(t, nil)
	id := w.open().ID
	before := w.last(incident.EventOpened)
	w.mayRead(t, before, false)
	p := proposeMonitoring(t, w, id)
	w.mayRead(t, before, false)
	if entries := must(w.desk.Timeline(ctx, cdema, id, incident.PageRequest{}))(t).Items; len(entries) != 1 || entries[0].Type != incident.EventProposed {
		t.Errorf("%+v", entries)
	}
	must(w.desk.Confirm(ctx, cdema, w.once(), id, p.ID))(t)
	must(w.desk.MoveAnchor(ctx, cdema, w.onTheWordOf("DMA"), id, "LANDFALL", forecast(maria.Add(5*time.Hour))))(t)
}

func TestOnlyTheOriginAndItsProposerDropAnEnd(t *testing.T) {
	w := newWorld(t, nil)
	id := w.open().ID
	p := must(w.desk.StandDown(ctx, atg, w.onTheWordOf("DMA"), id, "It turned north."))(t).Proposed
	if in := w.in(id); len(in) != 0 {
		t.Errorf("%v are asked to confirm an end", in)
	}
	proposeActivation(t, w, id)
	_, err := w.desk.Withdraw(ctx, cdema, w.once(), id, p.ID, "")
	refused(t, err, fault.Forbidden, "not_your_proposal")
	_, err = w.desk.Confirm(ctx, cdema, w.once(), id, p.ID)
	refused(t, err, fault.Forbidden, "origin_only")
}

func TestAListThatOnlyNamesByNowIsAStart(t *testing.T) {
	w := newWorld(t, nil)
	id := w.active().ID
	p := must(w.desk.SetReceivers(ctx, atg, w.onTheWordOf("DMA"), id, []place.Party{"ATG", "BRB"}))(t).Proposed
	if !p.Ends {
		t.Fatalf("%+v", p)
	}
	k := w.once()
	k.IfMatch = "*"
	must(w.desk.SetReceivers(ctx, dma, k, id, []place.Party{"ATG"}))(t)
	i := must(w.desk.Get(ctx, cdema, id))(t)
	if len(i.Proposals) != 1 || i.Proposals[0].Ends || !cdema.May(i.Proposals[0].Confirms(), i.Thing("")) {
		t.Fatalf("it is not shown as a start: %+v", i.Proposals)
	}
	if after := must(w.desk.Confirm(ctx, cdema, w.once(), id, p.ID))(t).Value; !slices.Equal(after.Receivers, []place.Party{"ATG", "BRB"}) {
		t.Errorf("%v", after.Receivers)
	}
}
