package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
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
