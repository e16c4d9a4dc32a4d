package demo

import (
	"context"
	"fmt"
)

// end closes both exercises of Maria as the rules ask: no step open, and a final figure from where people arrived.
func (p *play) end(ctx context.Context) error {
	p.follow(p.evening)
	p.tell.say("An incident is closed when no step is open, no proof is owed, and every state where people arrived has given its final figure.")
	if err := p.complete(ctx, p.evening, cdema, "HUR-06", "receipt"); err != nil {
		return err
	}
	if err := p.complete(ctx, p.evening, oecs, "HUR-37", "decision"); err != nil {
		return err
	}
	p.tell.did("CDEMA, OECS", "report HUR-06, the response level, and HUR-37, the review")
	steps, err := all[step](ctx, p.at(cdema).client, p.evening.path("steps"))
	if err != nil {
		return err
	}
	waived := 0
	for _, s := range steps {
		if !s.open() {
			continue
		}
		if _, err := p.at(cdema).post(ctx, p.evening.path("steps", s.Key, "not-applicable"), body{
			"reason": "The exercise ends with the landfall; nobody was moved before it.",
		}, nil); err != nil {
			return fmt.Errorf("step %s: %w", s.Key, err)
		}
		waived++
	}
	p.tell.did("CDEMA", "says of %d steps that they do not apply, with the reason: the exercise ends with the landfall", waived)
	if err := p.close(ctx, p.evening, "The exercise is over."); err != nil {
		return err
	}
	p.tell.hold()
	if _, err := p.report(ctx, p.week, antigua, fact{"final", stated(antigua, "exact", 150, "people_displaced_across_borders", "evacuated", "onward_travel",
		"recommended", september(26, 13, 30), source("government", exercisePlay)).with("final", true)}); err != nil {
		return err
	}
	p.tell.did("Antigua and Barbuda", "gives its final figure for the week after")
	if err := p.close(ctx, p.week, "The exercise is over."); err != nil {
		return err
	}
	p.tell.did("Dominica", "closes both exercises. Nothing can be added now, and everything can be read")
	return p.breathe(ctx)
}

// close ends an incident whose work is done, for its origin.
func (p *play) close(ctx context.Context, i incident, reason string) error {
	_, err := p.at(i.Origin).post(ctx, i.path("close"), body{"reason": reason}, nil)
	if err != nil {
		return fmt.Errorf("closing %s: %w", i.Code, err)
	}
	return nil
}

// leave says what the exercise on La Soufrière leaves to whoever opens a browser now.
func (p *play) leave(ctx context.Context) error {
	steps, err := all[step](ctx, p.at(stVincent).client, p.eruption.path("steps"))
	if err != nil {
		return err
	}
	c := tally(steps)
	p.tell.say("Maria is closed. La Soufrière goes on: %d steps: %d done, %d overdue, %d to be done, %d waiting for what has not "+
		"happened yet, such as an arrival. Grenada and Dominica have not acknowledged, and only Saint Lucia has answered.", len(steps), c.done, c.overdue, c.open, c.waiting)
	return nil
}

// standing is how many steps of an incident are where.
type standing struct{ done, overdue, open, waiting int }

func tally(steps []step) standing {
	var c standing
	for _, s := range steps {
		switch {
		case s.Overdue:
			c.overdue++
		case s.open() && s.DueAt.IsZero():
			c.waiting++
		case s.open():
			c.open++
		case s.Status == "done":
			c.done++
		}
	}
	return c
}
