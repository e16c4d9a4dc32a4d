package harness_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// A service is killed, and the log of its database is lost before it is started again: what the
// head of its start covers is gone, and so is what came after it, of which only the bus knows.
func TestALostLogOfTheDatabaseIsNamedAtTheNextStart(t *testing.T) {
	t.Parallel()
	o := orders{Records: app.Records{Data: filepath.Join(t.TempDir(), "data")}}
	first := startProcess(t, o)
	first.interrupt() // the log is written back into the database
	p := startProcess(t, o)
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(p.admin(), []string{"ATG"}, nil)
	for n := range 13 {
		maria.Post(maria.Path+"/figures", Figure("DMA", n, time.Now())).Want(http.StatusCreated)
	}
	settled(t, p)
	p.kill()
	for _, name := range []string{"landfall.db-wal", "landfall.db-shm"} {
		if err := os.Remove(filepath.Join(o.Records.Data, name)); err != nil {
			t.Fatal(err)
		}
	}
	p = startProcess(t, o)
	lost := p.admin().Get("/api/v1/heads?limit=10").Want(http.StatusOK)
	text := fmt.Sprint(lost.Items())
	for _, want := range []string{"head/service", "incident/" + maria.ID} {
		if !strings.Contains(text, want) {
			t.Errorf("no head says that %s lost anything: %s", want, text)
		}
	}
	Eventually(t, func() (bool, string) {
		status := p.admin().Get("/api/v1/operation").Want(http.StatusOK)
		return strings.Contains(string(status.Raw), "records_lost") && status.Body["epoch"] != 0.0, string(status.Raw)
	})
	p.interrupt()
	verified(t, o.Records)
}
