package harness_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

func TestATraceLeadsFromTheRequestToEveryDeliveryItCaused(t *testing.T) {
	var mu sync.Mutex
	var sent [][]byte // whole exports, as they came
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, body)
	}))
	t.Cleanup(collector.Close)
	w := New(t, func(o *app.Options) { o.OTLPEndpoint = collector.URL })
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far := NewReceiver(t)
	Subscribe(antigua, far, nil)
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	dominica.Do(http.MethodPost, maria.Path+"/activate", Object{
		"protocol": "hurricane", "anchors": Object{"LANDFALL": Object{"at": w.Clock.Now().Add(54 * hour).Truncate(time.Second), "kind": "forecast"}},
	}, Header{Name: "traceparent", Value: "00-" + trace + "-00f067aa0ba902b7-01"}).Want(http.StatusOK)
	far.Await("incident.activated", 1)
	far.Await("alert.raised", 2) // of being named, and of the activation
	w.Halt()                     // sends what is left

	requests, deliveries := 0, 0
	for _, export := range sent {
		var e struct {
			ResourceSpans []struct {
				ScopeSpans []struct {
					Spans []struct{ TraceID, ParentSpanID, Name string }
				}
			}
		}
		if err := json.Unmarshal(export, &e); err != nil {
			t.Fatal(err)
		}
		for _, r := range e.ResourceSpans {
			for _, scope := range r.ScopeSpans {
				for _, span := range scope.Spans {
					switch {
					case span.TraceID != trace || span.ParentSpanID == "":
					case strings.HasSuffix(span.Name, "/activate"):
						requests++
					case span.Name == "deliver webhook":
						deliveries++
					}
				}
			}
		}
	}
	if requests != 1 || deliveries < 2 {
		t.Errorf("the trace has %d requests and %d deliveries, want 1 and those of the activation and of the alert", requests, deliveries)
	}
}

func TestARestoredServiceSendsNothingUntilItIsReleasedAndThenWhatWasOwed(t *testing.T) {
	w := NewOnFolder(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far := NewReceiver(t)
	Subscribe(antigua, far, Object{"kinds": []string{"figure.reported", "step.overdue"}})
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Activate(w.Clock.Now().Add(54 * hour))
	far.Fail(http.StatusServiceUnavailable)
	figure := maria.Post(maria.Path+"/figures", Figure("DMA", 300, w.Clock.Now())).Want(http.StatusCreated)
	Eventually(t, func() (bool, string) { return far.Asked() > 0, "never asked" })
	etag := maria.Get(maria.Path).Want(http.StatusOK).ETag()

	file := filepath.Join(t.TempDir(), "today.backup")
	records := app.Records{Data: w.Dir}
	if _, err := app.Backup(t.Context(), records, "", file, Backup(w), Quiet()); err != nil {
		t.Fatal(err)
	}
	// The machine is lost; another one gets the backup and, from where it is kept, the key.
	w.Halt()
	key, err := os.ReadFile(filepath.Join(w.Dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(w.Dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.Dir); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := app.Restore(t.Context(), records, strings.TrimSpace(string(key)), f, Backup(w), Quiet()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"secret.key": key, "admin.token": token} {
		if err := os.WriteFile(filepath.Join(w.Dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	far.Answer(nil)
	before := far.Asked()
	w.Boot()
	w.Pass(3 * hour) // steps fall due meanwhile
	if far.Asked() != before {
		t.Error("a held service sends")
	}
	for _, alarm := range w.App.Alarms() { // what waits is no trouble of its own while the service is held
		if slices.Contains([]string{"pending_old", "undelivered_old", "due_late"}, alarm.Code) {
			t.Errorf("the alarm %s: %s", alarm.Code, alarm.Text)
		}
	}
	status := w.Admin.Get("/api/v1/operation").Want(http.StatusOK)
	if status.Body["held"] != true || Dig(status.Body, "would_fire.deliveries") == nil {
		t.Errorf("operation: %s", status.Raw)
	}
	// A tab from before the loss overwrites nothing.
	if a := maria.Do(http.MethodPut, maria.Path+"/receivers", Object{"receivers": []string{"LCA"}}, IfMatch(etag)); a.Status != http.StatusPreconditionFailed {
		t.Errorf("an ETag of the lost service: %d %s", a.Status, a.Raw)
	}
	w.Admin.Post("/api/v1/operation/release", Object{}).Want(http.StatusOK)
	w.Pass(time.Second)
	if got := Dig(far.Await("figure.reported", 1)[0].Event.Data, "figure.id"); got != figure.Str("id") {
		t.Errorf("the figure that was owed is %v", got)
	}
	far.Await("step.overdue", 1)
	w.Verify()
}
