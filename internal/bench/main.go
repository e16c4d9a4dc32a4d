package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"landfall/internal/app"
)

// row is one thing that is measured.
type row struct {
	name  string
	about string
	limit time.Duration
	run   func(*bench, context.Context) error
}

// rows lists everything, budgets first.
func rows() []row {
	return []row{
		{"path/sqlite", "one at a time, bursts and accepted changes beside the floor", 4 * time.Minute, (*bench).pathSQLite},
		{"path/mongodb", "the same with six processes on one database and three NATS servers", 8 * time.Minute, (*bench).pathMongoDB},
		{"sweep/sqlite", "100 due among 1,000 and among 1,000,000 open steps", 8 * time.Minute, (*bench).sweepSQLite},
		{"sweep/mongodb", "100 due among 1,000 and among 100,000 open steps", 8 * time.Minute, (*bench).sweepMongoDB},
		{"recipients/sqlite", "one event to 1,300 webhooks, alone and while 64 clients report", 3 * time.Minute, (*bench).recipientsSQLite},
		{"recipients/mongodb", "the same", 5 * time.Minute, (*bench).recipientsMongoDB},
		{"opening", "opening an incident beside reporting a figure", 4 * time.Minute, (*bench).opening},
		{"acknowledge", "acknowledging with 100,000 alerts stored", 5 * time.Minute, (*bench).acknowledge},
		{"flood", "acknowledging while one address takes what it can get", 3 * time.Minute, (*bench).flood},
		{"pages", "the pages that people look at, among 1,000 incidents", 5 * time.Minute, (*bench).pages},
		{"start", "start to ready, empty and with 10,000 incidents", 4 * time.Minute, (*bench).start},
		{"memory", "resident memory, idle and under a burst", 2 * time.Minute, (*bench).memory},
		{"binary", "size of the stripped binary", time.Minute, (*bench).binary},
		{"change", "what one change costs: syncs, writes, round trips, processor time", 4 * time.Minute, (*bench).change},
		{"scale/incidents", "cost of a change by incidents stored, and bytes of each", 8 * time.Minute, (*bench).scaleIncidents},
		{"scale/stream", "cost of a change by length of its stream", 4 * time.Minute, (*bench).scaleStream},
		{"scale/subscribers", "cost of a change by matching subscriptions", 4 * time.Minute, (*bench).scaleSubscribers},
		{"scale/replicas", "accepted changes by API processes, on MongoDB", 8 * time.Minute, (*bench).scaleReplicas},
	}
}

// bench is one run of the program.
type bench struct {
	table
	dir     string // temporary
	mongodb string // "" when there is none
	one     int    // changes of the runs one at a time
	many    int    // changes of each burst
	turns   int    // measured turns of each pair; the median counts
	fill    int    // thousandths of the seeded sizes: for trying the bench out

	binaryPath string
	databases  []string
}

func main() {
	b := &bench{}
	only := flag.String("rows", "^[^/]+$|/(sqlite|mongodb)$", "regular expression: names of the rows to measure")
	list := flag.Bool("list", false, "list the rows")
	cpu := flag.String("cpuprofile", "", "write a CPU profile of the work to this file, and measure nothing else")
	mem := flag.String("memprofile", "", "write a profile of the work's allocations to this file, and measure nothing else")
	work := flag.String("work", "burst", "what is profiled: burst (figures, 64 clients), one (figure at a time) or opening (incidents, 64 clients)")
	flag.StringVar(&b.mongodb, "mongodb", os.Getenv("LANDFALL_TEST_MONGODB_URI"), "MongoDB server for the rows that need one; databases of the run's own are made and dropped")
	flag.IntVar(&b.one, "one", 300, "changes of the runs one at a time")
	flag.IntVar(&b.many, "many", 6000, "changes of each burst")
	flag.IntVar(&b.turns, "turns", 3, "measured turns of each pair, of which the median counts")
	flag.IntVar(&b.fill, "fill", 1000, "thousandths of the sizes that are seeded: less is for trying the bench out")
	flag.Parse()
	b.out = os.Stdout

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := func() error {
		selection, err := regexp.Compile(*only)
		switch {
		case err != nil:
			return err
		case *list:
			for _, r := range rows() {
				_, _ = fmt.Fprintf(b.out, "%-20s %s\n", r.name, r.about)
			}
			return nil
		}
		if b.dir, err = os.MkdirTemp("", "landfall-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(b.dir) }()
		if *cpu != "" || *mem != "" {
			return b.profiled(ctx, *cpu, *mem, *work)
		}
		return b.run(ctx, selection)
	}()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures the rows that are asked for. One that fails is said to, and the others are measured nevertheless.
func (b *bench) run(ctx context.Context, selection *regexp.Regexp) error {
	b.machine(filepath.Dir(b.dir))
	var failed error
	for _, r := range rows() {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !selection.MatchString(r.name):
			continue
		case b.mongodb == "" && (strings.HasSuffix(r.name, "/mongodb") || r.name == "scale/replicas"):
			_, _ = fmt.Fprintf(b.out, "\n%s: not measured, no -mongodb\n", r.name)
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, r.limit)
		began := time.Now()
		err := r.run(b, bounded)
		cancel()
		err = errors.Join(err, b.clean())
		_, _ = fmt.Fprintf(os.Stderr, "%s: %s\n", r.name, time.Since(began).Round(time.Second))
		if err != nil {
			_, _ = fmt.Fprintf(b.out, "\n%s: FAILED: %v\n", r.name, err)
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.name, err))
		}
	}
	return failed
}

// folder gives an empty folder of the run.
func (b *bench) folder() (string, error) { return os.MkdirTemp(b.dir, "") }

// inFolder gives records in an empty folder.
func (b *bench) inFolder() (app.Records, error) {
	dir, err := b.folder()
	return app.Records{Data: dir}, err
}

// onServer gives records in an empty database, with a folder for the process.
func (b *bench) onServer() (app.Records, error) {
	dir, err := b.folder()
	return app.Records{Data: dir, MongoDBURI: b.mongodb, MongoDBDatabase: b.database()}, err
}

// database gives the name of a database of the run.
func (b *bench) database() string {
	name := "landfall_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	b.databases = append(b.databases, name)
	return name
}

// clean removes what a row left.
func (b *bench) clean() (err error) {
	for _, name := range b.databases {
		err = errors.Join(err, dropDatabase(b.mongodb, name))
	}
	b.databases = nil
	entries, readErr := os.ReadDir(b.dir)
	for _, e := range entries {
		if path := filepath.Join(b.dir, e.Name()); path != b.binaryPath {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return errors.Join(err, readErr)
}

// landfall builds the binary, once.
func (b *bench) landfall(ctx context.Context) (path string, err error) {
	if b.binaryPath == "" {
		b.binaryPath, err = build(ctx, b.dir)
	}
	return b.binaryPath, err
}

// filled gives a seeded size, as much of it as is asked for.
func (b *bench) filled(n int) int { return max(1, n*b.fill/1000) }

// receiving starts a receiver for the row.
func receiving(do func(*receiver) error, words ...string) error {
	hook, err := startReceiver(identity, words...)
	if err != nil {
		return err
	}
	defer hook.stop()
	return do(hook)
}
