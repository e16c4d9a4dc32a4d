package mongodb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/store"
)

// maxAny bounds the values of one condition.
const maxAny = 10_000

// test is one condition on a stored field: an operator and its operand. In the index of a set, "equal" means "has the member".
type test struct {
	path, op string
	value    any
}

// search is a query turned into a filter. A page after a cursor is not one comparison, which no index serves when fields may be
// null, but a disjunction of ranges: what shares all but the id with the last document shown, what shares all but the last
// field, and so on. Each range is an exact walk of the index, and the server merges them.
type search struct {
	kind  *kind
	hint  string
	order []store.Field // what remains to sort by, id last
	desc  bool
	tests []test
	none  bool // nothing can match
	print fingerprint
}

func (s *Store) search(q store.Query) (*search, error) {
	k, ok := s.kinds[q.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, q.Kind)
	}
	ix, ok := k.indexes[q.Index]
	if !ok {
		return nil, fmt.Errorf("%w: kind %s has no index %q", store.ErrBadQuery, q.Kind, q.Index)
	}
	p := &search{kind: k, hint: ix.name, desc: q.Desc}
	if !ix.Serves(q) || len(q.Equal) > len(ix.fields) || ix.set && (len(q.Equal) == 0 || q.Equal[0] == nil) {
		return nil, fmt.Errorf("%w: index %q of %s with %d equal values", store.ErrBadQuery, q.Index, q.Kind, len(q.Equal))
	}
	for i, v := range q.Equal {
		value, err := stored(member(ix.fields[i]), v)
		if err != nil {
			return nil, err
		}
		p.tests = append(p.tests, test{path(ix.fields[i]), "$eq", value})
	}
	p.order = append(append(p.order, ix.fields[len(q.Equal):]...), idField)
	if err := p.between(q.From, q.Until); err != nil {
		return nil, err
	}
	for _, cond := range q.Filter {
		if err := p.filter(cond); err != nil {
			return nil, err
		}
	}
	p.print = fingerprintOf(q.Kind, q.Index, q.Desc, fmt.Sprintf("%#v", p.tests))
	return p, nil
}

// between bounds the first field of the order.
func (p *search) between(from, until any) error {
	for _, b := range []struct {
		value any
		op    string
	}{{from, "$gte"}, {until, "$lt"}} {
		if b.value == nil {
			continue
		}
		v, err := stored(p.order[0], b.value)
		if err != nil {
			return err
		}
		p.tests = append(p.tests, test{path(p.order[0]), b.op, v})
	}
	return nil
}

func (p *search) filter(c store.Cond) error {
	f, ok := p.kind.fields[c.Field]
	switch {
	case !ok:
		return fmt.Errorf("%w: kind %s has no field %q", store.ErrBadQuery, p.kind.name, c.Field)
	case f.Type == store.Strings:
		return fmt.Errorf("%w: field %s is a set, which an index can search and a filter cannot", store.ErrBadQuery, f.Name)
	case c.Any != nil && c.Contains != "", c.Any == nil && c.Contains == "":
		return fmt.Errorf("%w: a condition on %s needs either Any or Contains", store.ErrBadQuery, f.Name)
	case len(c.Any) > maxAny:
		return fmt.Errorf("%w: a condition on %s has %d values", store.ErrBadQuery, f.Name, len(c.Any))
	}
	if c.Contains != "" {
		if f.Type != store.String {
			return fmt.Errorf("%w: field %s is not text", store.ErrBadQuery, f.Name)
		}
		if err := isText(f, c.Contains); err != nil {
			return err
		}
		// A pattern cannot hold a zero byte; a zero byte has a name in a pattern.
		pattern := strings.ReplaceAll(regexp.QuoteMeta(c.Contains), "\x00", `\x00`)
		p.tests = append(p.tests, test{path(f), "$regex", pattern})
		return nil
	}
	values := make(bson.A, len(c.Any))
	for i, v := range c.Any {
		value, err := stored(f, v)
		if err != nil {
			return err
		}
		values[i] = value
	}
	p.none = p.none || len(values) == 0
	p.tests = append(p.tests, test{path(f), "$in", values})
	return nil
}

// after gives the ranges that follow the document with these values of the order's fields.
func (p *search) after(last []any) [][]test {
	var out [][]test
	for i := len(p.order) - 1; i >= 0; i-- {
		var same []test
		for j := range i {
			same = append(same, test{path(p.order[j]), "$eq", last[j]})
		}
		more := func(op string, v any) {
			out = append(out, append(slices.Clip(same), test{path(p.order[i]), op, v}))
		}
		null := last[i] == nil
		switch {
		case !p.desc && null:
			more("$gte", lowest(p.order[i].Type))
		case !p.desc:
			more("$gt", last[i])
		case !null:
			more("$lt", last[i])
			if p.order[i] != idField {
				more("$eq", nil)
			}
		}
	}
	return out
}

