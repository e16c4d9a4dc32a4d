package mongodb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/storetest"
)

// uriEnv names the server that tests may use. Each test has databases of its own there and drops them.
const uriEnv = "LANDFALL_TEST_MONGODB_URI"

func TestMain(m *testing.M) {
	if os.Getenv(uriEnv) == "" {
		fmt.Fprintln(os.Stderr, "mongodb: "+uriEnv+" is not set: nothing that needs a server is tested")
	}
	goleak.VerifyTestMain(m)
}

// serverURI gives the test server's URI, or skips the test.
func serverURI(t testing.TB) string {
	t.Helper()
	uri := os.Getenv(uriEnv)
	if uri == "" {
		t.Skipf("SKIPPED, NOT PASSED: set %s to the URI of a MongoDB server that tests may write to", uriEnv)
	}
	return uri
}

// raw gives the plain driver's view of a database, for what the store does not show.
func raw(t testing.TB, database string) *mongo.Database {
	t.Helper()
	c, err := mongo.Connect(options.Client().ApplyURI(serverURI(t)).SetRetryWrites(false).SetTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c.Database(database)
}

// database gives a name for a database that is dropped at the end of the test.
func database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("landfall_test_%s", bson.NewObjectID().Hex())
	db := raw(t, name)
	t.Cleanup(func() {
		if err := db.Drop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return name
}

// open opens a store that is closed at the end of the test.
func open(t testing.TB, uri string, kinds []store.Kind, o mongodb.Options) *mongodb.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := mongodb.Open(context.Background(), uri, kinds, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// behind gives a proxy in front of the test server, and the URI that leads through it.
func behind(t testing.TB) (*storetest.Proxy, string) {
	t.Helper()
	u, err := url.Parse(serverURI(t))
	if err != nil {
		t.Fatal(err)
	}
	p := storetest.NewProxy(t, u.Host)
	u.Host = p.Addr()
	q := u.Query()
	q.Set("directConnection", "true") // a member of a replica set would tell where the others are
	q.Del("replicaSet")
	u.RawQuery = q.Encode()
	return p, u.String()
}

func TestConformance(t *testing.T) {
	serverURI(t)
	storetest.Run(t, func(t *testing.T, kinds []store.Kind) storetest.Opened {
		t.Parallel()
		name := database(t)
		proxy, uri := behind(t)
		s := open(t, uri, kinds, mongodb.Options{Database: name})
		return storetest.Opened{
			Store: s,
			Reopen: func(t *testing.T) store.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, uri, kinds, mongodb.Options{Database: name})
				return s
			},
			Cut: func(*testing.T) {
				proxy.Calm()
				proxy.Trouble([]storetest.Mode{storetest.CutBefore, storetest.CutAfter}[rand.IntN(2)], 1)
			},
		}
	}, storetest.WithoutFullDisk)
}

func TestSeveralProcessesMayStartAtOnce(t *testing.T) {
	uri, name := serverURI(t), database(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := mongodb.Open(context.Background(), uri, storetest.Kinds(), mongodb.Options{Database: name, Now: time.Now})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	found, err := open(t, uri, storetest.Kinds(), mongodb.Options{Database: name}).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Serious {
			t.Errorf("%+v", f)
		}
	}
}

func TestADatabaseOfBeforeTheFirstReleaseIsRefused(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		collection string
		document   bson.D
	}{
		"commits that say only whether they owe":        {"commits", bson.D{{Key: "stream", Value: "jetty/roseau"}, {Key: "seq", Value: int64(1)}, {Key: "pending", Value: false}}},
		"deliveries where nobody looks for them by now": {"delivery.v2", bson.D{{Key: "_id", Value: "d1"}}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			uri, name := serverURI(t), database(t)
			if _, err := raw(t, name).Collection(c.collection).InsertOne(t.Context(), c.document); err != nil {
				t.Fatal(err)
			}
			s, err := mongodb.Open(t.Context(), uri, storetest.Kinds(), mongodb.Options{Database: name, Now: time.Now})
			if err == nil {
				err = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "before its first release") {
				t.Errorf("%v", err)
			}
		})
	}
}
