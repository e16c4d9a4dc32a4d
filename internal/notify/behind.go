package notify

import (
	"sync"
	"time"
)

const (
	// behindAfter is for how long a batch that was late still counts, once it is handled: until the
	// next one is there.
	behindAfter = 100 * time.Millisecond

	// slowAnswer is how long a receiver may take until it is the receiver's fault that its attempts
	// hold places.
	slowAnswer = 500 * time.Millisecond

	// quickAnswer is how soon a receiver answers for whom more waits than the places of one target
	// can take: above it the receiver is what is slow.
	quickAnswer = 100 * time.Millisecond
)

// Behind returns how far this process's own work is behind: how long ago the oldest change was
// recorded of those that the bus delivered and whose notices are being written, or, when that is
// longer, for how long a due delivery has lacked a place to be sent from. Zero when it keeps up,
// and while the router does not run. What waits for a receiver, a rate, a circuit or the sweep does
// not count. It neither reads nor waits.
func (r *Router) Behind() time.Duration { return max(r.taken.behind(r.now()), r.sender.behind()) }

// taken remembers how old the changes are that the bus delivers. The zero value is ready. All
// methods may be called concurrently.
type taken struct {
	mu     sync.Mutex
	oldest time.Time // when the oldest was recorded of those in hand, or of the last
	until  time.Time // when the last ones do not count any more; zero: some are in hand
}

// take notes what is taken in hand, and returns what lets go of it.
func (t *taken) take(notes []Note, now func() time.Time) (letGo func()) {
	var oldest time.Time
	for _, n := range notes {
		if !n.Told && (oldest.IsZero() || n.At.Before(oldest)) {
			oldest = n.At
		}
	}
	if oldest.IsZero() {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.oldest, t.until = oldest, time.Time{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.until = now().Add(behindAfter)
	}
}

func (t *taken) behind(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.oldest.IsZero() || !t.until.IsZero() && !now.Before(t.until) {
		return 0
	}
	return max(0, now.Sub(t.oldest))
}

// asks notes that a delivery is with its receiver, and returns what notes the answer.
func (s *sender) asks(j *job) (answered func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.now()
	s.asked[j] = since
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.excuse(since)
		delete(s.asked, j)
		l := s.line(j.v.Subscription)
		l.answered = s.now()
		l.took = l.answered.Sub(since)
	}
}

// excuse forgets how long places have been lacking when an attempt that was begun then gives its
// place back, and it and most others were slow.
func (s *sender) excuse(began time.Time) {
	if now := s.now(); now.Sub(began) >= slowAnswer && s.dragged(now) {
		s.excused = now
	}
}

// dragged reports whether slow receivers hold most of the places.
func (s *sender) dragged(now time.Time) bool {
	n := 0
	for j, since := range s.asked {
		if !j.slow && now.Sub(since) >= slowAnswer {
			n++
		}
	}
	return 2*n >= s.limits.Sends
}

// behind returns for how long the longest of those has waited that have nothing to wait for but a
// place: one of all places, unless slow receivers hold most of those, or one of its target's, whose
// receiver answers quickly.
func (s *sender) behind() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.prompt >= s.limits.Sends && !s.dragged(now) {
		for _, round := range s.steady {
			for _, p := range round {
				if p.valid() && p.l.bucket == nil && s.may(p.l) && !s.shut(p.l) {
					longest = max(longest, min(now.Sub(p.l.since), now.Sub(s.excused)))
					break
				}
			}
		}
	}
	for l := range s.crowded {
		if l.size() > 0 && l.took < quickAnswer && now.Sub(l.answered) < quickAnswer {
			longest = max(longest, now.Sub(l.waiting[l.first()][0].since))
		}
	}
	return longest
}

// crowd notes whether a line waits for nothing but places of its own target.
func (s *sender) crowd(l *line) {
	if l.size() > 0 && l.running >= s.atOnce(l) && !l.shaky && l.bucket == nil && !s.shut(l) {
		s.crowded[l] = struct{}{}
	} else {
		delete(s.crowded, l)
	}
}
