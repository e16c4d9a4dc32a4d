// Command goroutines lists the packages of the module that have goroutines of their own, for the race detector: one import path a line.
//
//	go run ./.ci/goroutines
//
// A package has them when a file of it that is no test starts a goroutine, or holds what only goroutines need of each other: a go
// statement, a channel type, a call of AfterFunc, anything of sync/atomic or errgroup, or anything of sync but what happens once
// (sync.Once and its kin fill tables that are only read afterwards). A package without any of it hands its values to one caller at a time;
// the tests of the packages that call it run under the race detector with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines:", err)
		os.Exit(1)
	}
}

// run prints the list for the module of the current folder.
func run(ctx context.Context, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Dir,GoFiles", "./...")
	cmd.Stderr = os.Stderr
	listed, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(listed))); ; {
		var p struct {
			ImportPath, Dir string
			GoFiles         []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if concurrent(file) {
				fmt.Fprintln(out, p.ImportPath)
				break
			}
		}
	}
}

// concurrent reports whether a file starts a goroutine or holds what only goroutines need of each other.
func concurrent(file *ast.File) bool {
	for _, i := range file.Imports {
		if path := strings.Trim(i.Path.Value, `"`); path == "sync/atomic" || path == "golang.org/x/sync/errgroup" {
			return true
		}
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			of, _ := n.X.(*ast.Ident)
			found = found || n.Sel.Name == "AfterFunc" || of != nil && of.Name == "sync" && !strings.HasPrefix(n.Sel.Name, "Once")
		}
		return !found
	})
	return found
}
