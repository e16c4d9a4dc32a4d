package notify

import (
	"container/list"
	"encoding/json"
	"sync"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// notice is an announcement on its way to targets.
type notice struct {
	ledger.Announcement
	urgent bool          // goes before what is not
	only   string        // the one subscription this is for, whatever it wants; "": all that want it
	body   func() []byte // the rendered event, rendered once

	parts func() (header json.RawMessage, rest string) // of the data, as split gives them, split once for all alerts
}

func (r *Router) noticesFrom(announcements []ledger.Announcement) []*notice {
	out := make([]*notice, len(announcements))
	for i, a := range announcements {
		out[i] = r.noticeFrom(a)
	}
	return out
}

func (r *Router) noticeFrom(a ledger.Announcement) *notice {
	return newNotice(a, sync.OnceValue(func() []byte { return RenderEvent(r.opt.Source, a) }))
}

// newNotice makes a notice of an announcement whose rendered event body gives.
func newNotice(a ledger.Announcement, body func() []byte) *notice {
	return &notice{
		Announcement: a, urgent: pressing(a), body: body,
		parts: sync.OnceValues(func() (json.RawMessage, string) { return split(a.Data) }),
	}
}

// pressing reports whether an event of an alert goes before everything that is not: it asks somebody to act now, or to stop, for real. Those
// are alerts of incidents that are severe or worse, the kinds of which domain and protocol say that an answer is due within minutes, and those that
// take such a request back. An exercise never overtakes anything, and neither does what only operators need or an incident that is closed.
func pressing(a ledger.Announcement) bool {
	if a.Exercise || a.Type != EventAlertRaised || ownKind(a.Kind) {
		return false
	}
	switch a.Kind {
	case "activation", "movement", "departure", "movement_corrected", "movement_cancelled", "stood_down":
		return true
	case "closed":
		return false
	}
	return rank(a.Severity) >= rank("severe")
}

// recent keeps the notices of the last commits, bounded by the sum of their sizes, so that neither handling a commit nor trying a
// delivery again reads the log.
type recent struct {
	mu    sync.Mutex
	max   int
	size  int
	order *list.List // front: newest
	items map[store.Ref]*list.Element
}

type recentItem struct {
	ref     store.Ref
	notices []*notice
	size    int
}

func newRecent(maxBytes int) *recent {
	return &recent{max: maxBytes, order: list.New(), items: map[store.Ref]*list.Element{}}
}

func (c *recent) get(ref store.Ref) ([]*notice, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[ref]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*recentItem).notices, true
}

func (c *recent) put(ref store.Ref, notices []*notice) {
	size := 256
	for _, n := range notices {
		size += 512 + 2*len(n.Data) // the announcement and, soon, its rendered form
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[ref]; ok || size > c.max {
		return
	}
	c.items[ref] = c.order.PushFront(&recentItem{ref, notices, size})
	c.size += size
	for c.size > c.max {
		oldest := c.order.Remove(c.order.Back()).(*recentItem)
		delete(c.items, oldest.ref)
		c.size -= oldest.size
	}
}
