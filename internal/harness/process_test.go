package harness_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// childOrders is the variable that makes this test binary a Landfall of its own, to be broken.
const childOrders = "LANDFALL_TEST_CHILD"

// orders are what a child is told.
type orders struct {
	Records app.Records
	Die     string        // point at which it ends itself, once it is armed; "" for never
	Hit     int           // at which passing of that point, from 1
	Armed   bool          // from its start on; else when it is told "arm"
	Files   int           // how many files it may have open; 0 for the usual
	Disk    int           // how many bytes its data folder takes: a disk of its own, seen by nobody else; 0 for the usual
	Ahead   time.Duration // of the true time, by which its clock is wrong
	Version string        // that it calls itself; "" for "test"

	Command string // that it carries out instead of serving; "" serves
	File    string // that the command is given
}

// greeting is the first line a child says.
type greeting struct {
	URL   string
	Token string // of the first account, when this start made it
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childOrders); text != "" {
		if err := child(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	disk.install()
	// Children mostly wait for time to pass: more of them than there are processors may run beside each other. Under the race detector
	// their starts keep processors busy.
	parallel := "12"
	if raced {
		parallel = "4"
	}
	flag.Parse()
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// child serves until it is interrupted, or killed, or its parent is gone. It greets, answers each command with a line, and says
// at the end how often it passed each point.
func child(text string, commands io.Reader, out io.Writer) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	if o.Command != "" {
		return commandChild(o)
	}
	if err := confine(o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w := &walker{die: o.Die, hit: o.Hit, armed: o.Armed, passed: map[string]int{}}
	a, err := app.Start(ctx, app.Options{
		Records: o.Records, Listen: "127.0.0.1:0", Now: func() time.Time { return time.Now().Add(o.Ahead) }, WebhookAllowPrivate: true, Version: cmp.Or(o.Version, "test"),
		Retries: []time.Duration{500 * time.Millisecond, time.Second, time.Second, 2 * time.Second, 2 * time.Second, 5 * time.Second, 5 * time.Second},
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		At:      w.at, HeadEvery: time.Millisecond, MetricsEvery: time.Nanosecond,
	})
	if err != nil {
		return err
	}
	say := json.NewEncoder(out)
	err = say.Encode(greeting{URL: a.URL(), Token: a.FirstToken()})
	go func() {
		defer stop() // nobody is there any more to interrupt it
		for lines := bufio.NewScanner(commands); lines.Scan(); {
			if say.Encode(obey(lines.Text(), o, w, a)) != nil {
				return
			}
		}
	}()
	select {
	case <-ctx.Done():
	case fatal := <-a.Fatal():
		err = errors.Join(err, fatal)
	}
	err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	return errors.Join(err, say.Encode(w.counts()))
}

// obey carries out one command of the parent and gives the answer.
func obey(command string, o orders, w *walker, a *app.App) (answer string) {
	ballast := filepath.Join(o.Records.Data, "ballast")
	var err error
	switch command {
	case "arm":
		w.arm()
	case "heads":
		err = a.RunOnce(context.Background(), command)
	case "fill": // until the very last block is taken
		err = os.WriteFile(ballast, make([]byte, o.Disk), 0o600)
		if errors.Is(err, syscall.ENOSPC) {
			err = nil
		}
	case "empty":
		err = os.Remove(ballast)
	case "verify":
		var report app.Report
		if report, err = app.Verify(context.Background(), o.Records, app.Against{}, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			return fmt.Sprintf("%d findings %v, %d behind", len(report.Findings), report.Findings, report.Behind)
		}
	default:
		err = errors.ErrUnsupported
	}
	if err != nil {
		return err.Error()
	}
	return "done"
}

// walker counts the points that a process passes, and ends the process at one of them.
type walker struct {
	die string
	hit int

	mu     sync.Mutex
	armed  bool
	passed map[string]int
}

func (w *walker) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = true
}

func (w *walker) at(point string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.armed {
		return
	}
	w.passed[point]++
	if point == w.die && w.passed[point] == w.hit {
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
		select {} // whoever comes here, or to any other point, goes no step further
	}
}

func (w *walker) counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.passed)
}

// process is a child Landfall.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *Log // what it says
	log   *Log // what it logs
	url   string
	token string        // of the first account
	over  chan struct{} // closed when it has ended
	err   error         // how; once over is closed
}

