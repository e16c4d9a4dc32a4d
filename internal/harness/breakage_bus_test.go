package harness_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

func TestTheBusIsWipedUnderARunningServiceAndNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	records := app.Records{Data: filepath.Join(t.TempDir(), "data")}
	p := startProcess(t, orders{Records: records})
	far := NewReceiver(t)
	Subscribe(p.admin(), far, Object{"kinds": []string{"figure.reported"}})
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(p.admin(), []string{"ATG"}, nil)
	var mu sync.Mutex
	accepted := map[string]bool{}
	var hands sync.WaitGroup
	for h := range 4 {
		hands.Go(func() {
			for n := range 60 {
				a, err := maria.Try(http.MethodPost, maria.Path+"/figures", Figure("DMA", h*100+n, time.Now()))
				if err != nil || a.Status != http.StatusCreated {
					t.Errorf("%d %s %v", a.Status, a.Raw, err)
					return
				}
				mu.Lock()
				accepted[a.Str("id")] = true
				mu.Unlock()
				if h == 0 && n%20 == 10 { // three times, as thoroughly as an operator in a hurry
					wipe(t, filepath.Join(records.Data, "jetstream"))
				}
			}
		})
	}
	hands.Wait()
	far.Await("figure.reported", len(accepted))
	settled(t, p)
	seen, deliveries := map[string]bool{}, map[string]string{}
	for _, m := range far.Of("figure.reported") {
		seen[fmt.Sprint(Dig(m.Event.Data, "figure.id"))] = true
		if id, again := deliveries[m.Event.ID]; again && id != m.DeliveryID {
			t.Errorf("event %s came under two ids", m.Event.ID)
		}
		deliveries[m.Event.ID] = m.DeliveryID
	}
	for id := range accepted {
		if !seen[id] {
			t.Errorf("figure %s has not arrived", id)
		}
	}
	if len(deliveries) != len(accepted) {
		t.Errorf("%d events of %d figures", len(deliveries), len(accepted))
	}
	// The bus that it has now works: what is accepted from here on is told, and readiness says so.
	a := maria.Post(maria.Path+"/figures", Figure("DMA", 1000, time.Now())).Want(http.StatusCreated)
	Eventually(t, func() (bool, string) {
		for _, m := range far.Of("figure.reported") {
			if Dig(m.Event.Data, "figure.id") == a.Str("id") {
				return true, ""
			}
		}
		return false, "what is accepted afterwards does not arrive"
	})
	Eventually(t, func() (bool, string) {
		ready := maria.Get("/readyz")
		return ready.Status == http.StatusOK, string(ready.Raw)
	})
	settled(t, p)
	p.interrupt()
	verified(t, records)

	p = startProcess(t, orders{Records: records})
	settled(t, p)
	if again := len(far.Messages()); again != len(accepted)+1 {
		t.Errorf("%d messages after another start, %d figures", again, len(accepted)+1)
	}
	p.interrupt()
}

// wipe deletes a folder in which somebody else makes files at the same time.
func wipe(t *testing.T, dir string) {
	t.Helper()
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
	}
	t.Error(err)
}
