package harness_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

func TestWithoutFileDescriptorsItKeepsWhatItAcceptedAndRecoversWhenThereAreSome(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: only on Linux is a process so bounded here")
	}
	const files = 80
	records := app.Records{Data: filepath.Join(t.TempDir(), "data")}
	p := startProcess(t, orders{Records: records, Files: files})
	far := NewReceiver(t)
	far.Answer(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // every attempt needs a connection of its own
		w.WriteHeader(http.StatusNoContent)
	})
	Subscribe(p.admin(), far, Object{"kinds": []string{"figure.reported"}})
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(p.admin(), []string{"ATG"}, nil)
	accepted := map[string]bool{}
	report := func(n int) (bool, string) {
		a, err := maria.Try(http.MethodPost, maria.Path+"/figures", Figure("DMA", n, time.Now()), Key(fmt.Sprint("figure-", n)))
		if err != nil {
			return false, err.Error()
		}
		if a.Status == http.StatusCreated {
			accepted[a.Str("id")] = true
		}
		return a.Status == http.StatusCreated, string(a.Raw)
	}
	if ok, why := report(0); !ok {
		t.Fatal(why)
	}
	settled(t, p)

	// Many come and say nothing. The clients that are there already go on as far as it goes; whatever they are answered must hold.
	at, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	var idle []net.Conn
	for range 300 {
		c, err := net.DialTimeout("tcp", at.Host, time.Second)
		if err != nil {
			break // nobody takes it any more, not even the kernel
		}
		idle = append(idle, c)
	}
	if len(idle) < files {
		t.Fatalf("only %d came", len(idle))
	}
	Eventually(t, func() (bool, string) {
		held, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		return len(held) >= files, fmt.Sprintf("%d files are open, %v", len(held), err)
	})
	var refused []int
	for n := range 20 {
		if ok, why := report(n + 1); !ok {
			refused = append(refused, n+1)
			t.Logf("figure %d: %s", n+1, why)
		}
	}
	if p.ended() {
		t.Fatalf("the service ended: %v\n%s", p.err, p.log)
	}
	for _, c := range idle {
		_ = c.Close()
	}

	for _, n := range refused {
		Eventually(t, func() (bool, string) { return report(n) })
	}
	if ok, why := report(21); !ok {
		t.Errorf("after they are gone: %s", why)
	}
	far.Await("figure.reported", len(accepted))
	settled(t, p)
	if got := len(figures(maria)); got != len(accepted) || got != 22 {
		t.Errorf("%d figures, %d were accepted", got, len(accepted))
	}
	maria.Get("/readyz").Want(http.StatusOK)
	p.interrupt()
	verified(t, records)
}
