package mongodb_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/store"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/storetest"
)

// said gives the finding that holds all the words, if any.
func said(found []mongodb.Finding, words ...string) (mongodb.Finding, bool) {
	i := slices.IndexFunc(found, func(f mongodb.Finding) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(f.What, w) })
	})
	if i < 0 {
		return mongodb.Finding{}, false
	}
	return found[i], true
}

func TestCheckSaysWhatIsWrongWithTheIndexes(t *testing.T) {
	t.Parallel()
	uri, name := serverURI(t), database(t)
	s := open(t, uri, storetest.Kinds(), mongodb.Options{Database: name})
	found, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Serious || strings.Contains(f.What, "ndex") {
			t.Errorf("on a fresh database: %+v", f)
		}
	}

	db := raw(t, name)
	ctx := t.Context()
	commits, wake := db.Collection("commits").Indexes(), db.Collection("wake").Indexes()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(commits.DropOne(ctx, "seq"))
	must(commits.DropOne(ctx, "key"))
	_, err = commits.CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "stream", Value: 1}}, Options: options.Index().SetName("key")})
	must(err)
	must(wake.DropOne(ctx, "by_at:at"))
	_, err = wake.CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "body.x", Value: 1}}, Options: options.Index().SetName("somebodys")})
	must(err)
	_, err = db.Collection("wake.v0").InsertOne(ctx, bson.D{{Key: "a", Value: 1}})
	must(err)

	found, err = s.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words   []string
		serious bool
	}{
		{[]string{"Index seq of commits is missing"}, true},
		{[]string{"Index key of commits is not the one"}, true},
		{[]string{"Index by_at:at of wake is missing"}, true},
		{[]string{"Index somebodys of wake is not used"}, false},
		{[]string{"Collection wake.v0 belongs to no kind"}, false},
	} {
		f, ok := said(found, c.words...)
		if !ok || f.Serious != c.serious || f.Do == "" {
			t.Errorf("%v: %v, %+v among %+v", c.words, ok, f, found)
		}
	}

	// Without its index a search still answers, and a place that is taken stays taken.
	if _, err := s.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: "wake", Doc: store.Doc{ID: "a", Version: 1, Body: []byte(`{}`), Index: map[string]any{"at": time.Now()}}}}); err != nil {
		t.Fatal(err)
	}
	q := store.Query{Kind: "wake", Index: "by_at", Limit: 5}
	if page, err := s.Find(ctx, q); err != nil || len(page.Docs) != 1 {
		t.Errorf("find without its index: %d, %v", len(page.Docs), err)
	}
	if n, err := s.Count(ctx, q); err != nil || n != 1 {
		t.Errorf("count without its index: %d, %v", n, err)
	}
	for i, want := range []error{nil, store.ErrSeqTaken} {
		if _, err := s.Append(ctx, []store.Commit{storetest.BenchCommit("incident/a", 1)}); !errors.Is(err, want) {
			t.Errorf("append %d without the index: %v", i, err)
		}
	}

	// The next start makes what is missing; what somebody else made stays.
	must(commits.DropOne(ctx, "key"))
	found, err = open(t, uri, storetest.Kinds(), mongodb.Options{Database: name}).Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if f, bad := said(found, "is missing"); bad {
		t.Errorf("after another start: %+v", f)
	}
	if _, ok := said(found, "somebodys"); !ok {
		t.Error("another start removed an index it did not make")
	}
}

func TestAnIndexDeclaredAnewStandsBesideTheOld(t *testing.T) {
	t.Parallel()
	uri, name := serverURI(t), database(t)
	kind := func(fields ...string) []store.Kind {
		return []store.Kind{{Name: "unit", Fields: []store.Field{{Name: "a", Type: store.Int}, {Name: "b", Type: store.Int}},
			Indexes: []store.Index{{Name: "main", Fields: fields}}}}
	}
	older := open(t, uri, kind("a"), mongodb.Options{Database: name})
	newer := open(t, uri, kind("b", "a"), mongodb.Options{Database: name})
	doc := store.Doc{ID: "u", Version: 1, Body: []byte(`{}`), Index: map[string]any{"a": int64(1), "b": int64(2)}}
	if _, err := newer.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: "unit", Doc: doc}}); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*mongodb.Store]int64{older: 1, newer: 2} {
		if n, err := s.Count(t.Context(), store.Query{Kind: "unit", Index: "main", Equal: []any{want}}); n != 1 || err != nil {
			t.Errorf("found %d, %v", n, err)
		}
	}
	found, err := newer.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := said(found, "main:a of unit", "not used by this version"); !ok || f.Serious {
		t.Errorf("the old index: %v %+v", ok, f)
	}
}

