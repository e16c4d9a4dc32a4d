// Command landfall is the whole of Landfall in one binary: the service, its demo, and the tools that an operator needs.
//
// This package turns flags and LANDFALL_* variables into options, calls one function, and prints one error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"landfall/internal/fault"
)

// version is set by the linker in releases.
var version = ""

type cli struct {
	Serve       serveCmd       `cmd:"" help:"Run the service."`
	Demo        demoCmd        `cmd:"" help:"Run the service in a folder of its own and play Hurricane Maria 2017 and La Soufrière 2021 on it, as exercises."`
	Token       tokenCmd       `cmd:"" help:"Make an account of a state or organisation with a token, or another token for one."`
	Check       checkCmd       `cmd:"" help:"Look at everything the service needs and say in plain words what is wrong. Also beside a running service."`
	Verify      verifyCmd      `cmd:"" help:"Prove every record: hashes, chain, values, projections. Also beside a running service."`
	Heads       headsCmd       `cmd:"" help:"Print the public keys that sign the heads of the records, for whoever verifies them elsewhere."`
	Backup      backupCmd      `cmd:"" help:"Write all records into one file, beside a running service."`
	Restore     restoreCmd     `cmd:"" help:"Make empty records out of a backup. The service must be stopped, and is held afterwards."`
	Release     releaseCmd     `cmd:"" help:"Show what a restored service would do, and let it."`
	Replay      replayCmd      `cmd:"" help:"Try failed deliveries again."`
	Retry       retryCmd       `cmd:"" help:"List what fails again and again and is set aside, or take a stream of it up again now. Beside a running service."`
	Rebuild     rebuildCmd     `cmd:"" help:"Make everything that is derived from the records again. The service must be stopped."`
	RotateKey   rotateKeyCmd   `cmd:"" name:"rotate-key" help:"Give the records another secret key. The service must be stopped."`
	RunOnce     runOnceCmd     `cmd:"" name:"run-once" help:"Run one job of the watch by hand. The service must be stopped."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running service whether it is ready: exit 0, or 1 with the reason."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

func (versionCmd) Run(s *session) error {
	_, err := fmt.Fprintln(s.out, "landfall", versionText())
	return err
}

// session is what every command works with.
type session struct {
	ctx      context.Context // ends at the first interrupt
	in       io.Reader
	out, err io.Writer
	lost     func() int64 // how many lines of err nobody has read
}

// terminal reports whether a person at a terminal reads what is written there.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interrupt is not caught: it ends the process at once, and nothing accepted is lost.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and gives the exit code: 0 done, 1 failed, 2 misused, 3 records that went back by a
// restore and are not damaged.
func run(ctx context.Context, args []string, out, to io.Writer) int {
	errOut := newOutput(to)
	defer errOut.close()
	if err := forgetEmpty(os.Environ(), os.Unsetenv); err != nil {
		_, _ = fmt.Fprintln(errOut, "landfall:", err)
		return 2
	}
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("landfall"),
		kong.Description("Cross-border displacement incident coordination. Start with: landfall demo"),
		kong.DefaultEnvars("LANDFALL"),
		kong.UsageOnError(),
		kong.Resolvers(secretFiles(os.LookupEnv)),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exit = code }),
	)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "landfall:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // help was asked for
	}
	if err != nil {
		_, _ = fmt.Fprintln(errOut, "landfall:", err)
		return 2
	}
	if err := command.Run(&session{ctx: ctx, in: os.Stdin, out: out, err: errOut, lost: errOut.Lost}); err != nil {
		_, _ = fmt.Fprintln(errOut, "landfall:", sentence(err))
		if errors.As(err, &wentBackError{}) {
			return 3
		}
		return 1
	}
	return 0
}

// forgetEmpty unsets variables of ours that are empty: a compose file or a unit leaves them so where nothing is meant.
func forgetEmpty(environment []string, unset func(string) error) error {
	for _, one := range environment {
		if name, value, _ := strings.Cut(one, "="); value == "" && strings.HasPrefix(name, "LANDFALL_") {
			if err := unset(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sentence gives what a person at a terminal needs to read: the safe text of a fault with its cause.
func sentence(err error) string {
	f, ok := fault.As(err)
	if !ok || f.Kind == fault.Internal {
		return err.Error()
	}
	text := f.Detail
	for _, field := range f.Fields {
		text += "\n  " + field.Pointer + " " + field.Reason
	}
	if cause := errors.Unwrap(f); cause != nil && f.Kind == fault.Unavailable {
		text += " (" + cause.Error() + ")"
	}
	return text
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return "development " + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return "development"
}
