package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(victimEnv); path != "" {
		os.Exit(victim(path))
	}
	goleak.VerifyTestMain(m)
}

// open opens a store that is closed at the end of the test.
func open(t testing.TB, path string, kinds []store.Kind, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, kinds, o)
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

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, kinds []store.Kind) storetest.Opened {
		path := filepath.Join(t.TempDir(), "landfall.db")
		s := open(t, path, kinds, sqlite.Options{CheckpointPages: 50})
		return storetest.Opened{
			Store: s,
			Reopen: func(t *testing.T) store.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, path, kinds, sqlite.Options{})
				return s
			},
			Fill: func(t *testing.T) func() {
				limit := func(pages int) {
					if err := s.LimitPages(t.Context(), pages); err != nil {
						t.Fatal(err)
					}
				}
				limit(60)
				return func() { limit(1 << 30) }
			},
		}
	}, storetest.WithoutConnection)
}
