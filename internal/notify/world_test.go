package notify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/webhook"
	"landfall/internal/place"
	"landfall/internal/protocol"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a wall clock that stands still until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time                 { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) forward(d time.Duration)        { c.at.Add(d.Microseconds()) }
func (c *clock) plus(d time.Duration) time.Time { return c.now().Add(d) }

// The tests play incidents on a stage of their own: a noun that announces what it is told to.
type incident struct {
	Origin    string   `json:"origin"`
	Title     string   `json:"title"`
	Receivers []string `json:"receivers"`
	Exercise  bool     `json:"exercise"`
	Severity  string   `json:"severity"`
}

type act struct {
	Origin   string   `json:"origin,omitempty"`
	Title    string   `json:"title,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Named    []string `json:"named,omitempty"`
	Unnamed  []string `json:"unnamed,omitempty"`
	Exercise bool     `json:"exercise,omitempty"`
	Step     string   `json:"step,omitempty"`
	Alerts   []call   `json:"alerts,omitempty"`
	Closes   []ledger.AlertClose
}

type call struct {
	Party, Kind, Subject string
	RequiredBy           time.Time
	Own                  string // data of its own
}

const (
	opened    = "incident.opened.v1"
	activated = "incident.activated.v1"
	changed   = "incident.receivers_changed.v1"
	closed    = "incident.closed.v1"
	overdue   = "step.overdue.v1"
	figure    = "figure.reported.v1"
)

func (w *world) incidentFold() ledger.Fold[incident] {
	return ledger.Fold[incident]{
		Noun: "incident", Version: 1, Events: []string{opened, activated, changed, closed, overdue, figure},
		New:   func(string) incident { return incident{} },
		Clone: func(s incident) incident { s.Receivers = slices.Clone(s.Receivers); return s },
		Evolve: func(s incident, e ledger.Recorded) (incident, error) {
			var a act
			if err := e.Into(&a); err != nil {
				return s, err
			}
			if e.Type == opened {
				s.Origin, s.Title, s.Severity, s.Exercise = a.Origin, a.Title, a.Severity, a.Exercise
			}
			s.Receivers = slices.DeleteFunc(append(s.Receivers, a.Named...), func(p string) bool { return slices.Contains(a.Unnamed, p) })
			return s, nil
		},
		Announce: func(s incident, h ledger.Head, e ledger.Recorded) (ledger.Announcement, bool) {
			var a act
			if e.Into(&a) != nil {
				return ledger.Announcement{}, false
			}
			if a.Step == "poison" && !w.mended.Load() {
				panic("no announcement")
			}
			id := h.Stream.ID()
			data, _ := json.Marshal(map[string]any{"incident": map[string]any{"id": id, "title": s.Title, "version": h.Seq}, "step": map[string]any{"key": a.Step}})
			out := ledger.Announcement{
				Exercise: s.Exercise, Origin: s.Origin, Incident: id, Parties: append([]string{s.Origin}, s.Receivers...), Severity: s.Severity,
				Data: data, Closes: a.Closes,
			}
			for _, c := range a.Alerts {
				alert := ledger.AlertCall{Party: c.Party, Kind: c.Kind, Subject: c.Subject, RequiredBy: c.RequiredBy}
				if c.Own != "" {
					alert.Data = json.RawMessage(c.Own)
				}
				out.Alerts = append(out.Alerts, alert)
			}
			return out, true
		},
	}
}

// named answers who is named in an incident, from its fold.
type named struct {
	streams *ledger.Streams[incident]
}

func (n *named) Thing(ctx context.Context, id string) (access.Thing, error) {
	s, err := n.streams.Load(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return access.Thing{}, nil
	}
	if err != nil {
		return access.Thing{}, err
	}
	t := access.Thing{Origin: place.Party(s.Value.Origin)}
	for _, p := range s.Value.Receivers {
		t.Named = append(t.Named, place.Party(p))
	}
	return t, nil
}

func (n *named) ReadEvent(ctx context.Context, scope access.Scope, a ledger.Announcement) (json.RawMessage, bool, error) {
	t, err := n.Thing(ctx, a.Incident)
	if err != nil {
		return nil, false, err
	}
	data, ok := scope.Read(a, t)
	return data, ok, nil
}

// drilled is where the scenario of every exercise begins, when the wall clock of the test does.
var drilled = time.Date(2016, 9, 17, 12, 0, 0, 0, time.UTC)

func (n *named) Clock(ctx context.Context, id string) (protocol.Clock, error) {
	s, err := n.streams.Load(ctx, id)
	if err != nil || !s.Value.Exercise {
		return protocol.Clock{}, err
	}
	return protocol.Clock{ScenarioStart: drilled, WallStart: newClock().now(), Speed: 10}, nil
}

// world is one process in the notify role with a bus that may be deaf.
type world struct {
	t      *testing.T
	clock  *clock
	path   string
	raw    *sqlite.Store
	st     *frail
	l      *ledger.Ledger
	acts   *ledger.Streams[incident]
	desk   *notify.Desk
	router *notify.Router
	hook   *webhook.Channel

	deaf     atomic.Bool        // the bus loses everything
	unplug   context.CancelFunc // the consumer hears nothing more
	cut      context.CancelFunc // what it is handling ends
	consumer sync.WaitGroup
	opt      notify.RouterOptions
	log      *guarded
	channel  func(notify.Channel) notify.Channel // put around the webhooks
	mended   atomic.Bool                         // poison is none any more
	shared   bool
	down     bool
	wishes   map[string]int // subscriptions of a party at a receiver
}

func kinds() []store.Kind { return append(ledger.Kinds(), notify.Kinds()...) }

var sealKey = bytes.Repeat([]byte{7}, 32)

type option func(*world)

func withRetries(r ...time.Duration) option {
	return func(w *world) { w.opt.Retries = append(notify.Retries{}, r...) }
}
func withLimits(l notify.Limits) option { return func(w *world) { w.opt.Limits = l } }
func shared() option                    { return func(w *world) { w.shared = true } }

// withRate limits how fast webhooks are sent.
func withRate(r notify.Rate) option {
	return func(w *world) { w.opt.Rates = map[string]notify.Rate{webhook.Name: r} }
}

// newWorld opens a store of its own and starts a process on it.
func newWorld(t *testing.T, opts ...option) *world {
	t.Helper()
	w := &world{t: t, wishes: map[string]int{}, clock: newClock(), path: filepath.Join(t.TempDir(), "landfall.db")}
	for _, o := range opts {
		o(w)
	}
	w.open()
	w.boot()
	t.Cleanup(func() {
		w.halt()
		if err := w.raw.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return w
}

func (w *world) open() {
	w.t.Helper()
	raw, err := sqlite.Open(w.t.Context(), w.path, kinds(), sqlite.Options{Now: w.clock.now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.raw = raw
}

// boot starts a process on the open store.
func (w *world) boot() {
	w.t.Helper()
	w.st = &frail{Store: w.raw}
	w.log = &guarded{}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	bus := make(chan ledger.Appended, 100_000)
	l := ledger.New(w.st, ledger.Options{Now: w.clock.now, Shared: w.shared, Logger: logger, Trace: traceOf, Publish: func(a ledger.Appended) {
		if !w.deaf.Load() {
			bus <- a
		}
	}})
	acts := ledger.Register(l, w.incidentFold())
	w.hook = webhook.New(webhook.Options{Now: w.clock.now, AllowPrivate: true, Timeout: 25 * time.Second})
	var channel notify.Channel = w.hook
	if w.channel != nil {
		channel = w.channel(w.hook)
	}
	desk, err := notify.NewDesk(l, w.st, notify.DeskOptions{
		Channels: []notify.Channel{channel}, Visibility: &named{acts}, SealKey: sealKey, Logger: logger,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	opt := w.opt
	opt.Alone, opt.Logger = !w.shared, logger
	if opt.Limits.JournalEvery == 0 {
		opt.Limits.JournalEvery = 2 * time.Millisecond
	}
	if opt.Limits.Tick == 0 {
		opt.Limits.Tick = 2 * time.Millisecond
	}
	if opt.Limits.Rescan == 0 {
		opt.Limits.Rescan = 50 * time.Millisecond
	}
	w.l, w.acts, w.desk = l, acts, desk
	w.router = notify.NewRouter(desk, w.st, opt)
	if err := w.router.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.down = false
	r := w.router
	heard, unplug := context.WithCancel(context.Background())
	handling, cut := context.WithCancel(context.Background())
	w.unplug, w.cut = unplug, cut
	w.consumer.Go(func() {
		for {
			var accepted []ledger.Appended
			select {
			case a := <-bus:
				accepted = append(accepted, a)
			case <-heard.Done():
				return
			}
			for len(accepted) < 256 && len(bus) > 0 {
				accepted = append(accepted, <-bus)
			}
			_ = r.Receive(handling, w.carried(r, accepted)) // what fails is left to the sweep
		}
	})
}

// carried takes what commits announce over a bus, and what nobody announces to the notifier.
func (w *world) carried(r *notify.Router, accepted []ledger.Appended) (notes []notify.Note) {
	for _, a := range accepted {
		if len(a.Announcements) == 0 {
			r.Offer([]store.Commit{a.Commit})
		}
		for _, n := range notify.NotesOf(notify.DefaultSource, w.l.TypesDigest(), a.Announcements, false) {
			read, err := notify.ReadNote(n.Body, n.Notice())
			if err != nil {
				w.t.Errorf("%s: %v", n.Type, err)
			}
			notes = append(notes, read)
		}
	}
	return notes
}

type traceKey struct{}

// traceOf gives the trace of a request's context.
func traceOf(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey{}).(string)
	return trace
}

// halt stops the process in good order.
func (w *world) halt() {
	if w.down {
		return
	}
	w.down = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	w.unplug()
	w.consumer.Wait()
	w.cut()
	if err := w.router.Stop(ctx); err != nil && !w.st.dead.Load() {
		w.t.Errorf("stop: %v", err)
	}
	if err := w.l.Close(ctx); err != nil && !w.st.dead.Load() {
		w.t.Errorf("close the ledger: %v", err)
	}
	w.hook.Close()
}

// kill ends the process as a power cut would: nothing it does from here on reaches the store.
func (w *world) kill() {
	w.st.die()
	w.down = true
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	w.unplug()
	w.cut()
	w.consumer.Wait()
	_ = w.router.Stop(gone)
	_ = w.l.Close(gone)
	w.hook.Close()
}

// restart brings up a new process on the same file.
func (w *world) restart() {
	w.t.Helper()
	if !w.down {
		w.halt()
	}
	if err := w.raw.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.deaf.Store(false)
	w.open()
	w.boot()
}

// sweep handles everything pending, as the watch does when time has passed.
func (w *world) sweep() {
	w.t.Helper()
	w.clock.forward(3 * time.Second)
	w.sweepAt(w.clock.now())
}

// sweepAt pays what is owed as if it were now: documents and notices.
func (w *world) sweepAt(now time.Time) {
	w.t.Helper()
	if _, err := w.l.SweepDocuments(w.t.Context(), now); err != nil {
		w.t.Errorf("sweep of documents: %v", err)
	}
	if _, err := w.router.Sweep(w.t.Context(), now); err != nil {
		w.t.Errorf("sweep: %v", err)
	}
}

func state(party string) access.Scope {
	return access.Scope{Account: "account-" + party, Role: access.RoleOfficial, Party: place.Party(party)}
}

var first = access.Scope{Account: "account-first", Role: access.RoleAdministrator, All: true}

// subscribe makes a subscription of a party to a receiver.
func (w *world) subscribe(party string, to *receiver, f notify.Filter) notify.Subscribed {
	w.t.Helper()
	target := to.url()
	if w.wishes[party+target]++; w.wishes[party+target] > 1 { // each has an address of its own
		target += "?wish=" + strconv.Itoa(w.wishes[party+target])
	}
	s, err := w.desk.Subscribe(w.t.Context(), state(party), access.Write{}, notify.SubscriptionRequest{
		Channel: webhook.Name, Target: target, Filter: f,
	})
	if err != nil {
		w.t.Fatalf("subscribe %s: %v", party, err)
	}
	to.trust(s.Secret)
	return s
}

// play makes something happen in an incident and gives the event's id.
func (w *world) play(id, eventType string, a act) string {
	w.t.Helper()
	event, err := w.tryPlay(id, eventType, a)
	if err != nil {
		w.t.Fatalf("%s: %v", eventType, err)
	}
	return event
}

func (w *world) tryPlay(id, eventType string, a act) (string, error) {
	out, err := w.acts.Execute(context.WithoutCancel(w.t.Context()), id, ledger.Command[incident]{
		Actor: ledger.System, Expect: ledger.MayExist,
		Decide: func(incident, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Exercise: a.Exercise, Events: []ledger.Event{{Type: eventType, Data: a}}}, nil
		},
	})
	if err != nil {
		return "", err
	}
	return out.Events[0].ID(), nil
}

// openIncident opens an incident of Dominica with receivers, telling nobody but subscribers.
func (w *world) openIncident(id string, receivers ...string) {
	w.t.Helper()
	w.play(id, opened, act{Origin: "DMA", Title: "Hurricane", Severity: "severe", Named: receivers})
}

// deliveries gives all deliveries by id.
func (w *world) deliveries() map[string]*notify.Delivery {
	w.t.Helper()
	out := map[string]*notify.Delivery{}
	p := notify.Paging{Limit: 500}
	for {
		page, err := w.desk.Deliveries(w.t.Context(), first, notify.DeliveryQuery{}, p)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range page.Items {
			out[d.Value.ID] = d.Value
		}
		if page.Next == "" {
			return out
		}
		p.Cursor = page.Next
	}
}

// deliveryOf gives the delivery of an event to a subscription; nil when there is none.
func (w *world) deliveryOf(event string, s notify.Subscribed) *notify.Delivery {
	w.t.Helper()
	d, err := w.desk.Delivery(w.t.Context(), first, notify.DeliveryID(event, s.Value.ID))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// becomes waits until the delivery has the status, and gives it.
func (w *world) becomes(event string, s notify.Subscribed, want notify.Status) *notify.Delivery {
	w.t.Helper()
	var d *notify.Delivery
	w.eventually(fmt.Sprintf("delivery of %s is %s", event, want), func() bool {
		d = w.deliveryOf(event, s)
		return d != nil && d.Status == want
	})
	return d
}

// cancelled sweeps, without moving the clock, until the delivery is cancelled, and gives it.
func (w *world) cancelled(event string, s notify.Subscribed) *notify.Delivery {
	w.t.Helper()
	var d *notify.Delivery
	w.eventually("it is cancelled", func() bool {
		w.sweepAt(w.clock.plus(3 * time.Second))
		d = w.deliveryOf(event, s)
		return d != nil && d.Status == notify.Cancelled
	})
	return d
}

// quiet waits until nothing is pending and nothing waits to be delivered.
func (w *world) quiet() {
	w.t.Helper()
	w.eventually("everything is done", func() bool {
		oldest, err := w.router.OldestUndelivered(w.t.Context())
		if err != nil || !oldest.IsZero() {
			return false
		}
		n, _, err := w.raw.PendingStats(w.t.Context(), store.OwesAll, nil) // a journal may have been written between the two looks of the one above
		return err == nil && n == 0
	})
}

// arrive waits until each receiver has got n messages, as long as more come: a slow machine takes
// its time for many.
func (w *world) arrive(n int, receivers ...*receiver) {
	w.t.Helper()
	for _, to := range receivers {
		for part := n / 20; part <= n; part += n / 20 {
			w.eventually(fmt.Sprintf("%d messages arrive", part), func() bool { return len(to.ids()) >= part })
		}
	}
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("log:\n%s", w.log)
		}
	}()
	eventually(w.t, what, ok)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); ; {
		began := time.Now()
		if ok() {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("waited too long until %s", what)
		}
		// A look that reads much must not keep from their work those it waits for.
		<-time.After(max(2*time.Millisecond, 4*time.Since(began)))
	}
}

// verified proves the whole log.
func (w *world) verified() {
	w.t.Helper()
	w.l.Settle(w.t.Context(), 5*time.Second)
	report, err := w.l.Verify(w.t.Context(), kinds(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range report.Findings {
		w.t.Errorf("verify: %s", f)
	}
}

// guarded is a buffer for several goroutines.
type guarded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(b)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func ifMatch(w *world, seq int64) access.Write { return access.Write{IfMatch: w.l.ETag(seq)} }

func writeOf(key string) access.Write { return access.Write{Key: key, Digest: digest(key)} }

func refs(stream string, seqs ...int64) []store.Ref {
	out := make([]store.Ref, len(seqs))
	for i, seq := range seqs {
		out[i] = store.Ref{Stream: stream, Seq: seq}
	}
	return out
}
