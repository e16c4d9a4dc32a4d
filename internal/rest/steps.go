package rest

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// ListSteps lists the steps of an incident.
func (s *Server) ListSteps(c echo.Context, id string, p ListStepsParams) error {
	page, err := s.incident.Steps(c.Request().Context(), callOf(c).scope, id, incident.StepFilter{
		Party: place.Party(p.Party), Phase: protocol.Phase(p.Phase), Side: protocol.Side(p.Side),
		Status:  each(p.Status, func(w StepStatus) incident.StepStatus { return incident.StepStatus(w) }),
		Overdue: p.Overdue, DueSoon: p.DueSoon, Blocked: p.Blocked, Stale: p.Stale, ProofOwed: p.ProofOwed,
	}, incident.PageRequest{Limit: limitOr(p.Limit, stepPageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, StepPage{Items: each(page.Items, s.step), NextCursor: page.Next})
}

// GetStep shows one step.
func (s *Server) GetStep(c echo.Context, id, key string, _ GetStepParams) error {
	step, err := s.incident.Step(c.Request().Context(), callOf(c).scope, id, key)
	if err != nil {
		return err
	}
	return s.show(c, step.Seq, s.step(step))
}

// StartStep says that a step is being worked on.
func (s *Server) StartStep(c echo.Context, id, key string, _ StartStepParams) error {
	body, err := read[StepReport](c)
	if err != nil {
		return err
	}
	return s.report(c, s.incident.StartStep, id, key, incident.StepReport{OccurredAt: body.OccurredAt})
}

// CompleteStep says that a step is done.
func (s *Server) CompleteStep(c echo.Context, id, key string, _ CompleteStepParams) error {
	body, err := read[StepCompletion](c)
	if err != nil {
		return err
	}
	in := incident.StepReport{OccurredAt: body.OccurredAt, Waiver: body.ProofWaived}
	if e := body.Evidence; e != nil {
		in.Evidence = &incident.Evidence{Type: protocol.EvidenceType(e.Type), Reference: e.Reference}
	}
	return s.report(c, s.incident.CompleteStep, id, key, in)
}

// MarkStepNotApplicable says that a step has no meaning here.
func (s *Server) MarkStepNotApplicable(c echo.Context, id, key string, _ MarkStepNotApplicableParams) error {
	body, err := read[StepReason](c)
	if err != nil {
		return err
	}
	return s.report(c, s.incident.MarkNotApplicable, id, key, incident.StepReport{OccurredAt: body.OccurredAt, Reason: body.Reason})
}

// NoteStep adds a note to a step.
func (s *Server) NoteStep(c echo.Context, id, key string, _ NoteStepParams) error {
	body, err := read[StepNote](c)
	if err != nil {
		return err
	}
	return s.report(c, s.incident.NoteStep, id, key, incident.StepReport{OccurredAt: body.OccurredAt, Note: body.Note})
}

// ReopenStep takes back that a step was closed.
func (s *Server) ReopenStep(c echo.Context, id, key string, _ ReopenStepParams) error {
	body, err := read[StepReason](c)
	if err != nil {
		return err
	}
	return s.report(c, s.incident.ReopenStep, id, key, incident.StepReport{OccurredAt: body.OccurredAt, Reason: body.Reason})
}

// stepCommand is a desk's command on one step.
type stepCommand func(context.Context, access.Scope, access.Write, string, string, incident.StepReport) (incident.Done[incident.Step], error)

func (s *Server) report(c echo.Context, command stepCommand, id, key string, in incident.StepReport) error {
	k := callOf(c)
	done, err := command(c.Request().Context(), k.scope, k.write, id, key, in)
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.show(c, done.Seq, s.step(done.Value))
}

func (s *Server) step(v incident.Step) Step {
	out := Step{
		Key: v.Key, Code: v.Code, Title: text(v.Title), Phase: Phase(v.Phase), Side: Side(v.Side), Party: Party(v.Party), Agency: v.Agency,
		LifeSafety: v.LifeSafety, MovementID: v.Movement, Period: v.Period, Placeholder: v.Placeholder, Status: StepStatus(v.Status),
		PlannedDueAt: v.Plan.At, DueAt: v.DueAt, PastDueAt: v.PastDues, WaitingFor: string(v.Plan.WaitingFor),
		DueSoon: v.DueSoon, Overdue: v.Overdue, DoneLate: v.DoneLate, Blocked: v.Blocked, Stale: v.Stale,
		ProofOwed: v.ProofOwed, ProofWaived: v.Waived, ClosedBy: EvidenceType(v.Closes),
		Needs:     each(v.Needs, func(n incident.Need) StepNeed { return StepNeed{Key: n.Key, Hard: n.Hard} }),
		StartedAt: v.StartedAt, ClosedAt: v.ClosedAt, LastWordAt: v.Word, Reason: v.Reason, Notes: v.Notes, Relay: relay(v.Relayed), Etag: s.opt.ETag(v.Seq),
	}
	if v.Plan.Anchor != "" {
		out.Plan = &StepPlan{Anchor: string(v.Plan.Anchor), AnchorAt: v.Plan.AnchorAt, Kind: AnchorKind(v.Plan.Kind), Offset: v.Plan.Offset.String()}
	}
	if v.Evidence != nil {
		out.Evidence = &Evidence{Type: EvidenceType(v.Evidence.Type), Reference: v.Evidence.Reference}
	}
	return out
}
