package harness_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// The disk is a real one, of a few megabytes, that the child mounts for itself alone: everything in the data folder meets its end, the
// records, the bus and the files beside them.
func TestAFullDiskRefusesWritesGoesOnReadingAndRecoversByItself(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: only on Linux can a process mount a disk of its own")
	}
	dir := filepath.Join(t.TempDir(), "data")
	p := startProcess(t, orders{Records: app.Records{Data: dir}, Disk: 32 << 20})
	far := NewReceiver(t)
	Subscribe(p.admin(), far, Object{"kinds": []string{"figure.reported"}})
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(p.admin(), []string{"ATG"}, nil)
	accepted := map[string]bool{}
	report := func(n int) (status int) {
		t.Helper()
		a := maria.Post(maria.Path+"/figures", Figure("DMA", n, time.Now()), Key(fmt.Sprint("figure-", n)))
		switch a.Status {
		case http.StatusCreated:
			accepted[a.Str("id")] = true
		case http.StatusInsufficientStorage:
			if a.Str("code") != "disk_full" {
				t.Errorf("%s", a.Raw)
			}
		default:
			t.Fatalf("figure %d: %d %s", n, a.Status, a.Raw)
		}
		return a.Status
	}
	n := 0
	for ; n < 20; n++ {
		if report(n) != http.StatusCreated {
			t.Fatal("refused with space to spare")
		}
	}
	settled(t, p)

	if answer := p.tell("fill"); answer != "done" {
		t.Fatal(answer)
	}
	for ; report(n) != http.StatusInsufficientStorage; n++ { // what is reserved already is used up first
		if n > 20_000 {
			t.Fatal("a full disk takes everything")
		}
	}
	for range 3 {
		if report(n) != http.StatusInsufficientStorage {
			t.Error("a full disk takes a figure after it has refused one")
		}
	}
	if got := len(figures(maria)); got != len(accepted) {
		t.Errorf("while the disk is full, %d figures can be read; %d were accepted", got, len(accepted))
	}
	maria.Get("/api/v1/incidents").Want(http.StatusOK)
	maria.Get("/healthz").Want(http.StatusOK)
	if a := maria.Get("/readyz").Want(http.StatusServiceUnavailable); !strings.Contains(string(a.Raw), "disk") {
		t.Errorf("readyz: %s", a.Raw)
	}

	if answer := p.tell("empty"); answer != "done" {
		t.Fatal(answer)
	}
	Eventually(t, func() (bool, string) {
		a := maria.Get("/readyz")
		return a.Status == http.StatusOK, string(a.Raw)
	})
	for range 20 {
		if report(n) != http.StatusCreated { // the one that was refused first of all, with the same key
			t.Fatal("refused with space to spare again")
		}
		n++
	}
	far.Await("figure.reported", len(accepted))
	settled(t, p)
	for _, m := range far.Of("figure.reported") {
		if !accepted[fmt.Sprint(Dig(m.Event.Data, "figure.id"))] {
			t.Errorf("told of a figure that was refused: %s", m.Body)
		}
	}
	if got := len(figures(maria)); got != len(accepted) {
		t.Errorf("%d figures, %d were accepted", got, len(accepted))
	}
	if answer := p.tell("verify"); answer != "0 findings [], 0 behind" {
		t.Error(answer)
	}
	p.interrupt()
}

// figures reads all figures of an incident.
func figures(i *Incident) (all []Object) {
	for cursor := ""; ; {
		a := i.Get(i.Path + "/figures?limit=500" + cursor).Want(http.StatusOK)
		all = append(all, a.Items()...)
		if a.Str("next_cursor") == "" {
			return all
		}
		cursor = "&cursor=" + a.Str("next_cursor")
	}
}
