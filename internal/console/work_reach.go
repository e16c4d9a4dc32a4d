package console

import (
	"strings"

	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// workReach says on a page that is about to send something what reaches each state it tells, or that NOBODY is reached there; text gives what a
// state is told. It gives how many states are reached.
func (v *visit) workReach(p *workPage, i *incident.Incident, parties []place.Party, text func(place.Party) string) (reached int, err error) {
	reach, err := v.workWarn(p, i, ledger.Headline, parties...)
	for _, r := range reach {
		p.Told = append(p.Told, workTold{Name: v.L.Party(r.Party), Text: text(r.Party), Reach: v.reachWords(r), Nobody: r.Nobody()})
		if !r.Nobody() {
			reached++
		}
	}
	return reached, err
}

// workGoesOut says on a review what its button sends: of an exercise to whom, else that it goes out at once, where anybody is reached.
func (v *visit) workGoesOut(p *workPage, exercise bool, reached int) {
	t := &v.L.Page.Work.Reach
	switch {
	case exercise:
		p.Notes = append(p.Notes, workNote{info, string(t.Exercise)})
	case reached > 0:
		p.Notes = append(p.Notes, workNote{soon, string(t.Actual)})
	}
}

// workWarn warns on a page of the parties among these that nothing reaches of those who may read so much, and gives what reaches each.
func (v *visit) workWarn(p *workPage, i *incident.Incident, reads ledger.Level, parties ...place.Party) ([]notify.Reach, error) {
	reach, err := v.console.notify.Reaching(v.ctx(), notify.About{
		Exercise: i.Exercise, Origin: i.Origin.State(), Incident: i.ID, Severity: string(i.Severity), Reads: reads,
	}, parties...)
	if err != nil {
		return nil, err
	}
	var nobody []place.Party
	for _, r := range reach {
		if r.Nobody() {
			nobody = append(nobody, r.Party)
		}
	}
	if len(nobody) > 0 {
		p.Notes = append(p.Notes, workNote{bad, v.L.Page.Work.Reach.NobodyNote.Say(locale.Name{Name: v.L.Parties(nobody)})})
	}
	return reach, nil
}

// reachWords says what reaches a party: "Reached by e-mail (2 addresses), webhook (1 address)".
func (v *visit) reachWords(r notify.Reach) string {
	t := &v.L.Page.Work.Reach
	if r.Nobody() {
		return string(t.Nobody)
	}
	var ways []string
	for _, c := range r.Channels {
		ways = append(ways, t.Channel.Say(locale.Pair{A: v.L.Page.Told.Channel.Of(c.Channel), B: v.L.Count(c.Addresses, t.Addresses)}))
	}
	return t.By.Say(locale.Name{Name: strings.Join(ways, ", ")})
}

// workPress gives what the button of a review says: how many states get an alert, of which those without an address are none.
func (v *visit) workPress(reached int, press locale.Counted, nobody locale.Phrase) string {
	if reached == 0 {
		return string(nobody)
	}
	return v.L.Count(reached, press)
}
