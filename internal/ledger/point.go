package ledger

// The points of Options.At, in the order in which a change passes them. Between any two of them a process may die: the kill walk of
// package harness kills one at each and compares what comes of it with a run that was not killed. The names are never recorded.
const (
	PointCommitted = "ledger.committed" // a batch is durable, and nobody knows of it yet
	PointAnswered  = "ledger.answered"  // its callers are answered; nothing is announced or projected
	PointAnnounced = "ledger.announced" // it is handed to Publish; nothing is projected
	PointProjected = "ledger.projected" // its documents are written, its wakes are not
	PointWoken     = "ledger.woken"     // its wakes are written too; it still says that it owes them
	PointPaid      = "ledger.paid"      // what was written of some commits is taken off their debts
)

// Points lists the points of this package in order.
func Points() []string {
	return []string{PointCommitted, PointAnswered, PointAnnounced, PointProjected, PointWoken, PointPaid}
}

func (l *Ledger) at(point string) {
	if l.opt.At != nil {
		l.opt.At(point)
	}
}
