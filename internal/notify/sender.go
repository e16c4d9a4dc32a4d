package notify

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"landfall/internal/guard"
)

// sender starts attempts so that no target delays another. Each target has a line and a few attempts at once; lines that have something to
// send take turns, those with something urgent first. Two things keep places free for targets that answer, however many do not: a
// target whose last attempt failed gets one attempt at a time, and all such targets together half of the places; and an attempt that takes
// long gives its place back while it goes on, up to a hard bound. A line whose circuit is open waits at its gate, one whose rate is used up at its
// bucket; neither holds a place.
type sender struct {
	limits   Limits
	now      func() time.Time
	guard    *guard.Guard
	rates    map[string]Rate
	throttle func(channel string, wait time.Duration)
	try      func(ctx context.Context, j *job)

	mu      sync.Mutex
	isOpen  bool
	ctx     context.Context // of attempts
	lines   map[string]*line
	steady  [classes][]standing // lines that may start an attempt, in turn
	shaky   [classes][]standing // the same, of targets whose last attempt failed
	gated   map[*line]struct{}  // lines that wait for their gate to open
	shared  map[string]*bucket  // by channel
	thirsty map[*bucket]struct{}
	peers   int // processes that send
	prompt  int // attempts under way that hold a place
	slow    int // attempts under way that hold none: to shaky targets, or long since begun
	waiting int // jobs and reservations in memory

	crowded map[*line]struct{} // lines that wait for places of their own target
	asked   map[*job]time.Time // what is with its receiver, and since when
	excused time.Time          // what waited for a place before then waited for slow receivers
	work    sync.WaitGroup
	hungry  chan struct{} // capacity 1: a line wants to be filled from the store, or to be woken sooner
}

// slowShare is how many attempts may be under way without a place, for each that has one.
const slowShare = 3

func newSender(limits Limits, now func() time.Time, g *guard.Guard, try func(context.Context, *job)) *sender {
	return &sender{
		limits: limits, now: now, guard: g, try: try, throttle: func(string, time.Duration) {},
		lines: map[string]*line{}, gated: map[*line]struct{}{}, shared: map[string]*bucket{}, thirsty: map[*bucket]struct{}{}, peers: 1,
		crowded: map[*line]struct{}{}, asked: map[*job]time.Time{},
		hungry: make(chan struct{}, 1),
	}
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
		s.waiting -= l.size()
		left = append(append(left, l.waiting[urgent]...), l.waiting[routine]...)
		l.waiting, l.stands = [classes][]*job{}, false
	}
	s.steady, s.shaky = [classes][]standing{}, [classes][]standing{}
	clear(s.gated)
	clear(s.thirsty)
	return left
}

// wait returns true when no attempt is under way, false when ctx ends first.
func (s *sender) wait(ctx context.Context) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.guard.Run("waiting for attempts", s.work.Wait)
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

// lineOf gives the line of a delivery's target, with the rate of its channel.
func (s *sender) lineOf(v *Delivery) *line {
	l := s.line(v.Subscription)
	if r, limited := s.rates[v.Channel]; limited && l.bucket == nil && r.PerSecond > 0 {
		if !r.Shared {
			l.bucket = newBucket(v.Channel, r, s.peers, s.now())
			return l
		}
		if s.shared[v.Channel] == nil {
			s.shared[v.Channel] = newBucket(v.Channel, r, s.peers, s.now())
		}
		l.bucket = s.shared[v.Channel]
	}
	return l
}

// divide says how many processes share the rates.
func (s *sender) divide(peers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if peers = max(1, peers); peers == s.peers {
		return
	}
	s.peers = peers
	now := s.now()
	for _, l := range s.lines {
		if l.bucket != nil {
			l.bucket.divide(peers, now)
		}
	}
}

// reserve promises a place in memory for a delivery; false when there is none. next says that it will be tried at once.
func (s *sender) reserve(v *Delivery) (ok, next bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return false, false
	}
	l := s.lineOf(v)
	if s.space(l, v.class()) == 0 {
		return false, false
	}
	ahead := l.running + l.size() + l.reserved[urgent] + l.reserved[routine]
	next = ahead < s.atOnce(l) && !s.shut(l) && s.prompt+s.waiting < s.limits.Sends
	l.reserved[v.class()]++
	s.waiting++
	return true, next
}

func (s *sender) unreserve(v *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(v.Subscription)
	l.reserved[v.class()]--
	s.waiting--
	s.forget(l)
}

// add takes a job into the place that was reserved for it, unless it is in hand already: the clock may have leapt over its lease.
func (s *sender) add(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, c := s.line(j.v.Subscription), j.v.class()
	l.reserved[c]--
	if l.held[j.v.ID] {
		s.waiting--
		return
	}
	j.since = s.now()
	l.waiting[c] = append(l.waiting[c], j)
	l.held[j.v.ID] = true
	s.turn(l)
	s.pump()
}

// take puts jobs of a class read from the store into the line, and notes when to look again. Jobs that came into hand meanwhile are left out.
func (s *sender) take(target string, c class, jobs []*job, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	l.next[c] = next
	for _, j := range jobs {
		if l.held[j.v.ID] || !s.isOpen {
			continue
		}
		s.lineOf(j.v)
		l.held[j.v.ID] = true
		j.since = s.now()
		l.waiting[c] = append(l.waiting[c], j)
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

// evict takes what waits in a target's line out of it, but for what is spared. It stays in hand until it is done.
func (s *sender) evict(target string, spared func(*Delivery) bool) []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lines[target]
	if !ok {
		return nil
	}
	var out []*job
	for c := range class(classes) {
		l.waiting[c] = slices.DeleteFunc(l.waiting[c], func(j *job) bool {
			if spared(j.v) {
				return false
			}
			out = append(out, j)
			return true
		})
	}
	s.waiting -= len(out)
	return out
}

// room gives how many more deliveries of the class the line takes, and the ids of those it holds.
func (s *sender) room(target string, c class) (int, map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.line(target)
	return s.space(l, c), maps.Clone(l.held)
}

// hunger is a line that wants to be filled with deliveries of a class.
type hunger struct {
	target string
	c      class
}

// starving gives the lines that may have something due in the store and have room for it in memory, urgent ones first.
func (s *sender) starving(now time.Time) []hunger {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []hunger
	for _, c := range []class{urgent, routine} {
		for _, l := range s.lines {
			if !l.next[c].IsZero() && !l.next[c].After(now) && s.low(l, c) {
				out = append(out, hunger{l.target, c})
			}
		}
	}
	return out
}

// due says that the store has something of the class for the target that is due at t.
func (s *sender) due(target string, c class, t time.Time) {
	s.mu.Lock()
	s.line(target).dueBy(c, t)
	s.mu.Unlock()
	s.nudge()
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
		l.dueBy(j.v.class(), next)
	}
	s.forget(l)
}

// judge notes how the last attempt to a target went, and until when its gate is shut. When it failed, most of the target's line leaves memory: it
// is in the store, and others need the room.
func (s *sender) judge(target string, answered bool, gate time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answered && gate.IsZero() {
		if l, ok := s.lines[target]; !ok || !l.shaky && l.gate.IsZero() {
			return // as always
		}
	}
	l := s.line(target)
	l.shaky, l.gate = !answered, gate
	if l.shaky {
		s.waiting -= l.trim(s.most(l))
	}
	delete(s.gated, l)
	s.turn(l)
	s.pump()
	s.forget(l)
}

// forget drops a line that holds nothing.
func (s *sender) forget(l *line) {
	if l.empty() {
		delete(s.lines, l.target)
		delete(s.crowded, l)
	}
}
