package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/app"
	"landfall/internal/bus/bustest"
	"landfall/internal/notify"
	"landfall/internal/notify/email/emailtest"
)

// The ways out that the tests treat differently: a reader opens the event stream, and a partner state's system reads its copies off the bus.
const (
	listening = "the event stream"
	copying   = "the copies"
	mailing   = "a mail"
)

// waysOut are the far ends of everything that the service sends: a server for webhooks, one for mail, the folder of the log files, and a bus
// that others reach too.
type waysOut struct {
	hooks *hooks
	url   string
	mails *mails
	smtp  string
	files string
	bus   string
}

func newWaysOut(t *testing.T) *waysOut {
	t.Helper()
	o := &waysOut{hooks: &hooks{got: map[string]map[string]string{}, status: map[string]int{}}, mails: &mails{}, files: t.TempDir(), bus: bustest.New(t, 1).URL()}
	web := httptest.NewServer(o.hooks)
	t.Cleanup(web.Close)
	mail, err := emailtest.Start(emailtest.Options{Security: emailtest.NoTLS, Take: o.mails.take})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mail.Close(); err != nil {
			t.Error(err)
		}
	})
	o.url, o.smtp = web.URL, mail.URL()
	return o
}

func (o *waysOut) options(opt *app.Options) {
	opt.LogfileDir, opt.SMTPURL, opt.MailFrom = o.files, o.smtp, "Landfall <landfall@example.org>"
	opt.NATSURL, opt.NATSReplicas = o.bus, 1
}

// way is a channel of subscriptions: what each account got by it, by event.
type way struct {
	name string
	got  func(*caller) map[string]string
}

// sent gives the channels. A mail names its delivery and not its event, so the events are needed to tell which it is.
func (o *waysOut) sent(t testing.TB, events []told) []way {
	return []way{
		{"a webhook", func(c *caller) map[string]string { return o.hooks.of(c) }},
		{mailing, func(c *caller) map[string]string { return o.mails.of(c, events) }},
		{"a log file", func(c *caller) map[string]string { return o.lines(t, c) }},
	}
}

// subscribe gives an account a subscription of each channel.
func (o *waysOut) subscribe(t testing.TB, s *stage, c *caller) {
	t.Helper()
	make := func(channel, target string) string {
		body := fmt.Sprintf(`{"channel":%q,"target":%q}`, channel, target)
		return s.made(t, c, "/api/v1/subscriptions", body).text("id")
	}
	make("webhook", o.url+"/"+c.account)
	make("logfile", c.account)
	c.mailed, c.subscribed = make("email", c.account+"@example.org"), true
}

// lines reads an account's log file.
func (o *waysOut) lines(t testing.TB, c *caller) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.files, c.account))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	got := map[string]string{}
	for one := range strings.Lines(string(text)) {
		var line struct{ Body struct{ ID string } }
		if json.Unmarshal([]byte(one), &line) == nil { // the last one may be half written
			got[line.Body.ID] = one
		}
	}
	return got
}

// mails keeps what was mailed: the words by address and Message-ID.
type mails struct {
	mu  sync.Mutex
	got map[string]map[string]string
}

func (m *mails) take(one emailtest.Mail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.got == nil {
		m.got = map[string]map[string]string{}
	}
	for _, to := range one.To {
		if m.got[to] == nil {
			m.got[to] = map[string]string{}
		}
		id, _, _ := strings.Cut(one.ID, "@")
		m.got[to][id] = one.Subject + "\n" + one.Text + "\n" + one.HTML
	}
}

func (m *mails) of(c *caller, events []told) map[string]string {
	m.mu.Lock()
	got := maps.Clone(m.got[c.account+"@example.org"])
	m.mu.Unlock()
	for _, e := range events {
		id := notify.DeliveryID(e.id, c.mailed)
		if words, ok := got[id]; ok {
			got[e.id] = words
			delete(got, id)
		}
	}
	return got
}

// copies reads off the bus what lies there for the system of a state, as a client of its own.
func (o *waysOut) copies(t testing.TB, state string) map[string]string {
	t.Helper()
	conn, err := nats.Connect(o.bus)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, "LANDFALL_FOR", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"landfall.for." + state + ".>"},
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for range info.NumPending {
		m, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var event struct{ ID string }
		_ = json.Unmarshal(m.Data(), &event)
		got[event.ID] = string(m.Data())
	}
	return got
}

// listener is a reader of the event stream that goes away when it has heard the last event.
type listener struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
	last   string
	leave  func()
}

func (l *listener) Header() http.Header              { return l.header }
func (l *listener) WriteHeader(int)                  {}
func (l *listener) Flush()                           {}
func (l *listener) SetWriteDeadline(time.Time) error { return nil }
func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if strings.Contains(l.text.String(), l.last) {
		l.leave()
	}
	return len(b), nil
}

// listen reads the event stream from the beginning until the event named last, and gives the bodies by event.
func (s *stage) listen(t testing.TB, c *caller, from, last string) map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/events", nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Last-Event-ID", from)
	l := &listener{header: http.Header{}, last: last, leave: cancel}
	s.app.Handler().ServeHTTP(l, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	got := map[string]string{}
	for line := range strings.Lines(l.text.String()) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var event struct{ ID string }
			_ = json.Unmarshal([]byte(data), &event)
			got[event.ID] = data
		}
	}
	if !strings.Contains(l.text.String(), last) {
		t.Errorf("%s does not hear the last event: %.300s", c, l.text.String())
	}
	return got
}

// hooks takes the webhooks of many accounts: the bodies by path and event. A path whose receiver refuses them gets none.
type hooks struct {
	mu     sync.Mutex
	got    map[string]map[string]string
	status map[string]int // that a path answers with; 0: 204
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var event struct{ ID string }
	_ = json.Unmarshal(body, &event)
	h.mu.Lock()
	defer h.mu.Unlock()
	if refusal := h.status[r.URL.Path]; refusal != 0 {
		w.WriteHeader(refusal)
		return
	}
	if h.got[r.URL.Path] == nil {
		h.got[r.URL.Path] = map[string]string{}
	}
	h.got[r.URL.Path][event.ID] = string(body)
	w.WriteHeader(http.StatusNoContent)
}

// answer says with which status the receiver at a path refuses everything; 0: it takes everything.
func (h *hooks) answer(path string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status[path] = status
}

// of gives what an account was sent by its webhook so far.
func (h *hooks) of(c *caller) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.got["/"+c.account])
}
