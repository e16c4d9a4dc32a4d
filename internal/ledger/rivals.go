package ledger

import (
	"sync"
	"time"
)

// rivals remembers on which streams this process has lately lost against another one that writes: there the two take turns. The zero value is
// ready. All methods may be called concurrently.
type rivals struct {
	mu      sync.Mutex
	streams map[Stream]rivalry
}

type rivalry struct {
	last time.Time // when the other was last met
	own  int64     // the last commit of this process since; 0: none
}

const (
	// rivalNear is how long after a meeting the other is taken to be still there.
	rivalNear = 2 * time.Second
	rivalsMax = 4096
)

// met notes that another process has written to the stream.
func (r *rivals) met(stream Stream, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(stream, now)
}

func (r *rivals) note(stream Stream, now time.Time) {
	if r.streams == nil || len(r.streams) >= rivalsMax {
		r.streams = map[Stream]rivalry{} // forgetting costs one lost append each
	}
	r.streams[stream] = rivalry{last: now, own: r.streams[stream].own}
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

// behind reports whether the stream, which ends at tail, has grown by another's commit since this process's last: the other is still there.
func (r *rivals) behind(stream Stream, tail int64, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.streams[stream]
	switch {
	case !ok:
		return false
	case now.Sub(v.last).Abs() > rivalNear:
		delete(r.streams, stream)
		return false
	case v.own == 0 || tail <= v.own:
		return false
	}
	r.note(stream, now)
	return true
}
