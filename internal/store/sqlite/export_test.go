package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"testing"
)

// LimitPages bounds the file, as a full disk does. It goes through the writer, which owns the connection the bound is for.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	_, err := s.put(ctx, newRequest([]write{{fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil}}), false)
	return err
}

// Check runs SQLite's own integrity check.
func (s *Store) Check(ctx context.Context) (text string, err error) {
	err = s.read(ctx, "check", "PRAGMA integrity_check", nil, func(v []driver.Value) error {
		text += v[0].(string)
		return nil
	})
	return text, err
}

// walPages gives how long the log file has been.
func (s *Store) walPages(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size() / 4096
}
