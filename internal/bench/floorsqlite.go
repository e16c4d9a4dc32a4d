package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	_ "modernc.org/sqlite"
)

// bareSQLite keeps changes by one writer in grouped and synced transactions, and outcomes by another in unsynced ones.
type bareSQLite struct {
	db             *sql.DB
	changes, marks *grouped
}

func (b *bareSQLite) insert(id, body string) error     { return b.changes.do(id, body) }
func (b *bareSQLite) mark(id string, status int) error { return b.marks.do(id, status) }

func (b *bareSQLite) close() {
	b.changes.stop()
	b.marks.stop()
	_ = b.db.Close()
}

func openBareSQLite(ctx context.Context, path string) (*bareSQLite, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	b := &bareSQLite{db: db}
	if _, err := db.ExecContext(ctx, `CREATE TABLE c (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID; CREATE TABLE m (id TEXT PRIMARY KEY, code INT) WITHOUT ROWID`); err != nil {
		return nil, err
	}
	var turn sync.Mutex // one connection, two writers
	if b.changes, err = newGrouped(db, &turn, "FULL", `INSERT INTO c VALUES (?, ?)`); err != nil {
		return nil, err
	}
	b.marks, err = newGrouped(db, &turn, "NORMAL", `INSERT INTO m VALUES (?, ?)`)
	return b, err
}

// startSQLiteFloor builds the floor of one process: SQLite in the folder and a NATS server in this process.
func startSQLiteFloor(ctx context.Context, dir, target string) (*floor, error) {
	keep, err := openBareSQLite(ctx, filepath.Join(dir, "floor.db"))
	if err != nil {
		return nil, err
	}
	server, err := natsserver.NewServer(&natsserver.Options{JetStream: true, StoreDir: filepath.Join(dir, "floor-js"), DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, err
	}
	server.Start()
	if !server.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("the floor's NATS server is not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(server))
	if err != nil {
		return nil, err
	}
	closeBus := func() {
		server.Shutdown()
		server.WaitForShutdown()
	}
	return startFloor(ctx, keep, conn, closeBus, 1, target)
}

// grouped is one writer that puts whatever waits into one transaction.
type grouped struct {
	in   chan write
	done chan struct{}
}

type write struct {
	args [2]any
	err  chan error
}

func newGrouped(db *sql.DB, turn *sync.Mutex, sync, insert string) (*grouped, error) {
	stmt, err := db.Prepare(insert)
	if err != nil {
		return nil, err
	}
	g := &grouped{in: make(chan write, 1024), done: make(chan struct{})}
	go func() {
		defer close(g.done)
		defer func() { _ = stmt.Close() }()
		for first := range g.in {
			turn.Lock()
			group := []write{first}
			for len(group) < 256 && len(g.in) > 0 {
				group = append(group, <-g.in)
			}
			err := transact(db, sync, stmt, group)
			turn.Unlock()
			for _, w := range group {
				w.err <- err
			}
		}
	}()
	return g, nil
}

func transact(db *sql.DB, sync string, stmt *sql.Stmt, group []write) error {
	if _, err := db.Exec("PRAGMA synchronous = " + sync); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	st := tx.Stmt(stmt)
	defer func() { _ = st.Close() }()
	for _, w := range group {
		if _, err := st.Exec(w.args[0], w.args[1]); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (g *grouped) do(a, b any) error {
	w := write{args: [2]any{a, b}, err: make(chan error, 1)}
	g.in <- w
	return <-w.err
}

func (g *grouped) stop() {
	close(g.in)
	<-g.done
}
