package mongodb

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"landfall/internal/store"
)

// Get implements store.Documents.
func (s *Store) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	k, ok := s.kinds[kind]
	if !ok {
		return nil, fmt.Errorf("%w: kind %q is not declared", store.ErrBadQuery, kind)
	}
	docs := make(map[string]store.Doc, len(ids))
	if len(ids) == 0 {
		return docs, nil
	}
	names := make(bson.A, len(ids))
	for i, id := range ids {
		names[i] = id
	}
	err := s.do(ctx, "get", func(ctx context.Context) error {
		return s.each(ctx, k.coll, question{filter: bson.D{{Key: idName, Value: in(names)}}}, func(raw bson.Raw) error {
			d, err := k.decode(raw)
			docs[d.ID] = d
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return docs, nil
}

// Drop implements store.Documents. It removes in slices, so that each is quick and other writes pass; documents written meanwhile
// may stay. The indexes stay.
func (s *Store) Drop(ctx context.Context, kind string) error {
	k, ok := s.kinds[kind]
	if !ok || !k.Derived {
		return fmt.Errorf("%w: %q is not a derived kind", store.ErrBadQuery, kind)
	}
	for {
		var ids bson.A
		err := s.do(ctx, "drop", func(ctx context.Context) error {
			err := s.each(ctx, k.coll, question{filter: bson.D{}, project: fields(idName), limit: batchSize}, func(raw bson.Raw) error {
				ids = append(ids, raw.Lookup(idName).StringValue())
				return nil
			})
			if err != nil || len(ids) == 0 {
				return err
			}
			_, err = k.coll.DeleteMany(ctx, bson.D{{Key: idName, Value: in(ids)}})
			return err
		})
		if err != nil || len(ids) < batchSize {
			return err
		}
	}
}