func TestAClockTooFarFromTheServersIsNotReady(t *testing.T) {
	t.Parallel()
	uri, name := serverURI(t), database(t)
	for _, c := range []struct {
		ahead time.Duration
		ready bool
	}{{0, true}, {1500 * time.Millisecond, true}, {-1500 * time.Millisecond, true}, {3 * time.Second, false}, {-3 * time.Second, false}, {24 * time.Hour, false}} {
		s := open(t, uri, storetest.Kinds(), mongodb.Options{Database: name, Now: func() time.Time { return time.Now().Add(c.ahead) }})
		if err := s.Ping(t.Context()); (err == nil) != c.ready || err != nil && !errors.Is(err, mongodb.ErrSkew) {
			t.Errorf("%v ahead: %v", c.ahead, err)
		}
		skew, err := s.Skew(t.Context())
		if off := (skew + c.ahead).Abs(); err != nil || off > time.Second {
			t.Errorf("%v ahead: told %v, %v", c.ahead, skew, err)
		}
		found, err := s.Check(t.Context())
		f, told := said(found, "clocks")
		if err != nil || f.Serious == c.ready || told != (c.ahead != 0) {
			t.Errorf("%v ahead: checked %+v, %v", c.ahead, found, err)
		}
	}
}

func TestAServerThatIsNotThereIsToldSoonAndWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"mongodb://landfall:pa%2Fss-word@127.0.0.1:1/", "mongodb://landfall:pa/ss-word@127.0.0.1:1/", "mongodb://landfall:ss-word@127.0.0.1:1:2/", "ss-word", "mongodb+srv://landfall:ss-word@/",
	} {
		began := time.Now()
		s, err := mongodb.Open(context.Background(), uri, nil, mongodb.Options{Now: time.Now, OpTimeout: 500 * time.Millisecond})
		if err == nil {
			t.Errorf("%s was opened: %v", uri, s.Close())
			continue
		}
		if uri != "ss-word" && strings.Contains(err.Error(), "ss-word") {
			t.Errorf("the error tells the password: %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

func TestAKindThatMakesNoSenseIsRefused(t *testing.T) {
	fields := []store.Field{{Name: "a", Type: store.String}, {Name: "s", Type: store.Strings}}
	for name, k := range map[string]store.Kind{
		"the ledger's own name": {Name: "commits"}, "the engine's own name": {Name: "engine"}, "a server's own name": {Name: "system.users"}, "no name": {}, "a dollar": {Name: "a$b"},
		"a field called id":    {Name: "k", Fields: []store.Field{{Name: "id"}}},
		"a field with a dot":   {Name: "k", Fields: []store.Field{{Name: "a.b"}}},
		"a field twice":        {Name: "k", Fields: append(fields, fields[0])},
		"an unknown type":      {Name: "k", Fields: []store.Field{{Name: "a", Type: 99}}},
		"an undeclared field":  {Name: "k", Fields: fields, Indexes: []store.Index{{Name: "x", Fields: []string{"b"}}}},
		"a field twice in one": {Name: "k", Fields: fields, Indexes: []store.Index{{Name: "x", Fields: []string{"a", "a"}}}},
		"a set that is second": {Name: "k", Fields: fields, Indexes: []store.Index{{Name: "x", Fields: []string{"a", "s"}}}},
		"an index of nothing":  {Name: "k", Fields: fields, Indexes: []store.Index{{Name: "x"}}},
		"an index twice":       {Name: "k", Fields: fields, Indexes: []store.Index{{Name: "x", Fields: []string{"a"}}, {Name: "x", Fields: []string{"a"}}}},
	} {
		if s, err := mongodb.Open(context.Background(), "mongodb://127.0.0.1:1/", []store.Kind{k}, mongodb.Options{Now: time.Now, OpTimeout: time.Millisecond}); err == nil {
			t.Errorf("%s: opened, %v", name, s.Close())
		} else if strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%s: the server was asked: %v", name, err)
		}
	}
}

// A person reads the records with any MongoDB tool, and finds them by what is in them.
func TestAPersonCanReadTheRecords(t *testing.T) {
	t.Parallel()
	uri, name := serverURI(t), database(t)
	s := open(t, uri, storetest.Kinds(), mongodb.Options{Database: name})
	c := storetest.BenchCommit("incident/a", 2)
	c.Prev, c.Detached = c.Hash, []byte(`{"name":"x"}`)
	if _, err := s.Append(t.Context(), []store.Commit{c}); err != nil {
		t.Fatal(err)
	}
	body := `{"title":"Maria","count":1200,"area":{"states":["DMA","GLP"]},"open":true}`
	at := time.Date(2017, 9, 19, 1, 15, 0, 123456000, time.UTC)
	if _, err := s.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: "wake", Doc: store.Doc{ID: "incident/a", Version: 2, Body: []byte(body), Index: map[string]any{"at": at}}}}); err != nil {
		t.Fatal(err)
	}
	db := raw(t, name)
	for _, q := range []struct {
		collection string
		filter     bson.D
	}{
		{"wake", bson.D{{Key: "body.title", Value: "Maria"}, {Key: "body.count", Value: bson.D{{Key: "$gt", Value: 1000}}}, {Key: "body.area.states", Value: "GLP"}, {Key: "body.open", Value: true}}},
		{"wake", bson.D{{Key: "_id", Value: "incident/a"}, {Key: "version", Value: 2}, {Key: "index.at", Value: "2017-09-19T01:15:00.123456Z"}}},
		{"commits", bson.D{{Key: "stream", Value: "incident/a"}, {Key: "seq", Value: 2}, {Key: "id", Value: c.ID}, {Key: "recorded_at", Value: c.RecordedAt.Format("2006-01-02T15:04:05.000000Z")},
			{Key: "body", Value: string(c.Body)}, {Key: "detached", Value: `{"name":"x"}`}, {Key: "prev", Value: bson.Binary{Data: c.Prev}}, {Key: "hash", Value: bson.Binary{Data: c.Hash}},
			{Key: "key", Value: bson.Binary{Data: c.Key}}, {Key: "pending", Value: 3}}},
	} {
		if n, err := db.Collection(q.collection).CountDocuments(t.Context(), q.filter); n != 1 || err != nil {
			t.Errorf("%s %v: %d, %v", q.collection, q.filter, n, err)
		}
	}
}

