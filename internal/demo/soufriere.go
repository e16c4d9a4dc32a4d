package demo

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The sources of 2021 that the story quotes, as they stand in the records.
const (
	sourceAlert    = "news784.com/2021/04/08"
	sourceHosting  = "antiguaobserver.com/antigua-and-barbuda-commits-to-hosting-250-vincentians"
	sourceMinimum  = "stluciastar.com/saint-lucia-to-house-at-least-300-vincentians-following-explosive-eruption-at-la-soufriere-volcano"
	sourceInterest = "dominicanewsonline.com/news/homepage/news/more-than-50-vincentians-interested-in-being-evacuated-to-dominica-ralph-gonsalves"
	sourceDominica = "pressroom.oecs.org/dominica-prepares-to-accommodate-vincentian-evacuees"
)

// asked are the four states that Saint Vincent asks, in the order of its list.
func asked() []string { return []string{antigua, grenada, saintLucia, dominica} }

// order opens the incident on the afternoon of the order, begins with the months of orange, and lets red come.
func (p *play) order(ctx context.Context) error {
	p.tell.say("8 April 2021, 15:50 in Kingstown. La Soufrière (GLIDE VO-2021-000034-VCT) has been at orange since 29 December: an eruption is possible with " +
		"less than 24 hours' notice.")
	if _, err := p.at(stVincent).post(ctx, "/api/v1/hazards", body{
		"name": "La Soufrière", "type": "VO", "glide": []string{"VO-2021-000034-VCT"}, "started_at": orangeSince(), "exercise": true,
	}, &p.mountain); err != nil {
		return err
	}
	p.tell.hold()
	var err error
	if p.eruption, err = p.openIncident(ctx, p.mountain, stVincent, "La Soufrière: Saint Vincent", april(8, 15, 50), asked()...); err != nil {
		return err
	}
	p.follow(p.eruption)
	p.tell.did("Saint Vincent", "opens incident %s and names Antigua and Barbuda, Grenada, Saint Lucia and Dominica", p.eruption.Code)
	if err := p.alerted(ctx, p.eruption, "named", asked()...); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.at(stVincent).post(ctx, p.eruption.path("monitor"), body{
		"protocol": "volcano", "anchors": body{"ORANGE": body{"at": orangeSince(), "kind": "observed"}},
	}, nil); err != nil {
		return err
	}
	p.tell.did("Saint Vincent", "starts the planning steps of the volcano protocol, with ORANGE as observed on 29 December (%s; the hour is exercise play)", sourceAlert)
	if err := p.alerted(ctx, p.eruption, "planning", asked()...); err != nil {
		return err
	}
	for _, done := range []struct {
		party, key, evidence string
		at                   time.Time
	}{
		{stVincent, "VOL-01.1", "receipt", orangeSince().AddDate(0, 0, 1)},
		{stVincent, "VOL-02.1", "figure", orangeSince().AddDate(0, 0, 3)},
		{cdema, "VOL-03.1", "capacity", orangeSince().AddDate(0, 0, 5)},
		{stVincent, "VOL-04.1", "capacity", orangeSince().AddDate(0, 0, 5)},
		{stVincent, "VOL-06", "notice", orangeSince().AddDate(0, 0, 7)},
	} {
		if err := p.completed(ctx, p.eruption, done.party, done.key, done.evidence, done.at); err != nil {
			return err
		}
	}
	p.tell.did("Saint Vincent", "enters late, with its own dates, what it and CDEMA did in the months of orange. Who may board the ships is settled by nobody: VOL-05 stays open")
	return p.until(ctx, p.eruption.Clock.wall(april(8, 16, 0)), "to 16:00")
}

// orangeSince is when the alert became orange. The day is sourced, the hour is exercise play.
func orangeSince() time.Time { return time.Date(2020, time.December, 29, 12, 0, 0, 0, roseau()) }

