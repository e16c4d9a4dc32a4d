package email_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/notify/email"
	"landfall/internal/notify/email/emailtest"
	"landfall/internal/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	from     = "Landfall Ünit <alerts@landfall.example.org>"
	target   = "duty.confidential@odm.example.org"
	password = "p@ss:word/confidential"
)

func start(t *testing.T, opt emailtest.Options) *emailtest.Server {
	t.Helper()
	s, err := emailtest.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newChannel(t *testing.T, opt email.Options) *email.Channel {
	t.Helper()
	if opt.Now == nil {
		opt.Now = func() time.Time { return time.Date(2017, 9, 18, 21, 5, 0, 0, time.UTC) }
	}
	if opt.From == "" {
		opt.From = from
	}
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := email.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTheSuiteOfAllChannels(t *testing.T) {
	notifytest.Run(t, func(t *testing.T, log *slog.Logger) notifytest.Peer {
		s := start(t, emailtest.Options{User: "landfall", Password: password})
		c := newChannel(t, email.Options{
			SMTPURL: s.URL(), Roots: s.Roots(), Logger: log, Timeout: time.Second, PublicURL: "https://landfall.example.org", Callback: "+1 246 555 0100",
		})
		behaviours := map[notifytest.Behaviour]emailtest.Behaviour{
			notifytest.Takes: emailtest.Takes, notifytest.Slow: emailtest.TakesSlowly, notifytest.Later: emailtest.Greylists,
			notifytest.Never: emailtest.RefusesRecipient, notifytest.Silent: emailtest.Hangs, notifytest.Insults: emailtest.Insults,
		}
		return notifytest.Peer{
			Channel: c, Traits: notifytest.Traits{Form: notifytest.Words, Ordered: true},
			Target: target, Private: []string{target, password},
			Bad:      []string{"nonsense", "Duty <duty@example.org>", "a@b.org, c@d.org", "a@localhost", "a b@example.org"},
			Patience: time.Second,
			Behave:   func(b notifytest.Behaviour) { s.Behave(behaviours[b]) },
			Arrived: func() (out []notifytest.Arrival) {
				for _, m := range s.Mails() {
					id, _, _ := strings.Cut(m.ID, "@")
					out = append(out, notifytest.Arrival{ID: id, Subject: m.Subject, Text: m.Text})
				}
				return out
			},
		}
	})
}

func event(exercise bool, data string) []byte {
	return notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
		EventID: "e1", Type: "incident.opened.v1", Stream: "incident/i1", Seq: 7, At: time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC),
		Exercise: exercise, Origin: "DMA", Data: []byte(data),
	})
}

const opened = `{"incident":{"id":"0198c0de-0000-7000-8000-000000000001","code":"DMA-2017-7K3QX","title":"Île & côté <été> — 飓风","origin":"DMA","receivers":["ATG"],"severity":"extreme","version":7}}`

func message(id string) notify.Message {
	return notify.Message{ID: id, Target: target, Type: "landfall.incident.opened.v1", Body: event(false, opened), Language: "fr", Attempt: 1}
}

func TestAMailIsWhatReadersAndTheirProgramsNeed(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots(), PublicURL: "https://landfall.example.org/"})
	m := message("0198c0de-0000-8000-8000-00000000000d")
	r := c.Send(t.Context(), m)
	if want := (notify.Result{Sent: true, Code: "250", Detail: "2.0.0 OK: queued"}); r != want {
		t.Fatalf("%+v, want %+v", r, want)
	}
	got := s.Mails()[0]
	if got.From != "alerts@landfall.example.org" || !cmp.Equal(got.To, []string{target}) || !got.Encrypted {
		t.Errorf("from %s to %s, encrypted %t", got.From, got.To, got.Encrypted)
	}
	thread := "<incident-0198c0de-0000-7000-8000-000000000001@landfall.example.org>"
	for name, want := range map[string]string{
		"From":                "=?utf-8?q?Landfall_=C3=9Cnit?= <alerts@landfall.example.org>",
		"To":                  "<" + target + ">",
		"Date":                "Mon, 18 Sep 2017 21:05:00 +0000",
		"Message-Id":          "<0198c0de-0000-8000-8000-00000000000d@landfall.example.org>",
		"In-Reply-To":         thread,
		"References":          thread,
		"Auto-Submitted":      "auto-generated",
		"X-Landfall-Exercise": "false",
		"X-Landfall-Event":    "landfall.incident.opened.v1",
		"Content-Language":    "fr",
		"Mime-Version":        "1.0",
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	if want := "Nouvel incident – DMA-2017-7K3QX – Île & côté <été> — 飓风"; got.Subject != want {
		t.Errorf("subject %q, want %q", got.Subject, want)
	}
	link := "https://landfall.example.org/incidents/0198c0de-0000-7000-8000-000000000001"
	if !strings.Contains(got.Text, "Île & côté <été> — 飓风") || !strings.Contains(got.Text, link) {
		t.Errorf("text:\n%s", got.Text)
	}
	if !strings.Contains(got.HTML, "Île &amp; côté &lt;été&gt; — 飓风") || !strings.Contains(got.HTML, `href="`+link+`"`) {
		t.Errorf("page:\n%s", got.HTML)
	}
	for i, line := range bytes.Split(got.Raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r > 126 || r < ' ' && r != '\t' }) {
			t.Errorf("line %d is not fit for every server: %q", i, line)
		}
	}
}

