package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// floor is the bare path, built from the raw libraries: an Echo handler, one insert, one JetStream publish and consume, one signed
// POST, one note of the outcome. It decides nothing, checks nothing, keeps no chain, survives no crash.
type floor struct {
	keep bareStore
	stop func()

	js     jetstream.JetStream
	url    string
	client *http.Client
	target string
	work   chan []byte
}

// bareStore is what a floor writes to.
type bareStore interface {
	insert(id, body string) error     // of a change: durable when it returns
	mark(id string, status int) error // of an outcome
	close()
}

var floorSecret = []byte("0123456789abcdef0123456789abcdef")

// startFloor builds the path over a store and a bus whose stream has as many copies. It takes over both: its stop closes them.
func startFloor(ctx context.Context, keep bareStore, conn *nats.Conn, closeBus func(), replicas int, target string) (*floor, error) {
	f := &floor{
		keep: keep, target: target, work: make(chan []byte, 10_000),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders, MaxConnsPerHost: senders}},
	}
	var err error
	if f.js, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(4096)); err != nil {
		return nil, err
	}
	if _, err := f.js.CreateStream(ctx, jetstream.StreamConfig{Name: "FLOOR", Subjects: []string{"floor.>"}, Replicas: replicas}); err != nil {
		return nil, err
	}
	consumer, err := f.js.CreateConsumer(ctx, "FLOOR", jetstream.ConsumerConfig{Durable: "floor", AckPolicy: jetstream.AckExplicitPolicy, Replicas: replicas})
	if err != nil {
		return nil, err
	}
	consume, err := consumer.Consume(func(m jetstream.Msg) { _ = m.Ack(); f.work <- m.Data() })
	if err != nil {
		return nil, err
	}
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
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
	server := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	f.stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		consume.Stop()
		<-consume.Closed()
		close(f.work)
		sending.Wait()
		conn.Close()
		closeBus()
		keep.close()
	}
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
	if err := f.keep.insert(id, string(body)); err != nil {
		return err
	}
	if publish {
		if _, err := f.js.PublishAsync("floor.x", body, jetstream.WithMsgID(id)); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusCreated, made{id})
}

func (f *floor) send(body []byte) {
	var ev made
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
	_ = f.keep.mark(ev.ID, resp.StatusCode)
}

// sender posts bare changes of about the size of a figure.
func (f *floor) sender(path string) sender {
	c := &caller{http: client(), url: f.url}
	return func(ctx context.Context, _, n int) (string, error) {
		var m made
		err := c.call(ctx, http.MethodPost, path, map[string]string{"text": fmt.Sprintf("change %d %s", n, strings.Repeat("x", 300))}, &m)
		if err == nil && m.ID == "" {
			err = errors.New("the floor answered without an id")
		}
		return m.ID, err
	}
}
