package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// event is what a webhook carries, as far as the story reads it (CloudEvents 1.0, JSON format).
type event struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"` // landfall.<noun>.<verb>.v1
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Data    eventData `json:"data"`
}

type eventData struct {
	Incident struct {
		ID      string `json:"id"`
		Code    string `json:"code"`
		Version int64  `json:"version"`
	} `json:"incident"`
	Alert    *alert    `json:"alert"`
	Anchor   *anchor   `json:"anchor"`
	Step     *step     `json:"step"`
	Movement *movement `json:"movement"`
	Answer   *answer   `json:"answer"`
	Figure   *figure   `json:"figure"`
}

// kind gives "alert.raised" of "landfall.alert.raised.v1".
func (e event) kind() string {
	parts := strings.Split(e.Type, ".")
	if len(parts) != 4 {
		return e.Type
	}
	return parts[1] + "." + parts[2]
}

// arrival is one request that reached the receiver.
type arrival struct {
	box    string // whose endpoint
	at     time.Time
	id     string // webhook-id: the same for every delivery of the same event to the same target
	event  event
	signed error  // nil: the signature is right
	again  bool   // an event that had come before, under the same id
	body   []byte // as it came; only while it is heard
}

// receiver is the far end of every webhook of the demo: one endpoint for each office. It believes nothing unsigned, remembers every arrival, and
// answers 204 to whatever it took in. All methods may be called concurrently.
type receiver struct {
	url    string
	server *http.Server
	mux    *http.ServeMux     // for pages beside the endpoints
	served chan struct{}      // closed when the server has ended
	end    context.CancelFunc // of what its pages follow
	heard  func(arrival)      // called for each arrival, one at a time, in order; must not block
	now    func() time.Time

	mu      sync.Mutex
	keys    map[string]*standardwebhooks.Webhook
	seen    map[string]bool // box and webhook-id
	log     []arrival
	changed chan struct{} // closed and replaced at each arrival
}

const (
	hookPath  = "/hooks/"
	hookLimit = 1 << 20
)

// listenForHooks starts a receiver on a free port of this machine.
func listenForHooks(ctx context.Context, now func() time.Time, heard func(arrival)) (*receiver, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	r := &receiver{
		url: "http://" + l.Addr().String(), now: now, heard: heard, served: make(chan struct{}),
		keys: map[string]*standardwebhooks.Webhook{}, seen: map[string]bool{}, changed: make(chan struct{}),
	}
	r.mux = http.NewServeMux()
	r.mux.HandleFunc(http.MethodPost+" "+hookPath+"{box}", r.take)
	var life context.Context
	life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.server = &http.Server{
		Handler: r.mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return life },
	}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(l) // ends with ErrServerClosed
	}()
	return r, nil
}

// close stops the receiver and waits for it.
func (r *receiver) close(ctx context.Context) {
	r.end()
	if r.server.Shutdown(ctx) != nil {
		_ = r.server.Close()
	}
	<-r.served
}

// target is the address to subscribe with.
func (r *receiver) target(box string) string { return r.url + hookPath + box }

// expect tells with which secret the deliveries of an endpoint are signed.
func (r *receiver) expect(box, secret string) error {
	key, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return fmt.Errorf("secret of %s: %w", box, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[box] = key
	return nil
}

var errNoSecret = errors.New("no secret was agreed with this endpoint")

// take answers one delivery.
func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, hookLimit))
	if err != nil {
		http.Error(w, "cannot read", http.StatusBadRequest)
		return
	}
	a := arrival{box: req.PathValue("box"), at: r.now(), id: req.Header.Get(standardwebhooks.HeaderWebhookID)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := r.keys[a.box]; key == nil {
		a.signed = errNoSecret
	} else if a.signed = key.Verify(body, req.Header); a.signed == nil {
		a.signed = json.Unmarshal(body, &a.event)
	}
	if a.signed != nil {
		http.Error(w, "not signed as agreed", http.StatusUnauthorized)
	} else {
		seen := a.box + " " + a.id
		a.again, r.seen[seen] = r.seen[seen], true
		w.WriteHeader(http.StatusNoContent)
	}
	r.log = append(r.log, a)
	a.body = body
	r.heard(a)
	close(r.changed)
	r.changed = make(chan struct{})
}

// arrivals gives everything that has come so far and a channel that is closed when there is more.
func (r *receiver) arrivals() ([]arrival, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.log), r.changed
}

// await gives the first signed arrival that is wanted, past or to come.
func (r *receiver) await(ctx context.Context, wanted func(arrival) bool) (arrival, error) {
	for read := 0; ; {
		log, changed := r.arrivals()
		for _, a := range log[read:] {
			if a.signed == nil && wanted(a) {
				return a, nil
			}
		}
		read = len(log)
		select {
		case <-changed:
		case <-ctx.Done():
			return arrival{}, ctx.Err()
		}
	}
}
