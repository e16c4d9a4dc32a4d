package incident

import "landfall/internal/ledger"

// settled gives the alerts that have nothing left to say: of steps that were told overdue and are so no longer, because they are closed, or
// because they have another due time. Looked at are the steps that an event changed, and those named.
func (s *state) settled(f follows, keys ...string) []ledger.AlertClose {
	for _, t := range f.Changed {
		keys = append(keys, t.Key)
	}
	for _, c := range f.Cancelled {
		keys = append(keys, c.Key)
	}
	var closes []ledger.AlertClose
	for _, key := range keys {
		i, ok := s.Steps[key]
		switch {
		case !ok || i.OverdueTold == 0: // nobody was alerted
		case !i.Open():
			closes = append(closes, ledger.AlertClose{Subject: key, Reason: "step_" + string(i.Status)})
		case i.OverdueTold != i.DueRevision:
			closes = append(closes, ledger.AlertClose{Subject: key, Reason: "step_rescheduled"})
		}
	}
	return closes
}

// overtaken gives the alerts of a movement that an event leaves without a point: nothing is to be expected any more, or something else is.
func (s *state) overtaken(eventType string, d movementReported) []ledger.AlertClose {
	switch {
	case eventType == EventMovementArrived:
		return []ledger.AlertClose{{Subject: d.ID, Reason: "movement_arrived"}}
	case eventType == EventMovementCancelled:
		return []ledger.AlertClose{{Subject: d.ID, Reason: "movement_cancelled"}}
	case eventType == EventMovementCorrected && len(d.Alerts) > 0:
		return []ledger.AlertClose{{Subject: d.ID, Reason: "movement_corrected"}}
	}
	return nil
}
