package notify

import (
	"context"
	"maps"
	"sync"
	"time"
)

// job is one delivery in the hands of this process, from when it is taken until its outcome is marked. Its owner is whoever
// works on it at the moment: the line it waits in, the attempt, the journalist.
type job struct {
	v *Delivery
	n *notice // what to send; nil: to be found
}

// line is the queue of one target: its head is in memory, the rest in the store.
type line struct {
	target   string
	waiting  []*job
	reserved int             // places promised to deliveries being inserted
	running  int             // attempts under way
	held     map[string]bool // ids of all jobs here: waiting, under way, or done and not yet marked
	shaky    bool            // the last attempt failed
	ready    bool            // stands in a round
	next     time.Time       // when the store may have something due; zero: nothing is known of
}

// sender starts attempts so that no target delays another. Each target has a line and a few attempts at once; lines that have something to
// send take turns. Two things keep places free for targets that answer, however many do not: a target whose last attempt
// failed gets one attempt at a time, and all such targets together half of the places; and an attempt that takes
// long gives its place back while it goes on, up to a hard bound.
type sender struct {
	limits Limits
	try    func(ctx context.Context, j *job)

	mu      sync.Mutex
	isOpen  bool
	ctx     context.Context // of attempts
	lines   map[string]*line
	steady  []*line // lines that may start an attempt, in turn
	shaky   []*line // the same, of targets whose last attempt failed
	prompt  int     // attempts under way that hold a place
	slow    int     // attempts under way that hold none: to shaky targets, or long since begun
	waiting int     // jobs and reservations in memory
	work    sync.WaitGroup
	hungry  chan struct{} // capacity 1: a line wants to be filled from the store
}

const (
	// slowShare is how many attempts may be under way without a place, for each that has one.
	slowShare = 3
	// shakyQueue is how much of the line of a failing target is kept in memory.
	shakyQueue = 16
)

func newSender(limits Limits, try func(context.Context, *job)) *sender {
	return &sender{limits: limits, try: try, lines: map[string]*line{}, hungry: make(chan struct{}, 1)}
}

// open lets attempts start; they run in ctx.
func (s *sender) open(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isOpen, s.ctx = true, ctx
}

// close lets no further attempt start and gives the jobs that waited for theirs.
func (s *sender) close() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isOpen = false
	var left []*job
	for _, l := range s.lines {
		left = append(left, l.waiting...)
		s.waiting -= len(l.waiting)
		l.waiting = nil
	}
	s.steady, s.shaky = nil, nil
	return left
}

// wait returns true when no attempt is under way, false when ctx ends first.
func (s *sender) wait(ctx context.Context) bool {
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *sender) line(target string) *line {
	l, ok := s.lines[target]
	if !ok {
		l = &line{target: target, held: map[string]bool{}}
		s.lines[target] = l
	}
	return l
}

// space gives how many more deliveries a line may keep in memory. Every line may keep a few, however full the memory is.
func (s *sender) space(l *line) int {
	held, most := len(l.waiting)+l.reserved, s.limits.QueueTarget
	if l.shaky {
		most = min(most, shakyQueue)
	}
	return max(0, min(most-held, s.limits.Queue-s.waiting), min(most, s.limits.SendsTarget)-held)
}

// reserve promises a place in memory for one delivery to the target; false when there is none.
func (s *sender) reserve(target string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return false
	}
	l := s.line(target)
	if s.space(l) == 0 {
		return false
	}
	l.reserved++
	s.waiting++
	return true
}

func (s *sender) unreserve(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	l.reserved--
	s.waiting--
	s.forget(l)
}

// add takes a job into the place that was reserved for it.
func (s *sender) add(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(j.v.Subscription)
	l.reserved--
	l.waiting = append(l.waiting, j)
	l.held[j.v.ID] = true
	s.turn(l)
	s.pump()
}

// take puts jobs read from the store into the line, and notes when to look again. Jobs that came into hand meanwhile are left out.
func (s *sender) take(target string, jobs []*job, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	l.next = next
	for _, j := range jobs {
		if l.held[j.v.ID] || !s.isOpen {
			continue
		}
		l.held[j.v.ID] = true
		l.waiting = append(l.waiting, j)
		s.waiting++
	}
	s.turn(l)
	s.pump()
	s.forget(l)
}

