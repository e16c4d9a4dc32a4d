package notify

import (
	"time"
)

// atOnce gives how many attempts at a line's target may be under way together.
func (s *sender) atOnce(l *line) int {
	if l.shaky {
		return 1
	}
	return s.limits.SendsTarget
}

// may reports whether a line has something to send and may start an attempt.
func (s *sender) may(l *line) bool { return l.size() > 0 && l.running < s.atOnce(l) }

// shut reports whether the line's gate is.
func (s *sender) shut(l *line) bool { return !l.gate.IsZero() && l.gate.After(s.now()) }

// turn puts a line into its round when it may start an attempt, and ahead when it has become urgent while it stood.
func (s *sender) turn(l *line) {
	s.crowd(l)
	switch {
	case !s.isOpen || !s.may(l):
		return
	case s.shut(l):
		s.gated[l] = struct{}{}
		return
	case l.stands && l.as >= l.first():
		return
	}
	if !l.stands {
		l.since = s.now()
	}
	l.stands, l.as = true, l.first()
	l.stamp++
	here := standing{l, l.stamp}
	switch {
	case l.parked:
		l.bucket.parked[l.as] = append(l.bucket.parked[l.as], here)
	case l.shaky:
		s.shaky[l.as] = append(s.shaky[l.as], here)
	default:
		s.steady[l.as] = append(s.steady[l.as], here)
	}
}

// choose takes the line whose turn it is off its round; nil when none stands, or there is no place for it.
func (s *sender) choose() *line {
	if s.prompt+s.slow >= (1+slowShare)*s.limits.Sends {
		return nil
	}
	var l *line
	for _, c := range []class{urgent, routine} {
		if s.prompt < s.limits.Sends {
			if l, s.steady[c] = pop(s.steady[c]); l != nil {
				return l
			}
		}
		if s.slow < max(1, s.limits.Sends/2) {
			if l, s.shaky[c] = pop(s.shaky[c]); l != nil {
				return l
			}
		}
	}
	return nil
}

// pump starts attempts while there are places.
func (s *sender) pump() {
	for s.isOpen {
		l := s.choose()
		if l == nil {
			return
		}
		shaky := l.shaky
		l.stands = false
		if !s.may(l) || s.shut(l) {
			s.turn(l) // it stood in its round when an attempt failed
			continue
		}
		if l.bucket != nil {
			if wait, ok := l.bucket.take(s.now()); !ok {
				s.park(l, wait)
				continue
			}
		}
		j := l.shift()
		s.waiting--
		l.running++
		if j.slow = shaky; shaky {
			s.slow++
		} else {
			s.prompt++
		}
		s.work.Go(func() { s.guard.Run("an attempt", func() { s.run(l, j) }) })
		s.turn(l)
	}
}

// park has a line wait for its rate.
func (s *sender) park(l *line, wait time.Duration) {
	l.parked = true
	s.turn(l)
	s.thirsty[l.bucket] = struct{}{}
	s.throttle(l.bucket.channel, wait)
	s.nudge()
}

// wake lets go on what has waited for its gate or its rate long enough, and gives when to wake the next; zero: nothing waits for a time.
func (s *sender) wake(now time.Time) (next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for l := range s.gated {
		if l.gate.After(now) {
			sooner(l.gate)
			continue
		}
		delete(s.gated, l)
		s.turn(l)
	}
	for b := range s.thirsty {
		s.quench(b, int(b.limiter.TokensAt(now)))
	}
	s.pump()
	for b := range s.thirsty {
		missing := max(0, 1-b.limiter.TokensAt(now))
		sooner(now.Add(time.Duration(missing / float64(b.limiter.Limit()) * float64(time.Second))))
	}
	return next
}

// quench brings up to n lines back into their rounds, urgent ones first.
func (s *sender) quench(b *bucket, n int) {
	for ; n > 0; n-- {
		var l *line
		for _, c := range []class{urgent, routine} {
			if l, b.parked[c] = pop(b.parked[c]); l != nil {
				break
			}
		}
		if l == nil {
			delete(s.thirsty, b)
			return
		}
		l.parked, l.stands = false, false
		s.turn(l)
	}
}

func (s *sender) run(l *line, j *job) {
	over := false
	timer := time.AfterFunc(s.limits.SlowAfter, func() {
		s.guard.Run("a slow attempt", func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if over || j.slow {
				return
			}
			s.excuse(s.asked[j])
			j.slow = true
			s.prompt--
			s.slow++
			s.pump()
		})
	})
	s.try(s.ctx, j)
	timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	over = true
	if j.slow {
		s.slow--
	} else {
		s.prompt--
	}
	l.running--
	s.turn(l)
	s.pump()
	for c := range class(classes) {
		if !l.next[c].IsZero() && s.low(l, c) {
			s.nudge()
		}
	}
	s.forget(l)
}
