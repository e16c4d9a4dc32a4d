package harness_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/app"
	. "landfall/internal/harness"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/relay"
	"landfall/internal/store/mongodb"
	"landfall/internal/store/sqlite"
)

// points lists every point at which a process on an engine can be killed: one list, made of what each package on the way exports.
func points(engine []string) []string {
	return slices.Concat(engine, ledger.Points(), relay.Points(), notify.Points(), head.Points())
}

// The kill walk. A story is told to a process that ends itself at one point of the way of a change; another is started on what it left,
// the requests that got no answer are repeated with the same keys, and what there is in the end is compared with a run that was
// not killed. A point that is never passed fails.
//
// On SQLite each point is met three times in one telling: the first process ends at its first passing, the second at a passing somewhere later in the
// story, and the third, which takes over, as soon as it comes to that point. The fourth has to see to it. Under the race detector each point is met once.
func TestKilledAtAnyPointAndStartedAgainNothingIsMissingOrDoubled(t *testing.T) {
	t.Parallel()
	walk(t, sqlite.Points(), true, func(t *testing.T) orders {
		return orders{Records: app.Records{Data: filepath.Join(t.TempDir(), "data")}}
	})
}

// With its records on a server the process that takes over cannot know that it is alone, and waits until the leases of the dead run out.
func TestKilledAtAnyPointWithRecordsOnAServerNothingIsMissingOrDoubled(t *testing.T) {
	t.Parallel()
	uri := MongoDB(t)
	walk(t, mongodb.Points(), false, func(t *testing.T) orders {
		records := Database(t, uri)
		records.Data = filepath.Join(t.TempDir(), "data")
		return orders{Records: records}
	})
}

// walk tells the story once without a kill, and then for each point.
func walk(t *testing.T, engine []string, again bool, fresh func(t *testing.T) orders) {
	var want ending
	var passed map[string]int
	if !t.Run("never", func(t *testing.T) {
		s := newStory(t, fresh(t))
		s.tell()
		want = s.end()
		passed = s.p.interrupt()
		s.proven()
		if len(want.Deliveries) != 40 || len(want.Alerts) != 4 || len(want.Figures) != 8 {
			t.Errorf("%d deliveries, %d alerts, %d figures", len(want.Deliveries), len(want.Alerts), len(want.Figures))
		}
	}) {
		return
	}
	for _, point := range points(engine) {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			hits := []int{1}
			if n := passed[point]; again && n > 2 && !raced {
				hits = append(hits, 2+rand.IntN(n/2), 1)
			}
			// Some points are passed only when two changes meet in one group, which a busy machine may put off.
			for range 3 {
				if killedAt(t, fresh(t), point, hits, want) {
					return
				}
			}
			t.Errorf("%s is never passed", point)
		})
	}
}

// killedAt tells the story to processes that end one after another, each at one of these passings of the point, and compares. It
// gives whether the point was met.
func killedAt(t *testing.T, o orders, point string, hits []int, want ending) (met bool) {
	t.Helper()
	o.Die, o.Hit = point, hits[0]
	s := newStory(t, o)
	s.hits = hits
	s.tell()
	met = s.died()
	if diff := cmp.Diff(want, s.end()); diff != "" {
		t.Errorf("killed at %s, passings %v of one process after another (-not killed +killed):\n%s", point, hits, diff)
	}
	s.p.interrupt()
	s.proven()
	t.Logf("killed %d times", s.restarts)
	return met
}

// parties of the story: the origin and two receivers, each told by webhook.
var storyParties = []string{"DMA", "ATG", "LCA"}

// story is the fixed story: a hazard, an incident that names two states, its activation, figures from eight hands at once, an
// acknowledgement. Who tells it repeats what got no answer.
type story struct {
	t       *testing.T
	orders  orders
	far     map[string]*Receiver // by party
	admin   *Client
	clients map[string]*Client // by party
	began   time.Time

	hits []int // at which passing of the point each process dies, one after another

	mu       sync.Mutex
	p        *process
	restarts int
	answers  map[string]string // by key of the request
}

func newStory(t *testing.T, o orders) *story {
	s := &story{t: t, orders: o, far: map[string]*Receiver{}, clients: map[string]*Client{}, began: time.Now().Truncate(time.Second), answers: map[string]string{}}
	s.p = startProcess(t, o)
	s.admin = NewClient(t, s.url, s.p.token)
	for i, party := range storyParties {
		role := "official"
		if i == 0 {
			role = "coordinator"
		}
		account := s.admin.Post("/api/v1/accounts", Object{"id": id("account", i), "name": party, "party": party, "role": role}).Want(http.StatusCreated)
		token := s.admin.Post("/api/v1/tokens", Object{"account_id": account.Str("id"), "label": "story"}).Want(http.StatusCreated)
		s.clients[party] = s.admin.With(token.Str("secret"))
		s.far[party] = NewReceiver(t)
		s.clients[party].Post("/api/v1/subscriptions", Object{"id": id("subscription", i), "channel": "webhook", "target": s.far[party].URL()}).Want(http.StatusCreated)
	}
	s.settled()
	s.p.tell("arm")
	return s
}

