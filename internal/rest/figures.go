package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/incident"
	"landfall/internal/place"
)

// ReportFigure records a figure.
func (s *Server) ReportFigure(c echo.Context, id string, _ ReportFigureParams) error {
	body, err := read[NewFigure](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.ReportFigure(c.Request().Context(), k.scope, k.write, id, figureOf(body))
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, incidentsPath+id+"/figures", done.Seq, figure(done.Value))
}

// ListFigures lists the figures of an incident.
func (s *Server) ListFigures(c echo.Context, id string, p ListFiguresParams) error {
	page, err := s.incident.Figures(c.Request().Context(), callOf(c).scope, id, incident.FigureRole(p.Role),
		incident.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, FigurePage{Items: each(page.Items, figure), NextCursor: page.Next})
}

// GiveAnswer records what a receiving state says.
func (s *Server) GiveAnswer(c echo.Context, id string, _ GiveAnswerParams) error {
	body, err := read[NewAnswer](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.GiveAnswer(c.Request().Context(), k.scope, k.write, id, incident.Answer{
		ID: body.ID, Party: place.Party(body.Party), Kind: incident.AnswerKind(body.Kind), Ceiling: body.Ceiling, Conditions: body.Conditions,
		ValidUntil: body.ValidUntil, Text: body.Text, Reference: body.Reference, OccurredAt: body.OccurredAt,
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, incidentsPath+id+"/answers", done.Seq, answer(done.Value))
}

// ListAnswers lists what the receiving states said.
func (s *Server) ListAnswers(c echo.Context, id string, p ListAnswersParams) error {
	all, err := s.incident.Answers(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	items, next, err := pageOf(all, limitOr(p.Limit, pageSize), p.Cursor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, AnswerPage{Items: each(items, answer), NextCursor: next})
}

func figureOf(b NewFigure) incident.Figure {
	f := incident.Figure{
		ID: b.ID, Place: spotOf(b.Place), Quantifier: incident.Quantifier(b.Quantifier), Unit: incident.Unit(b.Unit), Number: b.Number,
		HouseholdSize: b.HouseholdSize, Category: incident.FigureCategory(b.Category), Term: incident.Term(b.Term),
		Setting: incident.Setting(b.Setting), Role: incident.FigureRole(b.Role), AsOf: b.AsOf, Since: b.Since, Supersedes: b.Supersedes,
		Source: incident.FigureSource{
			Name: b.Source.Name, Kind: incident.SourceKind(b.Source.Kind), Reliability: incident.Reliability(b.Source.Reliability), Reference: b.Source.Reference,
		},
		Final: b.Final, OccurredAt: b.OccurredAt,
		Parts: each(b.Parts, func(p FigurePart) incident.FigurePart {
			return incident.FigurePart{
				Sex: incident.Sex(p.Sex), AgeFrom: p.AgeFrom, AgeTo: p.AgeTo, Setting: incident.Setting(p.Setting), Place: p.Place, Number: p.Number,
			}
		}),
	}
	if b.Coverage != nil {
		f.Coverage = &incident.Coverage{Covered: b.Coverage.Covered, Total: b.Coverage.Total}
	}
	return f
}

func figure(f incident.Figure) Figure {
	v := Figure{
		ID: f.ID, Place: spot(f.Place), Quantifier: Quantifier(f.Quantifier), Unit: FigureUnit(f.Unit), Number: f.Number,
		HouseholdSize: f.HouseholdSize, Persons: f.Persons, Kind: FigureKind(f.Kind), Category: FigureCategory(f.Category),
		Term: FigureTerm(f.Term), Setting: FigureSetting(f.Setting), Role: FigureRole(f.Role), AsOf: f.AsOf, Since: f.Since,
		Source: FigureSource{
			Name: f.Source.Name, Kind: SourceKind(f.Source.Kind), Reliability: Reliability(f.Source.Reliability), Reference: f.Source.Reference,
		},
		Supersedes: f.Supersedes, SupersededBy: f.SupersededBy, PartsAddUp: f.PartsAddUp, Final: f.Final, ReportedBy: Party(f.ReportedBy),
		OccurredAt: f.OccurredAt, RecordedAt: f.RecordedAt, Relay: relay(f.Relayed),
		Parts: each(f.Parts, func(p incident.FigurePart) FigurePart {
			return FigurePart{Sex: Sex(p.Sex), AgeFrom: p.AgeFrom, AgeTo: p.AgeTo, Setting: FigureSetting(p.Setting), Place: p.Place, Number: p.Number}
		}),
	}
	if f.Coverage != nil {
		v.Coverage = &Coverage{Covered: f.Coverage.Covered, Total: f.Coverage.Total}
	}
	return v
}

func answer(a *incident.Answer) Answer {
	return Answer{
		ID: a.ID, Party: Party(a.Party), Kind: AnswerKind(a.Kind), Ceiling: a.Ceiling, Conditions: a.Conditions, ValidUntil: a.ValidUntil,
		Text: a.Text, Reference: a.Reference, OccurredAt: a.OccurredAt, RecordedAt: a.RecordedAt,
		ByRole: string(a.By.Role), ByParty: Party(a.By.Party), Relay: relay(a.Relayed),
	}
}
