package harness_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "landfall/internal/harness"
)

func TestReceiversThatMisbehaveInEveryWayDelayNobodyAndNoneCountsAsTold(t *testing.T) {
	t.Parallel()
	w := New(t)
	dominica := w.Account("DMA", "coordinator")
	well := NewReceiver(t)
	Subscribe(dominica, well, Object{"kinds": []string{"figure.reported"}})
	over := make(chan struct{})
	bad := map[string]string{} // subscription → the code that must stand with its attempts
	for _, b := range []struct {
		code   string
		answer func(c net.Conn)
	}{
		{"timeout", func(net.Conn) { <-over }}, // hangs
		{"timeout", func(c net.Conn) { // is slow: a byte now and then, for ever
			for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"); err == nil; _, err = c.Write([]byte{'.'}) {
				select {
				case <-time.After(100 * time.Millisecond):
				case <-over:
					return
				}
			}
		}},
		{"unreachable", func(net.Conn) {}}, // closes before it answers
		{"reply_cut", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthank y") }},
		{"unreachable", func(c net.Conn) { _, _ = c.Write([]byte("\x16\x03\x01\x00\xa5 no such thing\r\n\r\n")) }},
		{"unreachable", func(c net.Conn) { // headers without end
			for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n"); err == nil; _, err = io.WriteString(c, "X-More: "+strings.Repeat("more", 4096)+"\r\n") {
			}
		}},
		{"500", func(c net.Conn) { // a refusal of 64 MB
			_, err := io.WriteString(c, "HTTP/1.1 500 Oh\r\nContent-Length: 67108864\r\n\r\n")
			for n := 0; err == nil && n < 1024; n++ {
				_, err = c.Write(make([]byte, 65536))
			}
		}},
		{"301", func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 301 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", well.URL())
		}},
	} {
		a := dominica.Post("/api/v1/subscriptions", Object{"channel": "webhook", "target": rudely(t, b.answer), "filter": Object{"kinds": []string{"figure.reported"}}})
		bad[a.Want(http.StatusCreated).Str("id")] = b.code
	}
	t.Cleanup(func() { close(over) }) // before anybody waits for them

	maria := w.Maria(dominica, nil, nil)
	began := time.Now()
	const n = 15
	for i := range n {
		maria.Post(maria.Path+"/figures", Figure("DMA", i, w.Clock.Now())).Want(http.StatusCreated)
	}
	well.Await("figure.reported", n)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the well receiver waited %s", took)
	}
	if got := len(well.Messages()); got != n {
		t.Errorf("%d messages at the well receiver, want %d: a redirect was followed", got, n)
	}
	var looked time.Time
	why := ""
	Eventually(t, func() (bool, string) {
		if time.Since(looked) < 500*time.Millisecond {
			return false, why // a time-out takes its time, and the list is long
		}
		looked = time.Now()
		said := map[string]map[string]bool{}
		for _, d := range dominica.Get("/api/v1/deliveries?limit=500").Want(http.StatusOK).Items() {
			subscription := fmt.Sprint(d["subscription_id"])
			code, misbehaves := bad[subscription]
			if !misbehaves {
				continue
			}
			if d["status"] == "delivered" {
				t.Fatalf("what was answered with %q counts as told: %v", code, d)
			}
			for _, attempt := range d["attempts"].([]any) {
				if said[code] == nil {
					said[code] = map[string]bool{}
				}
				said[code][fmt.Sprint(attempt.(Object)["code"])] = true
			}
		}
		for _, code := range bad {
			if !said[code][code] {
				why = fmt.Sprintf("no attempt has the code %s; %v", code, said)
				return false, why
			}
		}
		return true, ""
	})
	w.Verify()
}

// rudely serves HTTP requests with bare connections, closed after the answer, and gives the address.
func rudely(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = c.Close() }()
				req, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				answer(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return "http://" + l.Addr().String() + "/hook"
}
