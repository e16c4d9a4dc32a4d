package mongodb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"landfall/internal/store"
)

// requests makes a group of appends with so many commits each.
func requests(t *testing.T, sizes ...int) (group []*appendRequest, docs int) {
	t.Helper()
	for i, size := range sizes {
		r := &appendRequest{ctx: t.Context(), stream: fmt.Sprint("incident/", i), done: make(chan struct{})}
		for seq := range size {
			raw, err := encodeCommit(store.Commit{Stream: r.stream, Seq: int64(seq + 1), ID: fmt.Sprint(i, "-", seq), Body: []byte("{}"), Hash: []byte{1}, RecordedAt: time.Unix(0, 0)})
			if err != nil {
				t.Fatal(err)
			}
			r.docs = append(r.docs, raw)
		}
		group, docs = append(group, r), docs+size
	}
	return group, docs
}

func writeFailed(index, code int, message string) mongo.BulkWriteException {
	return mongo.BulkWriteException{WriteErrors: []mongo.BulkWriteError{{WriteError: mongo.WriteError{Index: index, Code: code, Message: message}}}}
}

// errUncertain stands for any error that says nothing certain.
var errUncertain = errors.New("uncertain")

// What a server says about a group becomes what each append of it is told: no more than is certain.
func TestWhatAFailedGroupTellsEachAppend(t *testing.T) {
	lost := errors.New("connection reset by peer")
	full := fmt.Errorf(`could not extend file "base/5/16384": No space left on device (SQLSTATE 53100)`)
	concern := writeFailed(2, 11000, "duplicate")
	concern.WriteConcernError = &mongo.WriteConcernError{Code: 64, Message: "waiting for replication timed out"}
	type told struct {
		n   int
		err error // nil: none; errUncertain: one that says nothing certain
	}
	for name, c := range map[string]struct {
		err   error
		want  []told // of appends of 2, 3 and 1 commits
		again int    // appends that were not tried
	}{
		"all is written":                     {nil, []told{{2, nil}, {3, nil}, {1, nil}}, 0},
		"the first place is taken":           {writeFailed(0, 11000, "E11000 duplicate key"), []told{{0, store.ErrSeqTaken}}, 2},
		"a place in the middle is taken":     {writeFailed(3, 11000, "E11000 duplicate key"), []told{{2, nil}, {1, store.ErrSeqTaken}}, 1},
		"the last place is taken":            {writeFailed(5, 11000, "E11000 duplicate key"), []told{{2, nil}, {3, nil}, {0, store.ErrSeqTaken}}, 0},
		"the disk is full in the middle":     {writeFailed(3, 14031, "no space"), []told{{2, nil}, {1, store.ErrFull}, {0, store.ErrFull}}, 0},
		"so says a compatible server":        {writeFailed(2, 1, full.Error()), []told{{2, nil}, {0, store.ErrFull}, {0, store.ErrFull}}, 0},
		"one write was interrupted":          {writeFailed(2, 11601, "interrupted"), []told{{2, nil}, {0, errUncertain}, {0, errUncertain}}, 0},
		"the connection was lost":            {lost, []told{{0, errUncertain}, {0, errUncertain}, {0, errUncertain}}, 0},
		"no majority has it, a place or not": {concern, []told{{0, errUncertain}, {0, errUncertain}, {0, errUncertain}}, 0},
		"the command took too long":          {mongo.CommandError{Code: 50, Name: "MaxTimeMSExpired"}, []told{{0, errUncertain}, {0, errUncertain}, {0, errUncertain}}, 0},
	} {
		group, docs := requests(t, 2, 3, 1)
		a := newAppender(&Store{o: Options{}.withDefaults()})
		again := a.settle(group, docs, inContract(c.err))
		if len(again) != c.again || len(c.want)+c.again != len(group) {
			t.Errorf("%s: %d are tried again, want %d", name, len(again), c.again)
		}
		for i, want := range c.want {
			r := group[i]
			select {
			case <-r.done:
			default:
				t.Errorf("%s: append %d is not answered", name, i)
				continue
			}
			certain := errors.Is(r.err, store.ErrSeqTaken) || errors.Is(r.err, store.ErrFull) || errors.Is(r.err, store.ErrClosed)
			switch {
			case r.n != want.n, (r.err == nil) != (want.err == nil), errors.Is(want.err, errUncertain) && certain, certain && !errors.Is(r.err, want.err):
				t.Errorf("%s: append %d was told %d, %v; want %d, %v", name, i, r.n, r.err, want.n, want.err)
			}
		}
	}
}

