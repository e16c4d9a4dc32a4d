package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// property is a made-up place to stay. Its name says that it is made up.
type property struct {
	name, town, setting string
	rooms               int
	assessed            time.Duration // how long ago; negative: never
	unmet               []string      // indicators that are not met
}

// properties are Saint Lucia's in the demo, one of each kind that a liaison meets: ready, partly ready, run out, and never assessed. An assessment holds
// twelve months at most. Which indicators are met is exercise play.
func properties() []property {
	const day = 24 * time.Hour
	return []property{
		{name: "Bay hotel A", town: "Gros Islet", setting: "hotel", rooms: 120, assessed: 20 * day},
		{name: "Bay hotel B", town: "Castries", setting: "hotel", rooms: 64, assessed: 45 * day, unmet: []string{"P02", "P03", "P12"}},
		{name: "Marina C", town: "Gros Islet", setting: "yacht", rooms: 30, assessed: 420 * day, unmet: []string{"P12"}},
		{name: "Guest house D", town: "Soufrière", setting: "hotel", rooms: 18, assessed: -1},
	}
}

type unit struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// prepare has Saint Lucia's tourism liaison register properties, assess most of them, offer rooms of one and count visitors. It is no part of a
// story: preparedness has today's date.
func (p *play) prepare(ctx context.Context) error {
	desk := p.at(saintLucia + "/" + liaison)
	var destination unit
	if err := desk.register(ctx, body{"kind": "destination", "party": saintLucia, "name": "North-west coast"}, &destination); err != nil {
		return err
	}
	codes, err := desk.indicators(ctx, "property")
	if err != nil {
		return err
	}
	all := properties()
	made := make([]unit, len(all))
	for n, one := range all {
		if err := desk.register(ctx, body{
			"kind": "property", "party": saintLucia, "name": one.name, "town": one.town, "setting": one.setting, "rooms": one.rooms, "destination_id": destination.ID,
		}, &made[n]); err != nil {
			return err
		}
		if one.assessed < 0 {
			continue
		}
		answers := map[string]bool{}
		for _, code := range codes {
			answers[code] = !slices.Contains(one.unmet, code)
		}
		if _, err := desk.post(ctx, made[n].path("assessments"), body{
			"assessed_at": p.now().Add(-one.assessed).UTC().Truncate(time.Second), "answers": answers, "reference": exercisePlay,
			"confirm": []string{"/assessed_at"}, // one is so old that it has run out
		}, nil); err != nil {
			return fmt.Errorf("assessment of %s: %w", one.name, err)
		}
	}
	if _, err := desk.post(ctx, made[0].path("capacity"), body{
		"rooms": 40, "beds": 80, "floor_area_m2": 280, "accessible_rooms": 4, "longest_stay_days": 14, "water_days": 7, "power_hours": 72,
		"rooms_free_tonight": 12,
	}, nil); err != nil {
		return fmt.Errorf("capacity of %s: %w", made[0].Name, err)
	}
	if _, err := desk.post(ctx, made[0].path("capacity", "confirm"), body{"rooms": 25, "beds": 50, "agreement": exercisePlay}, nil); err != nil {
		return fmt.Errorf("capacity of %s: %w", made[0].Name, err)
	}
	var counts []body
	for _, c := range []struct {
		nationality, setting string
		number               int
	}{{"USA", "hotel", 210}, {"GBR", "hotel", 140}, {"CAN", "hotel", 66}, {"FRA", "yacht", 24}, {"DEU", "yacht", 3}} {
		counts = append(counts, body{"nationality": c.nationality, "setting": c.setting, "number": c.number})
	}
	if _, err := desk.post(ctx, destination.path("caseload"), body{"warning": "none", "counts": counts, "units_answered": 3, "units_asked": 4}, nil); err != nil {
		return fmt.Errorf("visitors of %s: %w", destination.Name, err)
	}
	p.tell.did("Saint Lucia", "its tourism liaison registers four made-up properties: one ready, one partly, one whose assessment has run out, one never assessed; "+
		"40 rooms are offered, 25 confirmed, and visitors are counted")
	return nil
}

// register makes a unit.
func (c client) register(ctx context.Context, what body, made *unit) error {
	if _, err := c.post(ctx, "/api/v1/preparedness/units", what, made); err != nil {
		return fmt.Errorf("unit %s: %w", what["name"], err)
	}
	return nil
}

// indicators gives the codes of those indicators of a catalogue that somebody answers.
func (c client) indicators(ctx context.Context, kind string) ([]string, error) {
	catalogues, err := all[struct {
		Kind       string `json:"kind"`
		Indicators []struct {
			Code  string `json:"code"`
			Share bool   `json:"share"`
		} `json:"indicators"`
	}](ctx, c, "/api/v1/preparedness/indicators")
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, one := range catalogues {
		for _, i := range one.Indicators {
			if one.Kind == kind && !i.Share {
				codes = append(codes, i.Code)
			}
		}
	}
	if len(codes) == 0 {
		return nil, fmt.Errorf("the catalogue for a %s %w", kind, errAbsent)
	}
	return codes, nil
}

// path of something below the unit.
func (u unit) path(parts ...string) string {
	return "/api/v1/preparedness/units/" + u.ID + "/" + strings.Join(parts, "/")
}
