package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// module is the path of the module in go.mod.
const module = "landfall"

// layers lists the packages of the product from the ground up. A package imports from any layer below its own, never from its own
// and never from above: nouns know nothing of edges, edges and engines know nothing of each other.
var layers = [][]string{
	{"api", "internal/fault"},
	{"internal/place", "internal/guard", "internal/limit", "internal/proof"},
	{"internal/store"}, // the contract only; its engines are far above
	{"internal/protocol", "internal/ledger"},
	{"internal/check"},
	{"internal/access", "internal/locale"},
	{"internal/incident", "internal/preparedness", "internal/notify", "internal/notify/wording", "internal/head"},
	{"internal/live"},
	{
		"internal/rest", "internal/console", "internal/watch", "internal/relay", "internal/bus", "internal/backup",
		"internal/store/sqlite", "internal/store/mongodb",
		"internal/notify/email", "internal/notify/webhook", "internal/notify/sms", "internal/notify/push", "internal/notify/logfile",
	},
	{"internal/app"},
	{"cmd/landfall"},
}

// outside lists the packages that use the product as a stranger would, over HTTP. They know words and data (the contract, faults,
// places) and no machinery, not even through somebody else; only cmd may start them.
var outside = []string{"internal/demo", "internal/drill"}

// outsideKnows is what the packages outside may import of the product.
var outsideKnows = []string{"api", "internal/fault", "internal/place"}

// forTests lists the packages that exist for tests and measurements: they may import anything but cmd, and only tests import them.
var forTests = []string{
	"internal/harness", "internal/house", "internal/store/storetest", "internal/notify/notifytest", farEnd,
	"internal/bus/bustest", "internal/bench", "internal/harness/browser",
}

// farEnd is the mail server that tests send to. The demo plays the far end of every message, so it starts one too.
const farEnd = "internal/notify/email/emailtest"

// reserved says which packages may import a module or a package of the standard library by name. Tests, and packages for
// tests, may import what they need.
var reserved = []struct {
	prefix string
	only   []string
	reason string
}{
	{"github.com/labstack/echo/", []string{"internal/rest", "internal/console", "internal/app"}, "the web framework stays at the edges, so that its next major version is a day's work"},
	{"github.com/nats-io/", []string{"internal/bus"}, "the bus is disposable; nothing else may learn to rely on it"},
	{"database/sql", []string{"internal/store/sqlite"}, "one engine speaks SQL"},
	{"modernc.org/", []string{"internal/store/sqlite"}, "one engine speaks SQL"},
	{"go.mongodb.org/mongo-driver/v2", []string{"internal/store/mongodb"}, "one engine speaks MongoDB"},
	{"github.com/robfig/cron/", []string{"internal/watch"}, "cron only wakes a sweep"},
	{"github.com/alecthomas/kong", []string{"cmd/landfall"}, "flags are read in main"},
	{"github.com/getkin/kin-openapi/", []string{"internal/rest"}, "the contract is enforced at the edge that serves it"},
	{"github.com/oapi-codegen/", []string{"internal/rest"}, "the contract is enforced at the edge that serves it"},
	{"github.com/go-json-experiment/", []string{"internal/rest"}, "what comes in is held to strict JSON; what is written keeps the bytes of encoding/json"},
}

// banned lists modules that may be linked nowhere and imported by no test of ours.
var banned = []struct{ prefix, reason string }{
	{"github.com/stretchr/testify", "tests compare with go-cmp and say in words what they expected"},
	{"github.com/onsi/", "tests are plain functions"},
	{"go.uber.org/mock", "real embedded parts instead of mocks"},
	{"github.com/golang/mock", "real embedded parts instead of mocks"},
	{"github.com/spf13/viper", "flags and environment are read once, by kong, in main"},
	{"go.uber.org/fx", "wiring is one straight function"},
	{"go.uber.org/dig", "wiring is one straight function"},
	{"github.com/google/wire", "wiring is one straight function"},
	{"gorm.io/", "the store contract is a dozen methods; SQL is written"},
	{"github.com/jmoiron/sqlx", "the store contract is a dozen methods; SQL is written"},
	{"entgo.io/", "the store contract is a dozen methods; SQL is written"},
	{"github.com/cenkalti/backoff", "retry times are due times in the store, not loops"},
	{"github.com/avast/retry-go", "retry times are due times in the store, not loops"},
	{"github.com/paulmach/orb", "it links another MongoDB driver; GeoJSON is a few structs"},
	{"go.mongodb.org/mongo-driver/bson", "version 1 of the driver; use v2"},
	{"go.mongodb.org/mongo-driver/mongo", "version 1 of the driver; use v2"},
	{"github.com/mattn/go-sqlite3", "needs cgo"},
	{"github.com/sirupsen/logrus", "log/slog"},
	{"go.uber.org/zap", "log/slog"},
	{"github.com/rs/zerolog", "log/slog"},
}

// bannedNames are names that say nothing about what a package holds.
var bannedNames = []string{
	"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "base", "manager", "managers", "pkg", "misc", "shared",
}

