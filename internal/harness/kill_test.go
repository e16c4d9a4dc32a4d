package harness_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// childFolder is the variable that makes this test binary a Landfall of its own, to be killed.
const childFolder = "LANDFALL_TEST_CHILD_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child serves from dir until it is interrupted, or killed.
func child(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	a, err := app.Start(ctx, app.Options{
		Records: app.Records{Data: dir}, Listen: "127.0.0.1:0", Now: time.Now, WebhookAllowPrivate: true, Version: "test",
		Retries: []time.Duration{500 * time.Millisecond, time.Second, time.Second, 2 * time.Second, 2 * time.Second, 5 * time.Second, 5 * time.Second},
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	fmt.Println(a.URL())
	<-ctx.Done()
	return a.Stop(context.WithoutCancel(ctx))
}

// process is a child Landfall.
type process struct {
	cmd *exec.Cmd
	url string
	log *Log
}

func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), log: &Log{}}
	p.cmd.Env = append(os.Environ(), childFolder+"="+dir)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child did not come up: %v\n%s", err, p.log)
	}
	p.url = strings.TrimSpace(line)
	return p
}

// kill ends the process as a power cut does: it gets no chance to do anything.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func TestKilledInABurstWithTheReceiverDownAndTheBusDeletedNothingIsLostAndNoIdIsDoubled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	far := NewReceiver(t)
	far.Fail(http.StatusServiceUnavailable)
	p := startProcess(t, dir)
	token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	admin := NewClient(t, func() string { return p.url }, strings.TrimSpace(string(token)))
	Subscribe(admin, far, Object{"kinds": []string{"figure.reported"}})
	maria := (&World{T: t, Clock: NewClock(time.Now())}).Maria(admin, []string{"ATG"}, nil)

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

	p = startProcess(t, dir)
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
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("graceful stop: %v\n%s", err, p.log)
	}
	report, err := app.Verify(t.Context(), app.Records{Data: dir}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("verify: %v %v", report.Findings, err)
	}
}
