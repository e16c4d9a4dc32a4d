package preparedness

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

const (
	maxCounts  = 2000
	maxAsked   = 100_000
	maxVisitor = 1_000_000
)

// ReportCaseload is a count of visitors.
type ReportCaseload struct {
	ID       string
	AsOf     time.Time // zero: now
	Warning  Warning   // empty: none
	Counts   []Count
	Answered int // units that answered the call
	Asked    int
}

func (in *ReportCaseload) check(c *fault.Check) {
	in.AsOf = check.Instant(in.AsOf)
	if in.Warning == "" {
		in.Warning = NoWarning
	}
	check.ID(c, in.ID)
	check.OptionalTime(c, "/as_of", in.AsOf)
	check.Word(c, "/warning", in.Warning, Warnings())
	c.That(len(in.Counts) > 0, "/counts", "is required")
	c.That(len(in.Counts) <= maxCounts, "/counts", "has more than %d entries", maxCounts)
	c.That(in.Asked >= 0 && in.Asked <= maxAsked, "/units_asked", "must be 0 to %d", maxAsked)
	c.That(in.Answered >= 0 && in.Answered <= in.Asked, "/units_answered", "must not be more than were asked")
	seen := map[Count]bool{}
	for n, k := range in.Counts {
		at := fmt.Sprintf("/counts/%d", n)
		_, known := place.CountryOf(k.Nationality)
		c.That(known || k.Nationality == OtherNationalities, at+"/nationality", "must be a country of ISO 3166-1 (alpha-3), or OTH")
		check.Word(c, at+"/setting", k.Setting, Settings())
		c.That(k.Number >= 0 && k.Number <= maxVisitor, at+"/number", "must be 0 to %d", maxVisitor)
		key := Count{Nationality: k.Nationality, Setting: k.Setting}
		c.That(!seen[key], at, "counts a nationality in a setting twice")
		seen[key] = true
	}
}

// ReportCaseload records how many visitors are in a unit, by nationality and setting: counts, never lists. It holds a month, under a watch or a
// warning hours. The latest count stands; one of an earlier time is refused.
func (d *Desk) ReportCaseload(ctx context.Context, scope access.Scope, w access.Write, id string, in ReportCaseload) (Done, error) {
	var c fault.Check
	in.check(&c)
	if err := c.Err(); err != nil {
		return Done{}, err
	}
	caseload := newID(in.ID, "caseload", scope, w)
	return d.change(ctx, scope, w, id, access.CountVisitors, func(t turn) ([]ledger.Event, error) {
		at := in.AsOf
		if at.IsZero() {
			at = t.now
		}
		c := t.w.Check()
		t.plausible(&c, "/as_of", at)
		check.Past(&c, "/as_of", at, t.now)
		if before := t.unit.Caseload; before != nil {
			if err := t.matches(before.Seq, false); err != nil {
				return nil, err
			}
			c.That(!at.Before(before.AsOf), "/as_of", "is before what is on record")
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
		e := counted{ID: caseload, AsOf: at, Warning: in.Warning, Answered: in.Answered, Asked: in.Asked}
		for _, k := range in.Counts {
			if k.Number > 0 {
				e.Counts = append(e.Counts, k)
				e.Total += k.Number
			}
		}
		slices.SortStableFunc(e.Counts, func(a, b Count) int {
			return cmp.Or(cmp.Compare(a.Nationality, b.Nationality), cmp.Compare(a.Setting, b.Setting))
		})
		e.ValidUntil = d.rules.caseloadHolds(at.In(place.Zone(t.unit.Party)), in.Warning).UTC()
		return one(EventCounted, e)
	})
}

// Shown is a caseload as somebody may see it.
type Shown struct {
	Caseload
	ByNationality []Group `json:"by_nationality"`
	BySetting     []Group `json:"by_setting"`
	Suppressed    bool    `json:"suppressed"` // small groups are merged, and counts in both ways at once left out
}

// Group is how many visitors are of a nationality, or in a setting. "OTH" and "other" are what is merged.
type Group struct {
	Code   string `json:"code"`
	Number int    `json:"number"`
}

// OtherSettings stands for settings that are not shown one by one.
const OtherSettings = "other"

// For gives the caseload as a party may see it. whole: its own state sees everything. Others see two one-way lists, in each of which every
// group has so many visitors that none of fewer can be worked out: what is too small is merged, and when that is still too small, the smallest group
// that was not goes with it. A total that is too small itself is not shown at all (-1).
func (c *Caseload) For(whole bool, least int) Shown {
	s := Shown{Caseload: *c, ByNationality: groups(c.Counts, func(k Count) string { return k.Nationality }), BySetting: groups(c.Counts, func(k Count) string { return string(k.Setting) })}
	if whole {
		return s
	}
	s.Suppressed, s.Counts = true, nil
	if c.Total > 0 && c.Total < least {
		s.Total, s.ByNationality, s.BySetting = -1, nil, nil
		return s
	}
	s.ByNationality, s.BySetting = merge(s.ByNationality, OtherNationalities, least), merge(s.BySetting, OtherSettings, least)
	return s
}

// groups adds counts up by a key, the largest first.
func groups(counts []Count, key func(Count) string) []Group {
	sums := map[string]int{}
	for _, c := range counts {
		sums[key(c)] += c.Number
	}
	out := []Group{}
	for code, n := range sums {
		out = append(out, Group{code, n})
	}
	slices.SortStableFunc(out, func(a, b Group) int { return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(a.Code, b.Code)) })
	return out
}

// merge puts groups of fewer than least into other, with the smallest of the rest when other would be too small or hold one group only: a
// single small group in other would be known to be small, and its number with it.
func merge(sorted []Group, other string, least int) []Group {
	kept := slices.DeleteFunc(slices.Clone(sorted), func(g Group) bool { return g.Code == other })
	rest, merged := 0, 0
	for _, g := range sorted {
		if g.Code == other {
			rest = g.Number
		}
	}
	small := rest > 0 && rest < least
	for len(kept) > 0 {
		last := kept[len(kept)-1]
		alone := small && (rest < least || merged == 1) // what is merged is too small, or could be told by itself
		if last.Number >= least && !alone {
			break
		}
		small = small || last.Number < least
		rest += last.Number
		merged++
		kept = kept[:len(kept)-1]
	}
	if rest > 0 {
		kept = append(kept, Group{other, rest})
	}
	return kept
}