func TestWhatServersSayOfAFullDisk(t *testing.T) {
	for _, c := range []struct {
		err  error
		full bool
	}{
		{mongo.CommandError{Code: 14031, Name: "OutOfDiskSpace"}, true},
		{mongo.CommandError{Code: 1, Message: `could not write to file "pg_wal/xlogtemp.1": No space left on device (SQLSTATE 53100)`}, true},
		{mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 14031}}}, true},
		{writeFailed(0, 14031, ""), true},
		{mongo.CommandError{Code: 1, Message: "something else"}, false},
		{errors.New("No space left on device"), false}, // our own disk, not the server's
		{context.DeadlineExceeded, false},
	} {
		if got := errors.Is(inContract(c.err), store.ErrFull); got != c.full {
			t.Errorf("%v: full %v", c.err, got)
		}
	}
	if _, err := duplicates(writeFailed(4, 14031, "")); !errors.Is(err, store.ErrFull) {
		t.Errorf("in a bulk: %v", err)
	}
	if !errors.Is(inContract(mongo.ErrClientDisconnected), store.ErrClosed) {
		t.Error("a disconnected client is not closed")
	}
}

// testStore opens a store on a database of its own.
func testStore(t *testing.T, kinds []store.Kind) *Store {
	t.Helper()
	uri := os.Getenv("LANDFALL_TEST_MONGODB_URI")
	if uri == "" {
		t.Skip("SKIPPED, NOT PASSED: set LANDFALL_TEST_MONGODB_URI to the URI of a MongoDB server that tests may write to")
	}
	s, err := Open(t.Context(), uri, kinds, Options{Now: time.Now, Database: "landfall_test_" + bson.NewObjectID().Hex()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.db.Drop(context.Background()), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A command that was refused as a whole for want of space may have written its first documents; what is there says.
func TestAFullDiskIsToldByWhatIsThere(t *testing.T) {
	s := testStore(t, nil)
	group, docs := requests(t, 2, 3, 1)
	some := []any{group[0].docs[0], group[0].docs[1], group[1].docs[0], group[2].docs[0]}
	if _, err := s.commitsC.InsertMany(t.Context(), some); err != nil {
		t.Fatal(err)
	}
	s.appends.settle(group, docs, inContract(mongo.CommandError{Code: 14031}))
	for i, want := range []int{2, 1, 0} {
		if r := group[i]; r.n != want || errors.Is(r.err, store.ErrFull) != (i > 0) {
			t.Errorf("append %d was told %d, %v", i, r.n, r.err)
		}
	}
}

// Retryable writes are used only on a server that is seen to carry a repeated write out once.
func TestRetryableWritesAreBelievedWhenSeen(t *testing.T) {
	s := testStore(t, nil)
	h, err := s.hello(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	once, err := retriesOnce(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	if has := h.Set != "" || h.Message == "isdbgrid"; once != has || s.retryable != has {
		t.Errorf("a server with %+v: a repeated write is carried out once: %v; used: %v", h, once, s.retryable)
	}
	if n, err := s.db.Collection(engineName).CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
		t.Errorf("%d documents are left, %v", n, err)
	}
}

func TestConnectionStringsDoNotWeakenPromises(t *testing.T) {
	s := &Store{o: Options{}.withDefaults()}
	o, err := s.clientOptions("mongodb://localhost/?w=0&journal=false&readPreference=secondary&readConcernLevel=local&retryWrites=true&timeoutMS=0&maxPoolSize=0")
	if err != nil {
		t.Fatal(err)
	}
	if o.WriteConcern.W != "majority" || !*o.WriteConcern.Journal || o.ReadPreference.Mode().String() != "primary" || o.ReadConcern.Level != "majority" ||
		*o.MaxPoolSize != 32 || *o.Timeout != 10*time.Second || *o.AppName != "landfall" {
		t.Errorf("%+v", o)
	}
}

func TestAServerWithoutPartialIndexesGetsWholeOnes(t *testing.T) {
	for code, whole := range map[int32]bool{codeCannotCreateIndex: true, codeInvalidOption: true, codeUnsupported: true, 85: false} {
		got := withoutPartial(commitIndexes(), mongo.CommandError{Code: code})
		if (got[1].partial == nil) != whole || !got[0].unique || commitIndexes()[1].partial == nil {
			t.Errorf("code %d: %+v", code, got)
		}
		for _, w := range got { // Check takes a whole index in place of a partial one
			ix := bson.D{{Key: "key", Value: w.keys}, {Key: "unique", Value: w.unique}}
			if whole && !w.like(ix) {
				t.Errorf("a whole index %s is not recognised", w.name)
			}
		}
	}
}
