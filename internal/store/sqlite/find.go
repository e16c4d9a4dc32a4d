package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"landfall/internal/store"
)

// maxAny bounds the values of one condition, well under the parameters one statement may have.
const maxAny = 10_000

// idField is the implied last field of every index.
var idField = store.Field{Name: "id", Type: store.String}

// search is a query turned into SQL. A page after a cursor is not one comparison of rows, which no index serves when
// fields may be null, but a chain of ranges: first what shares all but the id with the last document shown, then what
// shares all but the last field, and so on. Each range is an exact walk of the index.
type search struct {
	table *table
	from  string
	order []store.Field // what remains to sort by, id last
	alias string        // of the order's columns
	desc  bool
	where []string
	args  []driver.Value
	print fingerprint
}

func (s *Store) search(q store.Query) (*search, error) {
	t, ok := s.tables[q.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, q.Kind)
	}
	ix, ok := t.indexes[q.Index]
	if !ok {
		return nil, fmt.Errorf("%w: kind %s has no index %q", store.ErrBadQuery, q.Kind, q.Index)
	}
	p := &search{table: t, from: ix.from, desc: q.Desc, alias: "d"}
	if ix.set {
		p.alias = "x"
	}
	if !ix.Serves(q) || len(q.Equal) > len(ix.fields) || ix.set && (len(q.Equal) == 0 || q.Equal[0] == nil) {
		return nil, fmt.Errorf("%w: index %q of %s with %d equal values", store.ErrBadQuery, q.Index, q.Kind, len(q.Equal))
	}
	for i, v := range q.Equal {
		value, err := column(member(ix.fields[i]), v)
		if err != nil {
			return nil, err
		}
		p.equal(ix.fields[i], value)
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
	p.print = fingerprintOf(q.Kind, q.Index, q.Desc, strings.Join(p.where, " AND "), fmt.Sprintf("%q", p.args))
	return p, nil
}

func (p *search) name(f store.Field) string { return p.alias + "." + quote(f.Name) }

func (p *search) equal(f store.Field, v driver.Value) {
	if v == nil {
		p.where = append(p.where, p.name(f)+" IS NULL")
		return
	}
	p.add(p.name(f)+" = ?", v)
}

func (p *search) add(cond string, args ...driver.Value) {
	p.where = append(p.where, cond)
	p.args = append(p.args, args...)
}

// between bounds the first field of the order.
func (p *search) between(from, until any) error {
	for _, b := range []struct {
		value any
		op    string
	}{{from, " >= ?"}, {until, " < ?"}} {
		if b.value == nil {
			continue
		}
		v, err := column(p.order[0], b.value)
		if err != nil {
			return err
		}
		p.add(p.name(p.order[0])+b.op, v)
	}
	return nil
}

func (p *search) filter(c store.Cond) error {
	f, ok := p.table.fields[c.Field]
	switch {
	case !ok:
		return fmt.Errorf("%w: kind %s has no field %q", store.ErrBadQuery, p.table.kind.Name, c.Field)
	case f.Type == store.Strings:
		return fmt.Errorf("%w: field %s is a set, which an index can search and a filter cannot", store.ErrBadQuery, f.Name)
	case c.Any != nil && c.Contains != "", c.Any == nil && c.Contains == "":
		return fmt.Errorf("%w: a condition on %s needs either Any or Contains", store.ErrBadQuery, f.Name)
	case len(c.Any) > maxAny:
		return fmt.Errorf("%w: a condition on %s has %d values", store.ErrBadQuery, f.Name, len(c.Any))
	}
	name := "+d." + quote(f.Name) // the plus keeps the planner to the index asked for
	if c.Contains != "" {
		if f.Type != store.String {
			return fmt.Errorf("%w: field %s is not text", store.ErrBadQuery, f.Name)
		}
		p.add("instr("+name+", ?) > 0", c.Contains)
		return nil
	}
	var values []driver.Value
	null := "0"
	for _, v := range c.Any {
		value, err := column(f, v)
		if err != nil {
			return err
		}
		if value == nil {
			null = name + " IS NULL"
			continue
		}
		values = append(values, value)
	}
	list := strings.TrimPrefix(strings.Repeat(", ?", len(values)), ", ")
	p.add("("+name+" IN ("+list+") OR "+null+")", values...) // an empty Any matches nothing
	return nil
}

// stretch is one range of a page: conditions beside the search's own, and where in the order it begins to vary.
type stretch struct {
	where []string
	args  []driver.Value
	from  int
}

