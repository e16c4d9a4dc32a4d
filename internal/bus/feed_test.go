package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/bus"
	"landfall/internal/fault"
)

func events(t testing.TB, b *bus.Bus, after string, filter ...string) *bus.Feed {
	t.Helper()
	f, err := b.Events(within(t), after, filter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func next(t testing.TB, f *bus.Feed) bus.Item {
	t.Helper()
	item, err := f.Next(within(t))
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return item
}

// expect wants the next item to be the message with the id, and gives its position.
func expect(t testing.TB, f *bus.Feed, id string) string {
	t.Helper()
	item := next(t, f)
	if item.Reset || item.Message.ID != id {
		t.Fatalf("got %+v, want message %s", item, id)
	}
	return item.ID
}

// nothing wants no item to be there. What precedes it in the stream must have been seen on another feed.
func nothing(t testing.TB, f *bus.Feed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if item, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %+v, %v", item, err)
	}
}

func TestAFeedGoesOnBehindTheLastEventSeen(t *testing.T) {
	cfg := config(t.TempDir())
	b := open(t, cfg)
	publish(t, b, message("early"))
	live := events(t, b, "")
	publish(t, b, messages("m", 5)...)
	expect(t, live, "m-0")
	seen := expect(t, live, "m-1")
	if !strings.HasPrefix(seen, b.Incarnation()+"-") {
		t.Errorf("position %q does not name the incarnation %s", seen, b.Incarnation())
	}
	live.Close()
	again := events(t, b, seen)
	expect(t, again, "m-2")
	expect(t, again, "m-3")
	last := expect(t, again, "m-4")
	nothing(t, events(t, b, last))
	shut(t, b)

	b = open(t, cfg)
	if b.Continuity() != bus.Kept {
		t.Errorf("continuity %v after a clean stop", b.Continuity())
	}
	restarted := events(t, b, seen)
	expect(t, restarted, "m-2")
}

func TestAnUnknownPositionGivesAResetAndThenLiveEvents(t *testing.T) {
	b := open(t, config(t.TempDir()))
	live := events(t, b, "")
	publish(t, b, message("before"))
	now := expect(t, live, "before")
	for name, after := range map[string]string{
		"another incarnation": "abcdefghij-1", "the future": b.Incarnation() + "-99", "no number": b.Incarnation() + "-x",
		"a leading zero": b.Incarnation() + "-01", "a sign": b.Incarnation() + "-+1", "no dash": b.Incarnation(), "garbage": "\x00\xff",
		"a number too large": b.Incarnation() + "-18446744073709551616", "very long": strings.Repeat("9", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			f := events(t, b, after)
			if item := next(t, f); !item.Reset || item.Message.ID != "" || !strings.HasPrefix(item.ID, b.Incarnation()+"-") {
				t.Fatalf("got %+v", item)
			}
			publish(t, b, message(name))
			expect(t, f, name)
		})
	}
	if f := events(t, b, now); next(t, f).Reset {
		t.Error("a known position gave a reset")
	}
}

func TestAFeedSeesOnlyItsSubjects(t *testing.T) {
	b := open(t, config(t.TempDir()))
	all, real, maria := events(t, b, ""), events(t, b, "", "landfall.actual.>"), events(t, b, "", "landfall.*.*.maria.>")
	at := func(exercise bool, incident, id string) bus.Message {
		return bus.Message{Subject: bus.Subject(exercise, "DMA", incident, "step.done.v1"), ID: id, Body: []byte("{}")}
	}
	publish(t, b, at(false, "maria", "1"))
	publish(t, b, at(true, "maria", "2"))
	publish(t, b, at(false, "erika", "3"))
	for _, id := range []string{"1", "2", "3"} {
		expect(t, all, id)
	}
	expect(t, real, "1")
	expect(t, real, "3")
	nothing(t, real)
	expect(t, maria, "1")
	expect(t, maria, "2")
	nothing(t, maria)
	for _, filter := range []string{"", "a..b", ">.x"} {
		if _, err := b.Events(within(t), "", []string{filter}); !fault.Is(err, fault.Invalid) {
			t.Errorf("filter %q: %v", filter, err)
		}
	}
}

