package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/backup"
	"landfall/internal/store/mongodb"
)

// onServer opens a database of its own on the server that LANDFALL_TEST_MONGODB_URI names; it is dropped with the test.
func onServer(t *testing.T) *world {
	t.Helper()
	uri := os.Getenv("LANDFALL_TEST_MONGODB_URI")
	if uri == "" {
		t.Skip("LANDFALL_TEST_MONGODB_URI names no server: moving records between the engines is NOT TESTED")
	}
	name := fmt.Sprintf("landfall_backup_%d_%d", os.Getpid(), time.Now().UnixNano())
	st, err := mongodb.Open(t.Context(), uri, kinds(), mongodb.Options{Database: name, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		client, err := mongo.Connect(options.Client().ApplyURI(uri))
		if err == nil {
			err = errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx))
		}
		if err != nil {
			t.Errorf("database %s is left behind: %v", name, err)
		}
	})
	w := worldOver(t, st)
	t.Cleanup(w.closes)
	return w
}

func TestRecordsMoveFromOneEngineToTheOtherAndBack(t *testing.T) {
	t.Parallel()
	server := onServer(t)
	old := newWorld(t)
	old.populate(15)
	archive, first := old.archive()

	opt := old.opt()
	opt.Derive = server.derive
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive), server.st, kinds(), opt); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, old.st, server.st)
	server.verify()
	state, err := backup.ReadState(t.Context(), server.st)
	if err != nil || !state.Held {
		t.Errorf("state %+v, %v", state, err)
	}
	fire, err := backup.Waiting(t.Context(), server.st, maria.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want, err := backup.Waiting(t.Context(), old.st, maria.Add(2*time.Hour))
	if diff := cmp.Diff(want, fire, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("what would fire: %v\n%s", err, diff)
	}
	if err := backup.Release(t.Context(), server.st, "a1", maria); err != nil {
		t.Fatal(err)
	}

	archive, second := server.archive()
	if first.Heads != second.Heads {
		t.Error("the engines do not hold the same records")
	}
	back, _ := restored(t, archive, old.opt())
	sameRecords(t, old.st, back.st)
	back.verify()
}

func TestABackupOfAServerBesideWritersIsWhole(t *testing.T) {
	t.Parallel()
	besideWriters(t, onServer(t), 2)
}