// url gives the address of whichever process serves.
func (s *story) url() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.p.url
}

// id gives the id of a thing of the story, the same in every telling.
func id(what string, n int) string { return ledger.Derive("story", what, fmt.Sprint(n)) }

func (s *story) tell() {
	origin := s.clients["DMA"]
	s.insist(origin, "/api/v1/hazards", "hazard", Object{"id": id("hazard", 0), "name": "Hurricane Maria", "type": "TC", "started_at": s.began})
	s.insist(origin, "/api/v1/incidents", "incident", Object{
		"id": id("incident", 0), "title": "Hurricane Maria: Dominica", "hazard_id": id("hazard", 0), "origin": "DMA", "receivers": storyParties[1:],
		"severity": "extreme", "occurred_at": s.began,
	})
	path := "/api/v1/incidents/" + id("incident", 0)
	s.insist(origin, path+"/activate", "activate", Object{
		"protocol": "hurricane", "anchors": Object{"LANDFALL": Object{"at": s.began.Add(54 * hour), "kind": "forecast"}},
	})
	var hands sync.WaitGroup
	for n := range 8 {
		hands.Go(func() {
			figure := Figure("DMA", 100+n, s.began)
			figure["id"] = id("figure", n)
			s.insist(origin, path+"/figures", fmt.Sprint("figure-", n), figure)
		})
	}
	hands.Wait()
	s.sign()
	var alert string
	Eventually(s.t, func() (bool, string) {
		a, err := s.clients["ATG"].Try(http.MethodGet, "/api/v1/alerts?limit=500", nil)
		if err != nil {
			s.revive()
			return false, err.Error()
		}
		for _, item := range a.Want(http.StatusOK).Items() {
			if item["kind"] == "activation" {
				alert = fmt.Sprint(item["id"])
			}
		}
		return alert != "", "the neighbour has no alert"
	})
	s.insist(s.clients["ATG"], "/api/v1/alerts/"+alert+"/acknowledge", "acknowledgement", Object{"outcome": "received"})
}

// sign has a head signed. A process that ends meanwhile signs one when it is started again.
func (s *story) sign() {
	s.mu.Lock()
	p := s.p
	s.mu.Unlock()
	before := strings.Count(p.out.String(), "\n")
	if _, err := fmt.Fprintln(p.in, "heads"); err != nil {
		return
	}
	if answer, ok := p.said(before); ok && answer != `"done"` {
		s.t.Errorf("no head was signed: %s", answer)
	}
}

// insist makes a request until it is answered, always with the same key, and keeps the answer.
func (s *story) insist(c *Client, path, key string, body Object) {
	var answer Answer
	Eventually(s.t, func() (bool, string) {
		a, err := c.Try(http.MethodPost, path, body, Key(key))
		switch {
		case err != nil:
			s.revive()
			return false, err.Error()
		case a.Status == http.StatusServiceUnavailable:
			return false, string(a.Raw)
		case a.Status/100 != 2:
			s.t.Errorf("%s: %d %s", key, a.Status, a.Raw)
		}
		answer = a
		return true, ""
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key] = fmt.Sprint(answer.Status, " ", s.plain(answer.Raw))
}

// revive starts the process again, once it has ended: with the order to die at the next of the passings, or with none.
func (s *story) revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.p.ended() {
		return
	}
	o := s.orders
	o.Ahead, o.Die = 0, ""
	if s.restarts++; s.restarts < len(s.hits) {
		o.Die, o.Hit, o.Armed = s.orders.Die, s.hits[s.restarts], true
	}
	s.p = startProcess(s.t, o)
}

// settled waits until nothing that was accepted waits for anything any more. What a dead process had in hand on a server is taken over after its
// lease of 20 s.
func (s *story) settled() {
	s.t.Helper()
	patience := 30 * time.Second
	if s.orders.Records.MongoDBURI != "" {
		patience *= 2
	}
	settle(s.t, patience, s.waits)
}

// waits says what is not done yet, "" when everything is; false when nobody answers.
func (s *story) waits() (string, bool) {
	a, err := s.admin.Try(http.MethodGet, "/metrics", nil)
	if err != nil {
		s.revive()
		return err.Error(), false
	}
	return undone(a.Raw), true
}

