package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"landfall/internal/guard"
	"landfall/internal/ledger"
	"landfall/internal/relay"
	"landfall/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appended(stream string, seq int64, announced bool) ledger.Appended {
	a := ledger.Appended{Stream: ledger.Stream(stream), Seq: seq, Commit: store.Commit{Stream: stream, Seq: seq}}
	if announced {
		a.Announcements = []ledger.Announcement{{EventID: fmt.Sprintf("%s-%d", stream, seq)}}
	}
	return a
}

func TestWhatIsAcceptedIsPublishedInOrderBeforeStopReturns(t *testing.T) {
	var got []string
	r := relay.New(relay.Options{Publish: func(_ context.Context, batch []ledger.Appended) error {
		for _, a := range batch {
			got = append(got, a.Announcements[0].EventID)
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
	var got []store.Commit
	r := relay.New(relay.Options{
		Publish: func(_ context.Context, batch []ledger.Appended) error {
			if len(batch) != 1 {
				t.Errorf("%d published", len(batch))
			}
			return nil
		},
		Local: func(commits []store.Commit) { got = append(got, commits...) },
	})
	r.Accept(appended("journal/p/d", 1, false))
	r.Accept(appended("incident/a", 1, true))
	r.Stop()
	if len(got) != 1 || got[0].Stream != "journal/p/d" {
		t.Errorf("got %v", got)
	}
}

func TestAStuckBusNeverBlocksAndIsLeftToTheSweep(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := relay.New(relay.Options{Bound: 100_000, Publish: func(context.Context, []ledger.Appended) error {
		once.Do(func() { close(entered) })
		<-release
		return errors.New("no bus")
	}})
	r.Accept(appended("incident/a", 0, true))
	<-entered
	large := appended("incident/b", 1, true)
	large.Announcements[0].Alerts = []ledger.AlertCall{{Data: make([]byte, 60_000)}}
	r.Accept(large)
	for i := range int64(1000) {
		r.Accept(appended("incident/a", i+1, true))
	}
	held := r.Waiting()
	if held < 50 || held > 100 { // 40,000 bytes of small ones
		t.Errorf("%d in hand", held)
	}
	if large.Seq = 2; !r.InHand(store.Ref{Stream: "incident/b", Seq: 1}) || r.InHand(store.Ref{Stream: "incident/a", Seq: 1000}) {
		t.Error("the first was let go, or the last taken")
	}
	r.Accept(large)
	if r.InHand(store.Ref{Stream: "incident/b", Seq: 2}) {
		t.Error("a second large one was taken beyond the bound")
	}
	close(release)
	r.Stop()
	if r.Waiting() != 0 {
		t.Errorf("%d still in hand", r.Waiting())
	}
}

func TestAPanicWhilePublishingLosesNoOther(t *testing.T) {
	g := guard.New(slog.New(slog.DiscardHandler), nil)
	var got []string
	entered, release := make(chan struct{}), make(chan struct{})
	r := relay.New(relay.Options{Guard: g, Publish: func(_ context.Context, batch []ledger.Appended) error {
		if got = append(got, batch[0].Announcements[0].EventID); len(got) == 1 {
			close(entered)
			<-release
			panic("no such subject")
		}
		return nil
	}})
	r.Accept(appended("incident/a", 1, true))
	<-entered
	r.Accept(appended("incident/a", 2, true))
	close(release)
	r.Stop()
	if len(got) != 2 || r.Waiting() != 0 || g.Panics().Count != 1 {
		t.Errorf("published %v, %d in hand, panics %+v", got, r.Waiting(), g.Panics())
	}
}
