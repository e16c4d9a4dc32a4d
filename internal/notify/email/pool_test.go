package email_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"landfall/internal/notify"
	"landfall/internal/notify/email"
	"landfall/internal/notify/email/emailtest"
)

func TestThirteenHundredRecipientsShareAFewConnections(t *testing.T) {
	s := start(t, emailtest.Options{User: "landfall", Password: password})
	c := newChannel(t, email.Options{SMTPURL: s.URL() + "?connections=4", Roots: s.Roots(), Timeout: time.Minute})
	const n = 1300
	var work sync.WaitGroup
	at := make(chan struct{}, 64)
	for i := range n {
		at <- struct{}{}
		work.Go(func() {
			defer func() { <-at }()
			m := message(fmt.Sprint("d-", i))
			m.Target = fmt.Sprintf("duty-%d@odm.example.org", i)
			if r := c.Send(t.Context(), m); !r.Sent {
				t.Errorf("%+v", r)
			}
		})
	}
	work.Wait()
	seen := map[string]bool{}
	for _, m := range s.Mails() {
		seen[m.To[0]+m.ID] = true
	}
	if len(seen) != n || len(s.Mails()) != n {
		t.Errorf("%d mails to %d recipients", len(s.Mails()), len(seen))
	}
	if ever, _ := s.Connections(); ever > 4 {
		t.Errorf("%d connections", ever)
	}
}

func TestAConnectionThatTheServerClosedIsReplacedWithinTheAttempt(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
	for i := range 5 {
		if r := c.Send(t.Context(), message(fmt.Sprint("d", i))); !r.Sent {
			t.Fatalf("%d: %+v", i, r)
		}
		if i%2 == 0 {
			s.HangUp()
		}
	}
	if ever, _ := s.Connections(); ever != 3 || len(s.Mails()) != 5 {
		t.Errorf("%d mails over %d connections", len(s.Mails()), ever)
	}
}

func TestWhoFindsEveryConnectionInUseComesAgain(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL() + "?connections=1", Roots: s.Roots()})
	s.Behave(emailtest.Hangs)
	first := make(chan notify.Result)
	go func() { first <- c.Send(t.Context(), message("d1")) }()
	until(t, func() bool { _, now := s.Connections(); return now == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := c.Send(ctx, message("d2")); !r.Again || r.Code != "busy" {
		t.Errorf("%+v", r)
	}
	s.Behave(emailtest.Takes)
	if r := <-first; !r.Again || r.Code != "451" {
		t.Errorf("%+v", r)
	}
}

func TestAConnectionNobodyNeedsIsLetGo(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
	c.KeepIdle(40 * time.Millisecond)
	for i := range 3 {
		if r := c.Send(t.Context(), message(fmt.Sprint("d", i))); !r.Sent {
			t.Fatalf("%+v", r)
		}
		until(t, func() bool { _, now := s.Connections(); return now == 0 })
	}
	if ever, _ := s.Connections(); ever != 3 {
		t.Errorf("%d connections", ever)
	}
}

func TestAClosedChannelKeepsNoConnection(t *testing.T) {
	s := start(t, emailtest.Options{})
	c := newChannel(t, email.Options{SMTPURL: s.URL(), Roots: s.Roots()})
	if r := c.Send(t.Context(), message("d1")); !r.Sent {
		t.Fatalf("%+v", r)
	}
	if _, now := s.Connections(); now != 1 {
		t.Errorf("%d connections are kept", now)
	}
	c.Close()
	until(t, func() bool { _, now := s.Connections(); return now == 0 })
	if r := c.Send(t.Context(), message("d2")); !r.Sent {
		t.Errorf("a message that was late: %+v", r)
	}
	until(t, func() bool { _, now := s.Connections(); return now == 0 })
}

// until waits for what happens soon.
func until(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
		timer := time.NewTimer(2 * time.Millisecond)
		<-timer.C
	}
}
