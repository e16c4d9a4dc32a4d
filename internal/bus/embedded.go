package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"landfall/internal/fault"
	"landfall/internal/guard"
)

// Limits of the embedded server. The stream has its own, smaller one; the rest is room for consumers and for the copies that
// partners read.
const (
	maxStoreBytes  = 2 << 30
	maxMemoryBytes = 64 << 20

	startTimeout = 60 * time.Second // reading back a full stream after a power cut, on a slow disk
	stopTimeout  = 10 * time.Second
)

var (
	// errDamaged marks a start that failed because of what lies in the folder.
	errDamaged = errors.New("the server cannot start on its folder")
	// errStuck marks a start that does not end. The server goes on trying, with one processor and ever more memory: this
	// process should end.
	errStuck = errors.New("the server does not finish its start")
	// errDown is what a connection gets while no server runs.
	errDown = errors.New("the server is not running")
)

// embedded is a NATS server in this process, reached over a pipe. It can be started and stopped again on its folder: a
// connection that reconnects finds the server of the moment.
type embedded struct {
	folder folder
	token  string // of readers; empty without a listener
	own    string // password of this process; made anew at each start of it
	guard  *guard.Guard
	log    *slog.Logger

	mu     sync.Mutex
	listen string         // host:port; empty: no listener. After the first start, as bound
	server *server.Server // nil while none runs
}

// Reader is the user of other clients of the embedded server. It listens to what happens as it
// happens, and to the copies for states, and publishes nothing: so it can neither speak in our name nor
// make, read back or delete anything of JetStream, which is asked for by publishing.
const Reader = "reader"

// ownUser is the user of this process.
const ownUser = "landfall"

func readOnly() *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Deny: []string{">"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"landfall.>"}},
	}
}

// start starts a server and returns when it takes connections, or, with everything stopped again, why it does not. The
// error is errDamaged when another folder would help, errStuck when only another process would.
func (e *embedded) start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	opts := &server.Options{
		ServerName:             "landfall",
		DontListen:             e.listen == "",
		JetStream:              true,
		StoreDir:               e.folder.path,
		JetStreamMaxStore:      maxStoreBytes,
		JetStreamMaxMemory:     maxMemoryBytes,
		DisableJetStreamBanner: true,
		NoSigs:                 true, // signals belong to main
	}
	if e.listen != "" {
		host, port, err := splitListen(e.listen)
		if err != nil {
			return err
		}
		opts.Host, opts.Port = host, port
		opts.Users = []*server.User{
			{Username: ownUser, Password: e.own},
			{Username: Reader, Password: e.token, Permissions: readOnly()},
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "bad_bus_options", "The embedded bus cannot be started with these options.")
	}
	lines := &serverLog{log: e.log}
	s.SetLoggerV2(lines, false, false, false)
	err = e.await(ctx, s, lines)
	if errors.Is(err, errStuck) {
		return err // it would not stop either
	}
	e.mu.Lock()
	e.server = s
	if err == nil && e.listen != "" {
		e.listen = s.Addr().String()
	}
	e.mu.Unlock()
	if err != nil {
		return errors.Join(err, e.stopSoon(ctx))
	}
	return nil
}

// await runs the start of s, which says how it went only in its log.
func (e *embedded) await(ctx context.Context, s *server.Server, lines *serverLog) error {
	started := make(chan error, 1)
	go func() {
		err := e.guard.Do("the start of the bus server", func() error { s.Start(); return nil })
		if err != nil {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		started <- err
	}()
	stuck := time.NewTimer(startTimeout)
	defer stuck.Stop()
	select {
	case <-ctx.Done():
		// A server must not be stopped while it starts: it guards neither against the other.
		stuck.Reset(stopTimeout)
		select {
		case err := <-started:
			return errors.Join(ctx.Err(), err)
		case <-stuck.C:
			return errors.Join(ctx.Err(), errStuck)
		}
	case <-stuck.C:
		return errStuck
	case err := <-started:
		if err != nil {
			return err
		}
	}
	switch fatal := lines.failure(); {
	case fatal == "":
		return nil
	case e.listen != "" && !strings.HasPrefix(fatal, "Can't start JetStream"):
		return fault.Wrap(errors.New(fatal), fault.Unavailable, "bus_listen", "The bus cannot listen on %s.", e.listen)
	default:
		return fmt.Errorf("%w: %s", errDamaged, fatal)
	}
}

// splitListen reads "host:port" as net.Listen would. Port 0 means any free one.
func splitListen(address string) (host string, port int, err error) {
	host, word, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(word)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fault.Wrap(err, fault.Invalid, "bad_listen", "%q is not host:port.", address)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// options are what a connection to this server needs.
func (e *embedded) options() []nats.Option {
	opts := []nats.Option{nats.InProcessServer(e)}
	if e.token != "" {
		opts = append(opts, nats.UserInfo(ownUser, e.own))
	}
	return opts
}

// InProcessConn gives a pipe to the server that runs now.
func (e *embedded) InProcessConn() (net.Conn, error) {
	s := e.running()
	if s == nil {
		return nil, errDown
	}
	return s.InProcessConn()
}

func (e *embedded) running() *server.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server
}

func (e *embedded) listening() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.listen
}

// health gives nil, or why the server that runs will take no more messages, from what it knows of
// itself. Once a write has failed, on a full disk or a broken one, JetStream acknowledges nothing
// until it is started again, whatever becomes of the disk.
func (e *embedded) health() error {
	s := e.running()
	if s == nil {
		return errDown
	}
	if _, err := os.Stat(filepath.Join(e.folder.path, server.JetStreamStoreDir)); err != nil {
		return err // its own check takes an absent folder for an empty one
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/healthz", nil)
	if err != nil {
		return err
	}
	var answer verdict
	s.HandleHealthz(&answer, request)
	return answer.complaint()
}

// verdict keeps the answer of the server's health check, which it gives over HTTP only.
type verdict struct {
	header http.Header
	status int
	text   string
}

// complaint gives what the server knows to be wrong. That its look at its own listeners was not
// over within a millisecond, which is all it takes for that, and which it says as an internal
// error, is what any server does on a busy machine.
func (v *verdict) complaint() error {
	switch v.status {
	case 0, http.StatusOK, http.StatusInternalServerError:
		return nil
	default:
		return errors.New(v.text)
	}
}

func (v *verdict) Header() http.Header {
	if v.header == nil {
		v.header = http.Header{}
	}
	return v.header
}
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(p []byte) (int, error) { v.text += string(p); return len(p), nil }

// stop stops the server, if one runs, and waits for it until ctx ends.
func (e *embedded) stop(ctx context.Context) error {
	e.mu.Lock()
	s := e.server
	e.server = nil
	e.mu.Unlock()
	if s == nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.guard.Run("the stop of the bus server", func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the bus server has not stopped: %w", ctx.Err())
	}
}

// stopSoon is stop with a time of its own, for when ctx may have ended.
func (e *embedded) stopSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return e.stop(ctx)
}
