package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"landfall/internal/store"
)

const (
	commitColumns = `stream, seq, id, recorded_at, body, detached, prev, hash, "key", pending`

	appendSQL = `INSERT INTO commits (` + commitColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream, seq) DO NOTHING`
	// The first of a submitted batch only behind the very commit it names as its predecessor: a batch behind one that failed is refused.
	followSQL = `INSERT INTO commits (` + commitColumns + `) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
		WHERE ?2 = 1 OR EXISTS (SELECT 1 FROM commits WHERE stream = ?1 AND seq = ?2 - 1 AND hash = ?7) ON CONFLICT (stream, seq) DO NOTHING`
	paySQL      = `UPDATE commits SET pending = pending & ~? WHERE stream = ? AND seq = ? AND pending & ? <> 0`
	detachedSQL = `UPDATE commits SET detached = ? WHERE stream = ? AND seq = ?`

	streamSQL = `SELECT ` + commitColumns + ` FROM commits WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?`
	commitSQL = `SELECT ` + commitColumns + ` FROM commits WHERE stream = ? AND seq = ?`
	hashesSQL = `SELECT r.key, c.hash FROM json_each(?) AS r CROSS JOIN commits AS c INDEXED BY commits__seq
		ON c.stream = r.value ->> 0 AND c.seq = r.value ->> 1`
	keySQL     = `SELECT seq FROM commits INDEXED BY commits__key WHERE stream = ? AND "key" = ? ORDER BY seq LIMIT 1`
	pendingSQL = `SELECT ` + commitColumns + ` FROM commits INDEXED BY commits__pending
		WHERE pending > 0 AND pending & ? <> 0 AND (stream, seq) > (?, ?) AND recorded_at < ? ORDER BY stream, seq LIMIT ?`
	pendingStatsSQL = `SELECT count(*), min(recorded_at) FROM commits INDEXED BY commits__pending WHERE pending > 0 AND pending & ? <> 0
		AND stream NOT IN (SELECT value FROM json_each(?))`
	recordedSQL = `SELECT stream, seq, recorded_at FROM commits INDEXED BY commits__recorded
		WHERE (recorded_at, stream, seq) > (?, ?, ?) ORDER BY recorded_at, stream, seq LIMIT ?`

	// From stream to stream by the index, whatever the number of commits between them.
	streamsSQL = `WITH RECURSIVE s (stream) AS (
			SELECT min(stream) FROM commits WHERE stream %[1]s ?1
			UNION ALL
			SELECT (SELECT min(stream) FROM commits WHERE stream > s.stream) FROM s WHERE %[2]s
		) SELECT stream FROM s WHERE %[2]s LIMIT ?3`
	startsSQL = `substr(CAST(s.stream AS BLOB), 1, length(CAST(?2 AS BLOB))) = CAST(?2 AS BLOB)` // false for null
)

// Append implements store.Ledger.
func (s *Store) Append(ctx context.Context, commits []store.Commit) (int, error) {
	if len(commits) == 0 {
		return 0, nil
	}
	r, err := appendRequest(commits)
	if err != nil {
		return 0, err
	}
	changed, err := s.put(ctx, r, true)
	return appended(commits, changed, err)
}

// Submit implements store.Pipeline.
func (s *Store) Submit(commits []store.Commit) store.Ticket {
	if len(commits) == 0 {
		r := newRequest(nil)
		r.answer(nil)
		return &ticket{r: r}
	}
	r, err := appendRequest(commits)
	if err == nil {
		r.writes[0].sql = followSQL
		err = s.submit(r, true)
	}
	if err != nil {
		r = newRequest(nil)
		r.answer(err)
	}
	return &ticket{commits: commits, r: r}
}

// ticket is an append under way.
type ticket struct {
	commits []store.Commit
	r       *request
}

// Done implements store.Ticket.
func (t *ticket) Done() <-chan struct{} { return t.r.done }

// Result implements store.Ticket.
func (t *ticket) Result() (int, error) { return appended(t.commits, t.r.changed, t.r.err) }

func appendRequest(commits []store.Commit) (*request, error) {
	writes := make([]write, len(commits))
	for i, c := range commits {
		if c.Stream == "" || c.Stream != commits[0].Stream || c.Seq < 1 || c.Seq != commits[0].Seq+int64(i) || len(c.Body) == 0 || len(c.Hash) == 0 {
			return nil, fmt.Errorf("%w: commit %d of an append to %s at %d", store.ErrBadQuery, i, commits[0].Stream, commits[0].Seq)
		}
		at, err := formatTime(c.RecordedAt)
		if err != nil {
			return nil, err
		}
		writes[i] = write{appendSQL, binds(c.Stream, c.Seq, c.ID, at, string(c.Body), text(c.Detached), blob(c.Prev), blob(c.Hash), blob(c.Key), int64(c.Pending))}
	}
	r := newRequest(writes)
	r.chain = true
	return r, nil
}

// appended says how many of the commits the writer wrote.
func appended(commits []store.Commit, changed []bool, err error) (int, error) {
	if err != nil {
		return 0, fmt.Errorf("append to %s: %w", commits[0].Stream, err)
	}
	for i, ok := range changed {
		if !ok {
			return i, fmt.Errorf("append to %s at %d: %w", commits[i].Stream, commits[i].Seq, store.ErrSeqTaken)
		}
	}
	return len(commits), nil
}

// SetDetached implements store.Ledger. It is synced like an Append.
func (s *Store) SetDetached(ctx context.Context, ref store.Ref, detached []byte) error {
	changed, err := s.put(ctx, newRequest([]write{{detachedSQL, binds(text(detached), ref.Stream, ref.Seq)}}), true)
	switch {
	case err != nil:
		return fmt.Errorf("detached values of %s at %d: %w", ref.Stream, ref.Seq, err)
	case !changed[0]:
		return fmt.Errorf("detached values of %s at %d: no such commit", ref.Stream, ref.Seq)
	}
	return nil
}

// ReadStream implements store.Ledger.
func (s *Store) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	if limit <= 0 {
		limit = -1
	}
	return s.commits(ctx, "read "+stream, streamSQL, []driver.Value{stream, after, int64(limit)})
}

// Commits implements store.Ledger.
func (s *Store) Commits(ctx context.Context, refs []store.Ref) ([]store.Commit, error) {
	args := make([][]driver.Value, len(refs))
	for i, ref := range refs {
		args[i] = []driver.Value{ref.Stream, ref.Seq}
	}
	return s.commits(ctx, "read commits", commitSQL, args...)
}

// hashesPage is how many commits one question about hashes names.
const hashesPage = 1000

// Hashes implements store.Ledger. A question names a thousand commits, since asking costs more than
// finding.
func (s *Store) Hashes(ctx context.Context, refs []store.Ref) (map[store.Ref][]byte, error) {
	found := make(map[store.Ref][]byte, len(refs))
	for refs := range slices.Chunk(refs, hashesPage) {
		asked := make([][2]any, len(refs))
		for i, ref := range refs {
			asked[i] = [2]any{ref.Stream, ref.Seq}
		}
		list, err := json.Marshal(asked)
		if err != nil {
			return nil, fmt.Errorf("read hashes: %w", err)
		}
		err = s.read(ctx, "read hashes", hashesSQL, []driver.Value{string(list)}, func(v []driver.Value) error {
			found[refs[v[0].(int64)]] = bytes.Clone(v[1].([]byte))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Pending implements store.Ledger.
func (s *Store) Pending(ctx context.Context, debt store.Debt, before time.Time, after store.Ref, limit int) ([]store.Commit, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	at, err := formatTime(before)
	if err != nil {
		return nil, err
	}
	return s.commits(ctx, "read pending", pendingSQL, []driver.Value{int64(debt), after.Stream, after.Seq, at, int64(limit)})
}

// PendingStats implements store.Ledger.
func (s *Store) PendingStats(ctx context.Context, debt store.Debt, without []string) (n int64, oldest time.Time, err error) {
	names, err := json.Marshal(append([]string{}, without...))
	if err != nil {
		return 0, oldest, err
	}
	err = s.read(ctx, "count pending", pendingStatsSQL, []driver.Value{int64(debt), string(names)}, func(v []driver.Value) error {
		n = v[0].(int64)
		if at, ok := v[1].(string); ok {
			oldest, err = parseTime(at)
		}
		return err
	})
	return n, oldest, err
}

// Recorded implements store.Ledger.
func (s *Store) Recorded(ctx context.Context, after store.Stamp, limit int) (stamps []store.Stamp, err error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	at, err := formatTime(after.RecordedAt)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, "read what was recorded", recordedSQL, []driver.Value{at, after.Stream, after.Seq, int64(limit)}, func(v []driver.Value) error {
		at, err := parseTime(v[2].(string))
		stamps = append(stamps, store.Stamp{Ref: store.Ref{Stream: v[0].(string), Seq: v[1].(int64)}, RecordedAt: at})
		return err
	})
	return stamps, err
}

// FindKey implements store.Ledger.
func (s *Store) FindKey(ctx context.Context, stream string, key []byte) (seq int64, err error) {
	if len(key) == 0 {
		return 0, nil
	}
	err = s.read(ctx, "find key", keySQL, []driver.Value{stream, key}, func(v []driver.Value) error {
		seq = v[0].(int64)
		return nil
	})
	return seq, err
}

// Streams implements store.Ledger.
func (s *Store) Streams(ctx context.Context, prefix, after string, limit int) (streams []string, err error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	from, op := after, ">"
	if after < prefix {
		from, op = prefix, ">="
	}
	if from > prefix && !strings.HasPrefix(from, prefix) {
		return nil, nil // past everything that starts with prefix
	}
	args := []driver.Value{from, prefix, int64(limit)}
	err = s.read(ctx, "list streams", fmt.Sprintf(streamsSQL, op, startsSQL), args, func(v []driver.Value) error {
		streams = append(streams, v[0].(string))
		return nil
	})
	return streams, err
}

func (s *Store) commits(ctx context.Context, what, sql string, args ...[]driver.Value) ([]store.Commit, error) {
	var out []store.Commit
	err := s.readers.use(ctx, func(c *conn) error {
		for _, a := range args {
			err := c.query(ctx, sql, binds(a...), func(v []driver.Value) error {
				commit, err := commitOf(v)
				out = append(out, commit)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return out, nil
}

func (s *Store) read(ctx context.Context, what, sql string, args []driver.Value, row func([]driver.Value) error) error {
	err := s.readers.use(ctx, func(c *conn) error { return c.query(ctx, sql, binds(args...), row) })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func commitOf(v []driver.Value) (store.Commit, error) {
	c := store.Commit{Stream: v[0].(string), Seq: v[1].(int64), ID: v[2].(string), Body: []byte(v[4].(string)), Pending: store.Debt(v[9].(int64))}
	if detached, ok := v[5].(string); ok {
		c.Detached = []byte(detached)
	}
	c.Prev, _ = v[6].([]byte)
	c.Hash, _ = v[7].([]byte)
	c.Key, _ = v[8].([]byte)
	at, err := parseTime(v[3].(string))
	c.RecordedAt = at
	return c, err
}

// text and blob give the stored form of optional bytes, copied out of the caller's memory.
func text(b []byte) driver.Value {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}

func blob(b []byte) driver.Value {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}
