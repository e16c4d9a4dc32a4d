package email

import "time"

// KeepIdle has connections kept for so long at most.
func (c *Channel) KeepIdle(d time.Duration) { c.pool.every = d / 2 }
