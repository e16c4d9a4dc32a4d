package bus_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/bus"
	"landfall/internal/bus/bustest"
	"landfall/internal/fault"
)

// on is the configuration of a bus on servers of somebody else.
func on(url string, replicas int) bus.Config {
	return bus.Config{Keys: keys, URL: url, Replicas: replicas, Now: time.Now, Log: quiet()}
}

// refusal opens a bus that must not open, whatever it waits for.
func refusal(t *testing.T, cfg bus.Config) error {
	t.Helper()
	return refusalWithin(t, patience, cfg)
}

// refusalWithin is refusal for what is tried as long as it may.
func refusalWithin(t *testing.T, limit time.Duration, cfg bus.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	b, err := bus.Open(ctx, cfg)
	if err == nil {
		shut(t, b)
		t.Fatal("it opened")
	}
	return err
}

func TestServersThatAreAwayAreNamedWithoutWhatAdmitsToThem(t *testing.T) {
	t.Parallel()
	err := refusalWithin(t, time.Second, on("nats://landfall:very-secret@127.0.0.1:1,tls://token-secret@localhost:2", 3))
	f, ok := fault.As(err)
	if !ok || f.Kind != fault.Unavailable || f.Code != "bus_unreachable" || !strings.Contains(f.Detail, "nats://127.0.0.1:1, tls://localhost:2") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the secret is in %q", err)
	}
	for _, bad := range []string{"nats://u:very-secret%zz@host", "http://h:1", "nats://", "nats://h:1,,", "nats://h/secret", "nats://h:port-secret"} {
		err := refusal(t, on(bad, 1))
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestOpenWaitsForServersOnTheirWayUp(t *testing.T) {
	servers := bustest.New(t, 1)
	servers.Stop(0)
	opened := make(chan error, 1)
	go func() {
		b, err := bus.Open(within(t), on(servers.URL(), 1))
		if err == nil {
			err = b.Close(within(t))
		}
		opened <- err
	}()
	if err := servers.Start(0); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestCredentialsAdmit(t *testing.T) {
	servers, others := bustest.New(t, 1, bustest.Operator()), bustest.New(t, 1, bustest.Operator())
	cfg := on(servers.URL(), 1)
	if err := refusal(t, cfg); fault.CodeOf(err) != "bus_refused" {
		t.Errorf("without credentials: %v", err)
	}
	var err error
	if cfg.Credentials, err = others.Credentials("stranger"); err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, cfg); fault.CodeOf(err) != "bus_refused" {
		t.Errorf("with credentials of another operator: %v", err)
	}
	if cfg.Credentials, err = servers.Credentials("landfall"); err != nil {
		t.Fatal(err)
	}
	b := open(t, cfg)
	in := newInbox()
	consume(t, b, in)
	publish(t, b, message("one"))
	in.until(t, "the message", func() bool { return in.count("one") == 1 })
	cfg.Credentials = filepath.Join(t.TempDir(), "absent.creds")
	if err := refusal(t, cfg); !fault.Is(err, fault.Invalid) {
		t.Errorf("without the file: %v", err)
	}
}

func TestPasswordsAdmitAndAreNotTold(t *testing.T) {
	servers := bustest.New(t, 1, bustest.Config(`authorization { users: [{ user: landfall, password: "right-secret" }] }`, "$G"))
	as := func(password string) string {
		return strings.Replace(servers.URL(), "nats://", "nats://landfall:"+password+"@", 1)
	}
	open(t, on(as("right-secret"), 1))
	err := refusal(t, on(as("wrong-secret"), 1))
	if fault.CodeOf(err) != "bus_refused" || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestTLSIsCheckedAgainstTheGivenAuthority(t *testing.T) {
	servers, unsafe := bustest.New(t, 1, bustest.TLS()), bustest.New(t, 1)
	cfg := on(servers.URL(), 1)
	if !strings.HasPrefix(cfg.URL, "tls://") {
		t.Fatal(cfg.URL)
	}
	if err := refusal(t, cfg); fault.CodeOf(err) != "bus_tls" {
		t.Errorf("without the authority: %v", err)
	}
	cfg.CA = servers.CA()
	b := open(t, cfg)
	publish(t, b, message("one"))

	cfg = on(unsafe.URL(), 1)
	cfg.CA = servers.CA()
	if err := refusal(t, cfg); fault.CodeOf(err) != "bus_tls" {
		t.Errorf("a server that speaks no TLS: %v", err)
	}
	cfg.CA = filepath.Join(t.TempDir(), "absent.pem")
	if err := refusal(t, cfg); !fault.Is(err, fault.Invalid) {
		t.Errorf("without the file: %v", err)
	}
	cfg = config(t.TempDir())
	cfg.CA = servers.CA()
	if err := refusal(t, cfg); !fault.Is(err, fault.Invalid) {
		t.Errorf("an authority for an embedded server: %v", err)
	}
}

func TestAStreamOfOthersIsBroughtToOursOrRefused(t *testing.T) {
	ours := []string{"landfall.actual.>", "landfall.exercise.>"}
	for name, c := range map[string]struct {
		have jetstream.StreamConfig
		code string // of the refusal; empty: brought to ours
		says string
	}{
		"smaller":                               {have: jetstream.StreamConfig{MaxMsgs: 5, MaxBytes: 1000, MaxAge: time.Hour, MaxMsgSize: 10, MaxMsgsPerSubject: 1}},
		"refuses when full":                     {have: jetstream.StreamConfig{MaxMsgs: 5, Discard: jetstream.DiscardNew}},
		"other subjects":                        {have: jetstream.StreamConfig{Subjects: []string{"landfall.actual.>"}}},
		"no answers":                            {have: jetstream.StreamConfig{NoAck: true}},
		"by interest":                           {have: jetstream.StreamConfig{Retention: jetstream.InterestPolicy}},
		"notes and compression of the operator": {have: jetstream.StreamConfig{Metadata: map[string]string{"owner": "it"}, Compression: jetstream.S2Compression}},
		"in memory":                             {have: jetstream.StreamConfig{Storage: jetstream.MemoryStorage}, code: "bus_stream", says: "memory"},
		"work queue":                            {have: jetstream.StreamConfig{Retention: jetstream.WorkQueuePolicy}, code: "bus_stream", says: "work queue"},
		"no purging":                            {have: jetstream.StreamConfig{DenyPurge: true}, code: "bus_stream", says: "purged"},
		"sealed":                                {have: jetstream.StreamConfig{Sealed: true}, code: "bus_stream", says: "sealed"},
		"another's subjects":                    {have: jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"landfall.>"}}, code: "bus_subjects", says: "Another stream"},
	} {
		t.Run(name, func(t *testing.T) {
			servers := bustest.New(t, 1) // its own: a server removes a stream's files a while after it says so
			js := plain(t, servers.URL())
			have := c.have
			sealed := have.Sealed
			have.Sealed = false
			if have.Name == "" {
				have.Name = "LANDFALL"
			}
			if have.Subjects == nil {
				have.Subjects = ours
			}
			if _, err := js.CreateStream(within(t), have); err != nil {
				t.Fatal(err)
			}
			if have.Sealed = sealed; sealed {
				if _, err := js.UpdateStream(within(t), have); err != nil {
					t.Fatal(err)
				}
			}
			if c.code != "" {
				err := refusal(t, on(servers.URL(), 1))
				if f, ok := fault.As(err); !ok || f.Kind != fault.State || f.Code != c.code || !strings.Contains(f.Detail, c.says) {
					t.Errorf("got %v", err)
				}
				return
			}
			b := open(t, on(servers.URL(), 1))
			defer shut(t, b)
			publish(t, b, messages("m", 20)...)
			if info, err := b.Info(within(t)); err != nil || info.Messages != 20 || b.Continuity() != bus.Kept || info.Incarnation == "" {
				t.Errorf("%+v, %v, %v", info, b.Continuity(), err)
			}
			stream, err := js.Stream(within(t), "LANDFALL")
			if err != nil {
				t.Fatal(err)
			}
			got := stream.CachedInfo().Config
			if !cmp.Equal(got.Subjects, ours) || got.MaxAge != 30*24*time.Hour || got.MaxBytes != 1<<30 || got.Retention != jetstream.LimitsPolicy {
				t.Errorf("the stream is %+v", got)
			}
			if got.Metadata["owner"] != c.have.Metadata["owner"] || got.Compression != c.have.Compression {
				t.Errorf("what is the operator's was changed: %+v", got)
			}
		})
	}
	if err := refusal(t, on(bustest.New(t, 1).URL(), 3)); fault.CodeOf(err) != "bus_replicas" {
		t.Errorf("three copies on one server: %v", err)
	}
}

