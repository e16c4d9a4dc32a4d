package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"

	"landfall/internal/store"
)

// Bulk implements store.Documents. Documents and marks may be committed in several transactions, always in their order.
func (s *Store) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	writes := make([]write, len(ops))
	for i, op := range ops {
		w, err := s.write(op)
		if err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
		writes[i] = w
	}
	if len(writes) == 0 {
		return nil, nil
	}
	changed, err := s.put(ctx, newRequest(writes), false)
	if err != nil {
		return nil, fmt.Errorf("bulk of %d: %w", len(ops), err)
	}
	return changed, nil
}

// write turns an operation into a statement.
func (s *Store) write(op store.Op) (write, error) {
	if op.Do == store.OpPay {
		return write{paySQL, binds(int64(op.Debt), op.Ref.Stream, op.Ref.Seq, int64(op.Debt))}, nil
	}
	t, ok := s.tables[op.Kind]
	switch {
	case !ok:
		return write{}, fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, op.Kind)
	case op.Doc.ID == "":
		return write{}, fmt.Errorf("%w: a document of kind %s without id", store.ErrBadQuery, op.Kind)
	case op.Do == store.OpDelete:
		return write{t.remove, binds(op.Doc.ID)}, nil
	case op.Do != store.OpInsert && op.Do != store.OpPut:
		return write{}, fmt.Errorf("%w: operation %d", store.ErrBadQuery, op.Do)
	case len(op.Doc.Body) == 0 || op.Doc.Body[0] != '{':
		return write{}, fmt.Errorf("%w: the body of %s %s is not a JSON object", store.ErrBadQuery, op.Kind, op.Doc.ID)
	}
	for name := range op.Doc.Index {
		if _, ok := t.fields[name]; !ok {
			return write{}, fmt.Errorf("%w: kind %s has no field %q", store.ErrBadQuery, op.Kind, name)
		}
	}
	args := make([]driver.NamedValue, 3, 3+len(t.kind.Fields))
	args[0], args[1], args[2] = bind(1, op.Doc.ID), bind(2, op.Doc.Version), bind(3, string(op.Doc.Body))
	for i, f := range t.kind.Fields {
		v, err := column(f, op.Doc.Index[f.Name])
		if err != nil {
			return write{}, fmt.Errorf("%s %s: %w", op.Kind, op.Doc.ID, err)
		}
		args = append(args, bind(4+i, v))
	}
	if op.Do == store.OpInsert {
		return write{t.insert, args}, nil
	}
	return write{t.put, args}, nil
}

// Get implements store.Documents.
func (s *Store) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	t, ok := s.tables[kind]
	if !ok {
		return nil, fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, kind)
	}
	docs := make(map[string]store.Doc, len(ids))
	err := s.readers.use(ctx, func(c *conn) error {
		for _, id := range ids {
			err := c.query(ctx, t.get, binds(id), func(v []driver.Value) error {
				doc, err := t.doc(v)
				docs[id] = doc
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", kind, err)
	}
	return docs, nil
}

// Drop implements store.Documents. It removes in slices, so that other writes pass; documents written meanwhile may stay.
func (s *Store) Drop(ctx context.Context, kind string) error {
	t, ok := s.tables[kind]
	if !ok || !t.kind.Derived {
		return fmt.Errorf("%w: %q is not a derived kind", store.ErrBadQuery, kind)
	}
	r := newRequest([]write{{t.removeSome, nil}})
	r.repeat = true
	if _, err := s.put(ctx, r, false); err != nil {
		return fmt.Errorf("drop %s: %w", kind, err)
	}
	return nil
}

// doc reads a row of the table's columns.
func (t *table) doc(v []driver.Value) (store.Doc, error) {
	d := store.Doc{ID: v[0].(string), Version: v[1].(int64), Body: []byte(v[2].(string)), Index: make(map[string]any, len(t.kind.Fields))}
	for i, f := range t.kind.Fields {
		value, err := field(f, v[3+i])
		if err != nil {
			return store.Doc{}, err
		}
		if value != nil {
			d.Index[f.Name] = value
		}
	}
	return d, nil
}
