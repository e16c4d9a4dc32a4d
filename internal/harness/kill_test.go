package harness_test

import (
	"encoding/json"
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

func TestKilledInABurstWithTheReceiverDownAndTheBusDeletedNothingIsLostAndNoIdIsDoubled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	far := NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	told := orders{Records: app.Records{Data: dir}}
	p := startProcess(t, told)
	Subscribe(p.admin(), far, Object{"kinds": []string{"figure.reported"}})
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(p.admin(), []string{"ATG"}, nil)

	// Eight clients report figures until the line is dead. What was answered with 201 is accepted.
	var mu sync.Mutex
	accepted := map[string]bool{}
	enough := make(chan struct{})
	var once sync.Once
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for n := range 1000 {
				a, err := maria.Try(http.MethodPost, maria.Path+"/figures", Figure("DMA", c*1000+n, time.Now()), Key(fmt.Sprintf("%d-%d", c, n)))
				if err != nil {
					return
				}
				if a.Status != http.StatusCreated {
					t.Errorf("%d %s", a.Status, a.Raw)
					return
				}
				mu.Lock()
				accepted[a.Str("id")] = true
				if len(accepted) >= 300 {
					once.Do(func() { close(enough) })
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	p.kill()
	clients.Wait()
	if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	far.Answer(nil)

	p = startProcess(t, told)
	maria = maria.As(p.admin())
	Eventually(t, func() (bool, string) {
		arrived := map[string]bool{}
		for _, m := range far.Of("figure.reported") {
			arrived[fmt.Sprint(Dig(m.Event.Data, "figure.id"))] = true
		}
		missing := 0
		for id := range accepted {
			if !arrived[id] {
				missing++
			}
		}
		return missing == 0, fmt.Sprintf("%d of %d accepted changes have not arrived\n%s", missing, len(accepted), p.log)
	})
	deliveries := map[string]string{} // of each event
	for _, m := range far.Of("figure.reported") {
		if id, seen := deliveries[m.Event.ID]; seen && id != m.DeliveryID {
			t.Errorf("event %s came under two ids: %s and %s", m.Event.ID, id, m.DeliveryID)
		}
		deliveries[m.Event.ID] = m.DeliveryID
	}
	if kept := len(deliveries); kept < len(accepted) {
		t.Errorf("%d events of %d accepted changes", kept, len(accepted))
	}
	// The same requests, repeated by clients that got no answer, change nothing that was accepted.
	again := maria.Post(maria.Path+"/figures", json.RawMessage(`{}`), Key("0-0"))
	if again.Status != http.StatusBadRequest {
		t.Errorf("a bad request with a used key: %d", again.Status)
	}
	p.interrupt()
	verified(t, told.Records)
}
