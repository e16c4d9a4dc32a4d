package limit

import (
	"container/list"
	"sync"
)

// recent remembers at most so many things by key, and forgets the one that was asked for least
// recently when another comes. All methods may be called concurrently.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	most  int
	held  map[K]*list.Element // of remembered[K, V]
	order *list.List          // the last one asked for in front
}

type remembered[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, held: map[K]*list.Element{}, order: list.New()}
}

// get gives what is remembered, and makes the key the last one asked for.
func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.held[key]
	if !ok {
		var none V
		return none, false
	}
	r.order.MoveToFront(e)
	return e.Value.(remembered[K, V]).value, true
}

// orPut gives what is remembered, or remembers what make gives.
func (r *recent[K, V]) orPut(key K, create func() V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.held[key]; ok {
		r.order.MoveToFront(e)
		return e.Value.(remembered[K, V]).value
	}
	for len(r.held) >= r.most {
		last := r.order.Back()
		r.order.Remove(last)
		delete(r.held, last.Value.(remembered[K, V]).key)
	}
	v := create()
	r.held[key] = r.order.PushFront(remembered[K, V]{key, v})
	return v
}

// forget drops the key.
func (r *recent[K, V]) forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.held[key]; ok {
		r.order.Remove(e)
		delete(r.held, key)
	}
}

// size gives how much is remembered.
func (r *recent[K, V]) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}
