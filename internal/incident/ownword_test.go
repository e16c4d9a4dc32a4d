package incident_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
)

// said is a word that a caller gives, its party's own or another's passed on.
type said func(w *world, by access.Scope, k access.Write, id string) error

// onStep says something of a step of Antigua.
func onStep(do func(*incident.Desk, context.Context, access.Scope, access.Write, string, string, incident.StepReport) (incident.Done[incident.Step], error),
	in incident.StepReport,
) said {
	return func(w *world, by access.Scope, k access.Write, id string) error {
		k.IfMatch = ""
		_, err := do(w.desk, ctx, by, k, id, "HUR-08.ATG", in)
		return err
	}
}

// settledAs gives what became of each word that was passed on in an incident, the oldest first.
func (w *world) settledAs(id string) []string {
	w.t.Helper()
	var all []string
	for _, r := range slices.Backward(must(w.desk.Relays(ctx, dma, id))(w.t)) {
		switch {
		case r.Confirmed():
			all = append(all, "confirmed by "+string(r.ConfirmedBy))
		case r.Settled():
			all = append(all, "corrected by "+string(r.CorrectedBy))
		default:
			all = append(all, "open")
		}
	}
	return all
}

// closed gives the alerts about words passed on that the last announcement closes, by how.
func (w *world) closed() []string {
	w.ledger.Settle(ctx, 30*time.Second)
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, c := range w.heard[len(w.heard)-1].Closes {
		if c.Kind == "relayed" {
			all = append(all, c.Reason)
		}
	}
	return all
}