func TestProcessesThatStartTogetherMakeOneStream(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 3)
	const processes = 6
	opened := make([]*bus.Bus, processes)
	var wg sync.WaitGroup
	for i := range opened {
		wg.Go(func() {
			var err error
			if opened[i], err = bus.Open(within(t), on(servers.NodeURL(i%3), 3)); err != nil {
				t.Errorf("process %d: %v", i, err)
				return
			}
			t.Cleanup(func() { closeAfter(t, opened[i]) })
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	fresh := 0
	for _, b := range opened {
		if b.Continuity() == bus.Fresh {
			fresh++
		}
		if err := b.Ready(within(t)); err != nil || b.Incarnation() != opened[0].Incarnation() {
			t.Errorf("incarnation %s, %v", b.Incarnation(), err)
		}
	}
	if fresh != 1 {
		t.Errorf("%d of them made the stream", fresh)
	}
	if n := replicas(t, servers, "LANDFALL"); n != 3 {
		t.Errorf("%d copies of the stream", n)
	}
}

func replicas(t *testing.T, servers *bustest.Cluster, name string) int {
	t.Helper()
	stream, err := plain(t, servers.URL()).Stream(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Config.Replicas
}

func TestCopiesOfTheStreamGrowAndDoNotShrink(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 3)
	if err := refusalWithin(t, 4*time.Second, on(servers.URL(), 5)); fault.CodeOf(err) != "bus_no_room" {
		t.Errorf("five copies on three servers: %v", err)
	}
	first := open(t, on(servers.URL(), 1))
	reserve(t, first)
	publish(t, first, message("one"))
	for _, step := range []struct{ want, have, warned int }{{1, 1, 0}, {3, 3, 0}, {5, 3, 1}, {1, 3, 0}} {
		log := &journal{}
		cfg := on(servers.URL(), step.want)
		cfg.Log = log.logger()
		b := open(t, cfg)
		for range 3 {
			if err := b.Ready(within(t)); err != nil {
				t.Error(err)
			}
		}
		publish(t, b, message(fmt.Sprint(step)))
		if n := replicas(t, servers, "LANDFALL"); n != step.have || len(log.about("no room")) != step.warned {
			t.Errorf("%d wanted: %d copies, logged %q", step.want, n, log.about(""))
		}
		if b.Continuity() != bus.Kept || b.Incarnation() != first.Incarnation() {
			t.Errorf("%d wanted: %v", step.want, b.Continuity())
		}
	}
	in := newInbox()
	consume(t, first, in)
	in.until(t, "all messages", func() bool { return in.distinct() == 5 })
}

func TestALostStreamIsNoticedAfterReconnecting(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 1)
	b := open(t, on(servers.URL(), 1))
	in := newInbox()
	consume(t, b, in)
	f := events(t, b, "")
	publish(t, b, message("before"))
	in.until(t, "the message", func() bool { return in.count("before") == 1 })
	expect(t, f, "before")
	was := b.Incarnation()
	servers.Stop(0)
	removeAll(t, servers.Dir(0))
	if err := servers.Start(0); err != nil {
		t.Fatal(err)
	}
	poll(t, "another incarnation, without anything published", func() bool { return b.Incarnation() != was })
	publish(t, b, message("after"))
	in.until(t, "the next message", func() bool { return in.count("after") == 1 })
	if !next(t, f).Reset {
		t.Error("the feed goes on")
	}
}

// memory is what servers had in their folders at some moment.
type memory struct{ dirs []string }

// remember copies the folders as they are, as a power cut leaves them: what had been written, not what was about to be.
func remember(t *testing.T, servers *bustest.Cluster, written string) memory {
	t.Helper()
	var m memory
	for i := range servers.Nodes() {
		poll(t, written+" in the files", func() bool {
			for _, path := range files(t, servers.Dir(i), "/streams/LANDFALL/msgs/") {
				if raw, err := os.ReadFile(path); err == nil && strings.Contains(string(raw), `{"n":"`+written+`"}`) {
					return true
				}
			}
			return false
		})
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.CopyFS(dir, os.DirFS(servers.Dir(i))); err != nil {
			t.Fatal(err)
		}
		m.dirs = append(m.dirs, dir)
	}
	return m
}

// relive lets the servers forget what came after, in those folders below their own that the patterns name.
func (m memory) relive(t *testing.T, servers *bustest.Cluster, patterns ...string) {
	t.Helper()
	stop(servers)
	for i, dir := range m.dirs {
		for _, pattern := range patterns {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(found) == 0 {
				t.Fatalf("nothing is at %s: %v", pattern, err)
			}
			for _, then := range found {
				now := filepath.Join(servers.Dir(i), strings.TrimPrefix(then, dir))
				removeAll(t, now)
				if err := os.CopyFS(now, os.DirFS(then)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	start(t, servers)
}

func stop(servers *bustest.Cluster) {
	for i := range servers.Nodes() {
		servers.Stop(i)
	}
}

// start starts all servers at once: one alone has nobody to be ready with.
func start(t *testing.T, servers *bustest.Cluster) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range servers.Nodes() {
		wg.Go(func() {
			if err := servers.Start(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAStreamThatWentBackIsANewIncarnation(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 1)
	log := &journal{}
	cfg := on(servers.URL(), 1)
	cfg.Log = log.logger()
	b := open(t, cfg)
	other := open(t, on(servers.URL(), 1)) // publishes nothing
	reserve(t, b)
	publish(t, b, messages("early", 50)...)
	early := remember(t, servers, "early-49")
	stop(servers)
	start(t, servers)
	poll(t, "the server", func() bool { return b.Ready(within(t)) == nil && other.Ready(within(t)) == nil })
	if loud := log.about("went back"); len(loud) > 0 {
		t.Fatalf("a server that was updated: %q", loud)
	}
	in := newInbox()
	consume(t, b, in)
	publish(t, b, messages("late", 50)...)
	in.until(t, "all messages", func() bool { return in.distinct() == 100 })
	was := b.Incarnation()

	early.relive(t, servers, ".")
	poll(t, "another incarnation", func() bool {
		return b.Incarnation() != was && other.Ready(within(t)) == nil && other.Incarnation() != was
	})
	publish(t, b, messages("again", 10)...)
	in.until(t, "the messages after", func() bool { return in.count("again-9") > 0 })
	if b.Incarnation() != other.Incarnation() {
		poll(t, "one incarnation", func() bool {
			return b.Ready(within(t)) == nil && other.Ready(within(t)) == nil && b.Incarnation() == other.Incarnation()
		})
	}
}

func TestAStreamThatWentBackWhileNobodyWatchedIsDoubtful(t *testing.T) {
	t.Parallel()
	servers := bustest.New(t, 3)
	b := open(t, on(servers.URL(), 3))
	in := newInbox()
	consume(t, b, in)
	publish(t, b, messages("early", 50)...)
	in.until(t, "the messages", func() bool { return in.distinct() == 50 })
	early := remember(t, servers, "early-49")
	publish(t, b, messages("late", 50)...)
	in.until(t, "all messages", func() bool { return in.distinct() == 100 })
	poll(t, "the acknowledgements", func() bool {
		lag, err := b.Lag(within(t), "router")
		return err == nil && lag == bus.Lag{}
	})
	was := b.Incarnation()
	shut(t, b)
	// The stream's files were synced before, those of the consumer after.
	early.relive(t, servers, "jetstream/$G/streams/LANDFALL/msgs", "jetstream/$SYS/_js_/S-R3F-*")

	b = open(t, on(servers.URL(), 3))
	if b.Continuity() != bus.Doubtful || b.Incarnation() == was {
		t.Errorf("%v, same incarnation %v", b.Continuity(), b.Incarnation() == was)
	}
	consume(t, b, in)
	publish(t, b, messages("again", 10)...)
	in.until(t, "the messages after", func() bool {
		for i := range 10 {
			if in.count(fmt.Sprintf("again-%d", i)) == 0 {
				return false
			}
		}
		return true
	})
}