func TestASlowReaderGetsAResetAndHoldsUpNobody(t *testing.T) {
	b := open(t, config(t.TempDir()))
	slow, quick, narrow := events(t, b, ""), events(t, b, ""), events(t, b, "", "landfall.exercise.>")
	publish(t, b, message("first"))
	start := expect(t, slow, "first")
	expect(t, quick, "first")
	const total = 6000
	for n := range total / 500 {
		publish(t, b, messages(fmt.Sprint(n), 500)...)
		for i := range 500 {
			expect(t, quick, fmt.Sprintf("%d-%d", n, i))
		}
	}
	item := next(t, slow)
	if !item.Reset {
		t.Fatalf("got %+v", item)
	}
	publish(t, b, message("last"))
	expect(t, slow, "last")
	expect(t, quick, "last")
	drill := message("drill")
	drill.Subject = bus.Subject(true, "DMA", "maria", "step.done.v1")
	publish(t, b, drill)
	expect(t, narrow, "drill") // waited through everything that was not for it, without a reset
	if !next(t, events(t, b, start)).Reset {
		t.Error("a position too far back gave no reset")
	}
}

func TestManyFeedsShareOneConsumer(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Listen, cfg.Token = "127.0.0.1:0", "secret"
	b := open(t, cfg)
	publish(t, b, messages("old", 100)...)
	first := b.Incarnation() + "-50"
	var wg sync.WaitGroup
	for range 256 {
		f := events(t, b, first)
		wg.Go(func() {
			for i := 50; i < 200; i++ {
				want := fmt.Sprintf("old-%d", i)
				if i >= 100 {
					want = fmt.Sprintf("new-%d", i-100)
				}
				if item, err := f.Next(t.Context()); err != nil || item.Message.ID != want {
					t.Errorf("got %+v, %v, want %s", item, err, want)
					return
				}
			}
		})
	}
	publish(t, b, messages("new", 100)...)
	wg.Wait()
	stream, err := outside(t, b).Stream(within(t), "LANDFALL")
	if err != nil || stream.CachedInfo().State.Consumers != 1 {
		t.Errorf("%d consumers, %v", stream.CachedInfo().State.Consumers, err)
	}
}

func TestPurgedMessagesAreNotGivenOutAgain(t *testing.T) {
	b := open(t, config(t.TempDir()))
	live := events(t, b, "")
	keep := message("keep")
	keep.Subject = bus.Subject(false, "ATG", "irma", "step.done.v1")
	publish(t, b, message("start"), message("erase"), keep)
	start := expect(t, live, "start")
	expect(t, live, "erase")
	expect(t, live, "keep")
	if err := b.Purge(within(t), "landfall.actual.DMA"); err != nil {
		t.Fatal(err)
	}
	expect(t, events(t, b, start), "keep")
}

func TestAFeedEndsWhenItOrTheBusIsClosed(t *testing.T) {
	b := open(t, config(t.TempDir()))
	one, two := events(t, b, ""), events(t, b, "")
	ended := make(chan error, 2)
	for _, f := range []*bus.Feed{one, two} {
		go func() {
			_, err := f.Next(t.Context())
			ended <- err
		}()
	}
	one.Close()
	one.Close()
	if err := <-ended; fault.CodeOf(err) != "bus_closed" {
		t.Errorf("closed feed: %v", err)
	}
	shut(t, b)
	if err := <-ended; fault.CodeOf(err) != "bus_closed" {
		t.Errorf("closed bus: %v", err)
	}
	if _, err := b.Events(t.Context(), "", nil); fault.CodeOf(err) != "bus_closed" {
		t.Errorf("feed of a closed bus: %v", err)
	}
}
