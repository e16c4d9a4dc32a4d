package console

import (
	"net/http"
	"net/url"
	"slices"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// byPhase is the steps of one phase. Those that wait for a key time, and have no time of their own before it, stand by themselves.
type byPhase struct {
	ID, Phase string
	Open      int
	Steps     []stepLine
	Waiting   []stepLine
}

type stepsView struct {
	about
	Counts  stepCounts
	Only    string
	Party   place.Party // whose steps; "": everybody's
	Parties []partyChip
	Phases  []byPhase
}

// partyChip chooses the steps of one party.
type partyChip struct {
	Href, Text string
	Open       int
	Current    bool
}

func (c *Console) incidentSteps(v *visit) error {
	a, err := v.load("/steps")
	if err != nil {
		return err
	}
	steps, err := v.steps(a.I.ID, incident.StepFilter{})
	if err != nil {
		return err
	}
	view := stepsView{about: a, Only: v.QueryParam("only"), Party: place.Party(v.QueryParam("party"))}
	view.Parties = v.partyChips(a, steps, view.Only, view.Party)
	for _, s := range steps {
		if view.Party == "" || s.Party == view.Party {
			view.Counts.add(s)
		}
	}
	view.Phases = v.phases(a, steps, func(s incident.Step) bool {
		return (view.Party == "" || s.Party == view.Party) && wanted(view.Only, v.scope, s)
	})
	return v.part(http.StatusOK, "incident_steps", a, view)
}

// Steps gives the address of the steps like this, of the party that is chosen.
func (view stepsView) Steps(only string) string { return stepsAt(view.about, only, view.Party) }

// Steps gives the address of the steps like this, whoever they are of.
func (a about) Steps(only string) string { return stepsAt(a, only, "") }

func stepsAt(a about, only string, party place.Party) string {
	q := url.Values{}
	if only != "" {
		q.Set("only", only)
	}
	if party != "" {
		q.Set("party", string(party))
	}
	if len(q) == 0 {
		return a.At("/steps")
	}
	return a.At("/steps?" + q.Encode())
}

// partyChips gives everybody and then each party that has steps: the affected state, the states that receive, and the others.
func (v *visit) partyChips(a about, steps []incident.Step, only string, chosen place.Party) []partyChip {
	open := map[place.Party]int{}
	order := append([]place.Party{a.I.Origin}, a.I.Receivers...)
	for _, s := range steps {
		if !slices.Contains(order, s.Party) {
			order = append(order, s.Party)
		}
		n := open[s.Party]
		if s.Open() {
			n++
		}
		open[s.Party] = n
	}
	if len(open) < 2 {
		return nil
	}
	all := 0
	chips := []partyChip{{Href: stepsAt(a, only, ""), Text: string(v.L.Page.Incidents.AllParties), Current: chosen == ""}}
	for _, p := range order {
		if n, has := open[p]; has {
			all += n
			chips = append(chips, partyChip{Href: stepsAt(a, only, p), Text: v.L.Party(p), Open: n, Current: chosen == p})
			delete(open, p) // an island may be named twice
		}
	}
	chips[0].Open = all
	return chips
}

// phases gives the steps that are wanted, by phase, what wants attention first.
func (v *visit) phases(a about, steps []incident.Step, want func(incident.Step) bool) []byPhase {
	phases := map[protocol.Phase]*byPhase{}
	for _, s := range steps {
		if !want(s) {
			continue
		}
		p := phases[s.Phase]
		if p == nil {
			p = &byPhase{ID: "waiting-" + string(s.Phase), Phase: v.L.Page.Incidents.Phase.Of(string(s.Phase))}
			phases[s.Phase] = p
		}
		if s.Open() {
			p.Open++
		}
		if l := v.stepLine(a, s); l.Waits != "" && s.Status == incident.StepPending {
			p.Waiting = append(p.Waiting, l)
		} else {
			p.Steps = append(p.Steps, l)
		}
	}
	var list []byPhase
	for _, phase := range protocol.Phases() {
		if p := phases[phase]; p != nil {
			slices.SortStableFunc(p.Steps, func(x, y stepLine) int { return x.rank() - y.rank() })
			list = append(list, *p)
		}
	}
	return list
}

// wanted reports whether a step is one of those asked for.
func wanted(only string, scope access.Scope, s incident.Step) bool {
	switch only {
	case "mine":
		return s.Open() && scope.ActsFor(s.Party)
	case "overdue":
		return s.Overdue
	case "soon":
		return s.DueSoon
	case "owed":
		return s.ProofOwed
	case "done":
		return s.Status == incident.StepDone
	case "silent":
		return s.Stale
	case "all":
		return true
	}
	return s.Open()
}

// steps gives all steps of an incident that the account sees and the filter wants, however many they are.
func (v *visit) steps(id string, filter incident.StepFilter) ([]incident.Step, error) {
	var all []incident.Step
	for cursor := ""; ; {
		page, err := v.console.incident.Steps(v.ctx(), v.scope, id, filter, incident.PageRequest{Limit: 500, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// stepTitles gives the steps of an incident by key, as they are called: "HUR-05 Protocol activated".
func (v *visit) stepTitles(id string) (map[string]string, error) {
	steps, err := v.steps(id, incident.StepFilter{})
	titles := make(map[string]string, len(steps))
	for _, s := range steps {
		titles[s.Key] = s.Key + " " + s.Title.In(string(v.L.Language))
	}
	return titles, err
}

// openSteps gives those of them that somebody still has to do.
func (v *visit) openSteps(id string) ([]incident.Step, error) {
	return v.steps(id, incident.StepFilter{Status: []incident.StepStatus{incident.StepPending, incident.StepInProgress}})
}
