package incident_test

import (
	"fmt"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// TestWhoMayDoWhat is the whole matrix of commands and reads against roles: each on a world of its own.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	scopes := []struct {
		name  string
		scope access.Scope
	}{
		{"first account", everyone},
		{"coordinator of the origin", dma},
		{"official of the origin", official("DMA")},
		{"liaison of the origin", liaison("DMA")},
		{"auditor of the origin", auditor("DMA")},
		{"coordinator of a receiver", coordinator("ATG")},
		{"official of a receiver", atg},
		{"liaison of a receiver", liaison("ATG")},
		{"official of another receiver", lca},
		{"regional officer with steps", cdema},
		{"regional officer without", access.Scope{Account: "iom", Role: access.RoleRegionalOfficer, Party: "ORG-IOM"}},
		{"coordinator of a state not named", coordinator("VCT")},
		{"account of no role", access.Scope{Account: "x", Party: "DMA"}},
		{"nobody", access.Scope{}},
	}
	const yes, no, hidden = 'y', '-', '.'
	type row struct {
		name string
		who  string // one letter for each scope: y may, - forbidden, . there is no such incident
		do   func(w *world, scope access.Scope, id, boat string) error
	}
	step := func(key string) func(w *world, scope access.Scope, id, _ string) error {
		return func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.StartStep(ctx, scope, w.once(), id, key, incident.StepReport{}))
		}
	}
	rows := []row{
		{"read it", "yyyyyyyyyy....", func(w *world, scope access.Scope, id, _ string) error { return second(w.desk.Get(ctx, scope, id)) }},
		{"read steps", "yyyyyyyyyy....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.Steps(ctx, scope, id, incident.StepFilter{}, incident.PageRequest{}))
		}},
		{"read movements", "yyy-yyy-yy....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.Movements(ctx, scope, id))
		}},
		{"read figures", "yyy-yyy-yy....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.Figures(ctx, scope, id, "", incident.PageRequest{}))
		}},
		{"read answers", "yyy-yyy-yy....", func(w *world, scope access.Scope, id, _ string) error { return second(w.desk.Answers(ctx, scope, id)) }},
		{"read the timeline", "yyy-yyy-yy....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.Timeline(ctx, scope, id, incident.PageRequest{}))
		}},
		{"set receivers", "yy--------....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.SetReceivers(ctx, scope, access.Write{IfMatch: "*"}, id, []place.Party{"ATG", "LCA", "BRB"}))
		}},
		{"move an anchor", "yy--------....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.MoveAnchor(ctx, scope, access.Write{IfMatch: "*"}, id, "LANDFALL", forecast(maria.Add(5*time.Hour))))
		}},
		{"set the end of stay in ATG", "yy---yy---....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.MoveAnchor(ctx, scope, access.Write{IfNone: true}, id, "STAY_END.ATG", forecast(maria.AddDate(0, 6, 0))))
		}},
		{"stand down", "yy--------....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.StandDown(ctx, scope, w.once(), id, "over"))
		}},
		{"announce a movement", "yy--------....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.AnnounceMovement(ctx, scope, w.once(), id, incident.AnnounceMovement{
				Mode: incident.ByAir, To: incident.Spot{Party: "LCA"}, DepartsAt: monday, ETA: monday.Add(time.Hour), People: incident.People{Total: 40},
			}))
		}},
		{"depart", "yy--------....", func(w *world, scope access.Scope, id, boat string) error {
			return second(w.desk.DepartMovement(ctx, scope, w.once(), id, boat, incident.DepartMovement{}))
		}},
		{"cancel a movement", "yy--------....", func(w *world, scope access.Scope, id, boat string) error {
			return second(w.desk.CancelMovement(ctx, scope, w.once(), id, boat, incident.CancelMovement{Reason: "sea"}))
		}},
		{"arrive in ATG", "y----yy---....", func(w *world, scope access.Scope, id, boat string) error {
			return second(w.desk.ArriveMovement(ctx, scope, w.once(), id, boat, incident.ArriveMovement{People: incident.People{Total: 120}}))
		}},
		{"answer for ATG", "y----yy---....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.GiveAnswer(ctx, scope, w.once(), id, incident.Answer{Party: "ATG", Kind: incident.Decline}))
		}},
		{"report a figure", "yyy--yy-yy....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.ReportFigure(ctx, scope, w.once(), id, figure()))
		}},
		{"work on an origin step", "yyy-------....", step("HUR-05")},
		{"work on an origin tourism step", "yyyy------....", step("HUR-03")},
		{"work on a step of ATG", "y----yy---....", step("HUR-07.ATG")},
		{"work on a tourism step of ATG", "y----yyy--....", step("HUR-23.ATG")},
		{"work on a regional step", "y--------y....", step("HUR-06")},
		{"waive an origin step", "yyy------y....", func(w *world, scope access.Scope, id, _ string) error {
			return second(w.desk.MarkNotApplicable(ctx, scope, w.once(), id, "HUR-05", incident.StepReport{Reason: "done by others"}))
		}},
	}
	for _, r := range rows {
		for n, s := range scopes {
			t.Run(r.name+" as "+s.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, nil)
				i := w.active()
				boat := w.boat(i.ID, "ATG")
				err := r.do(w, s.scope, i.ID, boat.ID)
				switch want := r.who[n]; {
				case want == yes && err != nil:
					t.Errorf("may, and is told %v", err)
				case want == no && !fault.Is(err, fault.Forbidden) && fault.CodeOf(err) != "step_not_found":
					t.Errorf("may not, and is told %v", err)
				case want == hidden && (err == nil || err.Error() != "not_found/incident_not_found: There is no such incident."):
					t.Errorf("must not know, and is told %v", err)
				}
			})
		}
	}
}

func TestAStatesIslandActsOnlyForItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) { in.Receivers = []place.Party{"ATG"} })
	_, err := w.desk.Get(ctx, coordinator("ATG-BARBUDA"), i.ID)
	refused(t, err, fault.NotFound, "incident_not_found")
}

func TestWordsPassedOnHaveTheRightsOfWhoseTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	relay := func(p string) access.Write {
		k := w.once()
		k.Relay = &ledger.Relay{OnBehalfOf: p, RelayedBy: "satellite", SaidAt: ptr(monday)}
		return k
	}
	must(w.desk.CompleteStep(ctx, atg, relay("DMA"), i.ID, "HUR-05", incident.StepReport{}))(t)
	must(w.desk.CompleteStep(ctx, dma, relay("ORG-CDEMA"), i.ID, "HUR-06", incident.StepReport{}))(t)
	must(w.desk.CompleteStep(ctx, cdema, relay("LCA"), i.ID, "HUR-07.LCA", incident.StepReport{}))(t)
	must(w.desk.CompleteStep(ctx, everyone, relay("ATG"), i.ID, "HUR-07.ATG", incident.StepReport{}))(t)
	_, err := w.desk.CompleteStep(ctx, everyone, relay("ATG"), i.ID, "HUR-08.LCA", incident.StepReport{})
	refused(t, err, fault.Forbidden, "not_your_step")
	_, err = w.desk.CompleteStep(ctx, liaison("ATG"), relay("DMA"), i.ID, "HUR-04", incident.StepReport{})
	refused(t, err, fault.NotFound, "step_not_found")
	_, err = w.desk.CompleteStep(ctx, liaison("ATG"), relay("DMA"), i.ID, "HUR-23.ATG", incident.StepReport{})
	refused(t, err, fault.Forbidden, "may_not_relay")
	_, err = w.desk.CompleteStep(ctx, official("DMA"), relay("DMA"), i.ID, "HUR-04", incident.StepReport{})
	refused(t, err, fault.Invalid, "invalid")
	_, err = w.desk.CompleteStep(ctx, vct, relay("DMA"), i.ID, "HUR-04", incident.StepReport{})
	refused(t, err, fault.NotFound, "incident_not_found")

	line := must(w.desk.Timeline(ctx, dma, i.ID, incident.PageRequest{}))(t)
	first := line.Items[2]
	if first.Party != "ATG" || first.Relay == nil || first.Relay.OnBehalfOf != "DMA" || first.Relay.RelayedBy != "satellite" {
		t.Errorf("entry %+v", first)
	}
}

func TestOnlyTheAffectedStateOrItsWordOpensAnIncident(t *testing.T) {
	t.Parallel()
	for n, c := range []struct {
		by    access.Scope
		relay *ledger.Relay
		draft bool
		code  string
	}{
		{dma, nil, false, ""},
		{everyone, nil, false, ""},
		{official("DMA"), nil, false, "origin_only"},
		{coordinator("ATG"), nil, false, "origin_only"},
		{auditor("DMA"), nil, false, "read_only"},
		{atg, &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "satellite"}, false, ""},
		{atg, &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "satellite"}, true, "invalid"},
		{vct, &ledger.Relay{OnBehalfOf: "DMA", RelayedBy: "satellite"}, false, "may_not_relay"},
		{atg, &ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "satellite"}, false, "origin_only"},
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, nil)
			in := w.request()
			in.Draft = c.draft
			_, err := w.desk.Open(ctx, c.by, access.Write{Relay: c.relay}, in)
			if c.code == "" && err != nil || c.code != "" && fault.CodeOf(err) != c.code {
				t.Errorf("told %v, want %q", err, c.code)
			}
		})
	}
}