func TestAnOwnWordSettlesWhatOthersEntered(t *testing.T) {
	accept := func(ceiling int) incident.Answer {
		return incident.Answer{Party: "ATG", Kind: incident.Accept, Ceiling: ptr(ceiling), Conditions: []string{"Daylight only"}}
	}
	counted := func(number int) incident.Figure { return figure(func(f *incident.Figure) { f.Number = number }) }
	other := func(f incident.Figure, change func(*incident.Figure)) incident.Figure { change(&f); return f }
	answer := func(a incident.Answer) said {
		return func(w *world, by access.Scope, k access.Write, id string) error {
			_, err := w.desk.GiveAnswer(ctx, by, k, id, a)
			return err
		}
	}
	report := func(f incident.Figure) said {
		return func(w *world, by access.Scope, k access.Write, id string) error {
			_, err := w.desk.ReportFigure(ctx, by, k, id, f)
			return err
		}
	}
	start := onStep((*incident.Desk).StartStep, incident.StepReport{})
	complete := onStep((*incident.Desk).CompleteStep, incident.StepReport{})
	prove := onStep((*incident.Desk).CompleteStep, incident.StepReport{Waiver: "Told by radio."})
	waive := onStep((*incident.Desk).MarkNotApplicable, incident.StepReport{Reason: "None needed."})
	reopen := onStep((*incident.Desk).ReopenStep, incident.StepReport{Reason: "By mistake."})
	note := onStep((*incident.Desk).NoteStep, incident.StepReport{Note: "Asking around."})
	counts := counted(118)
	counts.ID = "0198c0de-0000-7000-8000-00000000f160"
	red := func(f *incident.Figure) { f.Role, f.Source.Name = incident.Triangulation, "Red Cross" }

	for _, c := range []struct {
		name   string
		passed []said
		by     access.Scope
		own    said
		want   []string
	}{
		{"the same answer", []said{answer(accept(40))}, atg, answer(accept(40)), []string{"confirmed by official"}},
		{"the same answer with its note", []said{answer(accept(40))}, atg, answer(func() incident.Answer { a := accept(40); a.Reference = "NV 12"; return a }()), []string{"confirmed by official"}},
		{"another ceiling", []said{answer(accept(40))}, atg, answer(accept(60)), []string{"corrected by official"}},
		{"another answer", []said{answer(accept(40)), answer(incident.Answer{Party: "ATG", Kind: incident.Decline})}, atg, answer(incident.Answer{Party: "ATG", Kind: incident.Decline, Text: "No rooms."}), []string{"corrected by official", "confirmed by official"}},
		{"an answer of another state", []said{answer(accept(40))}, lca, answer(incident.Answer{Party: "LCA", Kind: incident.Decline}), []string{"open"}},
		{"an answer once more passed on", []said{answer(accept(40))}, vct, nil, []string{"open"}},
		{"a question after the answer", []said{answer(accept(40))}, atg, answer(incident.Answer{Party: "ATG", Kind: incident.Question, Text: "For how long?"}), []string{"open"}},
		{"a step begun and done", []said{start}, atg, complete, []string{"confirmed by official"}},
		{"the proof of a step done", []said{start, complete}, atg, prove, []string{"confirmed by official", "confirmed by official"}},
		{"a step not done after all", []said{start, complete}, atg, reopen, []string{"confirmed by official", "corrected by official"}},
		{"a step that does not apply", []said{start}, atg, waive, []string{"corrected by official"}},
		{"a step reopened and begun", []said{complete, reopen}, atg, start, []string{"corrected by official", "confirmed by official"}},
		{"a step that a regional body waives", []said{start}, cdema, waive, []string{"open"}},
		{"a note is nobody else's to confirm", []said{note}, atg, start, []string{"open"}},
		{"a note settles nothing", []said{start}, atg, note, []string{"open"}},
		{"a figure that supersedes it with another number", []said{report(counts)}, atg, report(other(counted(112), func(f *incident.Figure) { f.Supersedes = counts.ID })), []string{"corrected by official"}},
		{"a figure that supersedes it with the same number", []said{report(counts)}, atg, report(other(counted(118), func(f *incident.Figure) { f.Supersedes, f.Source.Reference = counts.ID, "sitrep 4" })), []string{"confirmed by official"}},
		{"a figure of the same source and day", []said{report(other(counted(118), red))}, atg, report(other(counted(112), red)), []string{"corrected by official"}},
		{"a figure of another source", []said{report(other(counted(118), red))}, atg, report(counted(112)), []string{"open"}},
		{"a figure that the origin reports", []said{report(other(counted(118), red))}, dma, report(other(counted(112), red)), []string{"open"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			id := w.active().ID
			for _, say := range c.passed {
				w.pass(time.Second)
				if err := say(w, dma, w.onTheWordOf("ATG"), id); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(time.Second)
			if c.own != nil {
				if err := c.own(w, c.by, w.once(), id); err != nil {
					t.Fatal(err)
				}
			} else if err := c.passed[0](w, lca, w.onTheWordOf("ATG"), id); err != nil {
				t.Fatal(err)
			} else {
				c.want = append(c.want, "open")
			}
			if got := w.settledAs(id); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			var closes []string
			for _, want := range c.want {
				if how, _, settled := strings.Cut(want, " by "); settled {
					closes = append(closes, how)
				}
			}
			got := w.closed()
			slices.Sort(got)
			slices.Sort(closes)
			if !slices.Equal(got, closes) {
				t.Errorf("alerts closed as %v, want %v", got, closes)
			}
		})
	}
}

func TestAnOwnKeyTimeThatSaysTheSameConfirmsWhatWasEntered(t *testing.T) {
	w := newWorld(t, nil)
	id := w.active().ID
	at := forecast(maria.Add(5 * time.Hour))
	must(w.desk.MoveAnchor(ctx, cdema, w.onTheWordOf("DMA"), id, "LANDFALL", at))(t)
	if open := must(w.desk.Get(ctx, lca, id))(t).Unconfirmed; len(open) != 1 {
		t.Fatalf("not confirmed: %v", open)
	}
	w.pass(time.Second)
	mine := w.once()
	mine.IfMatch = "*"
	own := must(w.desk.MoveAnchor(ctx, dma, mine, id, "LANDFALL", at))(t)
	i := must(w.desk.Get(ctx, lca, id))(t)
	if got := w.settledAs(id); len(i.Unconfirmed) > 0 || !slices.Equal(got, []string{"confirmed by coordinator"}) || !slices.Equal(w.closed(), []string{"confirmed"}) {
		t.Errorf("%v, not confirmed: %v, alerts closed: %v", got, i.Unconfirmed, w.closed())
	}
	mine.Key = ""
	if again := must(w.desk.MoveAnchor(ctx, dma, mine, id, "LANDFALL", at))(t); len(own.Events) == 0 || len(again.Events) > 0 {
		t.Errorf("events: %v, and said again %v", own.Events, again.Events)
	}
}

func TestWhatIsCorrectedIsNotConfirmed(t *testing.T) {
	w := newWorld(t, nil)
	id := w.active().ID
	must(w.desk.GiveAnswer(ctx, dma, w.onTheWordOf("ATG"), id, incident.Answer{Party: "ATG", Kind: incident.Decline}))(t)
	must(w.desk.GiveAnswer(ctx, atg, w.once(), id, incident.Answer{Party: "ATG", Kind: incident.Accept}))(t)
	relays := must(w.desk.Relays(ctx, atg, id))(t)
	_, err := w.desk.ConfirmRelay(ctx, atg, w.once(), id, relays[0].Seq)
	refused(t, err, fault.State, "relay_corrected")
	for _, e := range must(w.desk.Timeline(ctx, dma, id, incident.PageRequest{}))(t).Items {
		if e.Seq == relays[0].Seq && (e.Confirmed() || !e.Corrected()) {
			t.Errorf("the timeline has %+v", e)
		}
	}
}
