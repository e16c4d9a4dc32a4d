package protocol

import (
	"slices"

	"landfall/internal/place"
)

// Setting is all a schedule depends on, besides the template: who takes part, what moves, which moments are known.
type Setting struct {
	Part      Part // what runs; the zero value runs every step, as Active does
	Mode      Mode
	Origin    place.Party
	Receivers []place.Party         // named ones, in the order to list them
	Movements []Movement            // without the cancelled ones, in the order to list them
	Anchors   Anchors               // of the incident as a whole: LANDFALL, ACTIVATION, ORANGE …; STAY_END when it is the same for all
	StayEnds  map[place.Party]Value // STAY_END of a receiving party, where it has its own
}

// Movement is one departure and one arrival: out to a receiver, or home again.
type Movement struct {
	ID        string
	From, To  place.Party
	Home      bool  // a return: From is the receiver, To the origin
	Departure Value // planned time; the actual one where nobody had planned
	Arrival   Value // forecast: the ETA; observed: reported
}

// away gives the movement's receiving end.
func (m Movement) away() place.Party {
	if m.Home {
		return m.From
	}
	return m.To
}

// Receiver gives the receiving party a movement belongs to: the receiver with exactly the movement's place, else one that
// is its whole state, else one of the same state. False when nobody named receives there.
func (s Setting) Receiver(m Movement) (place.Party, bool) {
	end := m.away()
	for _, fits := range []func(place.Party) bool{
		func(r place.Party) bool { return r == end },
		func(r place.Party) bool { return r == end.StateParty() },
		func(r place.Party) bool { return r.State() != "" && r.State() == end.State() },
	} {
		if i := slices.IndexFunc(s.Receivers, fits); i >= 0 {
			return s.Receivers[i], true
		}
	}
	return "", false
}

// movement gives the movement with the id.
func (s Setting) movement(id string) (Movement, bool) {
	i := slices.IndexFunc(s.Movements, func(m Movement) bool { return m.ID == id })
	if i < 0 {
		return Movement{}, false
	}
	return s.Movements[i], true
}

// AnchorsOf gives the values an instance counts from. An instance of one movement sees that movement; any other sees the first
// arrival and the first departure at its receiving party (for the origin and regional bodies: anywhere) and the first return. An observed
// arrival comes before every expected one.
func (s Setting) AnchorsOf(i Instance) Anchors {
	out := s.Anchors.withDefaults()
	for _, a := range []Anchor{AnchorDeparture, AnchorArrival, AnchorReturn} {
		delete(out, a)
	}
	if end, ok := s.StayEnds[i.Party]; ok && i.Step.Party.receiving() {
		out[AnchorStayEnd] = end
	}
	for _, m := range s.Movements {
		if i.Movement != "" && m.ID != i.Movement || i.Placeholder {
			continue
		}
		if receiver, ok := s.Receiver(m); i.Movement == "" && i.Step.Party.receiving() && (!ok || receiver != i.Party) {
			continue
		}
		if m.Home {
			out.take(AnchorReturn, m.Arrival)
			continue
		}
		out.take(AnchorDeparture, m.Departure)
		out.take(AnchorArrival, m.Arrival)
	}
	return out
}

// take keeps the first value: an observed one before any forecast, then the earlier.
func (a Anchors) take(name Anchor, v Value) {
	have := a[name]
	switch {
	case !v.Known():
	case !have.Known(),
		v.Kind == Observed && have.Kind != Observed,
		v.Kind == have.Kind && v.At.Before(have.At):
		a[name] = v
	}
}