// document makes a filter of tests, all of which must hold: one entry for each field where possible, which is the form in which every server
// sees the bounds of an index.
func document(tests []test) bson.D {
	var d bson.D
	var rest bson.A
next:
	for _, t := range tests {
		one := bson.E{Key: t.op, Value: t.value}
		for i := range d {
			if d[i].Key != t.path {
				continue
			}
			ops := d[i].Value.(bson.D)
			if slices.ContainsFunc(ops, func(e bson.E) bool { return e.Key == t.op }) {
				rest = append(rest, bson.D{{Key: t.path, Value: bson.D{one}}})
			} else {
				ops = append(ops, one)
				d[i].Value = ops
			}
			continue next
		}
		d = append(d, bson.E{Key: t.path, Value: bson.D{one}})
	}
	if len(rest) > 0 {
		d = append(d, bson.E{Key: "$and", Value: rest})
	}
	if d == nil {
		return bson.D{}
	}
	return d
}

// where gives the filter of a page: the search's own tests in each of the ranges, so that each can be walked by itself.
func (p *search) where(ranges [][]test) bson.D {
	switch len(ranges) {
	case 0:
		return document(p.tests)
	case 1:
		return document(slices.Concat(p.tests, ranges[0]))
	}
	branches := make(bson.A, len(ranges))
	for i, r := range ranges {
		branches[i] = document(slices.Concat(p.tests, r))
	}
	return bson.D{{Key: "$or", Value: branches}}
}

func (p *search) sort() bson.D {
	direction := int32(1)
	if p.desc {
		direction = -1
	}
	d := make(bson.D, len(p.order))
	for i, f := range p.order {
		d[i] = bson.E{Key: path(f), Value: direction}
	}
	return d
}

// Find implements store.Documents. It is one command, whatever the page. Instants in the query are cut to microseconds like those stored. A
// bound excludes nulls; without bounds nulls come first. Bounds on a query whose Equal covers the whole index hold for the id.
func (s *Store) Find(ctx context.Context, q store.Query) (page store.Page, err error) {
	if q.Limit < 1 || q.Limit > 10_000 {
		return store.Page{}, fmt.Errorf("%w: limit %d", store.ErrBadQuery, q.Limit)
	}
	p, err := s.search(q)
	if err != nil {
		return store.Page{}, err
	}
	var ranges [][]test
	if q.After != "" {
		last, err := decodeCursor(q.After, p.print, p.order)
		if err != nil {
			return store.Page{}, err
		}
		ranges = p.after(last)
		p.none = p.none || len(ranges) == 0
	}
	err = s.do(ctx, "find", func(ctx context.Context) error {
		if p.none {
			return nil
		}
		return s.hinted(p.hint, func(hint string) error {
			page = store.Page{}
			ask := question{filter: p.where(ranges), sort: p.sort(), hint: hint, limit: q.Limit + 1}
			return s.each(ctx, p.kind.coll, ask, func(raw bson.Raw) error {
				d, err := p.kind.decode(raw)
				page.Docs = append(page.Docs, d)
				return err
			})
		})
	})
	if err != nil {
		return store.Page{}, err
	}
	if len(page.Docs) > q.Limit {
		page.Docs = page.Docs[:q.Limit]
		page.Next, err = p.cursor(page.Docs[q.Limit-1])
	}
	return page, err
}

// cursor names the document as the last one shown.
func (p *search) cursor(d store.Doc) (string, error) {
	values := make([]any, len(p.order))
	for i, f := range p.order {
		if f == idField {
			values[i] = d.ID
			continue
		}
		v, err := stored(f, d.Index[f.Name])
		if err != nil {
			return "", err
		}
		values[i] = v
	}
	return encodeCursor(p.print, values), nil
}

// Count implements store.Documents.
func (s *Store) Count(ctx context.Context, q store.Query) (n int64, err error) {
	p, err := s.search(q)
	if err != nil {
		return 0, err
	}
	err = s.do(ctx, "count", func(ctx context.Context) error {
		if p.none {
			return nil
		}
		return s.hinted(p.hint, func(hint string) (err error) {
			o := options.Count()
			if hint != "" {
				o.SetHint(hint)
			}
			n, err = p.kind.coll.CountDocuments(ctx, p.where(nil), o)
			return err
		})
	})
	return n, err
}

// codeBadValue is what a server says, among other things, of an index that it is told to use and does not have.
const codeBadValue = 2

// hinted asks by the declared index, so that no server chooses a worse one. When somebody has dropped it the question is asked once
// more without: slow is better than not at all, and Check says what is missing.
func (s *Store) hinted(name string, ask func(hint string) error) error {
	err := ask(name)
	var refused mongo.CommandError
	if !errors.As(err, &refused) || refused.Code != codeBadValue || !strings.Contains(strings.ToLower(refused.Message), "hint") {
		return err
	}
	s.o.Logger.Warn("an index is not there; answering without it", "index", name, "error", err)
	return ask("")
}
