package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"landfall/internal/app"
	"landfall/internal/store/mongodb"
)

// bareMongo keeps each change and each outcome by an insert of its own, of a document as large as a commit of Landfall's, into a collection
// with the same indexes, majority and journalled.
type bareMongo struct {
	client  *mongo.Client
	changes *mongo.Collection
	marks   *mongo.Collection
	sample  bson.D // a commit that Landfall wrote
	n       atomic.Int64
}

// openBareMongo takes a commit of Landfall's in the database records as the pattern. Everything is in a database of its own.
func openBareMongo(ctx context.Context, uri, records, database string) (*bareMongo, error) {
	st, err := mongodb.Open(ctx, uri, app.Kinds(), mongodb.Options{Database: database, Now: time.Now}) // the same indexes
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	c, err := mongo.Connect(options.Client().ApplyURI(uri).SetMaxPoolSize(64))
	if err != nil {
		return nil, err
	}
	journal := true
	sure := options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal})
	b := &bareMongo{client: c, changes: c.Database(database).Collection("commits", sure), marks: c.Database(database).Collection("marks", sure)}
	filter := bson.D{{Key: "body", Value: bson.D{{Key: "$regex", Value: "figure.reported"}}}}
	if err := c.Database(records).Collection("commits").FindOne(ctx, filter).Decode(&b.sample); err != nil {
		return nil, fmt.Errorf("a commit to copy: %w", err)
	}
	return b, nil
}

// commit gives the next commit to insert.
func (b *bareMongo) commit() bson.D {
	n := b.n.Add(1)
	d := make(bson.D, len(b.sample))
	copy(d, b.sample)
	stream := fmt.Sprintf("incident/00000000-0000-7000-8000-%012d", n%incidents)
	for i := range d {
		switch d[i].Key {
		case "_id":
			d[i].Value = fmt.Sprint(stream, "#", n)
		case "stream":
			d[i].Value = stream
		case "seq":
			d[i].Value = n
		}
	}
	return d
}

func (b *bareMongo) insert(string, string) error {
	_, err := b.changes.InsertOne(context.Background(), b.commit())
	return err
}

func (b *bareMongo) mark(id string, status int) error {
	_, err := b.marks.InsertOne(context.Background(), bson.D{{Key: "_id", Value: id}, {Key: "status", Value: status}})
	return err
}

func (b *bareMongo) close() { _ = b.client.Disconnect(context.Background()) }

// inserts measures n inserts by as many callers.
func (b *bareMongo) inserts(ctx context.Context, callers, n int) (result, error) {
	return burst(ctx, nil, callers, n, func(ctx context.Context, _, _ int) (string, error) {
		_, err := b.changes.InsertOne(ctx, b.commit())
		return "", err
	})
}

// startMongoFloor builds the floor of a region: the server, and a stream of three copies on the cluster.
func startMongoFloor(ctx context.Context, keep *bareMongo, natsURL, target string) (*floor, error) {
	conn, err := nats.Connect(natsURL)
	if err != nil {
		return nil, err
	}
	return startFloor(ctx, keep, conn, func() {}, 3, target)
}

// dropDatabase removes a database of this run.
func dropDatabase(uri, name string) error {
	c, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return errors.Join(c.Database(name).Drop(ctx), c.Disconnect(ctx))
}