func TestEveryAttemptCarriesTheSameMessageID(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
	m := message("d1")
	for i, b := range []emailtest.Behaviour{emailtest.HangsUp, emailtest.Greylists, emailtest.Takes} {
		s.Behave(b)
		m.Attempt = i + 1
		c.Send(t.Context(), m)
	}
	got := s.Mails()
	if len(got) != 2 || got[0].ID != got[1].ID || got[0].ID != "d1@landfall.example.org" {
		t.Errorf("%d mails: %+v", len(got), got)
	}
	odd := message("d1>\r\nBcc: x@example.org")
	c.Send(t.Context(), odd)
	c.Send(t.Context(), odd)
	if got = s.Mails(); got[2].ID != got[3].ID || strings.ContainsAny(got[2].ID, "<>\r\n ") || len(got[2].To) != 1 {
		t.Errorf("%+v", got[2:])
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, c := range []struct {
		behave emailtest.Behaviour
		want   notify.Result
	}{
		{emailtest.Greylists, notify.Result{Again: true, Code: "451", Detail: "451 4.7.1 Greylisted, please try again"}},
		{emailtest.IsFull, notify.Result{Again: true, Code: "452", Detail: "452 4.3.1 Insufficient system storage"}},
		{emailtest.RefusesRecipient, notify.Result{Code: "550", Detail: "550 5.1.1 <d***@od***.org>: Recipient address rejected: User unknown"}},
		{emailtest.RefusesContent, notify.Result{Code: "554", Detail: "554 5.7.1 Message rejected as spam"}},
		{emailtest.TooLarge, notify.Result{Code: "552", Detail: "552 5.3.4 Message size exceeds the limit"}},
		{emailtest.RefusesSender, notify.Result{Again: true, Code: "sender_refused", Detail: "550 5.7.1 Sender <alerts@landfall.example.org> may not send here"}},
		{emailtest.WantsLogin, notify.Result{Again: true, Code: "auth_failed", Detail: "530 5.7.0 Authentication required"}},
		{emailtest.Closes, notify.Result{Again: true, Code: "421", Detail: "421 4.7.0 Too many connections, closing"}},
		{emailtest.HangsUp, notify.Result{Again: true, Code: "reply_lost", Detail: "the connection was lost before the mail server said whether it took the message over"}},
		{emailtest.HangsUpEarly, notify.Result{Again: true, Code: "reply_lost", Detail: "the connection was lost before the mail server said whether it took the message over"}},
	} {
		t.Run(string(c.behave), func(t *testing.T) {
			s := start(t, emailtest.Options{})
			ch := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
			s.Behave(c.behave)
			if diff := cmp.Diff(c.want, ch.Send(t.Context(), message("d1"))); diff != "" {
				t.Error(diff)
			}
			// Whatever it was, the next message goes.
			s.Behave(emailtest.Takes)
			if r := ch.Send(t.Context(), message("d2")); !r.Sent {
				t.Errorf("after it: %+v", r)
			}
		})
	}
}

func TestWhatIsWrongBetweenUsAndTheServerIsNeverFinal(t *testing.T) {
	send := func(t *testing.T, opt email.Options) notify.Result {
		t.Helper()
		if opt.Timeout == 0 {
			opt.Timeout = 5 * time.Second
		}
		return newChannel(t, opt).Send(t.Context(), message("d1"))
	}
	check := func(t *testing.T, r notify.Result, code, detail string) {
		t.Helper()
		if r.Sent || !r.Again || r.Code != code || !strings.Contains(r.Detail, detail) || strings.Contains(r.Detail, password) {
			t.Errorf("%+v, want code %s and %q", r, code, detail)
		}
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
		check(t, send(t, email.Options{SMTPURL: "smtp://" + address}), "connect_failed", "nothing accepts connections")
	})
	t.Run("a name that is none", func(t *testing.T) {
		r := send(t, email.Options{SMTPURL: "smtp://mail.landfall.invalid", Timeout: 3 * time.Second})
		if !r.Again || r.Code != "connect_failed" && r.Code != "timeout" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		s := start(t, emailtest.Options{})
		check(t, send(t, email.Options{SMTPURL: s.URL()}), "tls_failed", "certificate was not accepted")
		s = start(t, emailtest.Options{Security: emailtest.ImplicitTLS})
		check(t, send(t, email.Options{SMTPURL: s.URL()}), "tls_failed", "certificate was not accepted")
	})
	t.Run("no encryption offered", func(t *testing.T) {
		s := start(t, emailtest.Options{Security: emailtest.NoTLS, User: "landfall", Password: password})
		check(t, send(t, email.Options{SMTPURL: strings.TrimSuffix(s.URL(), "?tls=none")}), "tls_failed", "offers no encryption")
		if len(s.Mails()) > 0 {
			t.Error("it was sent in the clear")
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		s := start(t, emailtest.Options{User: "landfall", Password: "another"})
		url := strings.Replace(s.URL(), "another", "p%40ss:word%2Fconfidential", 1)
		check(t, send(t, email.Options{SMTPURL: url, Roots: s.Roots()}), "auth_failed", "535 5.7.8 Authentication failed for … with …")
	})
	t.Run("no login offered", func(t *testing.T) {
		s := start(t, emailtest.Options{})
		url := strings.Replace(s.URL(), "smtp://", "smtp://user:secret@", 1)
		check(t, send(t, email.Options{SMTPURL: url, Roots: s.Roots()}), "auth_failed", "no way to sign in")
	})
	for name, c := range map[string]struct{ greeting, code, detail string }{
		"a greeting of 554":   {"554 5.7.1 No SMTP service here\r\n", "connect_failed", "554 5.7.1 No SMTP service here"},
		"a greeting of 421":   {"421 4.3.2 Come later\r\n", "connect_failed", "421 4.3.2 Come later"},
		"another protocol":    {"HTTP/1.1 400 Bad Request\r\n\r\n", "connect_failed", "does not speak SMTP"},
		"nothing, and closed": {"", "connect_failed", "the connection to the mail server failed"},
		"words without end":   {"220-" + strings.Repeat("x", 3<<20), "connect_failed", "does not speak SMTP"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, send(t, email.Options{SMTPURL: "smtp://" + greeter(t, c.greeting)}), c.code, c.detail)
		})
	}
	t.Run("a server that never greets", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		check(t, send(t, email.Options{SMTPURL: "smtp://" + l.Addr().String(), Timeout: 100 * time.Millisecond}), "timeout", "while connecting")
	})
}

