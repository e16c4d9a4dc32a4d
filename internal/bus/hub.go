package bus

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What a hub keeps at hand for all feeds together.
const (
	keptMessages = 4096
	keptBytes    = 8 << 20

	loadTimeout = 2 * time.Second // for reading back the newest messages when the first feed opens
)

// hub reads the stream once for all feeds of the process and keeps the newest messages. Feeds are cursors on them: a message is
// in memory once, however many read it, and no reader can hold up another one or the stream.
type hub struct {
	bus *Bus

	mu          sync.Mutex
	running     bool
	loaded      chan struct{} // closed when the messages that were there at the start have been read
	incarnation string
	target      uint64  // loaded when newest reaches it
	floor       uint64  // every message of the stream after it, up to newest, is in kept
	newest      uint64  // last sequence read
	delivered   uint64  // messages received from this consumer, to notice one that got lost on the way
	kept        []entry // by sequence
	bytes       int
	feeds       map[*Feed]struct{}
}

type entry struct {
	seq     uint64
	message Message
	value   any // what Config.Read made of it
}

func newHub(b *Bus) *hub {
	return &hub{bus: b, feeds: map[*Feed]struct{}{}, loaded: make(chan struct{})}
}

// start makes sure that the hub reads, and waits, not for long, until it has read what was there.
func (h *hub) start(ctx context.Context) error {
	done, err := h.bus.begin()
	if err != nil {
		return err
	}
	h.mu.Lock()
	first := !h.running
	h.running = true
	h.mu.Unlock()
	if first {
		in := intake{bus: h.bus, name: "feeds", config: h.attach, begun: h.begun, receive: h.receive}
		go func() {
			defer done()
			h.bus.guard.Keep(h.bus.life, "event streams", func() { in.run(h.bus.life) })
		}()
	} else {
		done()
	}
	timer := time.NewTimer(loadTimeout)
	defer timer.Stop()
	select {
	case <-h.loaded:
	case <-timer.C: // the feed starts with a Reset, which is always right
	case <-h.bus.life.Done():
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// attach says where reading goes on. Another incarnation, or a stream shorter than what was read, empties the hub.
func (h *hub) attach(st streamState) jetstream.ConsumerConfig {
	h.mu.Lock()
	defer h.mu.Unlock()
	first, last := st.info.State.FirstSeq, st.info.State.LastSeq
	if h.incarnation != st.incarnation || last < h.newest {
		start := max(first, 1)
		if last >= start && last-start >= keptMessages {
			start = last - keptMessages + 1
		}
		if h.incarnation == st.incarnation {
			for f := range h.feeds {
				f.reset = true
			}
		}
		h.incarnation, h.kept, h.bytes = st.incarnation, nil, 0
		h.floor, h.newest, h.target = start-1, start-1, last
		for f := range h.feeds {
			f.signal()
		}
	}
	h.delivered = 0
	return jetstream.ConsumerConfig{
		Description:       "Landfall: newest messages for Server-Sent Events",
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       h.newest + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        -1,
		InactiveThreshold: time.Minute,
		MemoryStorage:     true,
		Replicas:          1,
	}
}

// begun notes a stream with nothing left to read: what it had at the end may have been deleted.
func (h *hub) begun(info jetstream.ConsumerInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if info.NumPending == 0 {
		h.newest = max(h.newest, h.target)
	}
	h.checkLoaded()
}

// checkLoaded: mu is held.
func (h *hub) checkLoaded() {
	if h.newest < h.target {
		return
	}
	select {
	case <-h.loaded:
	default:
		close(h.loaded)
	}
}

// receive keeps one message and wakes the feeds it is for. Nothing is acknowledged here, so a gap in the consumer's own count is
// the only sign of a message lost on the way.
func (h *hub) receive(m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	e := entry{seq: meta.Sequence.Stream, message: received(m)}
	believed := h.bus.believes(e.message)
	if believed {
		if e.value, err = h.bus.read(e.message); err != nil {
			h.bus.dropped("unreadable")
			believed = false
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if meta.Sequence.Consumer != h.delivered+1 {
		return fmt.Errorf("message %d of the consumer followed %d", meta.Sequence.Consumer, h.delivered)
	}
	h.delivered++
	for f := range h.feeds {
		switch {
		case believed && matchesAny(f.filter, e.message.Subject):
			f.signal()
		case f.after == h.newest: // keeps up, and this one is not for it
			f.after = e.seq
		}
	}
	h.newest = e.seq
	if meta.NumPending == 0 {
		h.newest = max(h.newest, h.target)
	}
	if believed {
		h.kept = append(h.kept, e)
		h.bytes += e.size()
	}
	for len(h.kept) > keptMessages || h.bytes > keptBytes {
		h.bytes -= h.kept[0].size()
		h.floor = h.kept[0].seq
		h.kept[0] = entry{}
		h.kept = h.kept[1:]
	}
	h.checkLoaded()
	return nil
}

func (e entry) size() int {
	return 2*len(e.message.Body) + 3*len(e.message.Notice) + len(e.message.Subject) + len(e.message.ID) + 1024 // with what was read of it
}

// add lets the feed start behind the item with the id.
func (h *hub) add(f *Feed, after string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feeds[f] = struct{}{}
	f.incarnation, f.after = h.incarnation, h.newest
	if after == "" {
		return
	}
	incarnation, seq, ok := parsePosition(after)
	if !ok || incarnation != h.incarnation || seq < h.floor || seq > h.newest {
		f.reset = true
		return
	}
	f.after = seq
}

func (h *hub) remove(f *Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.feeds, f)
	if !f.gone {
		f.gone = true
		close(f.closed)
	}
}

// next gives what is there for the feed, without waiting.
func (h *hub) next(f *Feed) (Item, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.gone || h.incarnation == "" {
		return Item{}, false
	}
	if f.reset || f.incarnation != h.incarnation || f.after < h.floor {
		f.incarnation, f.after, f.reset = h.incarnation, h.newest, false
		return Item{ID: position(f.incarnation, f.after), Reset: true}, true
	}
	for _, e := range h.behind(f.after) {
		f.after = e.seq
		if matchesAny(f.filter, e.message.Subject) {
			return Item{ID: position(f.incarnation, e.seq), Message: e.message, Value: e.value}, true
		}
	}
	f.after = h.newest
	return Item{}, false
}

// behind gives the messages kept that come after a sequence: mu is held.
func (h *hub) behind(seq uint64) []entry {
	return h.kept[sort.Search(len(h.kept), func(i int) bool { return h.kept[i].seq > seq }):]
}

// forget drops the messages of purged subjects.
func (h *hub) forget(pattern string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = slices.DeleteFunc(h.kept, func(e entry) bool {
		purged := matches(pattern, e.message.Subject)
		if purged {
			h.bytes -= e.size()
		}
		return purged
	})
}

// signal: hub.mu is held.
func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
