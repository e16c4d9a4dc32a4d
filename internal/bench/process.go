package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// build makes the binary as `make build` does, without symbols, and gives its path.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "landfall-binary")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "landfall/cmd/landfall")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
}

// process is `landfall serve` of the built binary.
type process struct {
	caller
	cmd   *exec.Cmd
	ended chan error
	ready time.Duration // from the start of the process until it called itself ready
}

// served starts the binary on an empty folder.
func (b *bench) served(ctx context.Context) (*process, error) {
	binary, err := b.landfall(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	return serve(ctx, binary, dir)
}

// unbounded lifts what would keep one account and one address from being the whole load.
const unbounded = "requests-account=0;requests-address=0;tokens-party=0;subscriptions-party=0"

// serve starts the binary on a folder with further flags and returns when it is ready.
func serve(ctx context.Context, binary, dir string, flags ...string) (*process, error) {
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--webhook-allow-private", "--request-rate", "0", "--log-level", "error",
		"--limit", unbounded}, flags...)
	p := &process{cmd: exec.Command(binary, args...), ended: make(chan error, 1), caller: caller{http: client()}}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LANDFALL_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if url, ok := strings.CutPrefix(lines.Text(), "Landfall is ready on "); ok {
				address <- url
			}
		}
		p.ended <- p.cmd.Wait()
	}()
	select {
	case p.url = <-address:
	case err := <-p.ended:
		return nil, fmt.Errorf("the process ended: %w", err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), p.stop())
	}
	for {
		err := p.call(ctx, http.MethodGet, "/readyz", nil, nil)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil, errors.Join(err, p.stop())
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	p.ready = time.Since(begin)
	if token, err := readToken(filepath.Join(dir, "admin.token")); err == nil {
		p.token = token
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// stop ends the process in good order, or kills it after a while.
func (p *process) stop() error {
	p.http.CloseIdleConnections()
	_ = p.cmd.Process.Signal(os.Interrupt)
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case err := <-p.ended:
		return err
	case <-timer.C:
		return errors.Join(errors.New("the process did not stop"), p.cmd.Process.Kill())
	}
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// memory gives what of the process is in memory now and was at most, in bytes; false on systems without /proc.
func (p *process) memory() (now, most int64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, false
	}
	field := func(name string) int64 {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, name+":"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				return kb << 10
			}
		}
		return 0
	}
	return field("VmRSS"), field("VmHWM"), true
}

// ownProcessor returns the processor time this process has used; zero on systems without /proc.
func ownProcessor() time.Duration { return processorOf(os.Getpid()) }

// processor gives the processor time the process has used; zero on systems without /proc.
func (p *process) processor() time.Duration { return processorOf(p.cmd.Process.Pid) }

func processorOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // Linux counts in hundredths of a second
}