// after gives the stretches that follow the document with these values of the order's fields.
func (p *search) after(last []driver.Value) []stretch {
	var out []stretch
	for i := len(p.order) - 1; i >= 0; i-- {
		same := search{alias: p.alias}
		for j := range i {
			same.equal(p.order[j], last[j])
		}
		more := func(cond string, args ...driver.Value) {
			out = append(out, stretch{append(same.where[:len(same.where):len(same.where)], cond),
				append(same.args[:len(same.args):len(same.args)], args...), i})
		}
		name, null := p.name(p.order[i]), last[i] == nil
		switch {
		case !p.desc && null:
			more(name+" >= ?", lowest(p.order[i].Type))
		case !p.desc:
			more(name+" > ?", last[i])
		case !null:
			more(name+" < ?", last[i])
			if p.order[i] != idField {
				more(name + " IS NULL")
			}
		}
	}
	return out
}

func (p *search) sql(what string, part stretch) string {
	var b strings.Builder
	b.WriteString("SELECT " + what + " FROM " + p.from)
	sep := " WHERE "
	for _, list := range [][]string{p.where, part.where} {
		for _, cond := range list {
			b.WriteString(sep + cond)
			sep = " AND "
		}
	}
	return b.String()
}

func (p *search) orderBy(from int) string {
	terms := make([]string, 0, len(p.order))
	for _, f := range p.order[from:] {
		term := p.name(f)
		if p.desc {
			term += " DESC"
		}
		terms = append(terms, term)
	}
	return " ORDER BY " + strings.Join(terms, ", ") + " LIMIT ?"
}

// Find implements store.Documents. Instants in the query are cut to microseconds like those stored. A bound excludes nulls;
// without bounds nulls come first. Bounds on a query whose Equal covers the whole index hold for the id.
func (s *Store) Find(ctx context.Context, q store.Query) (store.Page, error) {
	if q.Limit < 1 || q.Limit > 10_000 {
		return store.Page{}, fmt.Errorf("%w: limit %d", store.ErrBadQuery, q.Limit)
	}
	p, err := s.search(q)
	if err != nil {
		return store.Page{}, err
	}
	parts := []stretch{{}}
	if q.After != "" {
		last, err := decodeCursor(q.After, p.print, p.order)
		if err != nil {
			return store.Page{}, err
		}
		parts = p.after(last)
	}
	var page store.Page
	var keys []driver.Value // the order's values of the last document on the page
	err = s.readers.use(ctx, func(c *conn) error {
		return c.snapshot(ctx, len(parts) > 1, func() error {
			for _, part := range parts {
				left := q.Limit + 1 - len(page.Docs)
				if left <= 0 {
					return nil
				}
				args := append(append(append([]driver.Value{}, p.args...), part.args...), int64(left))
				err := c.query(ctx, p.sql(p.table.columns, part)+p.orderBy(part.from), binds(args...), func(v []driver.Value) error {
					doc, err := p.table.doc(v)
					if err != nil {
						return err
					}
					if len(page.Docs) < q.Limit {
						keys = p.keys(v, keys)
					}
					page.Docs = append(page.Docs, doc)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return store.Page{}, fmt.Errorf("find %s: %w", q.Kind, err)
	}
	if len(page.Docs) > q.Limit {
		page.Docs = page.Docs[:q.Limit]
		page.Next = encodeCursor(p.print, keys)
	}
	return page, nil
}

// keys picks the order's values out of a row of the table's columns.
func (p *search) keys(row, into []driver.Value) []driver.Value {
	into = into[:0]
	for _, f := range p.order[:len(p.order)-1] {
		for i, d := range p.table.kind.Fields {
			if d.Name == f.Name {
				into = append(into, row[3+i])
			}
		}
	}
	return append(into, row[0])
}

// Count implements store.Documents.
func (s *Store) Count(ctx context.Context, q store.Query) (n int64, err error) {
	p, err := s.search(q)
	if err != nil {
		return 0, err
	}
	err = s.readers.use(ctx, func(c *conn) error {
		return c.query(ctx, p.sql("count(*)", stretch{}), binds(p.args...), func(v []driver.Value) error {
			n = v[0].(int64)
			return nil
		})
	})
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", q.Kind, err)
	}
	return n, nil
}

// snapshot runs read, in one read transaction when several statements must see the same.
func (c *conn) snapshot(ctx context.Context, several bool, read func() error) error {
	if !several {
		return read()
	}
	if _, err := c.exec(ctx, "BEGIN", nil); err != nil {
		return err
	}
	if err := read(); err != nil {
		return err // the pool drops the connection, and the transaction with it
	}
	_, err := c.exec(ctx, "COMMIT", nil)
	return err
}
