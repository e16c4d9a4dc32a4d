package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

// press sends a form with one of its buttons.
func press(f *harness.Form, button string) *harness.Sheet {
	f.Values.Set("go", button)
	return f.Send()
}

// incidentOf gives the id of the incident that a page or its redirect belongs to.
func incidentOf(t *testing.T, s *harness.Sheet) string {
	t.Helper()
	parts := strings.Split(s.URL.Path, "/")
	if len(parts) < 3 || len(parts[2]) != 36 {
		t.Fatalf("%s is no page of an incident:\n%s", s.URL, s.Text())
	}
	return parts[2]
}

// wantAt fails the test unless a form led on to this address.
func wantAt(t *testing.T, s *harness.Sheet, path, done string) {
	t.Helper()
	if s.URL.Path != path || s.URL.Query().Get("done") != done {
		t.Fatalf("led to %s, want %s?done=%s\n%s", s.URL, path, done, s.Text())
	}
}

// touched counts the fields that somebody has to touch.
type touched struct {
	form   *harness.Form
	fields map[string]bool
}

func (c *touched) fill(name string, values ...string) *touched {
	c.form.Fill(name, values...)
	c.fields[name] = true
	return c
}

// local gives an instant as a form of a state at UTC-4 holds it.
func local(t time.Time) string { return t.In(time.FixedZone("", -4*3600)).Format("2006-01-02T15:04") }

// workMaria is an open incident of Dominica that names Saint Lucia and Antigua.
func workMaria(w *harness.World, fields harness.Object) (dma *harness.Client, i *harness.Incident) {
	dma = w.Account("DMA", "coordinator")
	return dma, w.Maria(dma, []string{"LCA", "ATG"}, fields)
}

// reachable gives each party an address that wants everything.
func reachable(t *testing.T, w *harness.World, parties ...string) {
	t.Helper()
	for _, p := range parties {
		harness.Subscribe(w.Account(p, "official"), harness.NewReceiver(t), harness.Object{"exercise": "include"})
	}
}

// page gives the address of a form of an incident.
func page(i *harness.Incident, form string) string { return "/incidents/" + i.ID + "/" + form }

// movement announces a movement over REST and gives its id.
func movement(w *harness.World, i *harness.Incident, to string) string {
	now := w.Clock.Now().Truncate(time.Minute)
	return i.Post(i.Path+"/movements", harness.Object{
		"mode": "sea", "to": harness.Object{"party": to}, "departs_at": now.Add(time.Hour), "eta": now.Add(5 * time.Hour),
		"people": harness.Object{"total": 120},
	}).Want(http.StatusCreated).Str("id")
}
