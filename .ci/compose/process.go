package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one service's process: started, stopped and started again. Its methods are not for several goroutines at once, except kill.
type process struct {
	name   string
	dir    string
	args   []string
	env    []string
	health []string      // command that succeeds when it is healthy
	grace  time.Duration // to stop in
	url    string        // where it serves, for landfall
	data   string        // its data folder, for landfall

	mu    sync.Mutex
	cmd   *exec.Cmd     // nil when it was never started
	ended chan struct{} // closed when cmd has been waited for
	err   error         // how it ended; only after that
}

// start starts it; it is killed should ctx end first. What it says is added to the log of its earlier runs.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(p.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
	go func() {
		p.err = cmd.Wait()
		close(ended)
	}()
	return nil
}

// awaitHealthy waits until its health check succeeds; one that ends meanwhile is an error.
func (p *process) awaitHealthy(ctx context.Context) error {
	var last error
	for {
		if last = p.healthy(ctx); last == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended instead of becoming healthy: %w", p.name, errors.Join(p.err, last))
		case <-ctx.Done():
			return fmt.Errorf("%s has not become healthy: %w", p.name, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// healthy runs the health check. One that only fetches an address with a tool of its image is done by fetching that address.
func (p *process) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if filepath.Base(p.health[0]) == "wget" {
		return fetch(ctx, p.health[len(p.health)-1])
	}
	cmd := exec.CommandContext(ctx, p.health[0], p.health[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	return fetch(ctx, p.url+"/readyz")
}

// fetch fails unless the address answers 200.
func fetch(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, bytes.TrimSpace(body))
	}
	return err
}

// stop asks it to stop and waits; it must end by itself, with success, in the time it has.
func (p *process) stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(p.grace)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		return fmt.Errorf("%s has not stopped within %v", p.name, p.grace)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.err != nil {
		return fmt.Errorf("%s stopped with %w", p.name, p.err)
	}
	return nil
}

// kill ends it as a power cut does, and waits until it is gone.
func (p *process) kill() {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		<-ended
	}
}

func (p *process) logFile() string { return filepath.Join(p.dir, "log") }

// lastLines gives the end of its log.
func (p *process) lastLines(n int) string {
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		return err.Error() + "\n"
	}
	lines := strings.SplitAfter(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
