package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	driversqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"landfall/internal/store"
)

// conn is one SQLite connection with its prepared statements. It speaks to the driver directly: every connection here
// has one owner at a time, so the locks and pools of database/sql would be paid for nothing.
type conn struct {
	raw   driver.Conn
	stmts map[string]driver.Stmt
}

// maxStmts bounds the statements one connection keeps. Queries make new texts for each combination of conditions.
const maxStmts = 256

// connect opens a connection to the file and runs the pragmas on it.
func connect(ctx context.Context, path, mode string, pragmas ...string) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs), RawQuery: "mode=" + mode + "&_dqs=0"}
	connector, err := driversqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw, stmts: make(map[string]driver.Stmt)}
	for _, p := range pragmas {
		if err := c.script(ctx, "PRAGMA "+p); err != nil {
			return nil, errors.Join(fmt.Errorf("pragma %s: %w", p, err), c.close())
		}
	}
	return c, nil
}

// script runs SQL that is not worth keeping prepared.
func (c *conn) script(ctx context.Context, sql string) error {
	_, err := c.raw.(driver.ExecerContext).ExecContext(ctx, sql, nil)
	return err
}

// exec runs one statement and gives how many rows it changed, those of triggers not counted.
func (c *conn) exec(ctx context.Context, sql string, args []driver.NamedValue) (int64, error) {
	stmt, err := c.prepare(ctx, sql)
	if err != nil {
		return 0, err
	}
	res, err := stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query runs one statement and calls row for each row of the answer; the slice is reused.
func (c *conn) query(ctx context.Context, sql string, args []driver.NamedValue, row func([]driver.Value) error) (err error) {
	stmt, err := c.prepare(ctx, sql)
	if err != nil {
		return err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	for {
		if err := ctx.Err(); err != nil { // the driver watches the context only up to the first row
			return err
		}
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

func (c *conn) prepare(ctx context.Context, sql string) (driver.Stmt, error) {
	if stmt, ok := c.stmts[sql]; ok {
		return stmt, nil
	}
	if len(c.stmts) >= maxStmts {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	stmt, err := c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	c.stmts[sql] = stmt
	return stmt, nil
}

func (c *conn) forget() error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	clear(c.stmts)
	return errors.Join(errs...)
}

// pagesWritten gives how many pages the connection has written to the log since it was last asked.
func (c *conn) pagesWritten() (int, error) {
	n, _, err := c.raw.(driversqlite.DBStatus).Status(driversqlite.DBStatusCacheWrite, true)
	return n, err
}

func (c *conn) close() error { return errors.Join(c.forget(), c.raw.Close()) }

// binds turns column values into arguments.
func binds(values ...driver.Value) []driver.NamedValue {
	args := make([]driver.NamedValue, len(values))
	for i, v := range values {
		args[i] = bind(i+1, v)
	}
	return args
}

// bind is the argument at a place, counted from 1.
func bind(place int, v driver.Value) driver.NamedValue {
	return driver.NamedValue{Ordinal: place, Value: v}
}

// quote makes an SQL identifier. Names of kinds and fields are checked against a strict pattern before.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// code gives the extended result code of a SQLite error, 0 for any other error.
func code(err error) int {
	var e *driversqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// outOfSpace says that err means a full disk and that nothing was written.
func outOfSpace(err error) bool {
	switch c := code(err); {
	case c&0xff == lib.SQLITE_FULL:
		return true
	case c == lib.SQLITE_IOERR_SHMSIZE: // the log's index file could not grow
		return true
	}
	return false
}

// syncFailed says that err leaves unknown what the disk holds.
func syncFailed(err error) bool {
	c := code(err)
	return c == lib.SQLITE_IOERR_FSYNC || c == lib.SQLITE_IOERR_DIR_FSYNC
}

// pool lends reading connections, opened when first needed.
type pool struct {
	open   func(context.Context) (*conn, error)
	slots  chan struct{} // one token per connection lent
	closed chan struct{}

	mu   sync.Mutex
	idle []*conn
	once sync.Once
}

func newPool(size int, open func(context.Context) (*conn, error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, size), closed: make(chan struct{})}
}

// use lends a connection to read. A connection that failed is not lent again.
func (p *pool) use(ctx context.Context, read func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-p.closed:
		return store.ErrClosed
	default:
	}
	select {
	case p.slots <- struct{}{}:
	case <-p.closed:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.slots }()
	p.mu.Lock()
	var c *conn
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if c == nil {
		select {
		case <-p.closed: // close may have taken the idle ones already
			return store.ErrClosed
		default:
		}
		var err error
		if c, err = p.open(ctx); err != nil {
			return err
		}
	}
	if err := read(c); err != nil {
		return errors.Join(err, c.close())
	}
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	return nil
}

// close waits for the readers and closes their connections. Once.
func (p *pool) close() error {
	var errs []error
	p.once.Do(func() {
		close(p.closed)
		for range cap(p.slots) {
			p.slots <- struct{}{}
		}
		for _, c := range p.idle {
			errs = append(errs, c.close())
		}
		p.idle = nil
	})
	return errors.Join(errs...)
}
