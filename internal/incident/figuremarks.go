package incident

import (
	"encoding/json"
	"iter"
	"maps"

	"landfall/internal/place"
)

// figureMark is what deciding needs of a figure; the figure itself is a document. What a pointer to one refers to never changes.
type figureMark struct {
	ID           string      `json:"id"`
	By           place.Party `json:"by,omitempty"`
	Of           place.Party `json:"of"`
	Slot         string      `json:"slot,omitempty"` // only of a recommended one
	Final        bool        `json:"final,omitempty"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Seq          int64       `json:"seq"`
}

// figureMarks are the marks of an incident's figures by id. An incident may have thousands, and every command works on a clone of
// the state: clones share the settled part and copy the recent one only. The zero value is empty.
type figureMarks struct {
	settled map[string]*figureMark // shared between clones, never changed
	recent  map[string]*figureMark // this clone's own; goes before what is settled
}

// recentMax is how many marks are copied with a clone at most.
const recentMax = 64

func (m figureMarks) get(id string) (*figureMark, bool) {
	if mark, ok := m.recent[id]; ok {
		return mark, true
	}
	mark, ok := m.settled[id]
	return mark, ok
}

// with gives the marks with one put in place of that with its id. Like append it may change what m refers to: use only what it gives.
func (m figureMarks) with(mark *figureMark) figureMarks {
	if len(m.recent) >= recentMax {
		m.settled, m.recent = m.merged(), nil
	}
	if m.recent == nil {
		m.recent = make(map[string]*figureMark)
	}
	m.recent[mark.ID] = mark
	return m
}

// count gives how many marks there are.
func (m figureMarks) count() int {
	n := len(m.settled)
	for id := range m.recent {
		if _, settled := m.settled[id]; !settled {
			n++
		}
	}
	return n
}

// all gives every mark once, in no order.
func (m figureMarks) all() iter.Seq[*figureMark] {
	return func(yield func(*figureMark) bool) {
		for _, mark := range m.recent {
			if !yield(mark) {
				return
			}
		}
		for id, mark := range m.settled {
			if _, newer := m.recent[id]; !newer && !yield(mark) {
				return
			}
		}
	}
}

func (m figureMarks) clone() figureMarks {
	return figureMarks{settled: m.settled, recent: maps.Clone(m.recent)}
}

func (m figureMarks) merged() map[string]*figureMark {
	all := make(map[string]*figureMark, len(m.settled)+len(m.recent))
	maps.Copy(all, m.settled)
	maps.Copy(all, m.recent)
	return all
}

// MarshalJSON writes the marks as one object: how they are divided is nobody's business.
func (m figureMarks) MarshalJSON() ([]byte, error) { return json.Marshal(m.merged()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *figureMarks) UnmarshalJSON(text []byte) error {
	*m = figureMarks{}
	return json.Unmarshal(text, &m.settled)
}
