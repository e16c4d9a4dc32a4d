package notify

// The points of RouterOptions.At, in the order in which a commit and its deliveries pass them. Between any two of them a process may die:
// the kill walk of package harness kills one at each and compares what comes of it with a run that was not killed. The names are never recorded.
const (
	PointQueuedHalf = "notify.deliveries_half"   // the first half of a batch's deliveries is inserted
	PointQueued     = "notify.deliveries"        // all of them are
	PointRaised     = "notify.alert_raised"      // an alert is on record
	PointTold       = "notify.alert_told"        // the bus knows of an alert that was raised or closed; nothing is queued for it
	PointFollowed   = "notify.followed"          // the notices of a batch are written; it still says that it owes them
	PointAttempted  = "notify.attempted"         // an attempt was made; its outcome is not chained
	PointChained    = "notify.outcome_chained"   // the outcome is chained; its delivery is not marked
	PointMarked     = "notify.deliveries_marked" // the delivery is marked; the journal's commit is pending still
)

// Points lists the points of this package in order.
func Points() []string {
	return []string{PointQueuedHalf, PointQueued, PointRaised, PointTold, PointFollowed, PointAttempted, PointChained, PointMarked}
}

func (r *Router) at(point string) {
	if r.opt.At != nil {
		r.opt.At(point)
	}
}

// bulk gives how many of n deliveries are inserted in one write. While somebody asked to be told of points there are two writes, so that there
// is a moment between them.
func (r *Router) bulk(n int) int {
	if r.opt.At == nil || n < 2 {
		return bulkMax
	}
	return min(bulkMax, (n+1)/2)
}
