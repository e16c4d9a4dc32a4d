package notify

import (
	"time"

	"landfall/internal/ledger"
)

// A clock that was wrong and is put right leaves times in the records that have not come yet: commits that seem not old enough to be swept,
// attempts that seem due in a day. Nothing may wait for such a time. What was written down as having happened later than now was written
// by a clock that has been set back since; whatever that clock planned is due.

// misdated reports whether what is planned for the delivery was planned by a clock that has been set back since.
func (v *Delivery) misdated(now time.Time) bool {
	switch {
	case v.inHand() && v.LeaseUntil != nil:
		return ledger.Misdated(v.LeaseUntil.Add(-leaseTime), now)
	case v.Status == Retrying && len(v.Attempts) > 0:
		return ledger.Misdated(v.Attempts[len(v.Attempts)-1].At, now)
	case v.NextAttemptAt != nil:
		return ledger.Misdated(*v.NextAttemptAt, now) // queued: due when it was put there
	}
	return ledger.Misdated(v.CreatedAt, now)
}

// correct has an open circuit probed now when its next probe was planned by a clock that has been set back since.
func (c *circuit) correct(now time.Time) {
	if c.NextProbeAt != nil && c.LastFailureAt != nil && ledger.Misdated(*c.LastFailureAt, now) {
		c.NextProbeAt = &now
	}
}
