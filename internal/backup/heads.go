package backup

import (
	"bytes"
	"encoding/binary"
	"strings"

	"landfall/internal/ledger"
)

// heads remembers how far each stream of a walk reached, in a few dozen bytes for each. Streams are added in the order of their names, each once,
// and kept as what is different from the name before.
type heads struct {
	buf    []byte
	last   string
	begins map[string]int // where the streams of a noun begin
}

// head is where a stream ended: its last seq, and enough of that commit's hash to know it again.
type head struct {
	stream string
	seq    int64
	hash   [16]byte
}

func (h *heads) add(stream string, seq int64, hash []byte) {
	noun := ledger.Stream(stream).Noun()
	if h.begins == nil {
		h.begins = map[string]int{}
	}
	shared := 0
	if _, known := h.begins[noun]; known {
		for shared < min(len(stream), len(h.last)) && stream[shared] == h.last[shared] {
			shared++
		}
	} else {
		h.begins[noun] = len(h.buf) // the whole name, so that reading can begin here
	}
	h.last = stream
	h.buf = binary.AppendUvarint(h.buf, uint64(shared))
	h.buf = binary.AppendUvarint(h.buf, uint64(len(stream)-shared))
	h.buf = append(h.buf, stream[shared:]...)
	h.buf = binary.AppendVarint(h.buf, seq)
	var short [16]byte
	copy(short[:], hash)
	h.buf = append(h.buf, short[:]...)
}

// of gives a way to look up the streams of one noun in the order of their names.
func (h *heads) of(noun string) *lookup {
	begin, ok := h.begins[noun]
	if !ok {
		begin = len(h.buf)
	}
	return &lookup{rest: h.buf[begin:]}
}

// lookup finds streams that are asked for in ascending order.
type lookup struct {
	rest []byte
	at   head
}

// find gives the head of a stream, one of seq 0 when the walk did not see it. Names must be asked for in ascending order.
func (l *lookup) find(stream string) head {
	for l.at.stream < stream && len(l.rest) > 0 {
		l.next()
	}
	if l.at.stream == stream {
		return l.at
	}
	return head{stream: stream}
}

func (l *lookup) next() {
	number := func() int {
		n, size := binary.Uvarint(l.rest)
		l.rest = l.rest[size:]
		return int(n)
	}
	shared, more := number(), number()
	l.at.stream = l.at.stream[:shared] + string(l.rest[:more])
	l.rest = l.rest[more:]
	seq, size := binary.Varint(l.rest)
	l.at.seq = seq
	l.rest = l.rest[size:]
	copy(l.at.hash[:], l.rest)
	l.rest = l.rest[len(l.at.hash):]
}

// follows reports whether prev is the hash of the commit that the stream ended with.
func (h head) follows(prev []byte) bool {
	if h.seq == 0 {
		return len(prev) == 0
	}
	return len(prev) > len(h.hash) && bytes.Equal(prev[:len(h.hash)], h.hash[:])
}

// prefixOf gives what the names of a noun's streams begin with.
func prefixOf(noun string) string { return noun + "/" }

// afterNoun gives the greatest name that no stream of the noun comes after.
func afterNoun(noun string) string { return strings.TrimSuffix(prefixOf(noun), "/") + "0" } // '0' follows '/'