func startProcess(t *testing.T, o orders) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0]), out: &Log{}, log: &Log{}, over: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childOrders+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if o.Disk > 0 {
		separate(p.cmd)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.over)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of process %d:\n%s", p.cmd.Process.Pid, p.log)
		}
	})
	var hello greeting
	line, ok := p.said(0)
	if !ok && !o.Armed { // who is armed may die before it serves
		t.Fatalf("the child ended: %v\n%s", p.err, p.log)
	}
	if err := json.Unmarshal([]byte(line), &hello); ok && err != nil {
		t.Fatal(err)
	}
	if p.url = hello.URL; hello.Token == "" {
		file, err := os.ReadFile(filepath.Join(o.Records.Data, "admin.token"))
		if err != nil {
			t.Fatal(err)
		}
		hello.Token = strings.TrimSpace(string(file))
	}
	p.token = hello.Token
	return p
}

// admin gives a client with the first account's token.
func (p *process) admin() *Client { return NewClient(p.t, func() string { return p.url }, p.token) }

// said waits for the n-th line (from 0) that the child says; false when it ends before.
func (p *process) said(n int) (line string, ok bool) {
	p.t.Helper()
	Eventually(p.t, func() (bool, string) {
		lines := strings.SplitAfter(p.out.String(), "\n")
		if len(lines) > n+1 {
			line, ok = strings.TrimSpace(lines[n]), true
			return true, ""
		}
		return p.ended(), "the child does not say a word"
	})
	return line, ok
}

// tell gives the child a command and its answer. One at a time.
func (p *process) tell(command string) (answer string) {
	p.t.Helper()
	before := strings.Count(p.out.String(), "\n")
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		p.t.Fatal(err)
	}
	line, ok := p.said(before)
	if err := json.Unmarshal([]byte(line), &answer); !ok || err != nil {
		p.t.Fatalf("%q after %s: %v", line, command, err)
	}
	return answer
}

// ended reports whether the child is gone.
func (p *process) ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// kill ends the process as the kernel does when memory is short: it gets no chance to do anything.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.over
}

// interrupt ends the process in good order and gives how often it passed each point.
func (p *process) interrupt() (passed map[string]int) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.over:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the child does not stop\n%s", p.log)
	}
	if p.err != nil {
		p.t.Fatalf("graceful stop: %v\n%s", p.err, p.log)
	}
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &passed); err != nil {
		p.t.Fatal(err)
	}
	return passed
}

// gauge reads one value from what the service tells an operator; false when it is not there.
func gauge(metrics []byte, name string) (float64, bool) {
	for line := range strings.Lines(string(metrics)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v, err == nil
		}
	}
	return 0, false
}

// verified fails the test unless every record is as it should be.
func verified(t *testing.T, records app.Records) {
	t.Helper()
	report, err := app.Verify(t.Context(), records, app.Against{}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Errorf("verify: %v", err)
	}
	for _, f := range report.Findings {
		t.Errorf("verify: %s", f)
	}
	if report.Commits == 0 || report.Behind > 0 {
		t.Errorf("verify saw %d commits, %d documents are behind", report.Commits, report.Behind)
	}
}

// settled waits until nothing that the process has accepted waits for anything any more.
func settled(t *testing.T, p *process) {
	t.Helper()
	settle(t, 30*time.Second, func() (string, bool) {
		a, err := p.admin().Try(http.MethodGet, "/metrics", nil)
		if err != nil {
			return err.Error(), false
		}
		return undone(a.Raw), true
	})
}

// idle lets three seconds pass, and waits until nothing that was accepted, here or by a command
// beside the service, waits for anything any more. What is under way when a test moves the clock on
// would be recorded at the time before.
func idle(w *World) {
	w.T.Helper()
	w.Clock.Advance(3 * time.Second)
	settle(w.T, 30*time.Second, func() (string, bool) {
		w.Run("pending")
		a, err := w.Admin.Try(http.MethodGet, "/metrics", nil)
		if err != nil {
			return err.Error(), false
		}
		return undone(a.Raw), true
	})
}

// settle looks until nothing waits any more, twice in a row: the service looks at one queue after the other.
func settle(t testing.TB, patience time.Duration, look func() (waits string, known bool)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for calm := 0; ; {
		waits, known := look()
		if calm++; !known || waits != "" {
			calm = 0
		}
		if calm == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not settled within %s: %s", patience, waits)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// undone says what the metrics show to wait, "" when nothing does.
func undone(metrics []byte) string {
	var left []string
	for _, name := range []string{
		`landfall_pending_commits{debt="documents"}`, `landfall_pending_commits{debt="notices"}`, "landfall_undelivered_oldest_seconds", "landfall_relay_commits",
	} {
		if v, ok := gauge(metrics, name); !ok || v != 0 {
			left = append(left, fmt.Sprint(name, " ", v))
		}
	}
	return strings.Join(left, ", ")
}
