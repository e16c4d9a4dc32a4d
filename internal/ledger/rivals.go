package ledger

import (
	"sync"
	"time"
)

// rivals remembers on which streams this process has lately lost against another: there a look before deciding is cheaper than losing again.
// The zero value is ready. All methods may be called concurrently.
type rivals struct {
	mu   sync.Mutex
	last map[Stream]time.Time
}

const (
	// rivalNear is how long after a loss the other is taken to be still there.
	rivalNear = 2 * time.Second
	rivalsMax = 4096
)

func (r *rivals) met(stream Stream, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || len(r.last) >= rivalsMax {
		r.last = map[Stream]time.Time{} // forgetting costs one lost append each
	}
	r.last[stream] = now
}

func (r *rivals) near(stream Stream, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.last[stream]
	if ok && now.Sub(last).Abs() > rivalNear {
		delete(r.last, stream)
		return false
	}
	return ok
}