// greeter listens, says something to everybody, and closes.
func greeter(t *testing.T, words string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(words)) // who has heard enough closes
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

func TestEveryWayToTheServerWorks(t *testing.T) {
	for name, opt := range map[string]emailtest.Options{
		"STARTTLS":                 {},
		"STARTTLS and a login":     {User: "landfall@example.org", Password: password},
		"encrypted from the start": {Security: emailtest.ImplicitTLS, User: "landfall", Password: password},
		"in the clear on loopback": {Security: emailtest.NoTLS, User: "landfall", Password: password},
		"in the clear, no login":   {Security: emailtest.NoTLS},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, opt)
			c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
			if r := c.Send(t.Context(), message("d1")); !r.Sent {
				t.Fatalf("%+v", r)
			}
			if m := s.Mails()[0]; m.Encrypted != (opt.Security != emailtest.NoTLS) {
				t.Errorf("encrypted %t", m.Encrypted)
			}
		})
	}
}

func TestTheOperatorHearsOnceThatTheServerRefusesUs(t *testing.T) {
	s := start(t, emailtest.Options{})
	var log bytes.Buffer
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, b := range []emailtest.Behaviour{emailtest.RefusesRecipient, emailtest.RefusesSender, emailtest.RefusesSender, emailtest.Takes, emailtest.Takes} {
		s.Behave(b)
		c.Send(t.Context(), message("d1"))
	}
	text := log.String()
	if strings.Count(text, "level=WARN") != 1 || strings.Count(text, "level=INFO") != 1 || !strings.Contains(text, "sender_refused") {
		t.Errorf("logged:\n%s", text)
	}
	if strings.Contains(text, target) {
		t.Errorf("a recipient was logged:\n%s", text)
	}
}
