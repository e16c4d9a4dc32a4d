package protocol

import (
	"strconv"
	"strings"
	"time"
)

// Term is one moment a deadline may mean: an offset from an anchor.
type Term struct {
	Anchor   Anchor `json:"anchor"`
	Offset   Span   `json:"offset"`
	Each     bool   `json:"each,omitempty"`     // of each movement
	First    bool   `json:"first,omitempty"`    // of the first movement
	Expected bool   `json:"expected,omitempty"` // an ETA counts until an arrival is reported
}

// String gives "LANDFALL−72h", "each DEPARTURE−60min" or "first RETURN+45d".
func (t Term) String() string {
	var b strings.Builder
	switch {
	case t.Each:
		b.WriteString("each ")
	case t.First:
		b.WriteString("first ")
	}
	if t.Anchor == AnchorStandDown {
		b.WriteString("stand-down")
	} else {
		b.WriteString(string(t.Anchor))
	}
	n, sign := t.Offset.N, "+"
	if n < 0 {
		n, sign = -n, "−"
	}
	return b.String() + sign + strconv.Itoa(n) + string(t.Offset.Unit)
}

// Deadline says when a step is due: at the earliest of its terms, then again every period.
type Deadline struct {
	Terms []Term `json:"terms"`
	Every Every  `json:"every,omitzero"`
	Note  string `json:"note,omitempty"` // what a reader should know, in English
}

// IsZero reports whether there is no deadline.
func (d Deadline) IsZero() bool { return len(d.Terms) == 0 }

// String gives the deadline as the tables of the field write it: "ARRIVAL+24h, then every 24h".
func (d Deadline) String() string {
	terms := make([]string, len(d.Terms))
	for i, t := range d.Terms {
		terms[i] = t.String()
	}
	text := strings.Join(terms, ", ")
	if len(terms) > 1 {
		text = "earliest of " + text
	}
	if d.Every.Recurs() {
		text += ", then " + d.Every.String()
	}
	if d.Note != "" {
		text += " (" + d.Note + ")"
	}
	return text
}

// Plan is when a step is planned to be due, with where that comes from; or what it waits for.
type Plan struct {
	At         time.Time `json:"at,omitzero"` // UTC; zero while waiting
	Anchor     Anchor    `json:"anchor,omitempty"`
	AnchorAt   time.Time `json:"anchor_at,omitzero"`
	Kind       Kind      `json:"kind,omitempty"`   // of the anchor's value
	Offset     Span      `json:"offset,omitempty"` // At = AnchorAt + Offset
	WaitingFor Anchor    `json:"waiting_for,omitempty"`
}

// Known reports whether the step has a planned due time.
func (p Plan) Known() bool { return !p.At.IsZero() }

// Planned gives the planned due time: the earliest among the terms whose anchor has a value that counts. Without any, the
// plan names the first term's anchor as what the step waits for. For a recurring step it is the first period's.
func (d Deadline) Planned(anchors Anchors) Plan {
	anchors = anchors.withDefaults()
	var plan Plan
	for _, t := range d.Terms {
		v := anchors[t.Anchor]
		if !v.counts(t.Anchor, t.Expected) {
			continue
		}
		if at := t.Offset.After(v.At); !plan.Known() || at.Before(plan.At) {
			plan = Plan{At: at, Anchor: t.Anchor, AnchorAt: v.At.UTC(), Kind: v.Kind, Offset: t.Offset}
		}
	}
	if !plan.Known() && len(d.Terms) > 0 {
		plan.WaitingFor = d.Terms[0].Anchor
	}
	return plan
}
