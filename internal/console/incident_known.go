package console

import (
	"net/http"
	"net/url"
	"time"

	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
)

// knownView is an incident as it could be known at a moment: for whoever has to answer what was known when.
type knownView struct {
	overviewView
	Moment      time.Time // wall time
	Then, Zone  string    // that in words, and whose clock the form is of
	Provisional bool
	Groups      []stepGroup // where all are asked for
	AllSteps    string      // where they are
	Left        string      // that figures are left out
	Form        *form
	Nothing     bool // nothing could be known of it then
}

// knownFigures bounds the figures that the page shows.
const knownFigures = 50

// incidentKnown shows an incident as it could be known at ?at=: an instant as links carry it, or a date and time of the reader's clock. Without
// one it is as it is known now.
func (c *Console) incidentKnown(v *visit) error {
	a, err := v.load("/known")
	if err != nil {
		return err
	}
	text, f := v.QueryParam("at"), newForm()
	at, read := check.ParseTime(text)
	switch {
	case text == "":
		at = c.now()
	case !read:
		at = v.moment(f.with("at", text), "at", a.I.Origin)
	}
	if at.After(c.now()) {
		f.wrong("at", string(v.L.Page.Incidents.Known.Future))
	}
	if !f.Failed() {
		f.with("at", v.local(at, a.I.Origin))
	}
	view := knownView{
		overviewView: overviewView{about: a}, Moment: at, Form: f, Zone: v.workZone(a.I.Origin, false),
		Then: v.L.Page.Incidents.Known.Then.Say(locale.Name{Name: v.L.Moment(at, v.zone(a.I.Origin))}),
	}
	if !f.Failed() {
		switch err := view.read(v); {
		case fault.Is(err, fault.NotFound):
			view.Nothing = true
		case fault.Is(err, fault.Invalid):
			f.wrong("at", string(v.L.Page.Form.Moment))
		case err != nil:
			return err
		}
	}
	status := http.StatusOK
	if f.Failed() {
		status = f.status()
	}
	return v.show(status, "incident_known", a.I.Title, view, in("incidents"), during(a.I.Exercise), backTo(a.At(""), a.I.Code))
}

// read fills the page. NotFound: there was nothing that this account could have known.
func (view *knownView) read(v *visit) error {
	c := v.console
	k, err := c.incident.GetAsKnownAt(v.ctx(), v.scope, view.I.ID, view.Moment)
	if err != nil {
		return err
	}
	view.about = about{
		I: k.Incident, Line: v.incidentLine(k.Incident), Tab: view.Tab, Tabs: view.Tabs, Now: k.Scenario(), Wall: view.Moment, Whole: view.Whole,
	}
	view.Hazard, view.Provisional = k.Hazard, k.Provisional
	view.overview(v)
	steps := k.Steps()
	view.attention(v, steps)
	every, err := queried(v, "steps", []string{"1"})
	if err != nil {
		return err
	}
	if every != "" {
		view.Groups = v.stepGroups(view.about, steps, func(incident.Step) bool { return true })
	} else if len(steps) > 0 {
		view.AllSteps = view.At("/known?" + url.Values{"at": {view.Moment.UTC().Format(time.RFC3339Nano)}, "steps": {"1"}}.Encode())
	}
	if !view.Whole {
		return nil
	}
	told, err := c.notify.ForIncidentAsKnownAt(v.ctx(), v.scope, view.I.ID, view.Moment)
	if err != nil {
		return err
	}
	figures, more, err := c.incident.FiguresAsKnownAt(v.ctx(), k, knownFigures)
	if err != nil {
		return err
	}
	if more {
		view.Left = v.L.Page.Incidents.Known.Left.Say(locale.Name{Name: v.L.Number(knownFigures)})
	}
	view.whole(v, k.Answers(), told, figures, k.Movements())
	return nil
}
