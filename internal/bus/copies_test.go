package bus_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/bus"
	"landfall/internal/fault"
)

func TestUnnamingAndErasingReachTheCopies(t *testing.T) {
	b := open(t, copying(t.TempDir()))
	at := func(exercise bool, incident, id string, states ...string) bus.Message {
		return bus.Message{Subject: bus.Subject(exercise, "DMA", incident, "step.done.v1"), ID: id, Body: []byte("{}"), For: states}
	}
	publish(t, b, at(false, "maria", "1", "DMA", "ATG"), at(true, "maria", "2", "DMA"), at(false, "erika", "3", "DMA", "ATG"), at(false, "maria", "4", "ATG"))
	if err := b.PurgeFor(within(t), "DMA", "maria"); err != nil { // waiting or not
		t.Fatal(err)
	}
	poll(t, "the copies", func() bool { return copiesIn(t, b) == "ATG.erika ATG.maria DMA.erika" })
	if err := b.Purge(within(t), "landfall.*.*.maria"); err != nil {
		t.Fatal(err)
	}
	if got := copiesIn(t, b); got != "ATG.erika DMA.erika" {
		t.Errorf("after erasing: %s", got)
	}
	if info, err := b.Info(within(t)); err != nil || info.Messages != 1 {
		t.Errorf("info %+v, %v", info, err)
	}
	if err := b.Purge(within(t), "landfall"); err != nil {
		t.Fatal(err)
	}
	if got := copiesIn(t, b); got != "" {
		t.Errorf("after erasing all: %s", got)
	}
	for _, bad := range [][2]string{{"dma", "maria"}, {"*", "maria"}, {"DMA", "*"}, {"DMA", ">"}, {"DMA", ""}, {"DMA", "a.b"}} {
		if err := b.PurgeFor(within(t), bad[0], bad[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := b.Partner(within(t), "Dominica"); !fault.Is(err, fault.Invalid) {
		t.Errorf("an odd state: %v", err)
	}
}

func TestErasingWithoutCopiesReachesThoseOfBefore(t *testing.T) {
	cfg := copying(t.TempDir())
	b := open(t, cfg)
	publish(t, b, forStates("1", "DMA"))
	poll(t, "a copy", func() bool { return b.Copies().Published == 1 })
	shut(t, b)
	cfg.Copies = false
	b = open(t, cfg)
	publish(t, b, forStates("2", "DMA"))
	if got := copiesIn(t, b); got != "DMA.maria" {
		t.Fatalf("copies: %s", got)
	}
	if err := b.Purge(within(t), "landfall.*.*.maria"); err != nil {
		t.Fatal(err)
	}
	if got := copiesIn(t, b); got != "" {
		t.Errorf("copies: %s", got)
	}
}

func TestCopiesNeverFailAPublish(t *testing.T) {
	log := &journal{}
	cfg := copying(t.TempDir())
	cfg.Log = log.logger()
	b := open(t, cfg)
	publish(t, b, forStates("1", "DMA", "nowhere", "*", "ORG-CDEMA"))
	poll(t, "the count", func() bool { return b.Copies() == bus.CopyCount{Published: 1, Missed: 3} })
	js := outside(t, b)
	if err := js.DeleteStream(within(t), "LANDFALL_FOR"); err != nil {
		t.Fatal(err)
	}
	// The server removes the files a while after it says so.
	poll(t, "the files of the stream gone", func() bool {
		found, err := filepath.Glob(filepath.Join(cfg.Dir, "jetstream", "*", "streams", "LANDFALL_FOR"))
		return err == nil && len(found) == 0
	})
	// Somebody else's stream has the name and cannot be made ours.
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "LANDFALL_FOR", Storage: jetstream.MemoryStorage, Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	publish(t, b, forStates("2", "DMA"), forStates("3", "DMA"))
	poll(t, "the count", func() bool { return b.Copies() == bus.CopyCount{Published: 1, Missed: 5} })
	if loud := log.about("copies for states"); len(loud) != 2 {
		t.Errorf("logged %q", loud)
	}
	if err := js.DeleteStream(within(t), "LANDFALL_FOR"); err != nil {
		t.Fatal(err)
	}
	publish(t, b, forStates("4", "DMA"))
	poll(t, "a copy in a stream made again", func() bool { return b.Copies().Published == 2 })
	if _, err := js.Consumer(within(t), "LANDFALL_FOR", "DMA"); err != nil {
		t.Errorf("the state's consumer: %v", err)
	}
}

func TestWhatWaitsIsPublishedBeforeCloseReturns(t *testing.T) {
	cfg := copying(t.TempDir())
	b := open(t, cfg)
	var msgs []bus.Message
	for i := range 1000 {
		msgs = append(msgs, forStates(fmt.Sprint(i), "DMA", "ATG"))
	}
	publish(t, b, msgs...)
	shut(t, b)
	if got := b.Copies(); got != (bus.CopyCount{Published: 2000}) {
		t.Errorf("%+v", got)
	}
	publishErr := b.Publish(t.Context(), msgs)
	if fault.CodeOf(publishErr) != "bus_closed" {
		t.Errorf("after close: %v", publishErr)
	}
}
