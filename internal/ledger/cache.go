package ledger

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps recently used folds, bounded by the sum of their estimated sizes. What it holds is shared and never changed.
type cache struct {
	mu    sync.Mutex
	max   int64
	size  int64
	order *list.List // front: most recently used
	items map[Stream]*list.Element

	changed map[Stream]time.Time // streams that may have grown unseen: what was looked at before then is not kept
}

type cached struct {
	stream Stream
	fold   any // *folded[S] of the stream's noun
	size   int64
	looked time.Time // when it was the newest for certain
}

func newCache(maxBytes int64) *cache {
	return &cache{max: maxBytes, order: list.New(), items: map[Stream]*list.Element{}, changed: map[Stream]time.Time{}}
}

func (c *cache) get(stream Stream) (fold any, looked time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[stream]
	if !ok {
		return nil, looked, false
	}
	c.order.MoveToFront(e)
	held := e.Value.(*cached)
	return held.fold, held.looked, true
}

// put replaces what is held for the stream and lets go of the least recently used folds beyond the bound.
func (c *cache) put(stream Stream, fold any, size int64, looked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.changed[stream]; ok && looked.Before(at) {
		return
	}
	delete(c.changed, stream)
	c.remove(stream)
	if size > c.max {
		return
	}
	c.items[stream] = c.order.PushFront(&cached{stream: stream, fold: fold, size: size, looked: looked})
	c.size += size
	for c.size > c.max {
		c.remove(c.order.Back().Value.(*cached).stream)
	}
}

func (c *cache) drop(stream Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(stream)
}

// outdate drops the stream's fold, and whatever of it was looked at before that moment.
func (c *cache) outdate(stream Stream, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(stream)
	c.changed[stream] = now
}

func (c *cache) remove(stream Stream) {
	if e, ok := c.items[stream]; ok {
		c.size -= e.Value.(*cached).size
		c.order.Remove(e)
		delete(c.items, stream)
	}
}