// hold takes a delivery in hand without a place in its line; false when it is in hand already, or nothing is taken any more.
func (s *sender) hold(v *Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.line(v.Subscription); s.isOpen && !l.held[v.ID] {
		l.held[v.ID] = true
		return true
	}
	return false
}

// room gives how many more deliveries the line takes, and the ids of those it holds.
func (s *sender) room(target string) (int, map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	return s.space(l), maps.Clone(l.held)
}

// starving gives the targets that may have something due in the store and have room for it in memory.
func (s *sender) starving(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.lines {
		if !l.next.IsZero() && !l.next.After(now) && s.low(l) {
			out = append(out, l.target)
		}
	}
	return out
}

// low reports whether so little of the line is left in memory that reading more is worth it.
func (s *sender) low(l *line) bool {
	return len(l.waiting) <= s.limits.QueueTarget/4 && s.space(l) > 0
}

// due says that the store has something for the target that is due at t.
func (s *sender) due(target string, t time.Time) {
	s.mu.Lock()
	s.line(target).dueBy(t)
	s.mu.Unlock()
	s.nudge()
}

func (l *line) dueBy(t time.Time) {
	if l.next.IsZero() || t.Before(l.next) {
		l.next = t
	}
}

func (s *sender) nudge() {
	select {
	case s.hungry <- struct{}{}:
	default:
	}
}

// done lets go of a job whose outcome is marked, or that was given up for now; next is when it is due again, zero when it never is.
func (s *sender) done(j *job, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(j.v.Subscription)
	delete(l.held, j.v.ID)
	if !next.IsZero() {
		l.dueBy(next)
	}
	s.forget(l)
}

// judge notes how the last attempt to a target went. When it failed, most of the target's line leaves memory: it is in the store,
// and others need the room.
func (s *sender) judge(target string, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	l.shaky = !answered
	if l.shaky && len(l.waiting) > shakyQueue {
		for _, j := range l.waiting[shakyQueue:] {
			delete(l.held, j.v.ID)
			l.dueBy(j.v.dueAt())
		}
		s.waiting -= len(l.waiting) - shakyQueue
		clear(l.waiting[shakyQueue:])
		l.waiting = l.waiting[:shakyQueue]
	}
}

// may reports whether a line has something to send and may start an attempt.
func (s *sender) may(l *line) bool {
	limit := s.limits.SendsTarget
	if l.shaky {
		limit = 1
	}
	return len(l.waiting) > 0 && l.running < limit
}

// turn puts a line into its round when it may start an attempt.
func (s *sender) turn(l *line) {
	if l.ready || !s.isOpen || !s.may(l) {
		return
	}
	l.ready = true
	if l.shaky {
		s.shaky = append(s.shaky, l)
	} else {
		s.steady = append(s.steady, l)
	}
}

// pump starts attempts while there are places.
func (s *sender) pump() {
	for s.isOpen && s.prompt+s.slow < (1+slowShare)*s.limits.Sends {
		var l *line
		switch {
		case len(s.steady) > 0 && s.prompt < s.limits.Sends:
			l, s.steady = s.steady[0], s.steady[1:]
		case len(s.shaky) > 0 && s.slow < max(1, s.limits.Sends/2):
			l, s.shaky = s.shaky[0], s.shaky[1:]
		default:
			return
		}
		l.ready = false
		if !s.may(l) {
			continue // it stood in its round when an attempt failed
		}
		j := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		s.waiting--
		l.running++
		slow := l.shaky
		if slow {
			s.slow++
		} else {
			s.prompt++
		}
		s.work.Add(1)
		go s.run(l, j, slow)
		s.turn(l)
	}
}

func (s *sender) run(l *line, j *job, slow bool) {
	defer s.work.Done()
	over := false
	timer := time.AfterFunc(s.limits.SlowAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if over || slow {
			return
		}
		slow = true
		s.prompt--
		s.slow++
		s.pump()
	})
	s.try(s.ctx, j)
	timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	over = true
	if slow {
		s.slow--
	} else {
		s.prompt--
	}
	l.running--
	s.turn(l)
	s.pump()
	if !l.next.IsZero() && s.low(l) {
		s.nudge()
	}
	s.forget(l)
}

// forget drops a line that holds nothing.
func (s *sender) forget(l *line) {
	if len(l.waiting) == 0 && l.reserved == 0 && l.running == 0 && len(l.held) == 0 && l.next.IsZero() && !l.shaky {
		delete(s.lines, l.target)
	}
}
