package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"landfall/internal/store"
)

// reopen opens the file for these kinds, lets use work on it, and closes it.
func reopen(t *testing.T, path string, kinds []store.Kind, use func(*Store)) {
	t.Helper()
	s, err := Open(t.Context(), path, kinds, Options{})
	if err != nil {
		t.Fatal(err)
	}
	use(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func unit(indexes ...store.Index) []store.Kind {
	return []store.Kind{{Name: "unit.v2", Derived: true, Indexes: indexes, Fields: []store.Field{
		{Name: "name", Type: store.String}, {Name: "at", Type: store.Time}, {Name: "parties", Type: store.Strings}}}}
}

func TestIndexesFollowTheDeclaration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "landfall.db")
	byName := store.Index{Name: "by_name", Fields: []string{"name"}}
	byParty := store.Index{Name: "by_party", Fields: []string{"parties", "name"}}
	find := func(s *Store, index string, equal any) (ids []string) {
		t.Helper()
		page, err := s.Find(t.Context(), store.Query{Kind: "unit.v2", Index: index, Equal: []any{equal}, Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Docs {
			ids = append(ids, d.ID)
		}
		return ids
	}
	put := func(s *Store, id string, version int64, parties ...string) {
		t.Helper()
		doc := store.Doc{ID: id, Version: version, Body: []byte(`{}`), Index: map[string]any{"name": "n", "parties": parties}}
		if _, err := s.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: "unit.v2", Doc: doc}}); err != nil {
			t.Fatal(err)
		}
	}
	objects := func() (names []string) {
		t.Helper()
		ctx := context.Background()
		c, err := connect(ctx, path, "ro")
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		have, err := (&table{kind: store.Kind{Name: "unit.v2"}}).stored(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		for name := range have {
			names = append(names, strings.TrimPrefix(name, "unit.v2"))
		}
		slices.Sort(names)
		return names
	}
	reopen(t, path, unit(), func(s *Store) {
		put(s, "a", 1, "DMA", "ATG")
		put(s, "b", 1, "ATG")
	})
	if got := objects(); !slices.Equal(got, []string{""}) {
		t.Errorf("without indexes: %q", got)
	}
	reopen(t, path, unit(byName, byParty), func(s *Store) { // what was there before is indexed
		if got := find(s, "by_name", "n"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("by name: %v", got)
		}
		if got := find(s, "by_party", "ATG"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("by party: %v", got)
		}
		put(s, "a", 2, "LCA")
	})
	if got := objects(); len(got) != 7 {
		t.Errorf("with both indexes: %q", got)
	}
	reopen(t, path, unit(byName), func(s *Store) { put(s, "b", 2, "DMA") }) // no longer kept in step
	if got := objects(); !slices.Equal(got, []string{"", "__by_name"}) {
		t.Errorf("after dropping one: %q", got)
	}
	byParty.Fields = []string{"parties", "at"} // declared again, differently
	reopen(t, path, unit(byParty), func(s *Store) {
		if got := find(s, "by_party", "DMA"); !slices.Equal(got, []string{"b"}) {
			t.Errorf("by party again: %v", got)
		}
	})
	byParty.Fields = []string{"parties", "name"} // changed while it exists
	reopen(t, path, unit(byParty), func(s *Store) {
		if got := find(s, "by_party", "LCA"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("by changed party: %v", got)
		}
		if text, err := s.Check(t.Context()); text != "ok" || err != nil {
			t.Errorf("integrity_check: %s, %v", text, err)
		}
	})
	reopen(t, path, kinds, func(s *Store) {}) // another binary's kinds leave these alone
	reopen(t, path, unit(byParty), func(s *Store) {
		if got := find(s, "by_party", "LCA"); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after another binary: %v", got)
		}
	})
}

func TestAFileThatIsNotOursIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"another program's":  {"CREATE TABLE notes (text TEXT)", "not a Landfall store"},
		"a newer version's":  {fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 99; CREATE TABLE commits (x)", applicationID), "newer Landfall"},
		"an older version's": {fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 1; CREATE TABLE commits (x)", applicationID), "before its first release"},
		// Deliveries were found by other fields in the version before, and a wake had more of them.
		"the version's before": {fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 2; CREATE TABLE commits (x); CREATE TABLE wake (id TEXT)", applicationID), "before its first release"},
		"another shape's": {ledgerSchema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; ", applicationID, schemaVersion) +
			`CREATE TABLE wake (id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, at INTEGER, body TEXT NOT NULL) STRICT`, "a changed shape is a new kind"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "other.db")
			c2, err := connect(t.Context(), path, "rwc")
			if err != nil {
				t.Fatal(err)
			}
			if err := c2.script(t.Context(), c.sql); err != nil {
				t.Fatal(err)
			}
			if err := c2.close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), path, kinds, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("open: %v, want %q", err, c.want)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "text.db")
	mustWrite(t, path, []byte(strings.Repeat("not a database\n", 100)))
	if _, err := Open(t.Context(), path, kinds, Options{}); err == nil {
		t.Error("a text file was opened")
	}
}

func TestAKindThatCannotBeATableIsRefused(t *testing.T) {
	field := store.Field{Name: "a", Type: store.String}
	set := store.Field{Name: "s", Type: store.Strings}
	for name, k := range map[string]store.Kind{
		"no name": {}, "upper case": {Name: "Unit"}, "the ledger's table": {Name: "commits"}, "quotes": {Name: `a"b`}, "two underscores": {Name: "a__b"},
		"sqlite's": {Name: "sqlite_stat1"}, "field id": {Name: "k", Fields: []store.Field{{Name: "id"}}}, "field twice": {Name: "k", Fields: []store.Field{field, field}},
		"field with a dot": {Name: "k", Fields: []store.Field{{Name: "a.b"}}}, "unknown type": {Name: "k", Fields: []store.Field{{Name: "a", Type: 99}}},
		"index without fields":      {Name: "k", Indexes: []store.Index{{Name: "by"}}},
		"index of unknown field":    {Name: "k", Indexes: []store.Index{{Name: "by", Fields: []string{"a"}}}},
		"index twice":               {Name: "k", Fields: []store.Field{field}, Indexes: []store.Index{{Name: "by", Fields: []string{"a"}}, {Name: "by", Fields: []string{"a"}}}},
		"index of a field twice":    {Name: "k", Fields: []store.Field{field}, Indexes: []store.Index{{Name: "by", Fields: []string{"a", "a"}}}},
		"index with a set later":    {Name: "k", Fields: []store.Field{field, set}, Indexes: []store.Index{{Name: "by", Fields: []string{"a", "s"}}}},
		"index with a quoted name":  {Name: "k", Fields: []store.Field{field}, Indexes: []store.Index{{Name: `b"`, Fields: []string{"a"}}}},
		"index with an empty name":  {Name: "k", Fields: []store.Field{field}, Indexes: []store.Index{{Fields: []string{"a"}}}},
		"a version that is no name": {Name: "k.2"},
	} {
		if _, err := declare([]store.Kind{k}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := declare([]store.Kind{{Name: "k"}, {Name: "k"}}); err == nil {
		t.Error("a kind twice: accepted")
	}
}

func TestReadingBesideTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with ?#% é", "landfall.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(t.Context(), path, kinds, Options{}); err == nil {
		t.Error("a file that is not there was opened")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("and created")
	}
	s, err := Open(t.Context(), path, kinds, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	ro, err := OpenReadOnly(t.Context(), path, kinds, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	for seq := int64(1); seq < 4; seq++ {
		if _, err := s.Append(t.Context(), []store.Commit{commitAt("s", seq)}); err != nil {
			t.Fatal(err)
		}
		if got, err := ro.ReadStream(t.Context(), "s", 0, 0); int64(len(got)) != seq || err != nil {
			t.Errorf("beside: %d of %d commits, %v", len(got), seq, err)
		}
	}
	if _, err := ro.Append(t.Context(), []store.Commit{commitAt("s", 4)}); err == nil {
		t.Error("a reader appended")
	}
	if _, err := ro.Bulk(t.Context(), []store.Op{wake("w")}); err == nil {
		t.Error("a reader wrote a document")
	}
	if err := ro.Drop(t.Context(), "wake"); err == nil {
		t.Error("a reader dropped a kind")
	}
	if err := s.Close(); err != nil { // the writer goes, the reader stays
		t.Fatal(err)
	}
	if got, err := ro.ReadStream(t.Context(), "s", 0, 0); len(got) != 3 || err != nil {
		t.Errorf("after the writer: %d commits, %v", len(got), err)
	}
}
