package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	passes = `{"Time":"2026-09-01T12:00:03Z","Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":2.5}
{"Time":"2026-09-01T12:00:05.6Z","Action":"pass","Package":"p","Elapsed":5.6}
`
	fails = `{"Action":"run","Package":"q","Test":"TestB"}
{"Action":"output","Package":"q","Test":"TestB","Output":"    b_test.go:7: two alerts, want one\n"}
{"Action":"fail","Package":"q","Test":"TestB","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`
	skips = `{"Action":"run","Package":"r","Test":"TestC"}
{"Action":"output","Package":"r","Test":"TestC","Output":"    c_test.go:7: no server\n"}
{"Action":"skip","Package":"r","Test":"TestC"}
{"Action":"pass","Package":"r"}
`
	noTests = `{"Action":"skip","Package":"s"}
`
	doesNotBuild = `{"ImportPath":"u [u.test]","Action":"build-output","Output":"u.go:3: undefined: x\n"}
{"Action":"fail","Package":"u","FailedBuild":"u [u.test]"}
`
	leaks = `{"Action":"run","Package":"v","Test":"TestD"}
{"Action":"pass","Package":"v","Test":"TestD"}
{"Action":"output","Package":"v","Output":"goleak: found unexpected goroutines\n"}
{"Action":"fail","Package":"v"}
`
	neverEnds = `{"Action":"run","Package":"w","Test":"TestE"}
{"Action":"output","Package":"w","Test":"TestE","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"w"}
`
)

func TestTally(t *testing.T) {
	for _, c := range []struct {
		name   string
		events string
		args   []string
		code   int
		counts string
		says   []string // each must be in the output
	}{
		{"all is well", passes + noTests, []string{"--packages", "2", "--no-skips"}, 0, "1 0 0\n", []string{"ok        p  1 tests", "no tests  s", "seconds      2.6 s  p\n", "slow         2.5 s  p TestA", "1 tests in 2 packages: 1 passed, 0 failed, 0 skipped"}},
		{"a failed test shows what it said", passes + fails, nil, 1, "1 1 0\n", []string{"two alerts, want one", "failed    q", "tally: 1 failed"}},
		{"a skip is shown", passes + skips, nil, 0, "1 0 1\n", []string{"no server"}},
		{"a skip is refused where everything must run", passes + skips, []string{"--no-skips"}, 1, "1 0 1\n", []string{"1 were skipped"}},
		{"a package that does not build is a failure", passes + doesNotBuild, nil, 1, "1 1 0\n", []string{"u.go:3: undefined: x", "failed    u"}},
		{"a leak after the last test is a failure", passes + leaks, nil, 1, "2 1 0\n", []string{"goleak: found unexpected goroutines"}},
		{"a test that never ends is a failure", passes + neverEnds, nil, 1, "1 1 0\n", []string{"TestE began and never ended", "panic: test timed out"}},
		{"a missing package is noticed", passes, []string{"--packages", "2"}, 1, "1 0 0\n", []string{"1 packages ended instead of 2"}},
		{"too few tests are noticed", passes, []string{"--at-least", "10"}, 1, "1 0 0\n", []string{"at least 10 are known to exist"}},
		{"nothing at all is noticed", "", nil, 1, "0 0 0\n", []string{"0 passed, at least 1"}},
		{"a package over its budget is named", passes, []string{"--budget", "2500ms"}, 0, "1 0 0\n", []string{"over the budget of 2.5s: p took 3 s"}},
		{"a package far over its budget fails", passes, []string{"--budget", "600ms"}, 1, "1 0 0\n", []string{"tally: p took 3 s, more than 4 times its budget of 600ms"}},
		{"what is no event is shown", "go: cannot find main module\n" + passes, nil, 0, "1 0 0\n", []string{"go: cannot find main module"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "counts")
			var out strings.Builder
			if code := run(append(c.args, "--counts", file), strings.NewReader(c.events), &out); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			counts, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(counts) != c.counts {
				t.Errorf("counts %q, want %q", counts, c.counts)
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q is not in the output:\n%s", s, out.String())
				}
			}
		})
	}
}
