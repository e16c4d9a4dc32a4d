package bus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/bus"
	"landfall/internal/bus/bustest"
	"landfall/internal/fault"
)

// stranger is the system of a state, as its own people would write it, and what the server told it off for.
type stranger struct {
	conn *nats.Conn
	js   jetstream.JetStream

	mu      sync.Mutex
	refused []error
}

func (s *stranger) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.refused)
}

func newStranger(t *testing.T, url, state string) *stranger {
	t.Helper()
	s := &stranger{}
	var err error
	s.conn, err = nats.Connect(url, nats.UserInfo(state, "of "+state), nats.CustomInboxPrefix(bus.PartnerInbox(state)),
		nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused = append(s.refused, err)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.conn.Close)
	if s.js, err = jetstream.NewWithAPIPrefix(s.conn, bus.PartnerAPI); err != nil {
		t.Fatal(err)
	}
	return s
}

// withPartners starts servers with the accounts of PartnerConfig and opens a bus on them that publishes copies.
func withPartners(t *testing.T, nodes int, states ...string) (*bustest.Cluster, *bus.Bus) {
	t.Helper()
	text, err := bus.PartnerConfig(states...)
	if err != nil {
		t.Fatal(err)
	}
	text = "NATS_PASSWORD: \"ours\"\n" + text
	for _, s := range states {
		text = fmt.Sprintf("%s_BUS_PASSWORD: \"of %s\"\n%s", s, s, text)
	}
	servers := bustest.New(t, nodes, bustest.Config(text, "LANDFALL"))
	return servers, open(t, bus.Config{
		Keys: keys,
		URL:  asLandfall(servers.URL()), Copies: true, Replicas: min(nodes, 3), Now: time.Now, Log: quiet(),
	})
}

// asLandfall writes the user of the service into each address.
func asLandfall(url string) string {
	return strings.ReplaceAll(url, "nats://", "nats://landfall:ours@")
}

func forStates(id string, states ...string) bus.Message {
	m := message(id)
	m.For = states
	return m
}

