package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/ledger"
	"landfall/internal/limit"
	"landfall/internal/live"
)

// busFeed is the feed as the process builds it: the real bus says that something happened, and what
// is shown is what was announced.
type busFeed struct {
	bus *bus.Bus
	mu  *sync.Mutex
	of  map[string]ledger.Announcement // by event id
}

func (f busFeed) Follow(ctx context.Context, after string) (live.Following, error) {
	items, err := f.bus.Events(ctx, after, []string{"landfall.>"})
	return busFollowing{f, items}, err
}

type busFollowing struct {
	busFeed
	items *bus.Feed
}

func (f busFollowing) Next(ctx context.Context) (live.Event, error) {
	item, err := f.items.Next(ctx)
	if err != nil || item.Reset {
		return live.Event{ID: item.ID, Reset: item.Reset}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of[item.Message.ID]
	return live.Event{ID: item.ID, Announcement: a, CloudType: bus.EventType(a.Type), Body: item.Message.Body}, nil
}

func (f busFollowing) Close() { f.items.Close() }

// served is a world that serves on a port, with a bus that everything accepted is published to.
func served(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	return servedAs(t, func(*Server) {}, change...)
}

// servedAs is served with a server that is tuned before it starts.
func servedAs(t *testing.T, tune func(*Server), change ...func(*Options)) *world {
	t.Helper()
	var w *world
	b, err := bus.Open(context.Background(), bus.Config{Keys: [][]byte{[]byte("key")}, Dir: t.TempDir(), Now: func() time.Time { return w.now() }, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	feed := busFeed{b, &sync.Mutex{}, map[string]ledger.Announcement{}}
	change = append([]func(*Options){func(o *Options) { o.Feed, o.Listen = feed, "127.0.0.1:0" }}, change...)
	w = newWorld(t, change...)
	w.publish = func(a ledger.Appended) {
		for _, x := range a.Announcements {
			feed.mu.Lock()
			feed.of[x.EventID] = x
			feed.mu.Unlock()
			body, err := bus.Encode(bus.Event{
				ID: x.EventID, Source: "urn:landfall", Type: bus.EventType(x.Type), Subject: string(x.Stream), Time: x.At, Exercise: x.Exercise,
				Origin: x.Origin, StreamVersion: x.Seq, Data: x.Data,
			})
			if err == nil {
				err = b.Publish(context.Background(), []bus.Message{{Subject: bus.Subject(x.Exercise, x.Origin, x.Incident, x.Type), ID: x.EventID, Body: body}})
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	tune(w.server)
	if err := w.server.Start(); err != nil {
		t.Fatal(err)
	}
	return w.cast()
}

// message is one event as a reader of the stream sees it.
type message struct{ id, event, data string }

// listener reads an event stream.
type listener struct {
	t        *testing.T
	cancel   context.CancelFunc
	messages chan message
	ended    chan struct{}
}

func (w *world) listen(t *testing.T, as, last string, query ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.server.Addr()+"/api/v1/events"+strings.Join(query, ""), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens[as])
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	transport := &http.Transport{}
	resp, err := (&http.Client{Transport: transport}).Do(r) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("the stream answers %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	l := &listener{t: t, cancel: cancel, messages: make(chan message, 100), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		defer transport.CloseIdleConnections()
		defer resp.Body.Close()
		var m message
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				m.id = value
			case "event":
				m.event = value
			case "data":
				m.data += value
			case "":
				if m != (message{}) {
					l.messages <- m
				} else if value != "" {
					l.messages <- message{event: "comment", data: value}
				}
				m = message{}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-l.ended })
	return l
}

// next gives the next event that is no comment.
func (l *listener) next() message {
	l.t.Helper()
	for {
		select {
		case m := <-l.messages:
			if m.event != "comment" {
				return m
			}
		case <-time.After(30 * time.Second):
			l.t.Fatal("nothing comes")
		}
	}
}

func TestEventsReachWhoMaySeeThemAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := served(t)
	origin, receiver, stranger := w.listen(t, "origin", ""), w.listen(t, "receiver", ""), w.listen(t, "stranger", "")
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	w.post("origin", at+"/activate", activation).want(200)
	for name, l := range map[string]*listener{"origin": origin, "receiver": receiver} {
		for _, want := range []string{"landfall.hazard.opened.v1", "landfall.incident.opened.v1", "landfall.incident.activated.v1"} {
			m := l.next()
			var e struct {
				ID, Subject string
				Data        json.RawMessage
			}
			if err := json.Unmarshal([]byte(m.data), &e); err != nil || m.event != want || e.ID == "" || m.id == "" {
				t.Fatalf("%s got %+v, want %s (%v)", name, m, want, err)
			}
		}
	}

	tag := w.get("origin", at).etag()
	w.do(w.request("origin", "PUT", at+"/receivers", `{"receivers":["GRD"]}`, "If-Match", tag)).want(200)
	w.post("origin", at+"/steps/HUR-05/start", "").want(200)
	if m := origin.next(); m.event != "landfall.incident.receivers_changed.v1" {
		t.Errorf("the origin got %+v", m)
	}
	origin.next()
	// What the stranger gets first besides the hazard is from after its naming; what the receiver gets next is about another hazard.
	if m := stranger.next(); m.event != "landfall.hazard.opened.v1" {
		t.Errorf("the stranger got %+v", m)
	}
	first := stranger.next()
	if first.event != "landfall.incident.receivers_changed.v1" {
		t.Errorf("named later, the state got %+v", first)
	}
	w.post("origin", "/api/v1/hazards", `{"name":"Jose","type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
	if m := receiver.next(); m.event != "landfall.hazard.opened.v1" {
		t.Errorf("un-named, the state got %+v", m)
	}

	// Reading on from an old place shows what came after it.
	if m := w.listen(t, "origin", first.id).next(); m.event != "landfall.step.started.v1" {
		t.Errorf("read on with %+v", m)
	}
}

func TestExercisesComeToWhoAsksForThem(t *testing.T) {
	t.Parallel()
	w := served(t)
	listeners := map[string]*listener{}
	for _, wish := range []string{"", "?exercise=exclude", "?exercise=include", "?exercise=only"} {
		listeners[wish] = w.listen(t, "origin", "", wish)
	}
	w.get("origin", "/api/v1/events?exercise=yes").refused(400, "invalid")
	for _, h := range []string{`"name":"Drill","exercise":true`, `"name":"Jose"`, `"name":"Last","exercise":true`, `"name":"End"`} {
		w.post("origin", "/api/v1/hazards", `{`+h+`,"type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
	}
	for wish, want := range map[string][]string{
		"": {"Jose", "End"}, "?exercise=exclude": {"Jose", "End"},
		"?exercise=include": {"Drill", "Jose", "Last", "End"}, "?exercise=only": {"Drill", "Last"},
	} {
		// What happens to different things comes in any order.
		var came string
		for range want {
			came += listeners[wish].next().data
		}
		for _, name := range want {
			if !strings.Contains(came, `"`+name+`"`) {
				t.Errorf("%q: no %s in %s", wish, name, came)
			}
		}
	}
}

func TestReadingOnFromBeforeItsNamingShowsNothingOfThatTime(t *testing.T) {
	t.Parallel()
	w := served(t)
	origin := w.listen(t, "origin", "")
	i := w.open()
	at := "/api/v1/incidents/" + i.text("id")
	place := origin.next().id // of the hazard: everything about the incident comes after it
	w.post("origin", at+"/activate", activation).want(200)
	tag := w.get("origin", at).etag()
	w.do(w.request("origin", "PUT", at+"/receivers", `{"receivers":["ATG","GRD"]}`, "If-Match", tag)).want(200)
	if m := w.listen(t, "stranger", place).next(); m.event != "landfall.incident.receivers_changed.v1" {
		t.Errorf("got %+v, want its own naming first", m)
	}
}

func TestAnUnknownPlaceInTheStreamIsAReset(t *testing.T) {
	t.Parallel()
	w := served(t)
	for _, last := range []string{"nothing-7", "../../etc", "99999999999999999999", "0"} {
		if m := w.listen(t, "origin", last).next(); m.event != "reset" || m.data != "{}" {
			t.Errorf("%q: %+v, want a reset", last, m)
		}
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	w := served(t)
	l := w.listen(t, "receiver", "")
	tokens := w.get("receiver", "/api/v1/tokens").want(200).items()
	w.do(w.request("first", "DELETE", "/api/v1/tokens/"+tokens[0]["id"].(string), "", "If-Match", "*")).want(204)
	w.open() // does not reach the reader any more
	select {
	case <-l.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the stream goes on")
	}
	for len(l.messages) > 0 {
		if m := <-l.messages; m.event != "comment" {
			t.Errorf("got %+v after the token was revoked", m)
		}
	}
	w.get("receiver", "/api/v1/me").refused(401, "unauthenticated")
}

func TestAQuietStreamOutlivesTheTimesOfOrdinaryRequests(t *testing.T) {
	t.Parallel()
	w := servedAs(t, func(s *Server) { s.http.ReadTimeout, s.http.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond },
		func(o *Options) { o.Heartbeat = 10 * time.Millisecond })
	l := w.listen(t, "origin", "")
	for range 20 {
		select {
		case m := <-l.messages:
			if m.event != "comment" {
				t.Errorf("got %+v", m)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("no comment comes")
		}
	}
}

func TestStoppingEndsStreamsAndFinishesRequests(t *testing.T) {
	t.Parallel()
	w := served(t)
	l := w.listen(t, "origin", "")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	<-l.ended
	if err := w.server.Stop(ctx); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	if c, err := net.Dial("tcp", w.server.Addr()); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

func TestStreamsHaveTheirOwnBound(t *testing.T) {
	t.Parallel()
	w := served(t, within(limit.Limits{Streams: limit.Share{Total: 1}}))
	w.listen(t, "origin", "")
	w.get("origin", "/api/v1/events").refused(503, "busy")
	w.get("origin", "/api/v1/me").want(200)
}
