// Command compose proves deploy/compose.yaml on a machine without a container engine: it starts the processes of that file, with the
// commands, variables, secrets and configuration files that stand there, and has them do real work.
//
//	go build -o bin/landfall ./cmd/landfall
//	go run ./.ci/compose --binary bin/landfall --mongodb-uri mongodb://127.0.0.1:27017/
//
// The NATS servers are built from the module that is linked into the product.
//
// What a container network does, it does by writing: every service has a loopback address of its own (127.x.y.z, which needs Linux), and
// the names of services and the paths of mounts are replaced in commands, variables, secrets and configuration files. So ports, passwords
// and routes stay as they are in the file. What it changes besides, it prints.
//
// Then two states work through the two API replicas: a hazard, an incident, a subscription, an activation; the alert must arrive once, signed,
// and is acknowledged. While clients write without a pause, both API replicas and a watch are restarted one after the other, a notifier and a
// NATS server are killed. Every accepted change must be kept and delivered under one id, no answer may be an error but 503, and only the
// replica under restart may refuse a connection. All processes must then stop by themselves in the time the file gives them.
//
// Before that, every LANDFALL_* variable named anywhere under deploy and docs/guides must be a flag of the binary.
//
// What it does not prove: images, volumes, limits, the network's isolation, MongoDB as the file sets it up, the proxy.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	root       string // of the repository
	landfall   string // binary
	natsServer string // binary; "" until it is built
	mongoURI   string // of a server that is there
	database   string // in it; nothing else may be in there
	within     time.Duration
}

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run is main without the process: it gives the exit code.
func run(ctx context.Context, args []string, out io.Writer) int {
	var opt options
	flags := flag.NewFlagSet("compose", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&opt.root, "root", ".", "folder of the repository")
	flags.StringVar(&opt.landfall, "binary", "", "the landfall binary")
	flags.StringVar(&opt.mongoURI, "mongodb-uri", "", "a MongoDB server in place of the file's")
	flags.StringVar(&opt.database, "mongodb-database", "", "an empty database there; a new one each time when not said")
	flags.DurationVar(&opt.within, "within", 2*time.Minute, "give up after this time")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if opt.landfall == "" || opt.mongoURI == "" {
		fmt.Fprintln(out, "compose: --binary and --mongodb-uri are required")
		return 2
	}
	if opt.database == "" {
		opt.database = "landfall_compose_" + strings.ToLower(rand.Text()[:8])
	}
	for _, path := range []*string{&opt.root, &opt.landfall} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			fmt.Fprintln(out, "compose:", err)
			return 2
		}
		*path = abs
	}
	ctx, cancel := context.WithTimeoutCause(ctx, opt.within, fmt.Errorf("not finished within %v", opt.within))
	defer cancel()
	proof, err := prove(ctx, opt, out)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
		fmt.Fprintln(out, "compose: FAILED:", err)
		return 1
	}
	fmt.Fprintln(out, proof)
	return 0
}

// prove does everything and gives the line that says so.
func prove(ctx context.Context, opt options, out io.Writer) (_ string, err error) {
	names, err := checkSettings(ctx, opt)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "settings: %d LANDFALL_* variables in deploy and docs/guides, all known to the binary\n", names)

	dir, err := os.MkdirTemp("", "landfall-compose-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if opt.natsServer, err = buildNATS(ctx, opt.root, dir); err != nil {
		return "", err
	}
	s, err := newStage(ctx, opt, dir, out)
	if err != nil {
		return "", err
	}
	defer func() {
		s.killAll()
		if err != nil {
			s.printLogs(out)
		}
	}()
	if err := s.startAll(ctx); err != nil {
		return "", err
	}
	c, err := play(ctx, s, out)
	if err != nil {
		return "", err
	}
	if err := s.stopAll(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("compose: %d processes, %s", len(s.started), c), nil
}

// buildNATS builds the server out of the module of go.mod.
func buildNATS(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "bin", "nats-server")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/nats-io/nats-server/v2")
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nats-server: %w\n%s", err, said)
	}
	return binary, nil
}
