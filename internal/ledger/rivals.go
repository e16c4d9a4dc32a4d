package ledger

import (
	"sync"
	"time"
)

// rivals remembers on which streams this process has lately met another one that writes: there a look before deciding is cheaper than losing
// again, and both take turns. The zero value is ready. All methods may be called concurrently.
type rivals struct {
	mu      sync.Mutex
	streams map[Stream]rivalry
}

type rivalry struct {
	last time.Time // when the other was last met
	look time.Time // when the last read of the stream began
	own  int64     // the last commit of this process since; 0: none
}

const (
	// rivalNear is how long after a meeting the other is taken to be still there.
	rivalNear = 2 * time.Second
	// rivalLook is for how long a look at the stream spares another one. A command has mostly been preceded by one: what it may do was
	// asked.
	rivalLook = 20 * time.Millisecond
	rivalsMax = 4096
)

// met notes that another process has written to the stream.
func (r *rivals) met(stream Stream, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams == nil || len(r.streams) >= rivalsMax {
		r.streams = map[Stream]rivalry{} // forgetting costs one lost append each
	}
	v := r.streams[stream]
	v.last = now
	r.streams[stream] = v
}

// near reports whether the other is still to be reckoned with, and if so whether somebody here has looked at the stream just now.
func (r *rivals) near(stream Stream, now time.Time) (near, looked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.streams[stream]
	if ok && now.Sub(v.last).Abs() > rivalNear {
		delete(r.streams, stream)
		return false, false
	}
	return ok, ok && now.Sub(v.look).Abs() < rivalLook
}

// looking notes that a read of the stream begins.
func (r *rivals) looking(stream Stream, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.streams[stream]; ok {
		v.look = now
		r.streams[stream] = v
	}
}

// landed notes a commit of this process on a stream that it shares.
func (r *rivals) landed(stream Stream, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.streams[stream]; ok {
		v.own = seq
		r.streams[stream] = v
	}
}

// behind reports whether the stream has grown by another's commit since this process's last.
func (r *rivals) behind(stream Stream, tail int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.streams[stream]
	return ok && v.own > 0 && tail > v.own
}
