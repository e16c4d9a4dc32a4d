package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	_ "modernc.org/sqlite"
)

// floor is the bare path, built from the raw libraries: an Echo handler, one grouped and synced insert, one JetStream publish and consume, one signed
// POST, one grouped and unsynced note of the outcome. It decides nothing, checks nothing, keeps no chain, survives no crash.
type floor struct {
	db      *sql.DB
	commits *grouped
	marks   *grouped
	server  *natsserver.Server
	conn    *nats.Conn
	js      jetstream.JetStream
	consume jetstream.ConsumeContext
	http    *http.Server
	url     string
	client  *http.Client
	target  string
	work    chan []byte
	senders sync.WaitGroup
}

var floorSecret = []byte("0123456789abcdef0123456789abcdef")

func startFloor(ctx context.Context, dir, target string) (*floor, error) {
	f := &floor{target: target, work: make(chan []byte, 10_000), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders, MaxConnsPerHost: senders}}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "floor.db")+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	f.db = db
	if _, err := db.ExecContext(ctx, `CREATE TABLE c (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID; CREATE TABLE m (id TEXT PRIMARY KEY, code INT) WITHOUT ROWID`); err != nil {
		return nil, err
	}
	var turn sync.Mutex // one connection, two writers
	if f.commits, err = newGrouped(db, &turn, "FULL", `INSERT INTO c VALUES (?, ?)`); err != nil {
		return nil, err
	}
	if f.marks, err = newGrouped(db, &turn, "NORMAL", `INSERT INTO m VALUES (?, ?)`); err != nil {
		return nil, err
	}

	f.server, err = natsserver.NewServer(&natsserver.Options{JetStream: true, StoreDir: filepath.Join(dir, "floor-js"), DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, err
	}
	f.server.Start()
	if !f.server.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("the floor's NATS server is not ready")
	}
	if f.conn, err = nats.Connect("", nats.InProcessServer(f.server)); err != nil {
		return nil, err
	}
	if f.js, err = jetstream.New(f.conn, jetstream.WithPublishAsyncMaxPending(4096)); err != nil {
		return nil, err
	}
	if _, err := f.js.CreateStream(ctx, jetstream.StreamConfig{Name: "FLOOR", Subjects: []string{"floor.>"}}); err != nil {
		return nil, err
	}
	consumer, err := f.js.CreateConsumer(ctx, "FLOOR", jetstream.ConsumerConfig{Durable: "floor", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		return nil, err
	}
	if f.consume, err = consumer.Consume(func(m jetstream.Msg) { _ = m.Ack(); f.work <- m.Data() }); err != nil {
		return nil, err
	}
	for range senders {
		f.senders.Go(func() {
			for body := range f.work {
				f.send(body)
			}
		})
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.POST("/append", func(c echo.Context) error { return f.accept(c, false) })
	e.POST("/path", func(c echo.Context) error { return f.accept(c, true) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f.url = "http://" + listener.Addr().String()
	f.http = &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = f.http.Serve(listener) }()
	return f, nil
}

func (f *floor) accept(c echo.Context, publish bool) error {
	var in struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(c.Request().Body).Decode(&in); err != nil {
		return err
	}
	id := uuid.Must(uuid.NewV7()).String()
	body, err := json.Marshal(map[string]any{"id": id, "text": in.Text, "at": time.Now()})
	if err != nil {
		return err
	}
	if err := f.commits.do(id, string(body)); err != nil {
		return err
	}
	if publish {
		if _, err := f.js.PublishAsync("floor.x", body, jetstream.WithMsgID(id)); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusCreated, map[string]string{"id": id})
}

func (f *floor) send(body []byte) {
	var ev struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(body, &ev)
	now := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, floorSecret)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", ev.ID, now, body)
	req, err := http.NewRequest(http.MethodPost, f.target, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", ev.ID)
	req.Header.Set("webhook-timestamp", now)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := f.client.Do(req)
	if err != nil {
		return
	}
	_ = resp.Body.Close()
	_ = f.marks.do(ev.ID, resp.StatusCode)
}

func (f *floor) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = f.http.Shutdown(ctx)
	f.consume.Stop()
	<-f.consume.Closed()
	close(f.work)
	f.senders.Wait()
	f.conn.Close()
	f.server.Shutdown()
	f.server.WaitForShutdown()
	f.commits.stop()
	f.marks.stop()
	_ = f.db.Close()
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
