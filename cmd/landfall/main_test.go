package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"landfall/internal/app"
)

func TestTheCommandLine(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string // on either stream
	}{
		{"nothing asks for help", nil, 0, "landfall demo"},
		{"help", []string{"--help"}, 0, "serve"},
		{"help of a command names its variables", []string{"serve", "--help"}, 0, "$LANDFALL_DATA"},
		{"version", []string{"version"}, 0, "landfall "},
		{"an unknown command", []string{"sevre"}, 2, "sevre"},
		{"an unknown flag", []string{"serve", "--dtaa", "x"}, 2, "--dtaa"},
		{"a level that is none", []string{"serve", "--log-level", "loud"}, 2, "loud"},
		{"verify without records", []string{"verify", "--data", nowhere}, 1, "no records"},
		{"rebuild without records", []string{"rebuild", "--data", nowhere}, 1, "no records"},
		{"a token without a service", []string{"token", "--data", nowhere, "--party", "ATG"}, 1, "administrator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errOut); code != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, &out, &errOut)
			}
			if text := out.String() + errOut.String(); !strings.Contains(text, c.says) {
				t.Errorf("does not say %q:\n%s", c.says, text)
			}
		})
	}
}

func TestAnEmptyVariableCountsAsUnset(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.Name("landfall"), kong.DefaultEnvars("LANDFALL"))
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, command := range parser.Model.Leaves(true) {
		for _, flag := range command.Flags {
			for _, name := range flag.Envs {
				names++
				t.Setenv(name, "")
				t.Setenv(name+"_FILE", "")
			}
		}
	}
	if names < 30 {
		t.Errorf("only %d flags have a variable", names)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var out, errOut bytes.Buffer
	if code := run(ended, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, &out, &errOut); code == 2 {
		t.Errorf("the flags were not understood: %s", &errOut)
	}
}

func TestATokenIsMadeWhereverTheServiceOfTheFolderListens(t *testing.T) {
	data := t.TempDir()
	a, err := app.Start(t.Context(), app.Options{
		Records: app.Records{Data: data}, Listen: "127.0.0.1:0", Now: time.Now, Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"token", "--data", data, "--party", "ATG"}, &out, &errOut); code != 0 || !strings.HasPrefix(out.String(), "lf_") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errOut)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if code := run(t.Context(), []string{"token", "--data", data, "--party", "ATG"}, &out, &errOut); code != 1 || !strings.Contains(errOut.String(), "no service answers") {
		t.Errorf("without a service: exit code %d\n%s%s", code, &out, &errOut)
	}
}
