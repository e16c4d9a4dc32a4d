package console

import (
	"net/http"
	"net/url"
	"slices"

	"landfall/internal/incident"
)

// figuresView is everything that was reported.
type figuresView struct {
	about
	Lines []figureLine
	More  string
}

func (c *Console) incidentFigures(v *visit) error {
	a, err := v.load("/figures")
	if err != nil {
		return err
	}
	page, err := c.incident.Figures(v.ctx(), v.scope, a.I.ID, "", incident.PageRequest{Limit: 50, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	view := figuresView{about: a}
	for _, f := range page.Items {
		view.Lines = append(view.Lines, v.figureLine(f))
	}
	if page.Next != "" {
		view.More = a.At("/figures?cursor=" + url.QueryEscape(page.Next))
	}
	return v.part(http.StatusOK, "incident_figures", a, view)
}

// answersView is what the receiving states said.
type answersView struct {
	about
	Receivers []receiverLine
	All       []*incident.Answer
	Offered   int     // places, by the latest acceptances with a ceiling
	Answer    *action // of whoever may answer; nil for others
}

func (c *Console) incidentAnswers(v *visit) error {
	a, err := v.load("/answers")
	if err != nil {
		return err
	}
	view := answersView{about: a}
	if view.All, err = c.incident.Answers(v.ctx(), v.scope, a.I.ID); err != nil {
		return err
	}
	told, err := c.notify.ForIncident(v.ctx(), v.scope, a.I.ID)
	if err != nil {
		return err
	}
	for _, p := range a.I.Receivers {
		l := v.receiverLine(a.I, p, view.All, told, a.Wall)
		view.Receivers = append(view.Receivers, l)
		if l.Answer != nil && l.Answer.Kind == incident.Accept && l.Answer.Ceiling != nil {
			view.Offered += *l.Answer.Ceiling
		}
	}
	worstFirst(view.Receivers)
	for _, act := range v.actions(a, view.All) {
		if act.Href == a.At("/answers/new") {
			view.Answer = &act
		}
	}
	return v.part(http.StatusOK, "incident_answers", a, view)
}

type movementsView struct {
	about
	Lines []movementLine
}

func (c *Console) incidentMovements(v *visit) error {
	a, err := v.load("/movements")
	if err != nil {
		return err
	}
	all, err := c.incident.Movements(v.ctx(), v.scope, a.I.ID)
	if err != nil {
		return err
	}
	view := movementsView{about: a}
	for _, m := range slices.Backward(all) {
		view.Lines = append(view.Lines, v.movementAt(m, a.Now))
	}
	return v.part(http.StatusOK, "incident_movements", a, view)
}
