package mongodb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/store"
)

// commitsName is the collection of the ledger.
const commitsName = "commits"

// kind is what the engine knows of one kind of document.
type kind struct {
	store.Kind
	name    string
	fields  map[string]store.Field
	indexes map[string]index // by declared name; "" is by id
	coll    *mongo.Collection
}

// index is one declared order of a kind.
type index struct {
	store.Index // a sparse one holds everything here
	fields      []store.Field
	set         bool   // the first field is a set
	name        string // on the server
}

var (
	kindName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*(\.v[0-9]+)?$`)
	lowName  = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

// idField is the implied last field of every index.
var idField = store.Field{Name: "id", Type: store.String}

// path is where a field lies in a stored document.
func path(f store.Field) string {
	if f == idField {
		return "_id"
	}
	return indexField + "." + f.Name
}

// declare checks the kinds.
func declare(kinds []store.Kind) (map[string]*kind, error) {
	out := make(map[string]*kind, len(kinds))
	for _, k := range kinds {
		if !kindName.MatchString(k.Name) || k.Name == commitsName || k.Name == engineName || strings.HasPrefix(k.Name, "system") {
			return nil, fmt.Errorf("mongodb: kind %q: not a name a collection can have", k.Name)
		}
		if out[k.Name] != nil {
			return nil, fmt.Errorf("mongodb: kind %s: declared twice", k.Name)
		}
		one, err := newKind(k)
		if err != nil {
			return nil, fmt.Errorf("mongodb: kind %s: %w", k.Name, err)
		}
		out[k.Name] = one
	}
	return out, nil
}

func newKind(k store.Kind) (*kind, error) {
	out := &kind{Kind: k, name: k.Name, fields: make(map[string]store.Field), indexes: map[string]index{"": {name: idIndex}}}
	for _, f := range k.Fields {
		_, twice := out.fields[f.Name]
		switch {
		case f.Type > store.Strings:
			return nil, fmt.Errorf("field %q: unknown type %d", f.Name, f.Type)
		case !lowName.MatchString(f.Name) || f.Name == idField.Name || twice:
			return nil, fmt.Errorf("field %q: not a name a field can have", f.Name)
		}
		out.fields[f.Name] = f
	}
	for _, ix := range k.Indexes {
		if err := out.addIndex(ix); err != nil {
			return nil, fmt.Errorf("index %q: %w", ix.Name, err)
		}
	}
	return out, nil
}

func (k *kind) addIndex(ix store.Index) error {
	if _, twice := k.indexes[ix.Name]; !lowName.MatchString(ix.Name) || twice {
		return errors.New("not a name an index can have")
	}
	if len(ix.Fields) == 0 {
		return errors.New("it has no fields")
	}
	in := index{Index: ix}
	for i, name := range ix.Fields {
		f, ok := k.fields[name]
		switch {
		case !ok:
			return fmt.Errorf("field %q is not declared", name)
		case slices.Contains(in.fields, f):
			return fmt.Errorf("field %q comes twice", name)
		case f.Type == store.Strings && i > 0:
			return fmt.Errorf("field %q is a set, which can only be first", name)
		}
		in.set = in.set || f.Type == store.Strings
		in.fields = append(in.fields, f)
	}
	// The fields are part of the name: when a later version declares others, its index stands beside the old one, which the processes of
	// the old version still use while they are replaced.
	in.name = ix.Name + ":" + strings.Join(ix.Fields, ",")
	k.indexes[ix.Name] = in
	return nil
}

// wanted is one index as it should be on the server.
type wanted struct {
	name    string
	keys    bson.D
	unique  bool
	partial bson.D // nil: of all documents. A server without such indexes gets a whole one.
}

// Indexes of the ledger. All but that by time begin with stream or are partial, so that they serve
// a cluster sharded by it; the one by time is asked once an hour, and after a bus was lost.
const (
	idIndex      = "_id_"
	seqIndex     = "seq"
	keyIndex     = "key"
	pendingIndex = "owing"
	timeIndex    = "recorded"
)

func commitIndexes() []wanted {
	return []wanted{
		{name: seqIndex, keys: ascending("stream", "seq"), unique: true},
		{name: keyIndex, keys: ascending("stream", "key", "seq"), partial: bson.D{{Key: "key", Value: bson.D{{Key: "$exists", Value: true}}}}},
		{name: pendingIndex, keys: ascending("stream", "seq", "recorded_at"), partial: bson.D{{Key: "pending", Value: bson.D{{Key: "$gt", Value: int32(0)}}}}},
		{name: timeIndex, keys: ascending("recorded_at", "stream", "seq")},
	}
}

func (k *kind) wanted() []wanted {
	var out []wanted
	for _, declared := range k.Indexes {
		ix := k.indexes[declared.Name]
		var paths []string
		for _, f := range append(slices.Clone(ix.fields), idField) {
			paths = append(paths, path(f))
		}
		out = append(out, wanted{name: ix.name, keys: ascending(paths...)})
	}
	return out
}

func ascending(paths ...string) bson.D {
	keys := make(bson.D, len(paths))
	for i, p := range paths {
		keys[i] = bson.E{Key: p, Value: int32(1)}
	}
	return keys
}

func (w wanted) model() mongo.IndexModel {
	o := options.Index().SetName(w.name)
	if w.unique {
		o.SetUnique(true)
	}
	if w.partial != nil {
		o.SetPartialFilterExpression(w.partial)
	}
	return mongo.IndexModel{Keys: w.keys, Options: o}
}

// formerDeliveries is the collection in which deliveries waited before the first release.
const formerDeliveries = "delivery.v2"

// refuseFormer fails on a database of a version before the first release: its commits said only
// whether they owe something, or its deliveries lie where nobody looks any more.
func (s *Store) refuseFormer(ctx context.Context) error {
	former := errors.New("written by a Landfall before its first release; use the version that wrote it, or a new database")
	return s.do(ctx, "version", func(ctx context.Context) error {
		found, err := s.db.ListCollectionNames(ctx, bson.D{{Key: "name", Value: formerDeliveries}})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return former
		}
		return s.each(ctx, s.commitsC, question{filter: bson.D{}, project: fields("pending"), limit: 1}, func(raw bson.Raw) error {
			if raw.Lookup("pending").Type == bson.TypeBoolean {
				return former
			}
			return nil
		})
	})
}

// makers bounds the collections that are looked after at once.
const makers = 4

// makeIndexes makes the indexes that are missing. Making one that is there is nothing to a server.
func (s *Store) makeIndexes(ctx context.Context) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	room := make(chan struct{}, makers)
	do := func(c *mongo.Collection, list []wanted) {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			err := s.o.Guard.Do("indexes", func() error { return s.makeThese(ctx, c, list) })
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, fmt.Errorf("indexes of %s: %w", c.Name(), err))
			}
		})
	}
	do(s.commitsC, commitIndexes())
	for _, k := range s.kinds {
		if list := k.wanted(); len(list) > 0 {
			do(k.coll, list)
		}
	}
	wg.Wait()
	return failed
}

// makeTries bounds how often the making is tried again: of several processes that start on an empty database, a server may refuse all
// but one for a moment.
const makeTries = 6

func (s *Store) makeThese(ctx context.Context, c *mongo.Collection, list []wanted) (err error) {
	for try := range makeTries {
		if try > 0 {
			timer := time.NewTimer(20 * time.Millisecond << try)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			}
		}
		if err = s.create(ctx, c, list); err == nil || ctx.Err() != nil {
			return err
		}
		list = withoutPartial(list, err)
	}
	return err
}

// indexTime bounds the making of the indexes of one collection, which on a full one takes its time.
const indexTime = 10 * time.Minute

func (s *Store) create(ctx context.Context, c *mongo.Collection, list []wanted) error {
	models := make([]mongo.IndexModel, len(list))
	for i, w := range list {
		models[i] = w.model()
	}
	return s.bounded(ctx, indexTime, func(ctx context.Context) error {
		_, err := c.Indexes().CreateMany(ctx, models)
		return err
	})
}

// What a server answers that knows no partial indexes.
const (
	codeCannotCreateIndex = 67
	codeInvalidOption     = 72
	codeUnsupported       = 238
)

func withoutPartial(list []wanted, err error) []wanted {
	var refused mongo.CommandError
	if !errors.As(err, &refused) || refused.Code != codeCannotCreateIndex && refused.Code != codeInvalidOption && refused.Code != codeUnsupported {
		return list
	}
	plain := slices.Clone(list)
	for i := range plain {
		plain[i].partial = nil
	}
	return plain
}
