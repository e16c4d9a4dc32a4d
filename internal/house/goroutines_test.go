package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outsideTheService lists the folders whose goroutines may end their process, with the reason.
var outsideTheService = []struct{ folder, reason string }{
	{".ci/", "measures and checks; a panic is its result"},
	{"internal/harness/", "for tests"},
	{"internal/bench/", "measures; a panic is its result"},
	{"internal/demo/", "plays its part and ends"},
	{"internal/store/storetest/", "for tests"},
	{"internal/notify/notifytest/", "for tests"},
	{"internal/notify/email/emailtest/", "for tests"},
	{"internal/bus/bustest/", "for tests"},
}

// recovers is a call of package guard, or the comment that says where the goroutine makes it.
var recovers = regexp.MustCompile(`\b(?i:guard|panics)\.(Do|Run|Keep)\(`)

// recoversItself names functions that are run as goroutines and make that call at their top.
var recoversItself = []string{"newWorker(s, stream, q).run()"}

// bareGoroutines gives "line: text" for every goroutine of a file that does not begin with a call of package guard.
func bareGoroutines(name string, src any) ([]string, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	check := func(n ast.Node) {
		var text bytes.Buffer
		if err := format.Node(&text, fset, n); err != nil {
			found = append(found, err.Error())
			return
		}
		own := func(call string) bool { return strings.Contains(text.String(), call) }
		if !recovers.Match(text.Bytes()) && !slices.ContainsFunc(recoversItself, own) {
			first, _, _ := strings.Cut(text.String(), "\n")
			found = append(found, fmt.Sprintf("%d: %s", fset.Position(n.Pos()).Line, first))
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			check(n)
		case *ast.CallExpr:
			// (*sync.WaitGroup).Go
			if to, ok := n.Fun.(*ast.SelectorExpr); ok && to.Sel.Name == "Go" && len(n.Args) == 1 {
				check(n)
			}
		}
		return true
	})
	return found, nil
}

func TestEveryGoroutineOfTheServiceRecovers(t *testing.T) {
	read := 0
	for _, f := range files(t) {
		skip := !strings.HasSuffix(f.name, ".go") || strings.HasSuffix(f.name, "_test.go") ||
			slices.ContainsFunc(outsideTheService, func(o struct{ folder, reason string }) bool { return strings.HasPrefix(f.name, o.folder) })
		if skip {
			continue
		}
		read++
		found, err := bareGoroutines(f.name, f.text)
		if err != nil {
			t.Error(err)
		}
		for _, line := range found {
			t.Errorf("%s:%s: a panic here ends the service; begin with a call of package guard", f.name, line)
		}
	}
	if read == 0 {
		t.Fatal("no file was read: the test sees nothing")
	}
}

func TestBareGoroutinesAreFound(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"a literal", "package p\nfunc f() { go func() { work() }() }", []string{"2: go func() { work() }()"}},
		{"a function", "package p\nfunc f() { go work() }", []string{"2: go work()"}},
		{"a group's", "package p\nfunc f() { wg.Go(work) }", []string{"2: wg.Go(work)"}},
		{"one that recovers", "package p\nfunc f() { wg.Go(func() { s.guard.Run(\"work\", work) }) }", nil},
	} {
		got, err := bareGoroutines(c.name, c.src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