// died reports whether the process has met its point by the time everything has settled.
func (s *story) died() bool {
	s.t.Helper()
	s.settled()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts > 0
}

// ending is what there is in the end, without what may differ between two tellings: instants, and ids that nobody chose.
type ending struct {
	Answers    map[string]string
	Timeline   []string
	Figures    []string
	Alerts     []string
	Deliveries []string            // subscription, event, status
	Received   map[string][]string // by party: each event once
}

func (s *story) end() ending {
	s.t.Helper()
	s.settled()
	path := "/api/v1/incidents/" + id("incident", 0)
	e := ending{
		Answers:  maps.Clone(s.answers),
		Timeline: s.list(path+"/timeline", s.plainItem), Figures: s.list(path+"/figures", s.plainItem),
		Alerts: s.list("/api/v1/alerts", s.plainItem), Received: map[string][]string{},
	}
	// What was received names the events, so that deliveries can be compared by what they carry.
	carries := map[string]string{} // event → content
	arrived := map[string]string{} // party and event → delivery
	for party, far := range s.far {
		for _, m := range far.Messages() {
			k := party + " " + m.Event.ID
			if before, again := arrived[k]; again && before != m.DeliveryID {
				s.t.Errorf("%s got event %s under two ids: %s and %s", party, m.Event.ID, before, m.DeliveryID)
			} else if !again {
				arrived[k], carries[m.Event.ID] = m.DeliveryID, s.plain(m.Body)
				e.Received[party] = append(e.Received[party], s.plain(m.Body))
			}
		}
		slices.Sort(e.Received[party])
	}
	e.Deliveries = s.list("/api/v1/deliveries", func(d Object) string {
		party, event := fmt.Sprint(d["party"]), fmt.Sprint(d["event_id"])
		if got := arrived[party+" "+event]; got != d["id"] {
			s.t.Errorf("%s of %s arrived at %s as delivery %q, and is kept as %v", d["event_type"], event, party, got, d["id"])
		}
		return fmt.Sprint(party, " ", d["subscription_id"], " ", d["status"], " ", carries[event])
	})
	return e
}

// ask reads what a path shows. A process that was to end at a point may come to it only now, in what it does by itself.
func (s *story) ask(path string) (a Answer) {
	s.t.Helper()
	Eventually(s.t, func() (bool, string) {
		var err error
		if a, err = s.admin.Try(http.MethodGet, path, nil); err != nil {
			s.revive()
			return false, err.Error()
		}
		return a.Status != http.StatusServiceUnavailable, string(a.Raw)
	})
	return a.Want(http.StatusOK)
}

// list gives all items of a list, as text, in order of the text.
func (s *story) list(path string, text func(Object) string) []string {
	s.t.Helper()
	var all []string
	for cursor := ""; ; {
		a := s.ask(path + "?limit=500" + cursor)
		for _, item := range a.Items() {
			all = append(all, text(item))
		}
		next := a.Str("next_cursor")
		if next == "" {
			slices.Sort(all)
			return all
		}
		cursor = "&cursor=" + next
	}
}

func (s *story) plainItem(item Object) string {
	text, err := json.Marshal(item)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.plain(text)
}

var (
	anyInstant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	anyID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyCode    = regexp.MustCompile(`DMA-\d{4}-[0-9A-Z]{5}`)
	anyVersion = regexp.MustCompile(`"(version|streamversion|etag)":("\\"[^"]*\\""|\d+)`)
	anyTarget  = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
)

// plain takes from a text what may differ between two tellings: figures from many hands come in any order, and have any version.
func (s *story) plain(text []byte) string {
	text = anyInstant.ReplaceAll(text, []byte("INSTANT"))
	text = anyCode.ReplaceAll(text, []byte("CODE"))
	text = anyTarget.ReplaceAll(text, []byte("TARGET"))
	text = anyVersion.ReplaceAll(text, []byte(`"$1":0`))
	return string(anyID.ReplaceAllFunc(text, func(found []byte) []byte {
		if chosen[string(found)] {
			return found
		}
		return []byte("ID")
	}))
}

// chosen are the ids that the story gives.
var chosen = func() map[string]bool {
	ids := map[string]bool{id("hazard", 0): true, id("incident", 0): true}
	for n := range 8 {
		ids[id("figure", n)], ids[id("account", n)], ids[id("subscription", n)] = true, true, true
	}
	return ids
}()

// proven fails the test unless the stopped records verify.
func (s *story) proven() {
	s.t.Helper()
	verified(s.t, s.orders.Records)
}
