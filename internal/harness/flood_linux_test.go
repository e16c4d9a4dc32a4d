package harness_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// What one side does in a flood.
const (
	halfSent     = 1000
	listeners    = 1100
	wrongSignIns = 10_000
)

// flood is one side that takes what it can get.
type flood struct {
	t    *testing.T
	door string       // host:port
	open atomic.Int64 // connections that were made
	held atomic.Int64 // event streams that were opened
	full atomic.Int64 // what was refused, or closed, since the side had its share
	all  sync.WaitGroup

	guessing sync.WaitGroup
	guesses  atomic.Int64 // wrong sign-ins that were answered
	braked   atomic.Int64 // of them, with 429
	ctx      context.Context
}

// send opens a connection from an address, sends text and waits for the begin of an answer, until
// the flood is over.
func (f *flood) send(from, text string) {
	f.all.Go(func() {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(f.ctx, "tcp", f.door)
		if err != nil {
			if f.ctx.Err() == nil {
				f.t.Errorf("the flood cannot connect: %v", err)
			}
			return
		}
		cut := context.AfterFunc(f.ctx, func() { _ = conn.Close() })
		defer cut()
		defer func() { _ = conn.Close() }()
		f.open.Add(1)
		_, _ = conn.Write([]byte(text)) // one whose connection was closed reads that below
		answer, err := bufio.NewReader(conn).ReadString('\n')
		switch {
		case f.ctx.Err() != nil:
			return
		case err != nil || strings.Contains(answer, " 429 "):
			f.full.Add(1)
			return
		case strings.Contains(answer, " 400 "):
			return // its body had all its time
		case strings.Contains(answer, " 200 "):
			f.held.Add(1)
		default:
			f.t.Errorf("the flood is answered with %s", answer)
		}
		<-f.ctx.Done()
	})
}

// half gives the beginning of a form, or of a request with a token, whose body never comes.
func half(token string) string {
	path, head := "/sign-in", "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n"
	if token != "" {
		path, head = "/api/v1/hazards", "Content-Type: application/json\r\nAuthorization: Bearer "+token+"\r\n"
	}
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: landfall\r\n%sContent-Length: 4000\r\n\r\nt", path, head)
}

func listen(token string) string {
	return "GET /api/v1/events HTTP/1.1\r\nHost: landfall\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

// guess signs in with tokens that open nothing, on the page and at the API in turns, as fast as the
// service answers.
func (f *flood) guess(client *http.Client, most int) {
	var sent atomic.Int64
	for range 16 {
		f.guessing.Go(func() {
			for f.ctx.Err() == nil {
				n := sent.Add(1)
				if n > int64(most) {
					return
				}
				wrong := fmt.Sprintf("lf_%043d", n)
				method, path, form := http.MethodGet, "/api/v1/me", ""
				if n%2 == 0 {
					method, path, form = http.MethodPost, "/sign-in", url.Values{"token": {wrong}}.Encode()
				}
				r, err := http.NewRequestWithContext(f.ctx, method, "http://"+f.door+path, strings.NewReader(form))
				if err != nil {
					f.t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+wrong)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				if answer, err := client.Do(r); err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
					f.guesses.Add(1)
					if answer.StatusCode == http.StatusTooManyRequests {
						f.braked.Add(1)
					}
				}
			}
		})
	}
}

// room lowers the numbers of the flood to what this machine lets a process open, and says so.
func room(t *testing.T, n int) int {
	t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	ends := uint64(2 * (halfSent + listeners + 500)) // both ends of each connection are in this process
	if files.Cur < ends {
		n = int(uint64(n) * files.Cur / ends)
		t.Logf("LESS THAN ASKED FOR: this process may open %d files and the flood needs %d, so it sends %d instead",
			files.Cur, ends, n)
	}
	return n
}

