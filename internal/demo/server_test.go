package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// standIn is the variable that makes the test binary behave as the landfall executable, with its value as the behaviour.
const standIn = "DEMO_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if how := os.Getenv(standIn); how != "" {
		os.Exit(landfallStandIn(how, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// landfallStandIn is as much of the executable as starting and stopping it shows.
func landfallStandIn(how string, args []string) int {
	if args[0] == "verify" {
		fmt.Println("3 streams, 9 commits\nProven up to head 2")
		if how == "damaged" {
			fmt.Println("DAMAGED  incident/1 seq 4: the hash does not match")
			return 1
		}
		return 0
	}
	flags := map[string]string{}
	for i := 1; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	if how == "broken" {
		fmt.Fprintln(os.Stderr, "the port is taken")
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", flags["--listen"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.WriteFile(filepath.Join(flags["--data"], "admin.token"), []byte("lf_first\n"), 0o600); err != nil {
		return 1
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })) //nolint:gosec // a stand-in
	}()
	fmt.Println("serving")
	<-ctx.Done()
	fmt.Println("stopped as asked")
	return 0
}

// newServer gives a server whose executable is this test binary.
func newServer(t *testing.T, how string) *server {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listen, err := freePort(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{program: program, env: append(os.Environ(), standIn+"="+how), data: t.TempDir(), listen: listen}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

func TestServerIsReadyAfterStartAndGoneAfterStop(t *testing.T) {
	s := newServer(t, "well")
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if token, err := s.firstToken(); err != nil || token != "lf_first" {
		t.Errorf("token %q, %v", token, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if s.isReady(t.Context()) {
		t.Error("still answers")
	}
	if !strings.HasSuffix(s.tail(), "stopped as asked") {
		t.Errorf("was not asked to stop; the log ends %q", s.tail())
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}

func TestServerIsKilledWithoutGoodbyeAndStartsAgainOnTheSameAddress(t *testing.T) {
	s := newServer(t, "well")
	for range 2 {
		if err := s.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.kill(); err != nil {
			t.Fatal(err)
		}
		if s.isReady(t.Context()) {
			t.Fatal("still answers")
		}
	}
	if strings.Contains(s.tail(), "stopped as asked") {
		t.Error("said goodbye")
	}
	if err := s.kill(); err == nil {
		t.Error("killed what does not run")
	}
}

func TestServerThatDoesNotComeUpSaysWhy(t *testing.T) {
	s := newServer(t, "broken")
	err := s.start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("says %v, want the end of the log", err)
	}
}

func TestAddressToReachIsOneOfThisMachine(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "[::]:8080": "http://127.0.0.1:8080", "0.0.0.0:80": "http://127.0.0.1:80", "localhost:1": "http://localhost:1",
	} {
		if got := (&server{listen: listen}).url(); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}

func TestVerifyGivesWhatItFound(t *testing.T) {
	if said, err := newServer(t, "well").verify(t.Context()); err != nil || said != "3 streams, 9 commits\nProven up to head 2" {
		t.Errorf("said %q, %v", said, err)
	}
	said, err := newServer(t, "damaged").verify(t.Context())
	if err == nil || !strings.Contains(said, "seq 4") {
		t.Errorf("said %q, %v", said, err)
	}
}

func TestProgramThatIsNotThereIsAnError(t *testing.T) {
	s := newServer(t, "well")
	s.program = filepath.Join(t.TempDir(), "nothing")
	if err := s.start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("says %v", err)
	}
}

func TestFolderOfRealRecordsIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := folder(dir); err != nil {
		t.Fatalf("an empty folder: %v", err)
	}
	records := filepath.Join(dir, "landfall.db")
	if err := os.WriteFile(records, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := folder(dir); err != nil {
		t.Errorf("a folder that a demo made: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, mark)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := folder(dir); err == nil {
		t.Error("played among real records")
	}
}

func TestTemporaryFolderIsRemovable(t *testing.T) {
	path, remove, err := folder("")
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", path)
	}
}

func TestDemoThatHasTooLittleTimeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		ok   bool
	}{
		{"a minute at full speed", Options{For: time.Minute}, true},
		{"without end", Options{Speed: SlowestSpeed}, true},
		{"a minute at a quarter of the speed", Options{For: time.Minute, Speed: 60}, false},
		{"ten seconds", Options{For: 10 * time.Second}, false},
		{"faster than a clock may run", Options{Speed: 241}, false},
		{"slower than the story bears", Options{Speed: 1}, false},
		{"a negative time", Options{For: -time.Second}, false},
	} {
		if err := c.o.check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
