// Command tally reads "go test -json" from standard input, prints what a person wants to know of it, and fails when tests failed
// or did not really run.
//
//	go test -json ./... | go run ./.ci/tally --packages 31 --at-least 400 --no-skips --budget 60s --counts FILE
//
// It prints one line for each package, everything a failed or skipped test said, then the seconds of every package that took one or more,
// and the slowest twenty tests. A package that takes longer than the budget is named; one that takes four times as long fails the run: machines
// differ by a factor of three. The seconds are those between the first test and the end, without what a package waits for before it starts.
// To FILE it appends "PASSED FAILED SKIPPED" for whoever adds several runs up. A package that fails without a failed test (it does not build, or
// leaks a goroutine at its end) counts as one failure, and so does a test that began and never ended.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Time        time.Time
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
	packages int           // exactly so many packages must end; 0: any number
	atLeast  int           // at least so many tests must pass
	noSkips  bool          // a skipped test is a failure
	budget   time.Duration // a package should take no longer, and must not take overBudget times as long; 0: any time
}

const (
	overBudget   = 4
	slowestTests = 20
)

// result is what a run came to.
type result struct {
	passed, failed, skipped int
	packages                int
	wrong                   []string // why the run does not count
}

// test names one test of one package.
type test struct{ pkg, name string }

// timed is a test, or a package as a whole, and the seconds it took.
type timed struct {
	test
	seconds float64
}

// slowestFirst prints those that took at least a second, at most n.
func slowestFirst(out io.Writer, label string, all []timed, n int) {
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, s := range all[:min(len(all), n)] {
		if s.seconds >= 1 {
			fmt.Fprintf(out, "%-8s  %6.1f s  %s\n", label, s.seconds, strings.TrimSpace(s.pkg+" "+s.name))
		}
	}
}

// tally reads events until the end of in and prints to out.
func tally(in io.Reader, out io.Writer, r rules) (result, error) {
	var (
		res   result
		said  = map[test][]string{}    // output of tests that have not ended
		open  = map[test]bool{}        // tests that have begun and not ended
		fails = map[string]int{}       // failed tests by package
		count = map[string]int{}       // ended tests by package
		built = map[string][]string{}  // build output by import path
		began = map[string]time.Time{} // the first test of a package
		slow  []timed
		whole []timed // packages
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
			if began[e.Package].IsZero() {
				began[e.Package] = e.Time
			}
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
			seconds := e.Elapsed
			if first := began[e.Package]; !first.IsZero() {
				seconds = e.Time.Sub(first).Seconds()
			}
			whole = append(whole, timed{test{pkg: e.Package}, seconds})
			verdict := map[string]string{"pass": "ok", "fail": "failed", "skip": "no tests"}[e.Action]
			fmt.Fprintf(out, "%-8s  %s  %d tests  %.1f s\n", verdict, e.Package, count[e.Package], seconds)
		}
	}
	if err := lines.Err(); err != nil {
		return res, fmt.Errorf("reading test events: %w", err)
	}
	slowestFirst(out, "seconds", whole, len(whole))
	slowestFirst(out, "slow", slow, slowestTests)
	for _, p := range whole {
		took := time.Duration(p.seconds * float64(time.Second))
		switch {
		case r.budget == 0 || took <= r.budget:
		case took > overBudget*r.budget:
			res.wrong = append(res.wrong, fmt.Sprintf("%s took %.0f s, more than %d times its budget of %s", p.pkg, p.seconds, overBudget, r.budget))
		default:
			fmt.Fprintf(out, "over the budget of %s: %s took %.0f s\n", r.budget, p.pkg, p.seconds)
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
	flags.DurationVar(&r.budget, "budget", 0, "a package should take no longer, and must not take four times as long")
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
