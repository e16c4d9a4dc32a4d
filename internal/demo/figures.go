package demo

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// fact is a number of 2017 with the one who said it.
type fact struct {
	about string // what is counted, for people
	body  body
}

// facts gives what the sources say of the week after the landfall, as figure records. Where they contradict each other, both are there.
func facts() []fact {
	source := func(kind, name string) body {
		return body{"name": name, "kind": kind}
	}
	figure := func(place, quantifier string, number int, category, term, role string, asOf time.Time, source body) body {
		return body{
			"place": body{"party": place}, "quantifier": quantifier, "unit": "person", "number": number, "category": category, "term": term,
			"setting": "unknown", "source": source, "role": role, "as_of": asOf,
		}
	}
	evening := september(26, 17, 0)
	since := func(b body, at time.Time) body {
		b["since"] = at
		return b
	}
	return []fact{
		{"affected, day not given", figure(dominica, "more_than", 73_000, "unverified_stock", "affected", "triangulation", evening, source("united_nations", sourceSituation))},
		{"affected, day not given", figure(dominica, "approximately", 65_000, "unverified_stock", "affected", "triangulation", evening, source("other", sourceLate))},
		{"dead", since(figure(dominica, "exact", 15, "deaths", "multiple_or_other", "recommended", evening, source("united_nations", sourceSituation)), september(18, 21, 15))},
		{"missing", figure(dominica, "exact", 16, "partial_stock", "multiple_or_other", "recommended", evening, source("united_nations", sourceSituation))},
		{"students leaving through it", since(figure(saintLucia, "more_than", 1500, "cross_border_flight", "evacuated", "recommended", september(24, 23, 0),
			source("media", sourceStudents)), september(22, 0, 0))},
	}
}

// disagree reports what the sources say, and shows that nothing is overwritten.
func (p *play) disagree(ctx context.Context) error {
	p.tell.say("No number is overwritten and none is added to another: each is a dated record with its source.")
	facts := facts()
	ids := make([]string, len(facts))
	for i, f := range facts {
		var made figure
		if _, err := p.at(dominica).post(ctx, p.week.path("figures"), f.body, &made); err != nil {
			return fmt.Errorf("figure %s: %w", f.about, err)
		}
		ids[i] = made.ID
		if _, err := p.expect(ctx, "the figure at Antigua and Barbuda", func(a arrival) bool {
			return a.box == antigua && a.event.Data.Figure != nil && a.event.Data.Figure.ID == made.ID
		}); err != nil {
			return err
		}
		if err := pause(ctx, breath/3); err != nil {
			return err
		}
	}
	kept, err := all[figure](ctx, p.at(saintLucia).client, p.week.path("figures"))
	if err != nil {
		return err
	}
	p.tell.say("What Saint Lucia reads now (GET .../figures):")
	for i, id := range ids {
		at := slices.IndexFunc(kept, func(f figure) bool { return f.ID == id })
		if at < 0 {
			return fmt.Errorf("figure %s %w in the list", id, errAbsent)
		}
		p.tell.print("    %-16s %-27s %-13s %s", kept[at].number(), facts[i].about, kept[at].Role, kept[at].Source.Name)
	}
	p.tell.say("How many Dominicans went abroad no source says: the gap that such records would have closed.")
	return p.breathe(ctx)
}
