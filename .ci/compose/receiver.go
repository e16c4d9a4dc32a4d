package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// arrival is one webhook that was answered with success.
type arrival struct {
	delivery string // webhook-id
	event    string // id
	kind     string // type, such as landfall.figure.reported.v1
	figure   string // id of the figure it tells of; "" for other kinds
}

// receiver is the far side of a webhook.
type receiver struct {
	server *http.Server
	url    string

	mu       sync.Mutex
	verify   *standardwebhooks.Webhook // nil until the secret is known
	arrivals []arrival
	unsigned error // the first message whose signature did not verify
}

// newReceiver listens on the loopback address.
func newReceiver(ctx context.Context) (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/hook"}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(l) }() // ends with close
	return r, nil
}

func (r *receiver) close() { _ = r.server.Close() }

// trust tells it the secret that messages are signed with.
func (r *receiver) trust(secret string) error {
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verify = w
	return nil
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	var event struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data struct {
			Figure struct {
				ID string `json:"id"`
			} `json:"figure"`
		} `json:"data"`
	}
	err = json.Unmarshal(body, &event)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verify == nil {
		err = errors.New("a message came before there was a secret")
	} else if err == nil {
		err = r.verify.Verify(body, req.Header)
	}
	if err != nil {
		if r.unsigned == nil {
			r.unsigned = err
		}
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.arrivals = append(r.arrivals, arrival{req.Header.Get("Webhook-Id"), event.ID, event.Type, event.Data.Figure.ID})
	w.WriteHeader(http.StatusNoContent)
}

// of gives what has come of one kind, or why something came that cannot be trusted.
func (r *receiver) of(kind string) ([]arrival, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []arrival
	for _, a := range r.arrivals {
		if a.kind == kind {
			found = append(found, a)
		}
	}
	return found, r.unsigned
}
