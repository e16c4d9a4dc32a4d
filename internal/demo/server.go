package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 8 * time.Second
	pollEvery   = 25 * time.Millisecond
	logTail     = 2000 // bytes of the server's log shown when it fails
)

// server is `landfall serve` as a process of its own on one data folder. It is not safe for concurrent use.
type server struct {
	program string   // the executable that knows `serve` and `verify`
	env     []string // its environment
	data    string
	listen  string   // host:port, the same at every start
	more    []string // flags of serve
	run     *process
}

// process is one run of the server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // how; read after ended
}

func (s *server) logPath() string   { return filepath.Join(s.data, "server.log") }
func (s *server) healthURL() string { return s.url() + "/readyz" }
func (s *server) tokenPath() string { return filepath.Join(s.data, "admin.token") }

// url is where this machine reaches the server.
func (s *server) url() string {
	host, port, err := net.SplitHostPort(s.listen)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + s.listen
}

// firstToken reads the token that the first start wrote.
func (s *server) firstToken() (string, error) {
	text, err := os.ReadFile(s.tokenPath())
	if err != nil {
		return "", fmt.Errorf("token of the first account: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// start runs the server and waits until it is ready. When it fails, the error carries the end of its log.
func (s *server) start(ctx context.Context) error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer log.Close() // the process has its own handle
	args := append([]string{"serve", "--data", s.data, "--listen", s.listen, "--webhook-allow-private"}, s.more...)
	cmd := exec.Command(s.program, args...) //nolint:noctx // stop decides how it ends
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, log, log
	if s.run, err = launch(cmd); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if s.isReady(ctx) {
			return nil
		}
		select {
		case <-s.run.ended:
			return fmt.Errorf("server ended before it was ready (%w); its log ends:\n%s", exitOf(s.run.err), s.tail())
		default:
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("server was not ready (%w); its log ends:\n%s", err, s.tail())
		}
	}
}

// launch starts the command and hands it to a goroutine that stays until it has ended. The goroutine keeps its thread, since on
// Linux the order to end a child with its parent hangs on the thread that gave it.
func launch(cmd *exec.Cmd) (*process, error) {
	tie(cmd)
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			err = tied(cmd.Process)
		}
		started <- err
		if cmd.Process != nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
		<-p.ended
		return nil, err
	}
	return p, nil
}

func (s *server) isReady(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.healthURL(), nil)
	if err != nil {
		return false
	}
	c := http.Client{Timeout: 2 * time.Second}
	defer c.CloseIdleConnections()
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// kill ends the server as a power cut would, and waits until it is gone.
func (s *server) kill() error {
	if s.run == nil {
		return errors.New("server: not running")
	}
	if err := s.run.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("server: %w", err)
	}
	<-s.run.ended
	s.run = nil
	return nil
}

// stop asks the server to end, and makes it when it does not. A server that is not running is stopped. It always waits.
func (s *server) stop() error {
	if s.run == nil {
		return nil
	}
	p := s.run
	s.run = nil
	if err := interrupt(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		_ = p.cmd.Process.Kill()
	}
	t := time.NewTimer(stopWithin)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("server did not stop within %s and was killed; see its log", stopWithin)
	}
	if p.err != nil {
		return fmt.Errorf("server ended badly (%w); its log ends:\n%s", p.err, s.tail())
	}
	return nil
}

// verify runs `landfall verify` on the folder, and gives what it says.
func (s *server) verify(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, s.program, "verify", "--data", s.data)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("verify: %w", err)
	}
	return text, nil
}

// tail gives the end of the server's log.
func (s *server) tail() string {
	f, err := os.Open(s.logPath())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		_, _ = f.Seek(-logTail, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, logTail))
	return string(bytes.TrimSpace(text))
}

// freePort gives an address of this machine that nobody listens on, when the one asked for leaves the port open.
func freePort(ctx context.Context, listen string) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return "", fmt.Errorf("cannot listen on %s: %w", listen, err)
	}
	addr := l.Addr().String()
	return addr, l.Close()
}

// exitOf gives a word for a process that ended without an error of its own.
func exitOf(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}
