package notify

import (
	"time"

	"golang.org/x/time/rate"
)

// Rate is how fast a channel may send. Waiting for one's turn is no attempt, and counts as waiting like everything else that has not
// arrived.
type Rate struct {
	PerSecond float64 // of all processes together, see RouterOptions.Peers; 0 or less: no limit
	Burst     int     // how many may go at once after a pause; 0: 1
	Shared    bool    // one limit for the whole channel, such as a provider's account, instead of one for each target
}

// bucket lets attempts through at a rate, and keeps the lines that wait for it, urgent ones first.
type bucket struct {
	rate    Rate
	channel string
	limiter *rate.Limiter
	parked  [classes][]standing
}

func newBucket(channel string, r Rate, peers int, now time.Time) *bucket {
	b := &bucket{rate: r, channel: channel, limiter: rate.NewLimiter(rate.Limit(r.PerSecond), max(1, r.Burst))}
	b.divide(peers, now)
	return b
}

// divide gives this process its part of the rate.
func (b *bucket) divide(peers int, now time.Time) {
	peers = max(1, peers)
	b.limiter.SetLimitAt(now, rate.Limit(b.rate.PerSecond/float64(peers)))
	b.limiter.SetBurstAt(now, max(1, b.rate.Burst/peers))
}

// take takes the place of one attempt; false when there is none yet, and how long until there is.
func (b *bucket) take(now time.Time) (wait time.Duration, ok bool) {
	if b.limiter.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - b.limiter.TokensAt(now)
	return max(time.Millisecond, time.Duration(missing/float64(b.limiter.Limit())*float64(time.Second))), false
}

// inLease gives how many attempts this bucket lets through while a delivery's lease lasts, for one of lines that share it: what waits longer in
// memory would be taken by another process.
func (b *bucket) inLease() int {
	n := int(float64(b.limiter.Limit())*(leaseTime/2).Seconds()) + b.limiter.Burst()
	if b.rate.Shared {
		n = min(n, shakyQueue)
	}
	return max(1, n)
}
