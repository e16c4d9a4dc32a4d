package incident

import (
	"strings"

	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// bounds say how much one incident may hold. The fold grows with each of them, and together they keep it below the size that a
// store refuses. They lie far above what any known incident has needed; the contract states them.
type bounds struct {
	movements int
	figures   int
	answers   int
	moves     int // of one anchor
	notes     int // on one step
	relays    int // entries on the word of another party
}

var defaultBounds = bounds{movements: 1000, figures: 20_000, answers: 500, moves: 200, notes: 500, relays: 5000}

// bounded refuses events that would make the incident hold more than it may. A movement that was announced can always be followed
// to its end, and steps can always be worked on.
func (t turn) bounded(events []ledger.Event) error {
	most := t.desk.bounds
	for _, e := range events {
		switch d := e.Data.(type) {
		case movementAnnounced:
			if len(t.Movements) >= most.movements {
				return errBound("too_many_movements", "movements", most.movements)
			}
		case figureReported:
			if t.Figures.count() >= most.figures {
				return errBound("too_many_figures", "figures", most.figures)
			}
		case answerGiven:
			if len(t.Answers) >= most.answers {
				return errBound("too_many_answers", "answers", most.answers)
			}
		case *anchorMoved:
			if a := t.Anchors[d.Name]; a != nil && len(a.History) >= most.moves {
				return errBound("too_many_moves", "values of this anchor", most.moves)
			}
		case stepReported:
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

func errBound(code, what string, most int) error {
	return fault.New(fault.State, code, "This incident holds %d %s, and it may hold no more.", most, what)
}
