package limit

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"landfall/internal/fault"
)

// Rate is how often somebody may ask: so many times a second in the long run, and so many at once.
// The zero Rate limits nothing.
type Rate struct {
	PerSecond float64
	Burst     int // 0: as many as in a second, at least one
}

// bucketsMax bounds the callers that are remembered. Who is forgotten begins with a full bucket.
const bucketsMax = 8192

// buckets holds one token bucket for each caller.
type buckets struct {
	rate Rate
	held *recent[string, *rate.Limiter]
}

func newBuckets(r Rate) *buckets {
	if r.Burst <= 0 {
		r.Burst = max(1, int(math.Ceil(r.PerSecond)))
	}
	return &buckets{rate: r, held: newRecent[string, *rate.Limiter](bucketsMax)}
}

func (b *buckets) off() bool { return b.rate.PerSecond <= 0 }

func (b *buckets) bucket(key string) *rate.Limiter {
	return b.held.orPut(key, func() *rate.Limiter {
		return rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)
	})
}

// take takes one out of the caller's bucket. When it is empty it takes none and gives the time
// until there is one again.
func (b *buckets) take(key string, now time.Time) time.Duration {
	if b.off() {
		return 0
	}
	l := b.bucket(key)
	if l.AllowN(now, 1) {
		return 0
	}
	return b.until(l, now)
}

// wait gives the time until there is one in the caller's bucket, 0 when there is, and takes none.
func (b *buckets) wait(key string, now time.Time) time.Duration {
	if b.off() {
		return 0
	}
	l, ok := b.held.get(key)
	if !ok {
		return 0
	}
	return b.missing(l, now)
}

// until is missing for one who was turned away: never 0.
func (b *buckets) until(l *rate.Limiter, now time.Time) time.Duration {
	return max(time.Nanosecond, b.missing(l, now))
}

// missing gives the time until there is one in the bucket; 0 when there is, or as good as: what
// takes less than a nanosecond to fill lets pass.
func (b *buckets) missing(l *rate.Limiter, now time.Time) time.Duration {
	return max(0, time.Duration((1-l.TokensAt(now))/b.rate.PerSecond*float64(time.Second)))
}

// Brake slows down who sends tokens that open nothing, wherever they are sent: with a request, or
// to sign in. All methods may be called concurrently.
type Brake struct {
	now       func() time.Time
	addresses *buckets              // tokens that opened nothing, each counted once
	secrets   *buckets              // how often one and the same was sent, by digest
	opened    *recent[string, bool] // digests of tokens that opened something
	counts    func()                // whom it turned away
}

// newBrake makes a brake on the clock of now. The zero Rate brakes nobody.
func newBrake(address Rate, now func() time.Time, counts func()) *Brake {
	return &Brake{
		now: now, addresses: newBuckets(address), secrets: newBuckets(address),
		opened: newRecent[string, bool](bucketsMax), counts: counts,
	}
}

// Try looks a token up with open, and gives what that gives. A token that has to wait is not looked
// up: the error is TooMany and says how long.
func (b *Brake) Try(address, secret string, open func() error) error {
	if wait := b.knock(address, secret, b.now()); wait > 0 {
		b.counts()
		f := fault.New(fault.TooMany, AddressRate,
			"Too many requests with tokens that open nothing have come from here. Wait as Retry-After says.")
		f.RetryAfter = wait
		return f
	}
	err := open()
	switch {
	case fault.Is(err, fault.Unauthenticated):
		b.failed(address, secret, b.now())
	case err == nil:
		b.let(secret)
	}
	return err
}

// knock tells how long a token has to wait before it is looked up, 0 for not at all. It has to when
// it was sent too often and opened nothing, or when its address has sent too many that opened
// nothing. An office behind one address keeps its service, though: over a machine with an old
// token, which counts once however often it asks, and over somebody who guesses, since a token that
// has opened before does not wait for its address.
func (b *Brake) knock(address, secret string, now time.Time) time.Duration {
	if b.addresses.off() {
		return 0
	}
	digest := digestKey(secret)
	if wait := b.secrets.wait(digest, now); wait > 0 {
		return wait
	}
	wait := b.addresses.wait(addressKey(address), now)
	if wait > 0 {
		if _, known := b.opened.get(digest); known {
			return 0
		}
	}
	return wait
}

// let notes that the token opened.
func (b *Brake) let(secret string) {
	if !b.addresses.off() {
		b.opened.orPut(digestKey(secret), func() bool { return true })
	}
}

// failed notes that the token opened nothing.
func (b *Brake) failed(address, secret string, now time.Time) {
	if b.addresses.off() {
		return
	}
	digest := digestKey(secret)
	b.opened.forget(digest)
	if _, sentBefore := b.secrets.held.get(digest); !sentBefore {
		b.addresses.take(addressKey(address), now)
	}
	b.secrets.take(digest, now)
}

func digestKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return string(sum[:])
}

// addressKey gives what counts as one address: for IPv6 the network that one household or one
// machine is given.
func addressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
