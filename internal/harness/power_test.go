package harness_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

const powerBooted = 8 // cuts of which the first also serve again

func TestAPowerCutAtAnyMomentOfABurstTakesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	w := NewOnFolder(t, func(o *app.Options) { o.Now, o.NoSchedule = time.Now, false })
	w.Clock = NewClock(time.Now())
	far := NewReceiver(t)
	Subscribe(w.Admin, far, Object{"kinds": []string{"figure.reported"}})
	maria := w.Maria(w.Admin, []string{"ATG"}, nil)
	b := burst(t, w, far, maria)
	w.Halt()

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d; %d answered; asked of the disk: %s", seed, len(b.answered), b.tape)
	n := 200 // each opened and verified
	if raced {
		n = 20
	}
	cuts := make([]powerCut, n)
	slots := make(chan struct{}, 4)
	var all sync.WaitGroup
	for n := range cuts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			dice := rand.New(rand.NewPCG(seed, uint64(n)))
			c := powerCut{moment: dice.IntN(len(b.tape.log) + 1), left: filepath.Join(t.TempDir(), "data")}
			before := t.Failed()
			if err := errors.Join(os.Mkdir(c.left, 0o700), b.tape.cut(c.left, c.moment, dice)); err != nil {
				t.Error(err)
				return
			}
			if err := os.CopyFS(filepath.Join(c.left, "heads"), os.DirFS(b.heads)); err != nil {
				t.Error(err)
			}
			b.standsIn(t, c.left, maria.ID, c.moment)
			if t.Failed() && !before {
				t.Errorf("power cut %d, after %d of %d requests to the disk", n, c.moment, len(b.tape.log))
			}
			var err error
			if n < powerBooted {
				err = survivors(w.Dir, c.left, dice)
			} else {
				err = os.RemoveAll(c.left)
			}
			if err != nil {
				t.Error(err)
			}
			cuts[n] = c
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}

	// Who serves again from what is left finishes what was begun: every figure that was answered arrives, or had arrived.
	children := make([]*process, powerBooted)
	for n := range children {
		children[n] = startProcess(t, orders{Records: app.Records{Data: cuts[n].left}, Version: fmt.Sprint("cut-", n)})
	}
	for n, p := range children {
		settled(t, p)
		moment := cuts[n].moment
		arrived := map[string]bool{}
		for _, m := range far.Of("figure.reported") {
			early, before := b.arrived[m.DeliveryID]
			if before && early <= moment || m.Header.Get("User-Agent") == fmt.Sprint("Landfall/cut-", n) {
				arrived[fmt.Sprint(Dig(m.Event.Data, "figure.id"))] = true
			}
		}
		for id, at := range b.answered {
			if at <= moment && !arrived[id] {
				t.Errorf("served again after cut %d, figure %s does not arrive", n, id)
			}
		}
		p.interrupt()
		verified(t, app.Records{Data: cuts[n].left})
	}
	ids := map[string]string{} // event → delivery
	for _, m := range far.Messages() {
		if id, seen := ids[m.Event.ID]; seen && id != m.DeliveryID {
			t.Errorf("event %s came under two ids: %s and %s", m.Event.ID, id, m.DeliveryID)
		}
		ids[m.Event.ID] = m.DeliveryID
	}
}

// powerCut is one instant at which the power failed, and the folder with what the disk then held.
type powerCut struct {
	moment int
	left   string
}

// told is a burst of figures and the recording of the disk meanwhile.
type told struct {
	tape     recording
	answered map[string]int // figure → moment of the disk at which somebody had the answer
	arrived  map[string]int // delivery → moment of the disk at which it came
	heads    string         // copy of the signed heads from before it
}

// burst lets eight hands report figures while the disk is recorded.
func burst(t *testing.T, w *World, far *Receiver, maria *Incident) told {
	t.Helper()
	b := told{answered: map[string]int{}, arrived: map[string]int{}}
	var mu sync.Mutex
	far.Answer(func(_ int, rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		b.arrived[r.Header.Get("Webhook-Id")] = disk.moment()
		mu.Unlock()
		rw.WriteHeader(http.StatusNoContent)
	})
	b.heads = filepath.Join(t.TempDir(), "heads")
	if err := os.CopyFS(b.heads, os.DirFS(filepath.Join(w.Dir, "heads"))); err != nil {
		t.Fatal(err)
	}
	disk.watch(t, w.Dir)
	var hands sync.WaitGroup
	for h := range 8 {
		hands.Go(func() {
			for n := range 25 {
				a, err := maria.Try(http.MethodPost, maria.Path+"/figures", Figure("DMA", h*100+n, time.Now()))
				if err != nil || a.Status != http.StatusCreated {
					t.Errorf("%d %s %v", a.Status, a.Raw, err)
					return
				}
				mu.Lock()
				b.answered[a.Str("id")] = disk.moment()
				mu.Unlock()
			}
		})
	}
	hands.Wait()
	far.Await("figure.reported", len(b.answered))
	b.tape = disk.stop()
	far.Answer(nil)
	return b
}

// standsIn opens the records in dir and fails the test unless they verify, hold everything that was answered before the moment, and call
// nothing delivered that had not arrived.
func (b told) standsIn(t *testing.T, dir, incident string, moment int) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "landfall.db"), app.Kinds(), sqlite.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	commits, err := s.ReadStream(t.Context(), "incident/"+incident, 0, 0)
	if err != nil {
		t.Error(err)
	}
	there := map[string]bool{}
	for _, c := range commits {
		for _, id := range anyID.FindAll(c.Body, -1) {
			there[string(id)] = true
		}
	}
	for id, at := range b.answered {
		if at <= moment && !there[id] {
			t.Errorf("figure %s was answered after request %d and is gone", id, at)
		}
	}
	page, err := s.Find(t.Context(), store.Query{Kind: "delivery", Limit: 10_000})
	if err != nil {
		t.Error(err)
	}
	for _, d := range page.Docs {
		var v struct{ Status string }
		if err := json.Unmarshal(d.Body, &v); err != nil {
			t.Error(err)
		}
		if at, came := b.arrived[d.ID]; v.Status == "delivered" && (!came || at > moment) {
			t.Errorf("delivery %s is called delivered and had not arrived", d.ID)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	report, err := app.Verify(t.Context(), app.Records{Data: dir}, app.Against{}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil || len(report.Findings) > 0 || report.Commits == 0 {
		t.Errorf("verify: %d commits, %v, %v", report.Commits, report.Findings, err)
	}
}

// survivors gives a folder the other files of a service: those that are synced when they are made, and of the bus, which syncs every
// two minutes, nothing, or its files with their ends cut off.
func survivors(from, to string, dice *rand.Rand) error {
	busLost := dice.IntN(2) == 0
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(from, path)
		if err != nil || strings.HasPrefix(name, "landfall.db") || name == "lock" || name == "pid" || strings.HasPrefix(name, "heads") {
			return err
		}
		bus := strings.HasPrefix(name, "jetstream")
		switch {
		case bus && busLost:
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		held, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bus && dice.IntN(2) == 0 {
			held = held[:dice.IntN(len(held)+1)]
		}
		return os.WriteFile(filepath.Join(to, name), held, 0o600)
	})
}
