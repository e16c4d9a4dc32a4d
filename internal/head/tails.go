package head

import (
	"context"
	"fmt"

	"landfall/internal/proof"
	"landfall/internal/store"
)

// hint says where a stream may end.
type hint struct {
	stream string
	seqs   []int64
}

// end is where a stream ends; Seq 0 when there is no such stream.
type end struct {
	proof.Leaf
	at map[int64][]byte // hashes of the commits that the hints name, where they are there
}

// search is one stream whose end is looked for: it has the commit low and has not the commit high,
// which is 0 while none is known.
type search struct {
	end
	high, step int64
	ask        []int64
}

// tails finds where streams end, in the order of the hints. A good hint costs reading two entries
// of an index; a bad one a search by halves, since streams have no gaps.
func tails(ctx context.Context, st store.Store, hints []hint) ([]end, error) {
	all := make([]search, len(hints))
	open := make([]*search, len(hints))
	for i, h := range hints {
		s := &all[i]
		s.Stream, s.step, open[i] = h.stream, 1, s
		s.at = make(map[int64][]byte, len(h.seqs))
		for _, n := range h.seqs {
			s.ask = append(s.ask, n, n+1)
		}
		if len(h.seqs) == 0 {
			s.ask = []int64{1, 2, 3, 4} // most streams are short
		}
	}
	for len(open) > 0 {
		var refs []store.Ref
		for _, s := range open {
			for _, n := range s.ask {
				refs = append(refs, store.Ref{Stream: s.Stream, Seq: n})
			}
		}
		found, err := st.Hashes(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("find where streams end: %w", err)
		}
		left := open[:0]
		for _, s := range open {
			if !s.learn(found) {
				left = append(left, s)
			}
		}
		open = left
	}
	ends := make([]end, len(all))
	for i := range all {
		ends[i] = all[i].end
	}
	return ends, nil
}

// learn takes the answers and reports whether the end is known. Else it says what to ask next.
func (s *search) learn(found map[store.Ref][]byte) bool {
	for _, n := range s.ask {
		hash, ok := found[store.Ref{Stream: s.Stream, Seq: n}]
		switch {
		case ok:
			s.at[n] = hash
			if n > s.Seq {
				s.Seq = n
				copy(s.Hash[:], hash)
			}
		case s.high == 0 || n < s.high:
			s.high = n
		}
	}
	switch {
	case s.high == 0: // further up, in growing steps
		s.step *= 2
		s.ask = []int64{s.Seq + s.step}
	case s.high <= s.Seq: // a gap, which verify names: what comes behind it counts as the end
		s.high = s.Seq + 1
		return true
	case s.high == s.Seq+1:
		return true
	default:
		s.ask = []int64{s.Seq + (s.high-s.Seq)/2}
	}
	return false
}
