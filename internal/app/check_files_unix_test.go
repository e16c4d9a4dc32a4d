//go:build unix

package app_test

import (
	"math"
	"strings"
	"testing"

	"landfall/internal/app"
)

func TestCheckSaysWhenFilesAreFewerThanConnections(t *testing.T) {
	t.Parallel()
	for connections, want := range map[int]string{
		10:            "",
		0:             "Connections have no bound",
		math.MaxInt32: "2147483647 connections may be open at once",
	} {
		opt := unscheduled(t.TempDir())
		opt.Limits = map[string]int{"connections": connections}
		said := ""
		for _, f := range app.Check(t.Context(), opt) {
			if strings.Contains(f.What, "onnections ") {
				said = f.What + " " + f.Do
			}
		}
		if want == "" && said != "" || !strings.Contains(said, want) || want != "" && !strings.Contains(said, "--limit connections=") {
			t.Errorf("of %d connections check says %q, want %q", connections, said, want)
		}
	}
}
