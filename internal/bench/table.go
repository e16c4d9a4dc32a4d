package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// table prints Markdown.
type table struct {
	out  io.Writer
	wide int // columns of the table that is open; 0: none is
}

func (t *table) machine(dir string) {
	_, _ = fmt.Fprintf(t.out, "%s, %s/%s, %d CPUs, %s, data in %s\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), dir)
}

// head begins a table; the first column is words, the others are figures.
func (t *table) head(title string, columns ...string) {
	t.wide = len(columns)
	_, _ = fmt.Fprintf(t.out, "\n%s\n\n| %s |\n| ---%s |\n", title, strings.Join(columns, " | "), strings.Repeat(" | ---:", len(columns)-1))
}

func (t *table) row(cells ...string) {
	for len(cells) < t.wide {
		cells = append(cells, "")
	}
	_, _ = fmt.Fprintln(t.out, "| "+strings.Join(cells, " | ")+" |")
}

// budgets begins a table of budgets.
func (t *table) budgets(title string) {
	t.head(title, "What", "Landfall", "Floor", "Ratio", "Budget")
}

func ms(d time.Duration) string       { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
func seconds(d time.Duration) string  { return fmt.Sprintf("%.2f s", d.Seconds()) }
func rate(perSecond float64) string   { return fmt.Sprintf("%.0f/s", perSecond) }
func megabytes(n int64) string        { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
func quotient(a, b float64) string    { return fmt.Sprintf("%.2f", a/b) }
func ratio(a, b time.Duration) string { return quotient(a.Seconds(), b.Seconds()) }
func p50p95(t []time.Duration) string { return ms(quantile(t, .5)) + " / " + ms(quantile(t, .95)) }
