package webhook_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"landfall/internal/notify"
	"landfall/internal/notify/notifytest"
	"landfall/internal/notify/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 150 * time.Millisecond

func newChannel(t *testing.T, opt webhook.Options) *webhook.Channel {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Timeout == 0 {
		opt.Timeout = patience
	}
	c := webhook.New(opt)
	t.Cleanup(c.Close)
	return c
}

func newServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func TestTheSuiteOfAllChannels(t *testing.T) {
	notifytest.Run(t, func(t *testing.T, _ *slog.Logger) notifytest.Peer {
		c := newChannel(t, webhook.Options{AllowPrivate: true, Timeout: time.Second})
		var mu sync.Mutex
		var arrived []notifytest.Arrival
		behaviour := notifytest.Takes
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			header := r.Header.Clone()
			mu.Lock()
			arrived = append(arrived, notifytest.Arrival{ID: header.Get("webhook-id"), Body: body, Signed: func(secret string) bool {
				hook, err := standardwebhooks.NewWebhook(secret)
				return err == nil && hook.Verify(body, header) == nil
			}})
			b := behaviour
			mu.Unlock()
			switch b {
			case notifytest.Slow:
				timer := time.NewTimer(100 * time.Millisecond)
				defer timer.Stop()
				<-timer.C
			case notifytest.Later:
				w.WriteHeader(http.StatusServiceUnavailable)
			case notifytest.Never:
				w.WriteHeader(http.StatusGone)
			case notifytest.Silent:
				<-r.Context().Done()
			case notifytest.Insults:
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "no\x00\x1b[31m\r\n\u202e"+strings.Repeat("\xff\u00e9", 5000))
			}
		})
		return notifytest.Peer{
			Channel: c, Traits: notifytest.Traits{Form: notifytest.Event, Signs: true, Ordered: true},
			Target: s.URL + "/hooks/confidential?token=confidential", Private: []string{"/hooks/", "token"},
			Bad:      []string{"nonsense", "ftp://example.org/", "/hooks"},
			Patience: time.Second,
			Behave:   func(b notifytest.Behaviour) { mu.Lock(); behaviour = b; mu.Unlock() },
			Arrived: func() []notifytest.Arrival {
				mu.Lock()
				defer mu.Unlock()
				return append([]notifytest.Arrival(nil), arrived...)
			},
		}
	})
}

func send(ctx context.Context, c *webhook.Channel, url string) notify.Result {
	return c.Send(ctx, notify.Message{ID: "d1", Target: url, Secrets: []string{c.NewSecret()}, Type: "landfall.step.overdue.v1", Body: []byte(`{"id":"e1"}`)})
}

