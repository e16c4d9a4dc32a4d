package incident

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// bounds say how much one incident may hold. The fold grows with each of them, and together they keep it below the size that a
// store refuses. They lie far above what any known incident has needed; the contract states them.
type bounds struct {
	parties   int // that it has ever named, the affected state and regional bodies included
	steps     int
	movements int
	figures   int
	answers   int
	moves     int // of one anchor
	notes     int // on one step
	relays    int // entries on the word of another party
}

var defaultBounds = bounds{parties: 100, steps: 10_000, movements: 1000, figures: 20_000, answers: 500, moves: 200, notes: 500, relays: 5000}

// bounded refuses events that would make the incident hold more than it may. A movement that was announced can always be followed
// to its end, and steps can always be worked on.
func (t turn) bounded(events []ledger.Event) error {
	most := t.desk.bounds
	for _, e := range events {
		data := pointed(e.Data)
		_, reports := data.(*movementReported) // of a movement that was announced, whatever steps that adds
		if more, ok := data.(interface{ adds(s *state) int }); ok && !reports {
			if n := more.adds(t.state); n > 0 && len(t.Steps)+n > most.steps {
				return errBound("too_many_steps", "steps", most.steps)
			}
		}
		switch d := data.(type) {
		case *receiversChanged:
			if n := t.ever(*d); n > len(t.Since) && n > most.parties {
				return errBound("too_many_parties", "parties that were ever named", most.parties)
			}
		case *movementAnnounced:
			if len(t.Movements) >= most.movements {
				return errBound("too_many_movements", "movements", most.movements)
			}
		case *figureReported:
			if t.Figures.count() >= most.figures {
				return errBound("too_many_figures", "figures", most.figures)
			}
		case *answerGiven:
			if len(t.Answers) >= most.answers {
				return errBound("too_many_answers", "answers", most.answers)
			}
		case *anchorMoved:
			if a := t.Anchors[d.Name]; a != nil && len(a.History) >= most.moves {
				return errBound("too_many_moves", "values of this anchor", most.moves)
			}
		case *stepReported:
			if i := t.Steps[d.Key]; e.Type == EventStepNoted && i != nil && i.Notes >= most.notes {
				return errBound("too_many_notes", "notes on this step", most.notes)
			}
		}
		if t.w.Relay != nil && len(t.Relayed) >= most.relays && !strings.HasPrefix(e.Type, "movement.") {
			return errBound("too_many_relays", "entries for others", most.relays)
		}
	}
	return nil
}

// pointed returns the data of an event as a pointer, by which it is known however it was handed on.
func pointed(data any) any {
	v := reflect.ValueOf(data)
	if v.Kind() != reflect.Struct {
		return data
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface()
}

// adds returns by how many the steps of s become more.
func (f *follows) adds(s *state) int {
	n := -len(f.Replaced)
	for _, made := range f.Steps {
		if _, there := s.Steps[made.Key]; !there {
			n++
		}
	}
	return n
}

// ever returns how many parties will have been named after a change of the receivers.
func (s *state) ever(d receiversChanged) int {
	n := len(s.Since)
	for _, p := range d.Receivers {
		if _, already := s.Since[p]; !already {
			n++
		}
	}
	return n
}

// Bound says which bound of an incident a Limit speaks of.
type Bound string

// The closed list of bounds.
const (
	BoundReceivers Bound = "receivers"
	BoundParties   Bound = "parties"
	BoundSteps     Bound = "steps"
	BoundMovements Bound = "movements"
	BoundFigures   Bound = "figures"
	BoundAnswers   Bound = "answers"
	BoundValues    Bound = "anchor_values" // of one anchor
	BoundNotes     Bound = "notes"         // on one step
	BoundRelays    Bound = "relays"
)

// Limit is a bound that an incident has come near.
type Limit struct {
	Bound   Bound
	Subject string // key of the step or name of the anchor; "" for the whole incident
	Holds   int
	Most    int
}

// nearMost bounds how many limits are shown, the fullest first.
const nearMost = 20

// near returns the bounds of which four fifths and more are taken up, the fullest first.
func (s *state) near(most bounds) []Limit {
	all := []Limit{
		{BoundReceivers, "", len(s.Receivers), maxReceivers}, {BoundParties, "", len(s.Since), most.parties}, {BoundSteps, "", len(s.Steps), most.steps},
		{BoundMovements, "", len(s.Movements), most.movements}, {BoundFigures, "", s.Figures.count(), most.figures},
		{BoundAnswers, "", len(s.Answers), most.answers}, {BoundRelays, "", len(s.Relayed), most.relays},
	}
	for name, a := range s.Anchors {
		all = append(all, Limit{BoundValues, name, len(a.History), most.moves})
	}
	for key, i := range s.Steps {
		if i.Notes > 0 {
			all = append(all, Limit{BoundNotes, key, i.Notes, most.notes})
		}
	}
	all = slices.DeleteFunc(all, func(l Limit) bool { return 5*l.Holds < 4*l.Most })
	slices.SortFunc(all, func(a, b Limit) int {
		return cmp.Or(cmp.Compare(b.Holds*a.Most, a.Holds*b.Most), cmp.Compare(a.Bound, b.Bound), cmp.Compare(a.Subject, b.Subject))
	})
	return all[:min(len(all), nearMost)]
}

func errBound(code, what string, most int) error {
	return fault.New(fault.State, code, "This incident holds %d %s, and it may hold no more.", most, what)
}
