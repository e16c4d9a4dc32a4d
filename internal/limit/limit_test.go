package limit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/fault"
)

var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func TestABucketNeverLetsMoreThrough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			PerSecond: rapid.Float64Range(0.1, 50).Draw(t, "per second"), Burst: rapid.IntRange(1, 20).Draw(t, "burst"),
		}
		b, now, passed := newBuckets(r), start, 0
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms later")) * time.Millisecond)
			expected := b.wait("a", now)
			wait := b.take("a", now)
			if expected != wait {
				t.Fatalf("announced %v, then %v", expected, wait)
			}
			if wait == 0 {
				passed++
			} else if again := b.wait("a", now.Add(wait+time.Microsecond)); again > 0 {
				t.Fatalf("told to wait %v, then %v more", wait, again)
			}
		}
		if most := float64(r.Burst) + now.Sub(start).Seconds()*r.PerSecond; float64(passed) > most+1e-6 {
			t.Fatalf("%d passed in %v, %.2f may", passed, now.Sub(start), most)
		}
	})
}

func TestTheMemoryOfCallersIsBounded(t *testing.T) {
	t.Parallel()
	b := newBuckets(Rate{PerSecond: 0.001, Burst: 1})
	b.take("first", start)
	for i := range 3 * bucketsMax {
		b.take(fmt.Sprint(i), start)
		if b.wait("first", start) == 0 {
			t.Fatal("one who keeps asking was forgotten")
		}
	}
	if n := b.held.size(); n != bucketsMax {
		t.Errorf("%d callers are remembered", n)
	}
}

func TestAPartOfEveryBoundIsKeptForWhatCannotWait(t *testing.T) {
	t.Parallel()
	l := New(Limits{Requests: Share{Total: 100, Account: 50, Address: 25}, Kept: 12}, func() time.Time { return start })
	account := func(urgent bool) (func(), error) { return l.Requests.Account("a", urgent) }
	address := func(urgent bool) (func(), error) { return l.Requests.Address("2001:db8:1:2::7", urgent) }
	for _, c := range []struct {
		name             string
		take             func(urgent bool) (func(), error)
		kind             fault.Kind
		code             string
		ordinary, urgent int
	}{
		{"all", l.Requests.One, fault.Unavailable, Busy, 88, 12},
		{"account", account, fault.TooMany, AccountShare, 44, 6},
		{"address", address, fault.TooMany, AddressShare, 22, 3},
	} {
		var backs []func()
		fill := func(urgent bool) (n int) {
			for {
				back, err := c.take(urgent)
				if err != nil {
					if f, _ := fault.As(err); f.Kind != c.kind || f.Code != c.code || f.RetryAfter <= 0 {
						t.Errorf("%s: refused with %v", c.name, err)
					}
					return n
				}
				n++
				backs = append(backs, back)
			}
		}
		if ordinary, urgent := fill(false), fill(true); ordinary != c.ordinary || urgent != c.urgent {
			t.Errorf("%s: %d and %d, want %d and %d", c.name, ordinary, urgent, c.ordinary, c.urgent)
		}
		for _, back := range backs {
			back()
		}
	}
	if n := len(l.Requests.held); n != 0 {
		t.Errorf("%d holders are remembered who hold nothing", n)
	}
}