// read takes n messages from the consumer of the state.
func (s *stranger) read(t *testing.T, state string, n int) (ids []string) {
	t.Helper()
	var consumer jetstream.Consumer
	poll(t, "the consumer", func() bool { // while one elects, nobody answers
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		consumer, err = s.js.Consumer(ctx, "LANDFALL_FOR", state)
		return err == nil
	})
	for limit := within(t); len(ids) < n && limit.Err() == nil; {
		batch, err := consumer.Fetch(n-len(ids), jetstream.FetchMaxWait(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			ids = append(ids, m.Headers().Get("Nats-Msg-Id"))
			if err := m.DoubleAck(within(t)); err != nil {
				t.Errorf("acknowledge: %v", err)
			}
			if want := "landfall.for." + state + ".actual.DMA.maria.step.overdue"; m.Subject() != want {
				t.Errorf("subject %s, want %s", m.Subject(), want)
			}
		}
	}
	return ids
}

func TestAStateReadsItsCopiesAndNobodyElses(t *testing.T) {
	servers, b := withPartners(t, 1, "DMA", "ATG")
	for _, state := range []string{"DMA", "ATG"} {
		if err := b.Partner(within(t), state); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, forStates("1", "DMA", "ATG"), forStates("2", "ATG"), forStates("3", "DMA", "DMA"), forStates("4"), forStates("5", "VCT"))
	dominica, antigua := newStranger(t, servers.URL(), "DMA"), newStranger(t, servers.URL(), "ATG")
	if got := dominica.read(t, "DMA", 2); !cmp.Equal(got, []string{"1.DMA", "3.DMA"}) {
		t.Errorf("DMA read %v", got)
	}
	if got := antigua.read(t, "ATG", 2); !cmp.Equal(got, []string{"1.ATG", "2.ATG"}) {
		t.Errorf("ATG read %v", got)
	}
	poll(t, "five copies", func() bool { return b.Copies() == bus.CopyCount{Published: 5} })
	if n := dominica.refusals() + antigua.refusals(); n > 0 {
		t.Errorf("%d refusals for doing what is allowed: %v %v", n, dominica.refused, antigua.refused)
	}
}

func TestAStateCanDoNothingElse(t *testing.T) {
	servers, b := withPartners(t, 1, "DMA", "ATG")
	for _, state := range []string{"DMA", "ATG"} {
		if err := b.Partner(within(t), state); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, forStates("1", "DMA", "ATG"), forStates("2", "ATG"))
	poll(t, "three copies", func() bool { return b.Copies().Published == 3 })
	s := newStranger(t, servers.URL(), "DMA")
	antigua := newStranger(t, servers.URL(), "ATG")
	before := state(t, servers)

	for _, subject := range []string{
		"landfall.>", "landfall.actual.>", "landfall.for.>", "landfall.for.DMA.>", "landfall.for.ATG.>", ">", "$JS.>", "_INBOX.>", "_INBOX_ATG.>",
		"$JS.EVENT.>", "$SYS.>", "_R_.>", "*.*.*",
	} {
		t.Run("subscribe to "+subject, func(t *testing.T) {
			was := s.refusals()
			sub, err := s.conn.SubscribeSync(subject)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sub.Unsubscribe() }()
			poll(t, "a refusal", func() bool { return s.refusals() > was })
		})
	}
	for name, try := range map[string]struct{ subject, body string }{
		"publish an event":              {"landfall.actual.DMA.maria.step.overdue", "{}"},
		"publish a copy":                {"landfall.for.ATG.actual.DMA.maria.step.overdue", "{}"},
		"publish a copy to itself":      {"landfall.for.DMA.actual.DMA.maria.step.overdue", "{}"},
		"write into another's inbox":    {"_INBOX_ATG.x", "{}"},
		"ask another's consumer":        {"$JS.API.CONSUMER.MSG.NEXT.LANDFALL_FOR.ATG", "1"},
		"ask the service's consumer":    {"$JS.API.CONSUMER.MSG.NEXT.LANDFALL.router", "1"},
		"acknowledge for another":       {"$JS.ACK.LANDFALL_FOR.ATG.1.1.1.1.0", ""},
		"look at another's consumer":    {"$JS.API.CONSUMER.INFO.LANDFALL_FOR.ATG", ""},
		"list consumers":                {"$JS.API.CONSUMER.LIST.LANDFALL_FOR", ""},
		"delete its consumer":           {"$JS.API.CONSUMER.DELETE.LANDFALL_FOR.DMA", ""},
		"make a consumer":               {"$JS.API.CONSUMER.CREATE.LANDFALL_FOR", `{"stream_name":"LANDFALL_FOR","config":{"ack_policy":"none"}}`},
		"make one with its filter":      {"$JS.API.CONSUMER.CREATE.LANDFALL_FOR.DMA.landfall.for.DMA.>", `{"stream_name":"LANDFALL_FOR","config":{"durable_name":"DMA","name":"DMA","filter_subject":"landfall.for.DMA.>"}}`},
		"make one with another filter":  {"$JS.API.CONSUMER.CREATE.LANDFALL_FOR.DMA.landfall.for.ATG.>", `{"stream_name":"LANDFALL_FOR","config":{"durable_name":"DMA","name":"DMA","filter_subject":"landfall.for.ATG.>"}}`},
		"make one with many filters":    {"$JS.API.CONSUMER.CREATE.LANDFALL_FOR.DMA", `{"stream_name":"LANDFALL_FOR","config":{"durable_name":"DMA","name":"DMA","filter_subjects":["landfall.for.DMA.>","landfall.for.ATG.>"]}}`},
		"make a durable the old way":    {"$JS.API.CONSUMER.DURABLE.CREATE.LANDFALL_FOR.DMA", `{"stream_name":"LANDFALL_FOR","config":{"durable_name":"DMA"}}`},
		"rewind its consumer":           {"$JS.API.CONSUMER.RESET.LANDFALL_FOR.DMA", ""},
		"get a message":                 {"$JS.API.STREAM.MSG.GET.LANDFALL_FOR", `{"seq":1}`},
		"get a message of the service":  {"$JS.API.STREAM.MSG.GET.LANDFALL", `{"seq":1}`},
		"get a message directly":        {"$JS.API.DIRECT.GET.LANDFALL_FOR", `{"seq":1}`},
		"get the last message directly": {"$JS.API.DIRECT.GET.LANDFALL_FOR.landfall.for.ATG.actual.DMA.maria.step.overdue", ""},
		"look at the stream":            {"$JS.API.STREAM.INFO.LANDFALL_FOR", ""},
		"list streams":                  {"$JS.API.STREAM.NAMES", ""},
		"purge":                         {"$JS.API.STREAM.PURGE.LANDFALL", ""},
		"delete":                        {"$JS.API.STREAM.DELETE.LANDFALL", ""},
		"make a stream":                 {"$JS.API.STREAM.CREATE.MINE", `{"name":"MINE","subjects":["landfall.>"]}`},
		"look at the account":           {"$JS.API.INFO", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, subject := range []string{try.subject, strings.Replace(try.subject, "$JS.API", bus.PartnerAPI, 1)} {
				was := s.refusals()
				reply := s.conn.NewRespInbox()
				answers, err := s.conn.SubscribeSync(reply)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = answers.Unsubscribe() })
				if err := s.conn.PublishRequest(subject, reply, []byte(try.body)); err != nil {
					t.Fatal(err)
				}
				poll(t, "a refusal", func() bool { return s.refusals() > was })
				if n, _, _ := answers.Pending(); n > 0 {
					t.Error("there was an answer")
				}
			}
		})
	}
	// What a request is answered with goes where the request says. Here, it must stay within the account of the state.
	heard, err := antigua.conn.SubscribeSync(bus.PartnerInbox("ATG") + ".>")
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{
		"landfall.actual.DMA.maria.step.overdue", "landfall.for.ATG.actual.DMA.maria.step.overdue", "_INBOX_ATG.x",
		"$JS.API.STREAM.PURGE.LANDFALL", "$JS.API.STREAM.DELETE.LANDFALL", "$JS.API.CONSUMER.MSG.NEXT.LANDFALL_FOR.ATG", "$JS.ACK.LANDFALL_FOR.ATG.1.1.1.1.0",
	} {
		for _, subject := range []string{bus.PartnerAPI + ".CONSUMER.MSG.NEXT.LANDFALL_FOR.DMA", bus.PartnerAPI + ".CONSUMER.INFO.LANDFALL_FOR.DMA"} {
			if err := s.conn.PublishRequest(subject, reply, []byte(`{"batch":1,"no_wait":true}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.conn.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.Consumer(within(t), "LANDFALL_FOR", "DMA"); err != nil { // answered after everything asked before
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, servers)); diff != "" {
		t.Errorf("the streams changed:\n%s", diff)
	}
	if n, _, _ := heard.Pending(); n > 0 {
		t.Errorf("%d messages in the inbox of another state", n)
	}
	if got := antigua.read(t, "ATG", 2); !cmp.Equal(got, []string{"1.ATG", "2.ATG"}) {
		t.Errorf("ATG read %v", got)
	}
}

// state is what lies in the streams, and what the consumers have asked for.
func state(t *testing.T, servers *bustest.Cluster) map[string]uint64 {
	t.Helper()
	js := plain(t, asLandfall(servers.URL()))
	out := map[string]uint64{}
	for _, name := range []string{"LANDFALL", "LANDFALL_FOR"} {
		stream, err := js.Stream(within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = stream.CachedInfo().State.Msgs
		out[name+" last"] = stream.CachedInfo().State.LastSeq
	}
	consumer, err := js.Consumer(within(t), "LANDFALL_FOR", "ATG")
	if err != nil {
		t.Fatal(err)
	}
	out["ATG delivered"] = consumer.CachedInfo().Delivered.Consumer
	return out
}

func TestAStateReadsOnWhileAServerDies(t *testing.T) {
	t.Parallel()
	servers, b := withPartners(t, 3, "DMA")
	publish(t, b, forStates("1", "DMA"))
	poll(t, "a copy", func() bool { return b.Copies().Published == 1 })
	s := newStranger(t, servers.URL(), "DMA")
	if got := s.read(t, "DMA", 1); len(got) != 1 {
		t.Fatalf("read %v", got)
	}
	servers.Kill(servers.StreamLeader("LANDFALL_FOR"))
	last := ""
	poll(t, "a copy after the election", func() bool { // until then copies are missed, which is allowed
		was := b.Copies()
		last = fmt.Sprint(was.Published, was.Missed)
		if err := b.Publish(within(t), []bus.Message{forStates(last, "DMA")}); err != nil {
			return false
		}
		poll(t, "word of the copy", func() bool { return b.Copies() != was })
		return b.Copies().Published > was.Published
	})
	for !slices.Contains(s.read(t, "DMA", 1), last+".DMA") {
		if t.Context().Err() != nil {
			t.Fatal("the copy did not arrive")
		}
	}
}

func TestAStateCannotAcknowledgeForAnother(t *testing.T) {
	servers, b := withPartners(t, 1, "DMA", "ATG")
	if err := b.Partner(within(t), "DMA"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, forStates("1", "ATG"))
	poll(t, "a copy", func() bool { return b.Copies().Published == 1 })
	dominica, antigua := newStranger(t, servers.URL(), "DMA"), newStranger(t, servers.URL(), "ATG")
	consumer, err := antigua.js.Consumer(within(t), "LANDFALL_FOR", "ATG")
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	// "Nothing there" is an empty message, and so is an acknowledgement.
	ask := bus.PartnerAPI + ".CONSUMER.MSG.NEXT.LANDFALL_FOR.DMA"
	if err := dominica.conn.PublishRequest(ask, m.Reply(), []byte(`{"batch":1,"no_wait":true}`)); err != nil {
		t.Fatal(err)
	}
	poll(t, "a refusal", func() bool { return dominica.refusals() == 1 })
	if info, err := consumer.Info(within(t)); err != nil || info.NumAckPending != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestTheProgramOfTheGuideFollows(t *testing.T) {
	servers, b := withPartners(t, 1, "DMA")
	if err := b.Partner(within(t), "DMA"); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(within(t))
	ids, ended := make(chan string, 10), make(chan error, 1)
	refusals := 1
	go func() {
		ended <- follow(ctx, servers.URL(), "of DMA", func(id string, _ []byte) error {
			ids <- id
			if refusals--; refusals >= 0 {
				return errors.New("the disk is full")
			}
			return nil
		})
	}()
	publish(t, b, forStates("1", "DMA"), forStates("2", "DMA"))
	got := []string{<-ids, <-ids}
	if !cmp.Equal(got, []string{"1.DMA", "2.DMA"}) {
		t.Errorf("got %v", got)
	}
	consumer, err := plain(t, asLandfall(servers.URL())).Consumer(within(t), "LANDFALL_FOR", "DMA")
	if err != nil {
		t.Fatal(err)
	}
	poll(t, "one of two acknowledged", func() bool {
		info, err := consumer.Info(within(t))
		return err == nil && info.NumAckPending == 1 && info.Delivered.Consumer == 2
	})
	leave()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheGuideShowsWhatIsTrue(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/partners.md")
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := bus.PartnerConfig("ATG", "DMA")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("partner_client_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(source), "// guide: begin\n")
	program, _, _ = strings.Cut(program, "\n// guide: end")
	for what, text := range map[string]string{"PartnerConfig(ATG, DMA)": accounts, "the program of partner_client_test.go": program} {
		if len(text) == 0 || !strings.Contains(string(guide), text+"```\n") {
			t.Errorf("the guide does not show %s:\n%s", what, text)
		}
	}
}

func TestPartnersAreStates(t *testing.T) {
	for _, bad := range []string{"", "dma", "DM", "DMAA", "D*A", "D.A", ">", "ÅND"} {
		if may, err := bus.PartnerPermissions(bad); !fault.Is(err, fault.Invalid) || len(may.Publish)+len(may.Subscribe) > 0 {
			t.Errorf("%q may %+v, %v", bad, may, err)
		}
		if text, err := bus.PartnerConfig("DMA", bad); err == nil {
			t.Errorf("%q: %s", bad, text)
		}
	}
	one, err := bus.PartnerConfig("DMA", "ATG", "DMA")
	two, err2 := bus.PartnerConfig("ATG", "DMA")
	if errors.Join(err, err2) != nil || one != two {
		t.Error("the same states give another text")
	}
}