// pkg is one package of "go list -deps -json".
type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// ours gives the path of a package below the module, and whether it is one of ours.
func ours(importPath string) (string, bool) { return strings.CutPrefix(importPath, module+"/") }

// within reports whether the import path is the prefix or lies below it.
func within(importPath, prefix string) bool {
	rest, ok := strings.CutPrefix(importPath, prefix)
	return ok && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}

// layerOf gives the layer of a package of the product, or -1.
func layerOf(path string) int {
	return slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, path) })
}

// mayImport says why a package of ours may not import another; "" means that it may.
func mayImport(from, to string) string {
	switch {
	case slices.Contains(forTests, from):
		if within(to, "cmd") {
			return "nothing imports a command"
		}
		return ""
	case from == "internal/demo" && to == farEnd:
		return ""
	case slices.Contains(forTests, to):
		return "it exists for tests"
	case slices.Contains(outside, to):
		if within(from, "cmd") {
			return ""
		}
		return "only a command starts it"
	case slices.Contains(outside, from):
		if slices.Contains(outsideKnows, to) {
			return ""
		}
		return "it speaks HTTP only"
	case layerOf(to) >= layerOf(from):
		return fmt.Sprintf("its layer %d is not below layer %d", layerOf(to), layerOf(from))
	}
	return ""
}

// crooked gives every arrow that should not be there, and every package nobody has decided about.
func crooked(pkgs []pkg) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		for _, b := range banned {
			if within(p.ImportPath, b.prefix) {
				report("%s is linked: %s", p.ImportPath, b.reason)
			}
		}
		path, ok := ours(p.ImportPath)
		if !ok {
			continue
		}
		known := layerOf(path) >= 0 || slices.Contains(outside, path) || slices.Contains(forTests, path)
		if !known {
			report("%s is in no layer: decide where it belongs and write it into the table", path)
			continue
		}
		for _, i := range p.Imports {
			if to, ok := ours(i); ok {
				if why := mayImport(path, to); why != "" {
					report("%s imports %s: %s", path, to, why)
				}
			}
			for _, r := range reserved {
				if within(i, r.prefix) && !slices.Contains(r.only, path) && !slices.Contains(forTests, path) {
					report("%s imports %s: %s", path, i, r.reason)
				}
			}
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			for _, b := range banned {
				if within(i, b.prefix) {
					report("a test of %s imports %s: %s", path, i, b.reason)
				}
			}
			if to, ok := ours(i); ok && within(to, "cmd") && !within(path, "cmd") {
				report("a test of %s imports %s: nothing imports a command", path, to)
			}
		}
		if slices.Contains(outside, path) {
			for _, d := range p.Deps {
				if d == "database/sql/driver" {
					continue // the interfaces that types such as uuid.UUID implement: they reach no database
				}
				for _, r := range reserved {
					if within(d, r.prefix) {
						report("%s depends on %s through another package: it speaks HTTP only", path, d)
					}
				}
			}
		}
	}
	return found
}

// saysNothing gives the packages of ours whose path holds a banned name.
func saysNothing(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		path, ok := ours(p.ImportPath)
		if !ok {
			continue
		}
		for name := range strings.SplitSeq(path, "/") {
			if slices.Contains(bannedNames, name) || strings.HasSuffix(name, "util") || strings.HasSuffix(name, "utils") {
				found = append(found, fmt.Sprintf("%s: %q says nothing about what it holds", path, name))
			}
		}
	}
	return found
}

// packages lists every package of the module and everything it depends on.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root(t)
	cmd.Env = append(cmd.Environ(), "GOFLAGS=") // whoever runs the tests may have flags for "go test" there
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("go list printed what is no JSON: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestEveryArrowPointsDown(t *testing.T) {
	pkgs := packages(t)
	if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.ImportPath == module+"/internal/ledger" }) {
		t.Fatal("go list did not list the ledger: the test sees nothing")
	}
	for _, line := range crooked(pkgs) {
		t.Error(line)
	}
}

func TestPackageNamesSayWhatTheyHold(t *testing.T) {
	for _, line := range saysNothing(packages(t)) {
		t.Error(line)
	}
}

func TestNoPackageStandsInTwoLayers(t *testing.T) {
	seen := map[string]bool{}
	for _, path := range slices.Concat(slices.Concat(layers...), outside, forTests) {
		if seen[path] {
			t.Errorf("%s is in the table twice", path)
		}
		seen[path] = true
	}
}

func TestCrookedArrowsAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		pkg  pkg
		want []string
	}{
		{"down is fine", pkg{ImportPath: "landfall/internal/incident", Imports: []string{"landfall/internal/ledger", "time"}}, nil},
		{"a channel knows notify", pkg{ImportPath: "landfall/internal/notify/webhook", Imports: []string{"landfall/internal/notify"}}, nil},
		{"an engine knows the contract", pkg{ImportPath: "landfall/internal/store/sqlite", Imports: []string{"landfall/internal/store", "database/sql"}}, nil},
		{"everything above place knows the contract", pkg{ImportPath: "landfall/internal/ledger", Imports: []string{"landfall/internal/store"}}, nil},
		{"place does not", pkg{ImportPath: "landfall/internal/place", Imports: []string{"landfall/internal/store"}}, []string{"internal/place imports internal/store: its layer 2 is not below layer 1"}},
		{"sideways", pkg{ImportPath: "landfall/internal/incident", Imports: []string{"landfall/internal/notify"}}, []string{"internal/incident imports internal/notify: its layer 6 is not below layer 6"}},
		{"an edge and an engine", pkg{ImportPath: "landfall/internal/rest", Imports: []string{"landfall/internal/store/sqlite"}}, []string{"internal/rest imports internal/store/sqlite: its layer 8 is not below layer 8"}},
		{"upwards", pkg{ImportPath: "landfall/internal/fault", Imports: []string{"landfall/internal/app"}}, []string{"internal/fault imports internal/app: its layer 9 is not below layer 0"}},
		{"a stranger to the table", pkg{ImportPath: "landfall/internal/weather"}, []string{"internal/weather is in no layer: decide where it belongs and write it into the table"}},
		{"an unknown subpackage", pkg{ImportPath: "landfall/internal/rest/v2"}, []string{"internal/rest/v2 is in no layer: decide where it belongs and write it into the table"}},
		{"Echo in a noun", pkg{ImportPath: "landfall/internal/incident", Imports: []string{"github.com/labstack/echo/v4"}}, []string{"internal/incident imports github.com/labstack/echo/v4: the web framework stays at the edges, so that its next major version is a day's work"}},
		{"NATS in the relay", pkg{ImportPath: "landfall/internal/relay", Imports: []string{"github.com/nats-io/nats.go/jetstream"}}, []string{"internal/relay imports github.com/nats-io/nats.go/jetstream: the bus is disposable; nothing else may learn to rely on it"}},
		{"SQL in the ledger", pkg{ImportPath: "landfall/internal/ledger", Imports: []string{"database/sql/driver"}}, []string{"internal/ledger imports database/sql/driver: one engine speaks SQL"}},
		{"the demo opens the store", pkg{ImportPath: "landfall/internal/demo", Imports: []string{"landfall/internal/store/sqlite"}}, []string{"internal/demo imports internal/store/sqlite: it speaks HTTP only"}},
		{"the demo reaches the bus through another", pkg{ImportPath: "landfall/internal/demo", Deps: []string{"github.com/nats-io/nats.go"}}, []string{"internal/demo depends on github.com/nats-io/nats.go through another package: it speaks HTTP only"}},
		{"the demo takes mail", pkg{ImportPath: "landfall/internal/demo", Imports: []string{"landfall/internal/notify/email/emailtest"}}, nil},
		{"the drills do not", pkg{ImportPath: "landfall/internal/drill", Imports: []string{"landfall/internal/notify/email/emailtest"}}, []string{"internal/drill imports internal/notify/email/emailtest: it exists for tests"}},
		{"the app does neither", pkg{ImportPath: "landfall/internal/app", Imports: []string{"landfall/internal/notify/email/emailtest"}}, []string{"internal/app imports internal/notify/email/emailtest: it exists for tests"}},
		{"main starts the demo", pkg{ImportPath: "landfall/cmd/landfall", Imports: []string{"landfall/internal/demo", "landfall/internal/app"}}, nil},
		{"the app does not", pkg{ImportPath: "landfall/internal/app", Imports: []string{"landfall/internal/demo"}}, []string{"internal/app imports internal/demo: only a command starts it"}},
		{"the harness in the product", pkg{ImportPath: "landfall/internal/app", Imports: []string{"landfall/internal/harness"}}, []string{"internal/app imports internal/harness: it exists for tests"}},
		{"the harness in a test", pkg{ImportPath: "landfall/internal/rest", XTestImports: []string{"landfall/internal/harness", "landfall/internal/store/sqlite"}}, nil},
		{"the harness boots the app", pkg{ImportPath: "landfall/internal/harness", Imports: []string{"landfall/internal/app", "github.com/nats-io/nats.go"}}, nil},
		{"testify in a test", pkg{ImportPath: "landfall/internal/rest", TestImports: []string{"github.com/stretchr/testify/require"}}, []string{"a test of internal/rest imports github.com/stretchr/testify/require: tests compare with go-cmp and say in words what they expected"}},
		{"another driver linked from afar", pkg{ImportPath: "go.mongodb.org/mongo-driver/bson/primitive"}, []string{"go.mongodb.org/mongo-driver/bson/primitive is linked: version 1 of the driver; use v2"}},
		{"the second version of the driver", pkg{ImportPath: "go.mongodb.org/mongo-driver/v2/bson"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, crooked([]pkg{c.pkg})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEmptyNamesAreFound(t *testing.T) {
	for path, want := range map[string]bool{
		"landfall/internal/util":            true,
		"landfall/internal/rest/types":      true,
		"landfall/internal/timeutil":        true,
		"landfall/internal/store/storetest": false,
		"landfall/internal/place":           false,
		"example.com/other/util":            false,
	} {
		if got := len(saysNothing([]pkg{{ImportPath: path}})) > 0; got != want {
			t.Errorf("%s: refused %t, want %t", path, got, want)
		}
	}
}