// fourAreAsked activates the protocol on red: four states are alerted, one acknowledges, one answers, and two are silent.
func (p *play) fourAreAsked(ctx context.Context) error {
	p.tell.hold()
	pressed := p.now()
	if _, err := p.at(stVincent).post(ctx, p.eruption.path("activate"), body{
		"protocol": "volcano", "anchors": body{"RED": body{"at": april(8, 16, 0), "kind": "observed"}},
	}, nil); err != nil {
		return err
	}
	p.tell.say("16:00: red. The order to leave is given; the mountain explodes at 08:41 next morning. That is all the warning there was: about 17 hours.")
	if err := p.inForce(ctx, p.eruption, pressed, asked()...); err != nil {
		return err
	}
	for key, evidence := range map[string]string{"VOL-07": "bulletin", "VOL-08": "note_verbale"} {
		if err := p.complete(ctx, p.eruption, stVincent, key, evidence); err != nil {
			return err
		}
	}
	p.tell.did("Saint Vincent", "closes VOL-07, the bulletin, and VOL-08, the request to four states and CDEMA")
	if err := p.breathe(ctx); err != nil {
		return err
	}
	if err := p.acknowledge(ctx, p.eruption, antigua); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	if err := p.acknowledge(ctx, p.eruption, saintLucia); err != nil {
		return err
	}
	const ceiling = 300
	p.tell.hold()
	if _, err := p.at(saintLucia).post(ctx, p.eruption.path("answers"), body{
		"kind": "accept", "ceiling": ceiling, "reference": sourceMinimum,
		"conditions": []string{
			"At least 300, as a minimum and in the first instance",
			"COVID-19 test, and 14 days of quarantine",
			"Host homes approved against criteria of the disaster office and the hotel association; hotels as reserve",
			"Emergency shelters excluded: schools reopen on 19 April",
			"Planned for three months",
		},
	}, nil); err != nil {
		return err
	}
	p.tell.did("Saint Lucia", "accepts, on the terms that it really set in the days after: %d places at least, test and quarantine, approved host homes, three months (stluciastar.com)", ceiling)
	if err := p.answered(ctx, p.eruption, saintLucia); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	p.tell.say("Antigua and Barbuda has only acknowledged: seen, and not yet answered. Grenada and Dominica are silent.")
	return nil
}

// addUp opens the second act, three weeks later, and enters what was published meanwhile.
func (p *play) addUp(ctx context.Context) error {
	p.tell.say("Three weeks later, 28 April, 18:00: a second incident of the same mountain, for what was published meanwhile. Each number keeps its own date.")
	p.tell.hold()
	var err error
	if p.weeks, err = p.openIncident(ctx, p.mountain, stVincent, "La Soufrière: the weeks after", april(28, 18, 0), asked()...); err != nil {
		return err
	}
	p.follow(p.weeks)
	p.tell.did("Saint Vincent", "opens incident %s", p.weeks.Code)
	if err := p.alerted(ctx, p.weeks, "named", asked()...); err != nil {
		return err
	}
	read, err := p.state(ctx, p.weeks, stVincent, factsOfLaSoufriere(), p.breath/3)
	if err != nil {
		return err
	}
	short := 0
	for _, f := range read {
		if f.short() {
			short++
			p.tell.did("Landfall", "flags %s: its parts do not add up, they make %s (parts_add_up: false). It is kept as it was printed, and nobody is asked to make it fit",
				f.number(), grouped(f.sum()))
		}
	}
	if short != 1 {
		return fmt.Errorf("%w: %d figures do not add up, and one was printed so", errFlag, short)
	}
	return p.breathe(ctx)
}

// offered puts an offer beside the number of people who want it: an offer is not an arrival.
func (p *play) offered(ctx context.Context) error {
	const ceiling = 300
	p.tell.hold()
	if _, err := p.at(dominica).post(ctx, p.weeks.path("answers"), body{
		"kind": "accept", "ceiling": ceiling, "reference": sourceDominica,
		"conditions": []string{"For up to five months, in one town", "PCR test", "Quarantine"},
	}, nil); err != nil {
		return err
	}
	p.tell.did("Dominica", "offers %d places for up to five months, with a PCR test and quarantine (dominicanewsonline.com, pressroom.oecs.org)", ceiling)
	if err := p.answered(ctx, p.weeks, dominica); err != nil {
		return err
	}
	if err := p.breathe(ctx); err != nil {
		return err
	}
	var counted []string // ids
	for n, f := range factsOfInterest() {
		if n > 0 {
			f.body = f.body.with("supersedes", counted[n-1])
		}
		made, err := p.report(ctx, p.weeks, stVincent, f)
		if err != nil {
			return err
		}
		counted = append(counted, made.ID)
	}
	answers, err := all[answer](ctx, p.at(stVincent).client, p.weeks.path("answers"))
	if err != nil {
		return err
	}
	wishes, err := all[figure](ctx, p.at(stVincent).client, p.weeks.path("figures"))
	if err != nil {
		return err
	}
	p.tell.say("Side by side, as Saint Vincent reads it (GET .../answers, .../figures):")
	for _, a := range answers {
		if a.Ceiling != nil {
			p.tell.print("    offered      %-14s %s: %s, with %d conditions", grouped(*a.Ceiling), p.name(a.Party), a.Kind, len(a.Conditions))
		}
	}
	for _, id := range counted {
		at := slices.IndexFunc(wishes, func(f figure) bool { return f.ID == id && f.Category == interested })
		if at < 0 {
			return fmt.Errorf("the count of those interested %w in the list", errAbsent)
		}
		f, then := wishes[at], ""
		if f.SupersededBy != "" {
			then = "; superseded, and kept"
		}
		p.tell.print("    interested   %-14s Dominica: %s%s", f.number(), f.Source.Name, then)
	}
	p.tell.say("An offer is not an arrival, and a wish is neither: each has its own records, and none is taken from another.")
	return p.breathe(ctx)
}
