package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"landfall/internal/ledger"
	"landfall/internal/relay"
	"landfall/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appended(stream string, seq int64, announced bool) ledger.Appended {
	a := ledger.Appended{Stream: ledger.Stream(stream), Seq: seq}
	if announced {
		a.Announcements = []ledger.Announcement{{EventID: fmt.Sprintf("%s-%d", stream, seq)}}
	}
	return a
}

func TestWhatIsAcceptedIsPublishedInOrderBeforeStopReturns(t *testing.T) {
	var got []string
	r := relay.New(relay.Options{Publish: func(_ context.Context, batch []ledger.Announcement) error {
		for _, a := range batch {
			got = append(got, a.EventID)
		}
		return nil
	}})
	var want []string
	for i := range int64(2000) {
		r.Accept(appended("incident/a", i, true))
		want = append(want, fmt.Sprintf("incident/a-%d", i))
	}
	r.Stop()
	r.Stop()
	if !slices.Equal(got, want) {
		t.Errorf("%d published of %d", len(got), len(want))
	}
	r.Accept(appended("incident/a", 9999, true))
	if r.Waiting() != 0 {
		t.Error("a stopped relay took a commit in hand")
	}
}

func TestCommitsNobodyAnnouncesGoToTheNotifierDirectly(t *testing.T) {
	var got []store.Ref
	r := relay.New(relay.Options{
		Publish: func(_ context.Context, batch []ledger.Announcement) error {
			if len(batch) != 1 {
				t.Errorf("%d published", len(batch))
			}
			return nil
		},
		Local: func(refs []store.Ref) { got = append(got, refs...) },
	})
	r.Accept(appended("journal/p/d", 1, false))
	r.Accept(appended("incident/a", 1, true))
	r.Stop()
	if len(got) != 1 || got[0] != (store.Ref{Stream: "journal/p/d", Seq: 1}) {
		t.Errorf("got %v", got)
	}
}

func TestAStuckBusNeverBlocksAndIsLeftToTheSweep(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := relay.New(relay.Options{Bound: 10, Publish: func(context.Context, []ledger.Announcement) error {
		once.Do(func() { close(entered) })
		<-release
		return errors.New("no bus")
	}})
	r.Accept(appended("incident/a", 0, true))
	<-entered
	for i := range int64(100) {
		r.Accept(appended("incident/a", i+1, true))
	}
	if r.Waiting() != 11 || !r.InHand(store.Ref{Stream: "incident/a", Seq: 1}) || r.InHand(store.Ref{Stream: "incident/a", Seq: 99}) {
		t.Errorf("%d in hand", r.Waiting())
	}
	close(release)
	r.Stop()
	if r.Waiting() != 0 {
		t.Errorf("%d still in hand", r.Waiting())
	}
}
