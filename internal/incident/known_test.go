package incident_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
)

func TestWhatWasKnownOfStepsMovementsAnswersAndFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	before := w.clock()
	w.pass(time.Hour)
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-11", incident.StepReport{}))(t)
	boat := w.boat(i.ID, "ATG")
	must(w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept}))(t)
	first := must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure()))(t).Value
	between := w.clock()
	w.pass(time.Hour)
	w.arrive(i.ID, boat.ID, atg, 100)
	must(w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Decline}))(t)
	must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure(func(f *incident.Figure) { f.Number, f.Supersedes = 130, first.ID })))(t)
	w.pass(24 * time.Hour)

	type seen struct {
		done, overdue, answers, figures int
		movements                       []incident.MovementStatus
		superseded                      bool
	}
	look := func(scope access.Scope, at time.Time) seen {
		k := must(w.desk.GetAsKnownAt(ctx, scope, i.ID, at))(t)
		var s seen
		for _, step := range k.Steps() {
			if step.Status == incident.StepDone {
				s.done++
			}
			if step.Overdue {
				s.overdue++
			}
		}
		for _, m := range k.Movements() {
			s.movements = append(s.movements, m.Status)
		}
		s.answers = len(k.Answers())
		figures, more, err := w.desk.FiguresAsKnownAt(ctx, k, 10)
		if err != nil || more {
			t.Fatalf("%v, more %t", err, more)
		}
		s.figures = len(figures)
		for _, f := range figures {
			s.superseded = s.superseded || f.SupersededBy != ""
		}
		return s
	}
	if s := look(dma, before); s.done != 0 || s.answers != 0 || s.figures != 0 || len(s.movements) != 0 {
		t.Errorf("before: %+v", s)
	}
	if s := look(dma, between); s.done != 1 || s.answers != 1 || s.figures != 1 || s.superseded || !slices.Equal(s.movements, []incident.MovementStatus{incident.Announced}) {
		t.Errorf("between: %+v", s)
	}
	if now := look(dma, w.clock()); now.answers != 2 || now.figures != 2 || !now.superseded || !slices.Equal(now.movements, []incident.MovementStatus{incident.Arrived}) || now.overdue == 0 {
		t.Errorf("now: %+v", now)
	}
	if s := look(dma, before); s.overdue != 0 {
		t.Errorf("%d steps were overdue before any was", s.overdue)
	}
	// A liaison sees the tourism steps of its own state, then as now.
	if s := look(liaison("DMA"), between); s.answers != 0 || s.figures != 0 || len(s.movements) != 0 || s.done != 0 {
		t.Errorf("a liaison saw %+v", s)
	}
	k := must(w.desk.GetAsKnownAt(ctx, dma, i.ID, w.clock()))(t)
	if figures, more, err := w.desk.FiguresAsKnownAt(ctx, k, 1); err != nil || len(figures) != 1 || !more {
		t.Errorf("%d of two figures, more %t, %v", len(figures), more, err)
	}
}

// TestTheLatestIsTheTimelineBackwards reads random histories in pages of random sizes from both ends.
func TestTheLatestIsTheTimelineBackwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	for n := range 300 { // more than one window
		key := []string{"HUR-05", "HUR-11"}[n%2]
		must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, key, incident.StepReport{Note: "at work"}))(t)
	}
	w.pass(8 * time.Hour)
	must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(must(w.desk.Get(ctx, dma, i.ID))(t).Seq)}, i.ID, append(slices.Clone(i.Receivers), "VCT")))(t)
	must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Note: "at work"}))(t)

	read := func(t helper, limit int, page func(incident.PageRequest) (incident.Page[incident.Entry], error)) []string {
		var ids []string
		for cursor := ""; ; {
			p, err := page(incident.PageRequest{Limit: limit, Cursor: cursor})
			if err != nil {
				t.Fatalf("%v", err)
			}
			for _, e := range p.Items {
				ids = append(ids, e.ID)
			}
			if cursor = p.Next; cursor == "" {
				return ids
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		scope := rapid.SampledFrom([]access.Scope{dma, atg, official("VCT")}).Draw(rt, "scope")
		limit := rapid.SampledFrom([]int{7, 40, 150, 400}).Draw(rt, "limit")
		forth := read(rt, 500, func(p incident.PageRequest) (incident.Page[incident.Entry], error) {
			return w.desk.Timeline(ctx, scope, i.ID, p)
		})
		back := read(rt, limit, func(p incident.PageRequest) (incident.Page[incident.Entry], error) {
			return w.desk.Latest(ctx, scope, i.ID, "", p)
		})
		slices.Reverse(back)
		if !slices.Equal(forth, back) {
			rt.Fatalf("%d entries from the front, %d from the end", len(forth), len(back))
		}
		for _, e := range read(rt, limit, func(p incident.PageRequest) (incident.Page[incident.Entry], error) {
			return w.desk.Latest(ctx, scope, i.ID, "HUR-11", p)
		}) {
			if !slices.Contains(forth, e) {
				rt.Fatalf("%s of the step is not in the timeline", e)
			}
		}
	})
	if n := len(read(t, 7, func(p incident.PageRequest) (incident.Page[incident.Entry], error) {
		return w.desk.Latest(ctx, dma, i.ID, "HUR-11", p)
	})); n != 150 {
		t.Errorf("%d entries of a step with 150 notes", n)
	}
	_, err := w.desk.Latest(ctx, dma, i.ID, "", incident.PageRequest{Cursor: "-1"})
	refused(t, err, fault.Invalid, "bad_cursor")
	_, err = w.desk.Latest(ctx, liaison("DMA"), i.ID, "", incident.PageRequest{})
	refused(t, err, fault.Forbidden, "headlines_only")
}
