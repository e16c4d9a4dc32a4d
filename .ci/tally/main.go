// Command tally reads "go test -json" from standard input, prints what a person wants to know of it, and fails when tests failed
// or did not really run.
//
//	go test -json ./... | go run ./.ci/tally --packages 31 --at-least 400 --no-skips --counts FILE
//
// It prints one line for each package, everything a failed or skipped test said, and the slowest tests. To FILE it appends
// "PASSED FAILED SKIPPED" for whoever adds several runs up. A package that fails without a failed test (it does not build, or
// leaks a goroutine at its end) counts as one failure, and so does a test that began and never ended.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// rules says what must hold for the run to count.
type rules struct {
	packages int  // exactly so many packages must end; 0: any number
	atLeast  int  // at least so many tests must pass
	noSkips  bool // a skipped test is a failure
}

// result is what a run came to.
type result struct {
	passed, failed, skipped int
	packages                int
	wrong                   []string // why the run does not count
}

// test names one test of one package.
type test struct{ pkg, name string }

// timed is a test and the seconds it took.
type timed struct {
	test
	seconds float64
}

// tally reads events until the end of in and prints to out.
func tally(in io.Reader, out io.Writer, r rules) (result, error) {
	var (
		res   result
		said  = map[test][]string{}   // output of tests that have not ended
		open  = map[test]bool{}       // tests that have begun and not ended
		fails = map[string]int{}      // failed tests by package
		count = map[string]int{}      // ended tests by package
		built = map[string][]string{} // build output by import path
		slow  []timed
	)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text()) // what go itself says is not JSON
			continue
		}
		this := test{e.Package, e.Test}
		switch e.Action {
		case "build-output":
			built[e.ImportPath] = append(built[e.ImportPath], e.Output)
		case "output":
			said[this] = append(said[this], e.Output)
		case "run":
			open[this] = true
		case "pass", "fail", "skip":
			if e.Test != "" {
				delete(open, this)
				count[e.Package]++
				slow = append(slow, timed{this, e.Elapsed})
				switch e.Action {
				case "pass":
					res.passed++
				case "fail":
					res.failed++
					fails[e.Package]++
				case "skip":
					res.skipped++
				}
				if e.Action != "pass" {
					fmt.Fprint(out, strings.Join(said[this], ""))
				}
				delete(said, this)
				continue
			}
			res.packages++
			if e.Action == "fail" {
				for t := range open {
					if t.pkg == e.Package {
						res.failed++
						fails[e.Package]++
						fmt.Fprintf(out, "%s began and never ended\n%s", t.name, strings.Join(said[t], ""))
						delete(open, t)
					}
				}
				fmt.Fprint(out, strings.Join(built[e.FailedBuild], ""))
				if fails[e.Package] == 0 {
					res.failed++
				}
				fmt.Fprint(out, strings.Join(said[this], ""))
			}
			delete(said, this)
			verdict := map[string]string{"pass": "ok", "fail": "failed", "skip": "no tests"}[e.Action]
			fmt.Fprintf(out, "%-8s  %s  %d tests  %.1f s\n", verdict, e.Package, count[e.Package], e.Elapsed)
		}
	}
	if err := lines.Err(); err != nil {
		return res, fmt.Errorf("reading test events: %w", err)
	}
	slices.SortStableFunc(slow, func(a, b timed) int { return int(1000 * (b.seconds - a.seconds)) })
	for _, s := range slow[:min(len(slow), 5)] {
		if s.seconds >= 1 {
			fmt.Fprintf(out, "slow      %s %s  %.1f s\n", s.pkg, s.name, s.seconds)
		}
	}
	if res.failed > 0 {
		res.wrong = append(res.wrong, fmt.Sprintf("%d failed", res.failed))
	}
	if res.skipped > 0 && r.noSkips {
		res.wrong = append(res.wrong, fmt.Sprintf("%d were skipped, and a skipped test proves nothing", res.skipped))
	}
	if r.packages > 0 && res.packages != r.packages {
		res.wrong = append(res.wrong, fmt.Sprintf("%d packages ended instead of %d", res.packages, r.packages))
	}
	if res.passed < max(1, r.atLeast) {
		res.wrong = append(res.wrong, fmt.Sprintf("%d passed, at least %d are known to exist", res.passed, max(1, r.atLeast)))
	}
	return res, nil
}

// run is main without the process: it gives the exit code.
func run(args []string, in io.Reader, out io.Writer) int {
	var r rules
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&r.packages, "packages", 0, "exactly so many packages must end")
	flags.IntVar(&r.atLeast, "at-least", 1, "at least so many tests must pass")
	flags.BoolVar(&r.noSkips, "no-skips", false, "a skipped test is a failure")
	counts := flags.String("counts", "", "append PASSED FAILED SKIPPED to this file")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	res, err := tally(in, out, r)
	if err == nil && *counts != "" {
		err = record(*counts, res)
	}
	if err != nil {
		fmt.Fprintln(out, "tally:", err)
		return 1
	}
	fmt.Fprintf(out, "%d tests in %d packages: %d passed, %d failed, %d skipped\n",
		res.passed+res.failed+res.skipped, res.packages, res.passed, res.failed, res.skipped)
	for _, w := range res.wrong {
		fmt.Fprintln(out, "tally:", w)
	}
	return min(1, len(res.wrong))
}

// record appends the counts to a file.
func record(name string, res result) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, res.passed, res.failed, res.skipped); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout)) }