func TestOnlyAWholeAnswerOf2xxIsSuccess(t *testing.T) {
	hijack := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}
	var elsewhere atomic.Int64
	other := newServer(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	redirect := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server watches the connection once the request is read
		<-r.Context().Done()
	}
	status := func(n int) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) } }
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   notify.Result
	}{
		{"200", status(200), notify.Result{Sent: true, Code: "200"}},
		{"202 without a body", status(202), notify.Result{Sent: true, Code: "202"}},
		{"204", status(204), notify.Result{Sent: true, Code: "204"}},
		{"2 MB of body", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }, notify.Result{Sent: true, Code: "200"}},
		{"301", redirect(301), notify.Result{Again: true, Code: "301"}},
		{"307", redirect(307), notify.Result{Again: true, Code: "307"}},
		{"304", status(304), notify.Result{Again: true, Code: "304"}},
		{"400", status(400), notify.Result{Again: true, Code: "400"}},
		{"404", status(404), notify.Result{Again: true, Code: "404"}},
		{"410", status(410), notify.Result{Code: "410"}},
		{"500", status(500), notify.Result{Again: true, Code: "500"}},
		{"an answer that breaks off", hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly"), notify.Result{Again: true, Code: "reply_cut"}},
		{"no answer", hijack(""), notify.Result{Again: true, Code: "unreachable"}},
		{"no HTTP", hijack("SSH-2.0-OpenSSH\r\n"), notify.Result{Again: true, Code: "unreachable"}},
		{"an endless header", hijack("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), notify.Result{Again: true, Code: "unreachable"}},
		{"200 too late", hang, notify.Result{Again: true, Code: "timeout"}},
		{"a body that never ends", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, notify.Result{Again: true, Code: "timeout"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, c.answer)
			got := send(t.Context(), newChannel(t, webhook.Options{AllowPrivate: true}), s.URL)
			got.Detail = ""
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Errorf("a redirect was followed %d times", elsewhere.Load())
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := send(t.Context(), newChannel(t, webhook.Options{AllowPrivate: true}), "http://"+address); got.Code != "connection_refused" || !got.Again {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a certificate nobody vouches for", func(t *testing.T) {
		s := httptest.NewTLSServer(status(200))
		t.Cleanup(s.Close)
		s.Config.ErrorLog = nil
		got := send(t.Context(), newChannel(t, webhook.Options{AllowPrivate: true, Timeout: 5 * time.Second}), s.URL)
		if got.Code != "tls_failed" || !got.Again {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTheSignatureIsThatOfStandardWebhooks(t *testing.T) {
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	c := newChannel(t, webhook.Options{AllowPrivate: true, Now: func() time.Time { return at }, UserAgent: "Landfall/test"})
	secret := c.NewSecret()
	var header http.Header
	var body []byte
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
	})
	if r := c.Send(t.Context(), notify.Message{ID: "d1", Target: s.URL, Secrets: []string{secret}, Body: []byte(`{"id":"e1"}`)}); !r.Sent {
		t.Fatalf("%+v", r)
	}
	for name, want := range map[string]string{
		"webhook-id": "d1", "webhook-timestamp": fmt.Sprint(at.Unix()), "Content-Type": "application/cloudevents+json", "User-Agent": "Landfall/test",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Verify(body, header); err != nil {
		t.Error(err)
	}
	if err := hook.Verify(append(body, ' '), header); err == nil {
		t.Error("a changed body verifies")
	}
	other, err := standardwebhooks.NewWebhook(c.NewSecret())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Verify(body, header); err == nil {
		t.Error("another secret verifies")
	}
}

func TestWithoutASecretNothingIsSent(t *testing.T) {
	var reached atomic.Int64
	s := newServer(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	c := newChannel(t, webhook.Options{AllowPrivate: true})
	for _, secrets := range [][]string{nil, {""}, {"whsec_!"}, {c.NewSecret(), "whsec_!"}} {
		if r := c.Send(t.Context(), notify.Message{ID: "d1", Target: s.URL, Secrets: secrets, Body: []byte(`{}`)}); r.Sent || r.Again || r.Code != "no_secret" {
			t.Errorf("%d secrets: %+v", len(secrets), r)
		}
	}
	if reached.Load() != 0 {
		t.Error("something was sent")
	}
}

func TestAPrivateAddressIsRefusedAfterItsNameWasResolved(t *testing.T) {
	var reached atomic.Int64
	s := newServer(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	c := newChannel(t, webhook.Options{Timeout: 5 * time.Second})
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		if wrong := c.CheckTarget("http://" + host + port); wrong != "" {
			t.Errorf("%s is refused before it is looked at: %s", host, wrong)
		}
		if got := send(t.Context(), c, "http://"+host+port); got.Sent || got.Code != "address_not_public" {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("it was reached %d times", reached.Load())
	}
}

func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	var used atomic.Int64
	proxy := newServer(t, func(http.ResponseWriter, *http.Request) { used.Add(1) })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	c := newChannel(t, webhook.Options{Timeout: 2 * time.Second})
	if r := send(t.Context(), c, "http://landfall.invalid/"); r.Sent || r.Code != "name_not_resolved" && r.Code != "timeout" {
		t.Errorf("%+v", r)
	}
	if used.Load() != 0 {
		t.Error("the proxy was used")
	}
}

func TestTargets(t *testing.T) {
	c := newChannel(t, webhook.Options{})
	for target, ok := range map[string]bool{
		"https://odm.gov.dm/hooks/1?x=y":     true,
		"http://example.org:8080":            true,
		"https://[2001:db8::1]/":             true,
		"https://île.example/":               true,
		"HTTPS://EXAMPLE.ORG":                true,
		"https://user@example.org/":          false,
		"https://user:pw@example.org/":       false,
		"https://example.org/#part":          false,
		"https://example.org/#":              false,
		"https:///path":                      false,
		"https://:443/":                      false,
		"https://example.org:0/":             false,
		"https://example.org:99999/":         false,
		"https://example.org:/":              false,
		"ftp://example.org/":                 false,
		"javascript:alert(1)":                false,
		"https:example.org":                  false,
		"//example.org/":                     false,
		"/hooks":                             false,
		"https://example.org/a b":            false,
		"https://example.org/\r\nHost: evil": false,
		"https://example.org\\@evil.example": false,
		"https://%zz/":                       false,
		"https://example.org/a\u200bb":       false,
	} {
		if got := c.CheckTarget(target); (got == "") != ok {
			t.Errorf("%q: %q, want accepted %t", target, got, ok)
		}
	}
	for target, want := range map[string]string{
		"HTTP://LOCALHOST:80/./A":     "http://localhost/A",
		"https://Odm.gov.dm:443?t=X":  "https://odm.gov.dm/?t=X",
		"https://odm.gov.dm/a/../b":   "https://odm.gov.dm/b",
		"https://odm.gov.dm:8443//a/": "https://odm.gov.dm:8443//a/",
	} {
		if got := c.Canonical(target); got != want || c.Canonical(got) != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
	for target, want := range map[string]string{
		"https://odm.gov.dm/hooks/4711?token=x": "https://odm.gov.dm/…",
		"https://odm.gov.dm":                    "https://odm.gov.dm",
		"https://odm.gov.dm/":                   "https://odm.gov.dm",
		"https://odm.gov.dm/?token=x":           "https://odm.gov.dm/…",
		"":                                      "…",
	} {
		if got := c.Mask(target); got != want {
			t.Errorf("%q masked as %q, want %q", target, got, want)
		}
	}
}
