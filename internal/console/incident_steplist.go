package console

import (
	"net/http"
	"net/url"
	"slices"

	"landfall/internal/incident"
	"landfall/internal/place"
)

// stepGroup is the steps of one urgency, by the clock, those that lives depend on first. Those that wait for a key time, and have no time of
// their own before it, are folded.
type stepGroup struct {
	ID, Title string
	Steps     []stepLine
	Fold      bool
}

type stepsView struct {
	about
	Counts  stepCounts
	Only    string
	Whose   place.Party // whose steps: a party's, ours or everybody's
	Parties []partyChip
	Groups  []stepGroup
}

// Whose steps are shown, beside those of a party.
const (
	stepsOurs place.Party = "ours"
	stepsAll  place.Party = "all"
)

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
	only, err := queried(v, "only", []string{"overdue", "soon", "owed", "done", "silent", "all"})
	if err != nil {
		return err
	}
	view := stepsView{about: a, Only: only, Whose: place.Party(v.QueryParam("party"))}
	ours := v.scope.Party != "" && slices.ContainsFunc(steps, func(s incident.Step) bool { return v.scope.ActsFor(s.Party) })
	if view.Whose == "" || view.Whose == stepsOurs {
		view.Whose = stepsAll
		if ours {
			view.Whose = stepsOurs
		}
	}
	of := func(s incident.Step) bool {
		return view.Whose == stepsAll || s.Party == view.Whose || view.Whose == stepsOurs && v.scope.ActsFor(s.Party)
	}
	view.Parties = v.partyChips(a, steps, view.Only, view.Whose, ours)
	for _, s := range steps {
		if of(s) {
			view.Counts.add(s)
		}
	}
	view.Groups = v.stepGroups(a, steps, func(s incident.Step) bool { return of(s) && wanted(view.Only, s) })
	return v.part(http.StatusOK, "incident_steps", a, view)
}

// Steps gives the address of the steps like this, of those whose steps are shown.
func (view stepsView) Steps(only string) string { return stepsAt(view.about, only, view.Whose) }

// Steps gives the address of the steps like this, whoever they are of.
func (a about) Steps(only string) string { return stepsAt(a, only, stepsAll) }

func stepsAt(a about, only string, party place.Party) string {
	q := url.Values{}
	if only != "" {
		q.Set("only", only)
	}
	if party != stepsOurs {
		q.Set("party", string(party))
	}
	if len(q) == 0 {
		return a.At("/steps")
	}
	return a.At("/steps?" + q.Encode())
}

// partyChips gives ours, everybody and then each party that has steps: the affected state, the states that receive, and the others.
func (v *visit) partyChips(a about, steps []incident.Step, only string, chosen place.Party, ours bool) []partyChip {
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
	all, own := 0, 0
	var parties []partyChip
	for _, p := range order {
		n, has := open[p]
		if !has {
			continue
		}
		all += n
		if v.scope.ActsFor(p) {
			own += n
		}
		parties = append(parties, partyChip{Href: stepsAt(a, only, p), Text: v.L.Party(p), Open: n, Current: chosen == p})
		delete(open, p) // an island may be named twice
	}
	chips := []partyChip{{Href: stepsAt(a, only, stepsAll), Text: string(v.L.Page.Incidents.AllParties), Open: all, Current: chosen == stepsAll}}
	if ours {
		chips = append([]partyChip{{Href: stepsAt(a, only, stepsOurs), Text: string(v.L.Page.Incidents.Mine), Open: own, Current: chosen == stepsOurs}}, chips...)
	}
	return append(chips, parties...)
}

// stepGroups gives the steps that are wanted by how urgent they are.
func (v *visit) stepGroups(a about, steps []incident.Step, want func(incident.Step) bool) []stepGroup {
	groups := map[string][]stepLine{}
	for _, s := range steps {
		if want(s) {
			l := v.stepLine(a, s)
			groups[l.urgency()] = append(groups[l.urgency()], l)
		}
	}
	var list []stepGroup
	for _, id := range stepUrgencies {
		if lines := groups[id]; len(lines) > 0 {
			slices.SortStableFunc(lines, byClock)
			g := stepGroup{ID: "steps-" + id, Title: v.L.Page.Incidents.Group.Of(id), Steps: lines}
			if id == stepWaits {
				g.Title, g.Fold = v.L.Count(len(lines), v.L.Page.Incidents.WaitingSteps), true
			}
			list = append(list, g)
		}
	}
	return list
}

// wanted reports whether a step is one of those asked for.
func wanted(only string, s incident.Step) bool {
	switch only {
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
		titles[s.Key] = stepName(s) + " " + s.Title.In(string(v.L.Language))
	}
	return titles, err
}

// stepName names a step for people: by its key, which has the id of a movement in it where there is one step for each, and then by its code.
func stepName(s incident.Step) string {
	if s.Movement != "" {
		return s.Code
	}
	return s.Key
}

// openSteps gives those of them that somebody still has to do.
func (v *visit) openSteps(id string) ([]incident.Step, error) {
	return v.steps(id, incident.StepFilter{Status: []incident.StepStatus{incident.StepPending, incident.StepInProgress}})
}
