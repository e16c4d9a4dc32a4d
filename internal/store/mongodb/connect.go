package mongodb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// engineName is the collection of the engine's own documents.
const engineName = "engine"

// durable is the only write concern there is here.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

// connect makes the client. Whether the server has retryable writes is found out with a client that does not use them.
func (s *Store) connect(ctx context.Context, uri string) error {
	set, err := s.clientOptions(uri)
	if err != nil {
		return err
	}
	client, err := mongo.Connect(set.SetRetryWrites(false))
	if err != nil {
		return blank(err, uri)
	}
	var h hello
	err = s.bounded(ctx, s.o.OpTimeout, func(ctx context.Context) (err error) {
		db := client.Database(s.o.Database)
		if h, err = greet(ctx, db, s.o.Now); err == nil && (h.Set != "" || h.Message == "isdbgrid") {
			s.retryable, err = retriesOnce(ctx, db)
		}
		return err
	})
	if err == nil && s.retryable {
		if err := client.Disconnect(ctx); err != nil {
			return blank(err, uri)
		}
		if client, err = mongo.Connect(set.SetRetryWrites(true)); err != nil {
			return blank(err, uri)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the server does not answer: %w", blank(err, uri)), client.Disconnect(ctx))
	}
	s.client, s.db = client, client.Database(s.o.Database)
	return nil
}

func (s *Store) clientOptions(uri string) (*options.ClientOptions, error) {
	o := options.Client().ApplyURI(uri)
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("the connection string: %w", blank(err, uri))
	}
	if o.AppName == nil {
		o.SetAppName("landfall")
	}
	return o.SetWriteConcern(durable()).SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).SetRetryReads(true).
		SetMaxPoolSize(uint64(s.o.PoolSize)).SetMaxConnIdleTime(5 * time.Minute).SetMaxConnecting(4).
		SetConnectTimeout(s.o.OpTimeout / 2).SetServerSelectionTimeout(s.o.OpTimeout).SetTimeout(s.o.OpTimeout), nil
}

// blank takes the secrets of the connection string out of what is said about it.
func blank(err error, uri string) error {
	if err == nil {
		return nil
	}
	_, rest, _ := strings.Cut(uri, "://")
	who := rest[:max(0, strings.LastIndexByte(rest, '@'))]
	_, secret, _ := strings.Cut(who, ":")
	plain, unescapeErr := url.PathUnescape(secret)
	if secret == "" || !strings.Contains(err.Error(), secret) && (unescapeErr != nil || !strings.Contains(err.Error(), plain)) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), secret, "***")
	if unescapeErr == nil {
		text = strings.ReplaceAll(text, plain, "***")
	}
	return errors.New(text)
}

// retriesOnce finds out whether the server carries out a write once that is sent twice under one session and number: the driver would
// send a write again whose reply was lost, and a server that only looks as if it knew such numbers would carry it out
// again, or tell the writer that it had lost against itself.
func retriesOnce(ctx context.Context, db *mongo.Database) (bool, error) {
	session, err := db.Client().StartSession()
	if err != nil {
		return false, nil // a server without sessions has no retryable writes either
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	mark := bson.D{{Key: "_id", Value: "retry/" + bson.NewObjectID().Hex()}}
	twice := bson.D{{Key: "insert", Value: engineName}, {Key: "documents", Value: bson.A{mark}}, {Key: "txnNumber", Value: int64(1)}}
	once := true
	for range 2 {
		err = db.RunCommand(mongo.NewSessionContext(ctx, session), twice).Err()
		var refused mongo.ServerError
		switch {
		case err == nil:
		case errors.As(err, &refused):
			once = false
		default:
			return false, err
		}
	}
	if _, err := db.Collection(engineName).DeleteOne(ctx, mark); err != nil {
		return false, err
	}
	return once, nil
}
