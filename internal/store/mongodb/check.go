package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Finding is something that is not as it should be, in plain words.
type Finding struct {
	What    string // what is wrong
	Do      string // what to do about it
	Serious bool   // promises of the service are not kept while it lasts
}

// Check looks for what is wrong with the server, the clock and the indexes. It writes nothing but a deletion of what does not exist. An
// error means that it could not look.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	h, err := s.hello(ctx)
	if err != nil {
		return nil, err
	}
	found := s.checkServer(h)
	for _, look := range []func(context.Context) ([]Finding, error){s.checkWrites, s.checkEngine, s.checkCollections} {
		more, err := look(ctx)
		if err != nil {
			return found, err
		}
		found = append(found, more...)
	}
	return found, nil
}

func (s *Store) checkServer(h hello) (found []Finding) {
	if !h.Writable {
		found = append(found, Finding{What: "The database server takes no writes.", Do: "Connect to the primary, or name the replica set in the connection string.", Serious: true})
	}
	if h.Set == "" && h.Message != "isdbgrid" {
		found = append(found, Finding{What: "The database is one server: what it loses is lost, and while it is down nothing is accepted.",
			Do: "Run a replica set of three, or see to it that the server's own storage is replicated and backed up."})
	}
	switch skew := h.skew.Abs(); {
	case skew-h.doubt > maxSkew:
		found = append(found, Finding{What: fmt.Sprintf("The clocks of this machine and of the database server differ by %v.", h.skew.Round(time.Millisecond)),
			Do: "Synchronise the time of every machine (NTP). Until then this process is not ready.", Serious: true})
	case skew-h.doubt > maxSkew/4:
		found = append(found, Finding{What: fmt.Sprintf("The clocks of this machine and of the database server differ by %v; from 2 s on the process is not ready.", h.skew.Round(time.Millisecond)),
			Do: "Synchronise the time of every machine (NTP)."})
	}
	return found
}

// checkWrites asks for a write to be confirmed as every write of the service is.
func (s *Store) checkWrites(ctx context.Context) (found []Finding, err error) {
	err = s.do(ctx, "check_writes", func(ctx context.Context) error {
		_, err := s.db.Collection(engineName).DeleteOne(ctx, bson.D{{Key: idName, Value: "nothing"}})
		return err
	})
	var failed mongo.WriteException
	if !errors.As(err, &failed) || failed.WriteConcernError == nil {
		return nil, err
	}
	found = append(found, Finding{What: "Writes are not confirmed by a majority of the database servers: " + failed.WriteConcernError.Message,
		Do: "Bring back the members of the replica set that are down. Nothing is accepted until then.", Serious: true})
	return found, nil
}

// checkEngine looks whether the server keeps anything on disk. One that does not say is believed.
func (s *Store) checkEngine(ctx context.Context) ([]Finding, error) {
	var status struct {
		Engine struct {
			Name       string `bson:"name"`
			Persistent *bool  `bson:"persistent"`
		} `bson:"storageEngine"`
	}
	err := s.do(ctx, "check_engine", func(ctx context.Context) error {
		return s.db.Client().Database("admin").RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status)
	})
	var refused mongo.CommandError
	switch {
	case errors.As(err, &refused) && !refused.HasErrorLabel("NetworkError"):
		return nil, nil // a user who may not ask
	case err != nil:
		return nil, err
	}
	if p := status.Engine.Persistent; p != nil && !*p {
		return []Finding{{What: fmt.Sprintf("The database server keeps nothing on disk (storage engine %s).", status.Engine.Name),
			Do: "Use a server with a storage engine that does.", Serious: true}}, nil
	}
	return nil, nil
}

// checkCollections compares the indexes and the collections with what is declared.
func (s *Store) checkCollections(ctx context.Context) (found []Finding, err error) {
	declared := map[string][]wanted{commitsName: commitIndexes(), engineName: nil}
	for _, k := range s.kinds {
		declared[k.name] = k.wanted()
	}
	var names []string
	err = s.do(ctx, "check_collections", func(ctx context.Context) error {
		names, err = s.db.ListCollectionNames(ctx, bson.D{})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		if _, ok := declared[name]; !ok && !strings.HasPrefix(name, "system.") {
			found = append(found, Finding{What: fmt.Sprintf("Collection %s belongs to no kind of document of this version.", name),
				Do: "Nothing, if another version of the service uses it; else it may be dropped after a backup."})
		}
	}
	order := make([]string, 0, len(declared))
	for name := range declared {
		order = append(order, name)
	}
	slices.Sort(order)
	for _, name := range order {
		list := declared[name]
		if len(list) == 0 && !slices.Contains(names, name) {
			continue
		}
		var there []bson.D
		err := s.do(ctx, "check_indexes", func(ctx context.Context) error {
			cur, err := s.db.Collection(name).Indexes().List(ctx)
			if err != nil {
				return err
			}
			return cur.All(ctx, &there)
		})
		if err != nil {
			return found, err
		}
		found = append(found, compareIndexes(name, list, there)...)
	}
	return found, nil
}

// compareIndexes says what is missing, different and left over among the indexes of a collection.
func compareIndexes(collection string, list []wanted, there []bson.D) (found []Finding) {
	byName := make(map[string]bson.D, len(there))
	for _, ix := range there {
		name, _ := value(ix, "name").(string)
		byName[name] = ix
	}
	for _, w := range list {
		ix, ok := byName[w.name]
		delete(byName, w.name)
		cost := "Searches by it are slow until it is made again."
		if w.unique {
			cost = "The place of a commit is guarded by its _id alone until it is made again."
		}
		switch {
		case !ok:
			found = append(found, Finding{What: fmt.Sprintf("Index %s of %s is missing. %s", w.name, collection, cost),
				Do: "Restart the service, which makes it.", Serious: true})
		case !w.like(ix):
			found = append(found, Finding{What: fmt.Sprintf("Index %s of %s is not the one the service made. %s", w.name, collection, cost),
				Do: "Drop it and restart the service, which makes it again.", Serious: true})
		}
	}
	delete(byName, idIndex)
	left := make([]string, 0, len(byName))
	for name := range byName {
		left = append(left, name)
	}
	slices.Sort(left)
	for _, name := range left {
		found = append(found, Finding{What: fmt.Sprintf("Index %s of %s is not used by this version and slows writing down.", name, collection),
			Do: "Drop it when no process of another version runs any more."})
	}
	return found
}

// like reports whether an index on the server is the wanted one. A whole index in place of a partial one is.
func (w wanted) like(ix bson.D) bool {
	keys, _ := value(ix, "key").(bson.D)
	if len(keys) != len(w.keys) {
		return false
	}
	for i, k := range keys {
		if k.Key != w.keys[i].Key || fmt.Sprint(k.Value) != "1" {
			return false
		}
	}
	unique, _ := value(ix, "unique").(bool)
	partial, _ := value(ix, "partialFilterExpression").(bson.D)
	return unique == w.unique && (partial == nil || fmt.Sprint(partial) == fmt.Sprint(w.partial))
}

func value(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}