// The side is one address with every trick, or one account from many addresses.
func TestNobodyIsRefusedForWhatOneSideSends(t *testing.T) {
	for _, side := range []string{"one address", "one account"} {
		t.Run(side, func(t *testing.T) {
			w := NewOnFolder(t, func(o *app.Options) { o.RequestRate = 100 })
			dominica, greedy := w.Account("DMA", "coordinator"), w.Account("GRD", "coordinator")
			antigua := w.Account("ATG", "official").From("127.0.0.2")
			maria := w.Maria(dominica, []string{"ATG"}, nil)
			maria.Activate(w.Clock.Now().Add(54 * hour))
			alert := fmt.Sprint(antigua.AwaitAlert("activation", 1)[0]["id"])
			people := Object{"total": 118}
			leaves := w.Clock.Now().Truncate(time.Second)
			boat := maria.Post(maria.Path+"/movements", Object{
				"mode": "sea", "departs_at": leaves, "eta": leaves.Add(7 * hour), "people": people,
				"from": Object{"party": "DMA", "name": "Roseau"}, "to": Object{"party": "ATG", "name": "St John's"},
			}).Want(http.StatusCreated).Str("id")
			maria.Post(maria.Path+"/movements/"+boat+"/depart", Object{"people": people}).Want(http.StatusOK)

			ctx, over := context.WithCancel(t.Context())
			f := &flood{t: t, door: strings.TrimPrefix(w.App.URL(), "http://"), ctx: ctx}
			defer f.all.Wait()
			defer f.guessing.Wait()
			defer over()
			forms, streams := room(t, halfSent), room(t, listeners)
			from := func(n int) string {
				if side == "one address" {
					return "127.0.0.1"
				}
				return fmt.Sprintf("127.0.1.%d", 1+n%40)
			}
			began := time.Now()
			for n := range forms {
				token := greedy.Token()
				if side == "one address" && n%2 == 0 {
					token = ""
				}
				f.send(from(n), half(token))
			}
			for n := range streams {
				f.send(from(n), listen(greedy.Token()))
			}
			if side == "one address" {
				transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
				defer transport.CloseIdleConnections()
				f.guess(&http.Client{Transport: transport}, wrongSignIns)
			}
			Eventually(t, func() (bool, string) {
				held, full := f.held.Load(), f.full.Load()
				return held >= 50 && full >= int64(forms+streams)*3/4,
					fmt.Sprintf("%d streams held, %d refused of %d", held, full, f.open.Load())
			})

			var slowest time.Duration
			timed := func(status int, do func() Answer) {
				t.Helper()
				at := time.Now()
				do().Want(status)
				slowest = max(slowest, time.Since(at))
			}
			timed(http.StatusOK, func() Answer {
				return antigua.Post("/api/v1/alerts/"+alert+"/acknowledge", Object{"outcome": "received"})
			})
			timed(http.StatusOK, func() Answer {
				return antigua.Post(maria.Path+"/movements/"+boat+"/arrive", Object{"people": people})
			})
			timed(http.StatusCreated, func() Answer {
				return antigua.Post(maria.Path+"/answers", Object{"kind": "accept", "ceiling": 300})
			})
			visitor := antigua.Visit("en")
			visitor.Get("/alerts/" + alert).Want(http.StatusOK)
			visitor.Listen("alert")
			guessed := make(chan struct{})
			go func() { defer close(guessed); f.guessing.Wait() }()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for going := true; going; {
				timed(http.StatusOK, func() Answer { return antigua.Get("/api/v1/alerts/" + alert) })
				select {
				case <-guessed:
					going = false
				case <-tick.C:
				}
			}
			if n := f.guesses.Load(); side == "one address" && f.braked.Load() < n-100 {
				t.Errorf("%d of %d wrong sign-ins were looked up", n-f.braked.Load(), n)
			}
			t.Logf("%s: %d connections, %d streams held, %d refused, %d wrong sign-ins, over %s; the slowest of the others waited %s",
				side, f.open.Load(), f.held.Load(), f.full.Load(), f.guesses.Load(),
				time.Since(began).Round(time.Millisecond), slowest.Round(time.Millisecond))

			w.Run("presence")
			alarms := w.Admin.From("127.0.0.3").Get("/api/v1/operation").Want(http.StatusOK)
			if !strings.Contains(string(alarms.Raw), `"busy"`) {
				t.Errorf("no alarm tells of it: %s", alarms.Raw)
			}
		})
	}
}
