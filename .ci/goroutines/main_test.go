package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestWhatStartsOrNeedsGoroutinesIsConcurrent(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		`func f() { go g() }`:                                    true,
		`func f() { new(sync.WaitGroup).Go(g) }`:                 true,
		`var done <-chan struct{}`:                               true,
		`func f() { c := make(chan int, 1); _ = c }`:             true,
		`type s struct { mu sync.Mutex }`:                        true,
		`import "sync/atomic"; var n atomic.Int64`:               true,
		`func f() { time.AfterFunc(time.Second, g) }`:            true,
		`func f(ctx context.Context) { context.AfterFunc(ctx) }`: true,
		`var table = sync.OnceValue(read)`:                       false,
		`var once sync.Once`:                                     false,
		`func f(ctx context.Context) { <-ctx.Done() }`:           false,
		`func f() string { return "go" }`:                        false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", "package p; "+source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if got := concurrent(file); got != want {
			t.Errorf("%s: %t, want %t", source, got, want)
		}
	}
}

func TestTheListHasWhatIsKnownToHaveGoroutinesAndNotWhatHasNone(t *testing.T) {
	t.Chdir("../..")
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(out.String())
	for path, want := range map[string]bool{
		"ledger": true, "notify": true, "bus": true, "relay": true, "watch": true, "rest": true, "console": true, "backup": true, "app": true,
		"harness": true, "store/sqlite": true, "store/mongodb": true, "access": true, "protocol": false, "place": false, "locale": false, "house": false,
	} {
		if got := slices.Contains(listed, "landfall/internal/"+path); got != want {
			t.Errorf("internal/%s is in the list: %t, want %t", path, got, want)
		}
	}
}
