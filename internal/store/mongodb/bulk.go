package mongodb

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/store"
)

const (
	maxBulk      = 500     // writes in one command, so that others get a turn between
	maxBulkBytes = 8 << 20 // and their size
)

// bulk is one Bulk under way.
type bulk struct {
	s       *Store
	ops     []store.Op
	docs    []bson.Raw // of inserts and puts
	changed []bool
}

// Bulk implements store.Documents. Operations that do the same to documents of the same kind go to the server together; operations on the same
// document keep their order, and a debt is never taken off before everything in front of it is written. Several deletions,
// or payments, that meet those of another process may both be told that they changed something.
func (s *Store) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	b := &bulk{s: s, ops: ops, docs: make([]bson.Raw, len(ops)), changed: make([]bool, len(ops))}
	for i, op := range ops {
		if err := b.prepare(i, op); err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
	}
	if len(ops) == 0 {
		return nil, nil
	}
	first := true
	for _, st := range plan(ops) {
		for _, chunk := range b.chunks(st.ops) {
			if !first {
				s.o.At(PointBulkAmid)
			}
			first = false
			if err := s.do(ctx, "bulk", func(ctx context.Context) error { return b.carryOut(ctx, st, chunk) }); err != nil {
				return nil, err
			}
		}
	}
	s.o.At(PointBulkDone)
	return b.changed, nil
}

// prepare checks an operation and encodes its document: nothing is written before all are known to make sense.
func (b *bulk) prepare(i int, op store.Op) (err error) {
	if op.Do == store.OpPay {
		return nil
	}
	k, ok := b.s.kinds[op.Kind]
	switch {
	case !ok:
		return fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, op.Kind)
	case op.Do > store.OpPay:
		return fmt.Errorf("%w: operation %d", store.ErrBadQuery, op.Do)
	}
	if err := checkID(op.Kind, op.Doc.ID); err != nil || op.Do == store.OpDelete {
		return err
	}
	if b.docs[i], err = k.encode(op.Doc); err != nil {
		return fmt.Errorf("%s %s: %w", op.Kind, op.Doc.ID, err)
	}
	return nil
}

// step is operations that one command may carry: they do the same to different records of one collection.
type step struct {
	do   store.OpKind
	kind string
	debt store.Debt
	ops  []int
}

// plan puts the operations into few steps, to be carried out one after the other.
func plan(ops []store.Op) []*step {
	type record struct {
		kind, id string
		seq      int64
	}
	type class struct {
		do   store.OpKind
		kind string
		debt store.Debt
	}
	var steps []*step
	last := make(map[record]int) // the step behind which the next operation on the record belongs, counted from 1
	open := make(map[class]int)  // the latest step of the class, counted from 1
	for i, op := range ops {
		r, c := record{op.Kind, op.Doc.ID, 0}, class{op.Do, op.Kind, 0}
		floor := 0
		if op.Do == store.OpPay {
			r, c = record{"", op.Ref.Stream, op.Ref.Seq}, class{do: op.Do, debt: op.Debt}
			floor = len(steps) - 1 // only the last step will do
		}
		at, ok := open[c]
		if !ok || at <= last[r] || at <= floor {
			steps = append(steps, &step{do: c.do, kind: c.kind, debt: c.debt})
			at = len(steps)
			open[c] = at
		}
		steps[at-1].ops = append(steps[at-1].ops, i)
		last[r] = at
	}
	return steps
}

