package notify

import (
	"sync"

	"landfall/internal/store"
)

// tracesMax bounds the commits whose trace is remembered.
const tracesMax = 4096

// traces remembers which request is behind commits that are to be read from the log: it came with the message that named them, and the log
// does not keep it. What is forgotten is delivered without a trace. The zero value is ready.
type traces struct {
	mu sync.Mutex
	of map[store.Ref]string
}

func (t *traces) put(ref store.Ref, trace string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of) >= tracesMax {
		t.of = map[store.Ref]string{}
	}
	t.of[ref] = trace
}

// take gives the trace and forgets it.
func (t *traces) take(ref store.Ref) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	trace := t.of[ref]
	delete(t.of, ref)
	return trace
}

// Traced says which request, by its W3C traceparent, is behind a commit that is about to be handled here and was accepted elsewhere.
func (r *Router) Traced(ref store.Ref, trace string) { r.traces.put(ref, trace) }
