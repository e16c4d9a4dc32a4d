package storetest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"landfall/internal/store"
)

// model is the contract of documents of one kind, written down in the plainest way: what a store answers must equal what it answers.
type model struct {
	kind store.Kind
	docs map[string]store.Doc
}

func newModel(kind store.Kind) *model { return &model{kind: kind, docs: make(map[string]store.Doc)} }

// apply carries out one operation and says whether it changed anything.
func (m *model) apply(op store.Op) bool {
	old, exists := m.docs[op.Doc.ID]
	switch op.Do {
	case store.OpInsert:
		if exists {
			return false
		}
	case store.OpPut:
		if exists && old.Version >= op.Doc.Version {
			return false
		}
	case store.OpDelete:
		delete(m.docs, op.Doc.ID)
		return exists
	}
	m.docs[op.Doc.ID] = op.Doc
	return true
}

// find gives every document the query matches, in order.
func (m *model) find(q store.Query) []store.Doc {
	var fields []string
	for _, ix := range m.kind.Indexes {
		if ix.Name == q.Index {
			fields = ix.Fields
		}
	}
	order := fields[len(q.Equal):]
	value := func(d store.Doc, i int) any {
		if i < len(order) {
			return d.Index[order[i]]
		}
		return d.ID
	}
	var out []store.Doc
	for _, d := range m.docs {
		match := true
		for i, want := range q.Equal {
			got := d.Index[fields[i]]
			if set, ok := got.([]string); ok {
				match = match && slices.Contains(set, want.(string))
			} else {
				match = match && compare(got, want) == 0
			}
		}
		if first := value(d, 0); q.From != nil || q.Until != nil {
			match = match && first != nil && (q.From == nil || compare(first, q.From) >= 0) && (q.Until == nil || compare(first, q.Until) < 0)
		}
		for _, c := range q.Filter {
			match = match && meets(d.Index[c.Field], c)
		}
		if match {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b store.Doc) int {
		for i := range len(order) + 1 {
			if n := compare(value(a, i), value(b, i)); n != 0 {
				if q.Desc {
					return -n
				}
				return n
			}
		}
		return 0
	})
	return out
}

func meets(got any, c store.Cond) bool {
	if c.Contains != "" {
		text, ok := got.(string)
		return ok && strings.Contains(text, c.Contains)
	}
	return slices.ContainsFunc(c.Any, func(want any) bool { return compare(got, want) == 0 })
}

// compare orders two values of one scalar field: null first, then by the field's own order.
func compare(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case time.Time:
		return a.Truncate(time.Microsecond).Compare(b.(time.Time).Truncate(time.Microsecond))
	case bool:
		switch {
		case a == b.(bool):
			return 0
		case a:
			return 1
		}
		return -1
	}
	panic("storetest: a value of no declared type")
}