// Every body goes through a real server unharmed, whatever its members are called.
func TestUnusualBodiesGoThroughAServer(t *testing.T) {
	t.Parallel()
	s := open(t, serverURI(t), storetest.Kinds(), mongodb.Options{Database: database(t)})
	for i, body := range []string{`{"$where":{"$gt":1},"a.b":{"c.d":1},"":{"":""},"_id":7,"%":1}`, `{"text":"\u0000 \u2028 🌀","huge":1e400,"fine":0.12345678901234567890,"big":9223372036854775808,"small":-0}`,
		strings.Repeat(`{"a":[`, 25) + strings.Repeat(`]}`, 25), strings.Repeat(`{"a":[`, 500) + strings.Repeat(`]}`, 500)} {
		doc := store.Doc{ID: "x", Version: int64(i + 1), Body: []byte(body)}
		if _, err := s.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: "claim", Doc: doc}}); err != nil {
			t.Fatalf("%.80s: %v", body, err)
		}
		if got, err := s.Get(t.Context(), "claim", "x"); err != nil || string(got["x"].Body) != body {
			t.Errorf("%.80s came back as %.80s, %v", body, got["x"].Body, err)
		}
	}
	huge := store.Doc{ID: "y", Version: 1, Body: []byte(`{"a":"` + strings.Repeat("x", 16<<20) + `"}`)}
	if _, err := s.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: "claim", Doc: huge}}); !errors.Is(err, store.ErrBadQuery) {
		t.Errorf("a document no server takes: %v", err)
	}
	c := storetest.BenchCommit("incident/a", 1)
	c.Body = huge.Body
	if _, err := s.Append(t.Context(), []store.Commit{c}); !errors.Is(err, store.ErrBadQuery) {
		t.Errorf("a commit no server takes: %v", err)
	}
}
