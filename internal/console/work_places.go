package console

import (
	"slices"

	"landfall/internal/locale"
	"landfall/internal/place"
)

// workOriginField gives the field of the affected state: any for the first account, the islands of a state that has some; nil for a state
// that has none.
func (v *visit) workOriginField(f *form, own bool) *workField {
	t := v.L.Page.Work.Open
	switch {
	case v.scope.All:
		w := workField{field: f.Select("origin", v.L.Notice.Label.Origin, nil).Need().Saying(v.L.Page.Form.Choose)}
		for _, s := range place.States() {
			w.Groups = append(w.Groups, workGroup{Label: v.L.Party(s.Party()), Choices: v.workIslands(s.Party())})
		}
		return &w
	case !own:
		return nil
	}
	islands := v.workIslands(v.scope.Party)
	if len(islands) < 2 {
		return nil
	}
	return &workField{field: f.Radios("origin", t.Where, islands).Need()}
}

// workIslands gives a state and its islands; an island is its own.
func (v *visit) workIslands(p place.Party) []choice {
	t := v.L.Page.Work.Open
	if p.Island() != "" {
		return []choice{{Value: string(p), Label: v.L.Party(p)}}
	}
	islands := place.Islands(p.State())
	if len(islands) == 0 {
		return []choice{{Value: string(p), Label: v.L.Party(p)}}
	}
	all := []choice{{Value: string(p), Label: t.WholeState.Say(locale.Name{Name: v.L.Party(p)})}}
	for _, i := range islands {
		all = append(all, choice{Value: string(i.Party()), Label: v.L.Party(i.Party())})
	}
	return all
}

// workNeighbours gives the states that may receive, the likely ones first: OECS members of the sub-region of the affected state, members
// of the others, and folded who is no member. The affected state itself is among them only where it has islands.
func (v *visit) workNeighbours(origin place.Party) []workGroup {
	t := v.L.Page.Work.Regions
	home, _ := place.StateOf(origin.State())
	order := []place.SubRegion{place.Eastern, place.Central, place.Southern, place.NorthWestern}
	if n := slices.Index(order, home.SubRegion); n > 0 {
		order[0], order[n] = order[n], order[0]
		slices.Sort(order[1:])
	}
	members, others := map[place.SubRegion][]choice{}, map[place.Membership][]choice{}
	for _, s := range place.States() {
		one := choice{Value: s.Code, Label: v.L.Party(s.Party())}
		switch {
		case s.Code == home.Code && len(place.Islands(s.Code)) == 0:
		case s.OECS == place.Member:
			members[s.SubRegion] = append(members[s.SubRegion], one)
		case s.OECS == place.Associate:
			others[place.Associate] = append(others[place.Associate], one)
		default:
			others[place.NoMember] = append(others[place.NoMember], one)
		}
	}
	var groups []workGroup
	for _, r := range order {
		if len(members[r]) > 0 {
			groups = append(groups, workGroup{Label: t.Members.Say(locale.Name{Name: t.SubRegion.Of(string(r))}), Choices: members[r]})
		}
	}
	return append(groups,
		workGroup{Label: string(t.Associates), Choices: others[place.Associate], Fold: true},
		workGroup{Label: string(t.Neighbours), Choices: others[place.NoMember], Fold: true})
}
