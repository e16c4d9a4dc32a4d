package notify

import "time"

// A clock that was wrong and is put right leaves times in the records that have not come yet: commits that seem not old enough to be swept,
// attempts that seem due in a day. Nothing may wait for such a time. What was written down as having happened later than now was written
// by a clock that has been set back since; whatever that clock planned is due.

// clockSlack is how far apart the clocks of two processes may be without one of them being wrong.
const clockSlack = 5 * time.Second

// everything is further ahead than any clock is wrong.
const everything = 100 * 365 * 24 * time.Hour

// misdated reports whether t, at which something has happened, has not come yet.
func misdated(t, now time.Time) bool { return t.After(now.Add(clockSlack)) }

// misdated reports whether what is planned for the delivery was planned by a clock that has been set back since.
func (v *Delivery) misdated(now time.Time) bool {
	switch {
	case v.inHand() && v.LeaseUntil != nil:
		return misdated(v.LeaseUntil.Add(-leaseTime), now)
	case v.Status == Retrying && len(v.Attempts) > 0:
		return misdated(v.Attempts[len(v.Attempts)-1].At, now)
	case v.NextAttemptAt != nil:
		return misdated(*v.NextAttemptAt, now) // queued: due when it was put there
	}
	return misdated(v.CreatedAt, now)
}

// correct has an open circuit probed now when its next probe was planned by a clock that has been set back since.
func (c *circuit) correct(now time.Time) {
	if c.NextProbeAt != nil && c.LastFailureAt != nil && misdated(*c.LastFailureAt, now) {
		c.NextProbeAt = &now
	}
}
