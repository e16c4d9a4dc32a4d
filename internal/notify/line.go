package notify

import (
	"slices"
	"time"
)

// class orders what waits: urgent deliveries go before all others, in a target's line and between targets.
type class uint8

const (
	routine class = iota
	urgent

	classes = 2
)

// job is one delivery in the hands of this process, from when it is taken until its outcome is marked. Its owner is whoever
// works on it at the moment: the line it waits in, the attempt, the journalist.
type job struct {
	v *Delivery
	n *notice // what to send; nil: to be found

	// planned is when it was to be tried, had its target not answered again before; zero: it is tried when it was to be.
	planned time.Time

	since time.Time // since when it waits in its line
	slow  bool      // its attempt holds no place; the sender's
}

// line is the queue of one target: its head is in memory, the rest in the store.
type line struct {
	target   string
	waiting  [classes][]*job
	reserved [classes]int       // places promised to deliveries being inserted
	next     [classes]time.Time // when the store may have something due; zero: nothing is known of
	running  int                // attempts under way
	held     map[string]bool    // ids of all jobs here: waiting, under way, or done and not yet marked
	shaky    bool               // the last attempt failed
	gate     time.Time          // the circuit is open and nothing is sent before then; zero: it is closed
	bucket   *bucket            // the rate that holds here; nil: none

	answered time.Time     // when its receiver last answered
	took     time.Duration // and after how long

	// A line that may start an attempt stands once, in a round or parked at its bucket, as the class of its first job. What it left behind
	// when it moved has an older stamp.
	stands bool
	parked bool
	as     class
	stamp  uint64
	since  time.Time // since when it stands
}

// standing is a line's place in a round. It counts while the stamp is the line's.
type standing struct {
	l     *line
	stamp uint64
}

func (p standing) valid() bool { return p.l.stands && p.l.stamp == p.stamp }

// pop takes the first valid standing off a round.
func pop(round []standing) (*line, []standing) {
	for i, p := range round {
		if p.valid() {
			return p.l, round[i+1:]
		}
	}
	return nil, nil
}

// shakyQueue is how much of the line of a failing target is kept in memory.
const shakyQueue = 16

// most gives how many deliveries of a class the line may keep in memory.
func (s *sender) most(l *line) int {
	most := s.limits.QueueTarget
	switch {
	case !l.gate.IsZero():
		most = 1
	case l.shaky:
		most = min(most, shakyQueue)
	}
	if l.bucket != nil {
		most = min(most, l.bucket.inLease())
	}
	return most
}

// space gives how many more deliveries of the class a line may keep in memory. Every line may keep a few, however full the memory is,
// and those that are urgent find a place where others fill it.
func (s *sender) space(l *line, c class) int {
	most, all := s.most(l), s.limits.Queue
	held := len(l.waiting[urgent]) + l.reserved[urgent]
	if c == urgent {
		all += all / 4
	} else {
		held += len(l.waiting[routine]) + l.reserved[routine]
	}
	return max(0, min(most-held, all-s.waiting), min(most, s.limits.SendsTarget)-held)
}

// low reports whether so little of the line is left in memory that reading more is worth it.
func (s *sender) low(l *line, c class) bool {
	return len(l.waiting[c]) <= s.most(l)/4 && s.space(l, c) > 0
}

// size gives how many jobs wait in it.
func (l *line) size() int { return len(l.waiting[urgent]) + len(l.waiting[routine]) }

// first gives the class of the job that goes next.
func (l *line) first() class {
	if len(l.waiting[urgent]) > 0 {
		return urgent
	}
	return routine
}

// shift takes the job that goes next off the line.
func (l *line) shift() *job {
	c := l.first()
	j := l.waiting[c][0]
	l.waiting[c][0] = nil
	l.waiting[c] = l.waiting[c][1:]
	return j
}

// trim leaves the first most jobs in memory and gives how many left it: they are in the store.
func (l *line) trim(most int) (gone int) {
	for _, c := range []class{urgent, routine} {
		keep := min(most, len(l.waiting[c]))
		most -= keep
		for _, j := range l.waiting[c][keep:] {
			delete(l.held, j.v.ID)
			l.dueBy(c, j.v.dueAt())
			gone++
		}
		l.waiting[c] = slices.Delete(l.waiting[c], keep, len(l.waiting[c]))
	}
	return gone
}

func (l *line) dueBy(c class, t time.Time) {
	if l.next[c].IsZero() || t.Before(l.next[c]) {
		l.next[c] = t
	}
}

// empty reports whether nothing would be lost with the line.
func (l *line) empty() bool {
	return l.size() == 0 && l.reserved == [classes]int{} && l.running == 0 && len(l.held) == 0 && l.next == [classes]time.Time{} &&
		!l.shaky && l.gate.IsZero() && l.bucket == nil
}