// chunks cuts a step into commands.
func (b *bulk) chunks(ops []int) (out [][]int) {
	size := 0
	for _, i := range ops {
		size += len(b.docs[i])
		if n := len(out); n == 0 || len(out[n-1]) == maxBulk || size > maxBulkBytes {
			out = append(out, nil)
			size = len(b.docs[i])
		}
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

func (b *bulk) carryOut(ctx context.Context, st *step, ops []int) error {
	switch k := b.s.kinds[st.kind]; st.do {
	case store.OpInsert:
		return b.insert(ctx, k, ops)
	case store.OpPut:
		return b.put(ctx, k, ops)
	case store.OpDelete:
		return b.remove(ctx, k, ops)
	default:
		return b.pay(ctx, st.debt, ops)
	}
}

// insert writes unless the id exists: in one unordered command, which refuses those one by one.
func (b *bulk) insert(ctx context.Context, k *kind, ops []int) error {
	docs := make([]any, len(ops))
	for n, i := range ops {
		docs[n] = b.docs[i]
	}
	_, err := k.coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	taken, err := duplicates(err)
	if err != nil {
		return err
	}
	for n, i := range ops {
		b.changed[i] = !taken[n]
	}
	return nil
}

// maxPutTries bounds how often puts are tried again that met another writer.
const maxPutTries = 20

// put writes unless the stored version is the same or newer. Each is an upsert of "this id, an older version": where the stored
// version is not older, the server tries to insert and finds the id taken. It finds it taken as well when somebody inserts the document at the same
// moment; so what was refused is looked at, and tried again where the stored version is older after all.
func (b *bulk) put(ctx context.Context, k *kind, ops []int) error {
	for range maxPutTries {
		models := make([]mongo.WriteModel, len(ops))
		for n, i := range ops {
			d := b.ops[i].Doc
			filter := bson.D{{Key: idName, Value: d.ID}, {Key: versionField, Value: bson.D{{Key: "$lt", Value: d.Version}}}}
			models[n] = mongo.NewReplaceOneModel().SetFilter(filter).SetReplacement(b.docs[i]).SetUpsert(true)
		}
		_, err := k.coll.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		taken, err := duplicates(err)
		if err != nil {
			return err
		}
		var refused []int
		for n, i := range ops {
			b.changed[i] = !taken[n]
			if taken[n] {
				refused = append(refused, i)
			}
		}
		if ops, err = b.stillNewer(ctx, k, refused); err != nil || len(ops) == 0 {
			return err
		}
	}
	return fmt.Errorf("%d documents of kind %s change too fast to be written", len(ops), k.name)
}

// stillNewer gives those of the operations whose document is newer than the stored one, or is stored no more.
func (b *bulk) stillNewer(ctx context.Context, k *kind, ops []int) (newer []int, err error) {
	if len(ops) == 0 {
		return nil, nil
	}
	versions := make(map[string]int64, len(ops))
	err = b.s.each(ctx, k.coll, question{filter: b.byID(ops), project: fields(idName, versionField)}, func(raw bson.Raw) error {
		versions[raw.Lookup(idName).StringValue()] = raw.Lookup(versionField).AsInt64()
		return nil
	})
	for _, i := range ops {
		if v, ok := versions[b.ops[i].Doc.ID]; !ok || v < b.ops[i].Doc.Version {
			newer = append(newer, i)
		}
	}
	return newer, err
}

func (b *bulk) byID(ops []int) bson.D {
	ids := make(bson.A, len(ops))
	for n, i := range ops {
		ids[n] = b.ops[i].Doc.ID
	}
	return bson.D{{Key: idName, Value: in(ids)}}
}

// remove removes whatever the version.
func (b *bulk) remove(ctx context.Context, k *kind, ops []int) error {
	return b.those(ctx, k.coll, ops, b.byID, func(i int) string { return b.ops[i].Doc.ID }, func(filter bson.D) (int64, error) {
		done, err := k.coll.DeleteMany(ctx, filter)
		if err != nil {
			return 0, err
		}
		return done.DeletedCount, nil
	})
}

// pay takes a debt off commits that owe something of it.
func (b *bulk) pay(ctx context.Context, debt store.Debt, ops []int) error {
	c := b.s.commitsC
	owing := func(ops []int) bson.D {
		refs := make([]store.Ref, len(ops))
		for n, i := range ops {
			refs[n] = b.ops[i].Ref
		}
		return append(byRef(refs), owes(debt))
	}
	id := func(i int) string { return commitID(b.ops[i].Ref.Stream, b.ops[i].Ref.Seq) }
	return b.those(ctx, c, ops, owing, id, func(filter bson.D) (int64, error) {
		done, err := c.UpdateMany(ctx, filter, bson.D{{Key: "$bit", Value: bson.D{{Key: "pending", Value: bson.D{{Key: "and", Value: int32(store.OwesAll &^ debt)}}}}}})
		if err != nil {
			return 0, err
		}
		return done.ModifiedCount, nil
	})
}

// those does something to the records that the filter of the operations finds. A server says of how many records a command changed, not which:
// when it was neither all nor none, that is what was found before.
func (b *bulk) those(ctx context.Context, c *mongo.Collection, ops []int, filter func([]int) bson.D, id func(int) string, do func(bson.D) (int64, error)) error {
	if len(ops) > 1 {
		found := make(map[string]bool, len(ops))
		err := b.s.each(ctx, c, question{filter: filter(ops), project: fields(idName)}, func(raw bson.Raw) error {
			found[raw.Lookup(idName).StringValue()] = true
			return nil
		})
		if err != nil {
			return err
		}
		var there []int
		for _, i := range ops {
			if found[id(i)] {
				there = append(there, i)
			}
		}
		ops = there
	}
	if len(ops) == 0 {
		return nil
	}
	n, err := do(filter(ops))
	if err != nil {
		return err
	}
	for _, i := range ops {
		b.changed[i] = n > 0
	}
	return nil
}

// duplicates gives the writes of an unordered command that were refused because the id is taken; any other failure is an error.
func duplicates(err error) (map[int]bool, error) {
	var failed mongo.BulkWriteException
	if !errors.As(err, &failed) || failed.WriteConcernError != nil {
		return nil, err
	}
	taken := make(map[int]bool, len(failed.WriteErrors))
	for _, e := range failed.WriteErrors {
		switch {
		case isDuplicate(e.WriteError):
			taken[e.Index] = true
		case saysFull(e.Code, e.Message):
			return nil, fmt.Errorf("%w: %w", store.ErrFull, err)
		default:
			return nil, err
		}
	}
	return taken, nil
}
