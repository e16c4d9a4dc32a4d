package console

import (
	"cmp"
	"slices"
	"time"

	"landfall/internal/incident"
	"landfall/internal/place"
)

// workPreviewed is what a protocol would make of an incident now.
type workPreviewed struct {
	steps, parties, waiting int
	first                   []workFirst
}

// firstsShown bounds how many of the first deadlines a review shows.
const firstsShown = 5

// workPreview puts into words what the steps of a protocol would be, as the desk works them out.
func (v *visit) workPreview(i *incident.Incident, now time.Time, steps []incident.Step) workPreviewed {
	out := workPreviewed{}
	parties := map[place.Party]bool{}
	open := slices.DeleteFunc(steps, func(s incident.Step) bool { return !s.Open() })
	for _, s := range open {
		out.steps++
		parties[s.Party] = true
		if !s.Plan.Known() || s.Placeholder {
			out.waiting++
		}
	}
	out.parties = len(parties)
	due := slices.DeleteFunc(open, func(s incident.Step) bool { return s.DueAt.IsZero() })
	slices.SortStableFunc(due, func(a, b incident.Step) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.Key, b.Key)) })
	for _, s := range due[:min(len(due), firstsShown)] {
		out.first = append(out.first, workFirst{
			Due: v.bare().When(s.DueAt, now, i.Origin), Party: v.L.Party(s.Party), Step: s.Title.In(string(v.L.Language)), LifeSafety: s.LifeSafety,
		})
	}
	return out
}
