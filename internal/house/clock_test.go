package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outer lists, by package, the functions that reach outside: the wall clock and the process environment. A timer is not among
// them: it measures a span, and its owner stops it. Sleeping is, since nobody can stop it.
var outer = map[string][]string{
	"time": {"Now", "Since", "Until", "Sleep", "Tick"},
	"os":   {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
}

// readsOutside lists the folders whose code may call them, with the reason.
var readsOutside = []struct{ folder, reason string }{
	{"cmd/", "main turns flags and environment into options"},
	{"internal/app/", "hands the clock to everything it builds"},
	{"internal/harness/", "for tests: sets the clock, and bounds how long it waits by the real one"},
	{"internal/store/storetest/", "for tests: bounds how long it waits by the real clock"},
	{"internal/notify/notifytest/", "for tests: bounds how long it waits by the real clock"},
	{"internal/bench/", "measures real time"},
}

// reachesOutside gives "line: package.Function" for every mention of an outer function in one file, called or handed on.
func reachesOutside(name string, src any) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	names := map[string]string{} // what this file calls a package -> its path
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if _, ok := outer[imported]; !ok {
			continue
		}
		local := path.Base(imported)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			found = append(found, fmt.Sprintf("%d: dot import of %s", fset.Position(spec.Pos()).Line, imported))
		}
		names[local] = imported
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok || id.Obj != nil { // a resolved identifier is a variable that shadows the package
			return true
		}
		imported, ok := names[id.Name]
		if ok && slices.Contains(outer[imported], sel.Sel.Name) {
			found = append(found, fmt.Sprintf("%d: %s.%s", fset.Position(sel.Pos()).Line, imported, sel.Sel.Name))
		}
		return true
	})
	return found, nil
}

func TestClockAndEnvironmentAreReadInMainAndAppOnly(t *testing.T) {
	read := 0
	for _, f := range files(t) {
		if !strings.HasSuffix(f.name, ".go") || strings.HasSuffix(f.name, "_test.go") || strings.HasPrefix(f.name, ".") {
			continue
		}
		read++
		if slices.ContainsFunc(readsOutside, func(r struct{ folder, reason string }) bool { return strings.HasPrefix(f.name, r.folder) }) {
			continue
		}
		found, err := reachesOutside(f.name, f.text)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		for _, line := range found {
			t.Errorf("%s:%s: take the clock as `now func() time.Time` and settings as values; sleep in a select with the context", f.name, line)
		}
	}
	if read == 0 {
		t.Fatal("no Go file was read: the test sees nothing")
	}
}

func TestReachingOutsideIsFound(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"a call", "package p\nimport \"time\"\nvar t = time.Now()", []string{"3: time.Now"}},
		{"a value handed on", "package p\nimport \"time\"\nvar now = time.Now", []string{"3: time.Now"}},
		{"another name for the package", "package p\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }", []string{"3: time.Sleep"}},
		{"a dot import", "package p\nimport . \"os\"\nvar x = Getenv(\"X\")", []string{"2: dot import of os"}},
		{"the hidden clock", "package p\nimport \"time\"\nfunc f(t time.Time) time.Duration { return time.Since(t) }", []string{"3: time.Since"}},
		{"the environment", "package p\nimport \"os\"\nvar x, y = os.LookupEnv(\"X\")", []string{"3: os.LookupEnv"}},
		{"a variable of that name", "package p\nimport \"os\"\nvar _ = os.Args\ntype c struct{}\nfunc (c) Now() int { return 0 }\nfunc f(time c) int { return time.Now() }", nil},
		{"a timer", "package p\nimport \"time\"\nvar t = time.NewTimer(time.Second)", nil},
		{"another package", "package p\nimport \"example.com/time\"\nvar t = time.Now()", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := reachesOutside("p.go", c.src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
