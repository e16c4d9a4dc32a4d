package bus

import "sync"

// tide is how far the stream is known to have come. An external cluster that loses power as a whole comes back without what it had
// not synced, under the same incarnation, and gives sequences a second time. Three things show it:
//
//   - a message is acknowledged under a sequence that was taken before the message was sent;
//   - the stream ends before a sequence that was acknowledged;
//   - a consumer has received what the stream does not have (at Open, when nothing is known yet).
//
// The zero value is ready. It is safe for concurrent use.
type tide struct {
	mu          sync.Mutex
	incarnation string
	last        uint64 // highest sequence known
	fallen      bool   // a sequence was given twice
}

// see notes a look at the stream.
func (t *tide) see(incarnation string, last uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.incarnation != incarnation {
		t.incarnation, t.last, t.fallen = incarnation, last, false
	}
	t.last = max(t.last, last)
}

// before gives what the sequences of messages sent from now on lie above.
func (t *tide) before() mooring {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mooring{incarnation: t.incarnation, floor: t.last}
}

// mooring is the tide at the moment messages are sent.
type mooring struct {
	incarnation string
	floor       uint64
}

// acked notes the acknowledgement, for the first time, of a message sent after m was taken. It reports whether that shows that
// the stream went back, the first time only.
func (t *tide) acked(m mooring, seq uint64) (fell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.incarnation != t.incarnation || t.incarnation == "" {
		return false // of another stream
	}
	fell = seq <= m.floor && !t.fallen
	t.fallen = t.fallen || fell
	t.last = max(t.last, seq)
	return fell
}

// below reports whether a stream of the incarnation that ends at last has gone back.
func (t *tide) below(incarnation string, last uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.incarnation == incarnation && (t.fallen || last < t.last)
}

// sunk reports that a sequence was given twice, which no second look takes back.
func (t *tide) sunk(incarnation string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.incarnation == incarnation && t.fallen
}