func TestOneSideIsAnAccountOrAnAddress(t *testing.T) {
	t.Parallel()
	l := New(Limits{Streams: Share{Account: 1, Address: 1}}, func() time.Time { return start })
	for _, c := range []struct {
		address string
		free    bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", false}, {"::ffff:192.0.2.1", false}, {"192.0.2.2", true},
		{"2001:db8:1:2::1", true}, {"2001:db8:1:2:ffff::9", false}, {"2001:db8:1:3::1", true},
	} {
		if _, err := l.Streams.Address(c.address, false); (err == nil) != c.free {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	for range 3 { // nobody's account has no share
		if _, err := l.Streams.Account("", false); err != nil {
			t.Error(err)
		}
	}
}

func TestAProgramThatRunsAwayKeepsNobodyOfItsOfficeFromWhatCannotWait(t *testing.T) {
	t.Parallel()
	l := New(Limits{AccountRate: Rate{PerSecond: 1, Burst: 2}}, func() time.Time { return start })
	for i, want := range []bool{true, true, false} {
		if err := l.Ask("a", false); (err == nil) != want {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if err := l.Ask("a", true); err != nil {
		t.Error(err)
	}
}

func TestLackOfRoomIsTroubleUntilNobodyHasBeenRefusedForAWhile(t *testing.T) {
	t.Parallel()
	now := start
	limits := Limits{Requests: Share{Total: 1, Account: 1}, AccountRate: Rate{PerSecond: 1, Burst: 1}}
	l := New(limits, func() time.Time { return now })
	refuse := func(n int, take func() error) {
		for range n {
			_ = take() // the first is not refused
		}
	}
	account := func() error { _, err := l.Requests.Account("a", false); return err }
	refuse(1000, func() error { return l.Ask("a", false) })
	refuse(1+sharesMost, account)
	if text := l.Trouble(now); text != "" {
		t.Errorf("a few refusals: %q", text)
	}
	refuse(1, account)
	if text := l.Trouble(now); !strings.Contains(text, "101 requests") {
		t.Errorf("many refusals: %q", text)
	}
	now = now.Add(calm)
	if text := l.Trouble(now); text != "" {
		t.Errorf("calm again: %q", text)
	}
	refuse(2, func() error { _, err := l.Requests.One(false); return err })
	if text := l.Trouble(now); !strings.Contains(text, "everything was taken") {
		t.Errorf("everything is taken: %q", text)
	}
}

func TestLimitsAreSetByName(t *testing.T) {
	t.Parallel()
	l, err := Defaults().With(map[string]int{"requests-account": 7, "kept-percent": 0, "wrong-tokens-address": 0})
	want := Defaults()
	want.Requests.Account, want.Kept, want.AddressRate = 7, 0, Rate{}
	if err != nil || l != want {
		t.Errorf("%+v, %v", l, err)
	}
	for _, bad := range []map[string]int{{"requets": 1}, {"requests": -1}, {"kept-percent": 51}, {"body-seconds": 0}} {
		if _, err := Defaults().With(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	guide, err := os.ReadFile("../../docs/guides/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	d := Defaults()
	for name, n := range numbersOf(&d) {
		if row := "| `" + name + "` | " + strconv.Itoa(*n) + " |"; !strings.Contains(string(guide), row) {
			t.Errorf("the guide to deploying has no line %q", row)
		}
	}
}

func TestConnectionsBeyondTheShareOfAnAddressAreClosed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits Share
		exempt bool
		open   int
	}{
		"an address has its share": {Share{Total: 9, Address: 2}, false, 2},
		"a proxy speaks for many":  {Share{Total: 9, Address: 2}, true, 4},
		"everything is taken":      {Share{Total: 3, Address: 9}, false, 3},
	} {
		under, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		limiter := New(Limits{Connections: c.limits}, func() time.Time { return start })
		l := limiter.Listener(under, func(string) bool { return c.exempt })
		accepted := make(chan net.Conn, 9)
		var all sync.WaitGroup
		all.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- conn
			}
		})
		dial := func() net.Conn {
			conn, err := net.Dial("tcp", under.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			return conn
		}
		var held, ends []net.Conn
		for range c.open {
			ends = append(ends, dial())
			held = append(held, <-accepted)
		}
		if c.open < 4 {
			ends = append(ends, dial())
			if _, err := ends[c.open].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: one more connection is held: %v", name, err)
			}
		}
		_ = held[0].Close()
		_ = held[0].Close() // gives back once
		ends = append(ends, dial())
		held = append(held, <-accepted)
		for _, conn := range append(held, ends...) {
			_ = conn.Close()
		}
		_ = l.Close()
		all.Wait()
	}
}
