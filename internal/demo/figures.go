package demo

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// fact is a number of the past with the one who said it.
type fact struct {
	about string // what is counted, for people
	body  body
}

// source is who said a number, as it stands in the records.
func source(kind, name string) body { return body{"name": name, "kind": kind} }

// stated gives the record of a number of persons.
func stated(place, quantifier string, number int, category, term, setting, role string, asOf time.Time, source body) body {
	return body{
		"place": body{"party": place}, "quantifier": quantifier, "unit": "person", "number": number, "category": category, "term": term,
		"setting": setting, "source": source, "role": role, "as_of": asOf,
	}
}

// with lays more members over a record.
func (b body) with(name string, value any) body {
	b[name] = value
	return b
}

// factsOfMaria gives what the sources say of the week after the landfall, as figure records. Where they contradict each other, both are there.
func factsOfMaria() []fact {
	evening := september(26, 17, 0)
	return []fact{
		{"affected, day not given", stated(dominica, "more_than", 73_000, "unverified_stock", "affected", "unknown", "triangulation", evening, source("united_nations", sourceSituation))},
		{"affected, day not given", stated(dominica, "approximately", 65_000, "unverified_stock", "affected", "unknown", "triangulation", evening, source("other", sourceLate))},
		{"dead", stated(dominica, "exact", 15, "deaths", "multiple_or_other", "unknown", "recommended", evening, source("united_nations", sourceSituation)).
			with("since", september(18, 21, 15))},
		{"missing", stated(dominica, "exact", 16, "partial_stock", "multiple_or_other", "unknown", "recommended", evening, source("united_nations", sourceSituation))},
		{"students leaving through it", stated(saintLucia, "more_than", 1500, "cross_border_flight", "evacuated", "unknown", "recommended", september(24, 23, 0),
			source("media", sourceStudents)).with("since", september(22, 0, 0))},
	}
}

// disagree reports what the sources say, and shows that nothing is overwritten.
func (p *play) disagree(ctx context.Context) error {
	p.tell.say("No number is overwritten and none is added to another: each is a dated record with its source.")
	if _, err := p.state(ctx, p.week, dominica, factsOfMaria(), p.breath/3); err != nil {
		return err
	}
	p.tell.say("How many Dominicans went abroad no source says: the gap that such records would have closed.")
	return p.breathe(ctx)
}

// state reports what the sources say, one number after the other, until each has reached Antigua and Barbuda, and prints them as Saint Lucia
// reads them. It gives them as they are read, in the order of the facts.
func (p *play) state(ctx context.Context, i incident, origin string, facts []fact, rest time.Duration) ([]figure, error) {
	ids := make([]string, len(facts))
	for n, f := range facts {
		made, err := p.report(ctx, i, origin, f)
		if err != nil {
			return nil, err
		}
		ids[n] = made.ID
		if err := pause(ctx, rest); err != nil {
			return nil, err
		}
	}
	kept, err := all[figure](ctx, p.at(saintLucia).client, i.path("figures"))
	if err != nil {
		return nil, err
	}
	p.tell.say("What Saint Lucia reads now (GET .../figures):")
	read := make([]figure, 0, len(ids))
	for n, id := range ids {
		at := slices.IndexFunc(kept, func(f figure) bool { return f.ID == id })
		if at < 0 {
			return nil, fmt.Errorf("figure %s %w in the list", id, errAbsent)
		}
		f := kept[at]
		p.tell.print("    %-16s %-27s %-13s %s", f.number(), facts[n].about, f.Role, f.Source.Name)
		read = append(read, f)
	}
	return read, nil
}

// report has one number recorded, and waits until Antigua and Barbuda is told.
func (p *play) report(ctx context.Context, i incident, by string, f fact) (figure, error) {
	var made figure
	if _, err := p.at(by).post(ctx, i.path("figures"), f.body, &made); err != nil {
		return made, fmt.Errorf("figure %s: %w", f.about, err)
	}
	_, err := p.expect(ctx, "the figure at Antigua and Barbuda", func(a arrival) bool {
		return a.box == antigua && a.event.Data.Figure != nil && a.event.Data.Figure.ID == made.ID
	})
	return made, err
}
