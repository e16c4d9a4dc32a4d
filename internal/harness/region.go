package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/app"
	"landfall/internal/bus/bustest"
)

// Topology is the variable that says what the worlds of a test run look like: with "region" they are six processes (two that answer, two
// that notify, two that watch) on one database, that of LANDFALL_TEST_MONGODB_URI, and one cluster of three NATS servers. Otherwise each is
// one process with everything in it.
const Topology = "LANDFALL_TEST_TOPOLOGY"

const inRegion = "region"

// MongoDB gives the address of the MongoDB-compatible server for tests. Without one the test is skipped, and says so.
func MongoDB(t testing.TB) string {
	t.Helper()
	uri := os.Getenv("LANDFALL_TEST_MONGODB_URI")
	if uri == "" {
		t.Skip("NOT RUN: this test needs a MongoDB-compatible server; set LANDFALL_TEST_MONGODB_URI to its address")
	}
	return uri
}

// region is what six processes share.
type region struct {
	records app.Records
	cluster *bustest.Cluster
	key     string
}

func newRegion(t testing.TB) *region {
	t.Helper()
	uri := os.Getenv("LANDFALL_TEST_MONGODB_URI")
	if uri == "" {
		t.Fatalf("%s=%s needs LANDFALL_TEST_MONGODB_URI", Topology, inRegion)
	}
	r := &region{
		records: Database(t, uri), cluster: bustest.New(t, 3), key: strings.Repeat("5e", 32),
	}
	return r
}

// Database gives a database of the test's own; it is dropped at the end.
func Database(t testing.TB, uri string) app.Records {
	t.Helper()
	name := "landfall_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	t.Cleanup(func() {
		client, err := mongo.Connect(options.Client().ApplyURI(uri))
		if err == nil {
			err = errors.Join(client.Database(name).Drop(context.Background()), client.Disconnect(context.Background()))
		}
		if err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	return app.Records{MongoDBURI: uri, MongoDBDatabase: name}
}

// split gives the options of the six processes.
func (r *region) split(base app.Options) []app.Options {
	var all []app.Options
	for _, role := range app.AllRoles() {
		for n := range 2 {
			o := base
			o.Name = fmt.Sprintf("%s-%d", role, n+1)
			o.Roles = []app.Role{role}
			o.Records = r.records
			o.Data = filepath.Join(base.Data, o.Name)
			o.SecretKey = r.key
			o.NATSURL, o.NATSReplicas = r.cluster.URL(), 3
			all = append(all, o)
		}
	}
	return all
}

// wipe loses what the whole cluster remembers.
func (r *region) wipe(t testing.TB) {
	t.Helper()
	for i := range r.cluster.Nodes() {
		r.cluster.Kill(i)
		if err := os.RemoveAll(r.cluster.Dir(i)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range r.cluster.Nodes() {
		wg.Go(func() {
			if err := r.cluster.Start(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
