package harness_test

import (
	"context"
	"encoding/json"
	"errors"

	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/fault"
	. "landfall/internal/harness"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// The interrupt walk. Each long command is cut off at each point of its way, once by a kill and once as by Ctrl-C. What it leaves is either as
// before, or marked: then serve, run-once and verify refuse it and name the command. The same command then finishes, and nothing is
// lost. A point that is never passed fails.
func TestALongCommandCutOffAnywhereIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	for _, c := range longCommands() {
		for _, point := range c.points {
			t.Run(c.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				for _, how := range []string{"kill", "Ctrl-C"} {
					p := o.place(t, c)
					p.cutOff(how, point, 1)
					p.named()
					p.finish()
				}
			})
		}
	}
}

// longCommand is one command as the walk knows it.
type longCommand struct {
	name   string
	points []string
	marks  string // the code of its refusals, "" when it leaves the records alone
	into   bool   // it makes the records: there are none before
	run    func(ctx context.Context, o orders, opt backup.Options) error
}

func longCommands() []longCommand {
	return []longCommand{
		{
			name: "rebuild", marks: "rebuild_unfinished", points: slices.Concat(backup.Points("rebuild"), ledger.RebuildPoints()),
			run: func(ctx context.Context, o orders, opt backup.Options) error {
				_, err := app.Rebuild(ctx, o.Records, opt, Quiet())
				return err
			},
		},
		{
			name: "restore", marks: "restore_unfinished", into: true, points: slices.Concat(backup.Points("restore"), ledger.RebuildPoints()),
			run: func(ctx context.Context, o orders, opt backup.Options) (err error) {
				f, err := os.Open(o.File)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				_, err = app.Restore(ctx, o.Records, "", f, opt, Quiet())
				return err
			},
		},
	}
}

// commandChild carries out the command of a child, which ends itself at its point.
func commandChild(o orders) error {
	w := &walker{die: o.Die, hit: o.Hit, armed: true, passed: map[string]int{}}
	i := slices.IndexFunc(longCommands(), func(c longCommand) bool { return c.name == o.Command })
	return longCommands()[i].run(context.Background(), o, commandOptions(w.at, o.Ahead))
}

// commandOptions are those of every command of the walk: its clock stands still.
func commandOptions(at func(string), ahead time.Duration) backup.Options {
	return backup.Options{Now: func() time.Time { return Start.Add(48*hour + ahead) }, Version: "test", At: at}
}

// origin is what every command of the walk begins from: a stopped service, and a backup of it.
type origin struct {
	dir     string
	archive string
	records map[string]string
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	w := NewOnFolder(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far := NewReceiver(t)
	Subscribe(dominica, far, nil)
	Subscribe(antigua, far, nil)
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Post(maria.Path+"/figures", Figure("DMA", 300, w.Clock.Now())).Want(201)
	far.Await("figure.reported", 1)
	w.Pass(time.Second)
	w.Verify()
	w.Halt()
	o := &origin{dir: w.Dir, archive: filepath.Join(t.TempDir(), "today.backup")}
	if _, err := app.Backup(t.Context(), app.Records{Data: w.Dir}, o.archive, Backup(w), Quiet()); err != nil {
		t.Fatal(err)
	}
	o.records = recordsIn(t, w.Dir)
	return o
}

// place is where one command is cut off and finished.
type place struct {
	t *testing.T
	o *origin
	c longCommand
	orders
	done bool // it was cut off when everything was done
}

// place gives a command records of its own.
func (o *origin) place(t *testing.T, c longCommand) *place {
	t.Helper()
	p := &place{t: t, o: o, c: c, orders: orders{Command: c.name, File: o.archive}}
	p.Records.Data = filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(p.Records.Data, os.DirFS(o.dir)); err != nil {
		t.Fatal(err)
	}
	if c.into {
		for _, name := range []string{"landfall.db", "landfall.db-wal", "landfall.db-shm"} {
			if err := os.Remove(filepath.Join(p.Records.Data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	return p
}

// cutOff runs the command until it comes to a point for the nth time, and ends it there.
func (p *place) cutOff(how, point string, nth int) {
	p.t.Helper()
	if how == "kill" {
		p.Die, p.Hit = point, nth
		text, err := json.Marshal(p.orders)
		if err != nil {
			p.t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childOrders+"="+string(text))
		log, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.Exited() {
			p.t.Fatalf("%s never comes to %s: %v\n%s", p.c.name, point, err, log)
		}
		return
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	w := &walker{passed: map[string]int{}, armed: true}
	err := p.c.run(ctx, p.orders, commandOptions(func(passed string) {
		w.at(passed)
		if w.counts()[point] == nth {
			cancel()
		}
	}, 0))
	if w.counts()[point] < nth {
		p.t.Fatalf("%s never comes to %s: %v", p.c.name, point, err)
	}
	if err != nil && p.c.marks != "" && fault.CodeOf(err) != p.c.marks {
		p.t.Errorf("interrupted at %s it says: %v", point, err)
	}
}

// named looks at what the command has left: whole records, or marked ones that everybody refuses by the command's name.
func (p *place) named() {
	p.t.Helper()
	report, err := app.Verify(p.t.Context(), p.Records, time.Now, Quiet())
	marked := p.c.marks != "" && fault.CodeOf(err) == p.c.marks
	p.done = p.c.into && err == nil && report.Commits > 0
	switch {
	case err == nil && len(report.Findings) == 0:
	case !marked || !strings.Contains(err.Error(), "landfall "+p.c.name):
		p.t.Errorf("verify: %v %v", err, report.Findings)
	}
	if !marked && p.c.into {
		return // a service that starts here is the new one that it would have been before
	}
	opt := app.Options{Records: p.Records, Listen: "127.0.0.1:0", Now: commandOptions(nil, 0).Now, NoSchedule: true, Logger: Quiet(), Version: "test"}
	for _, offline := range []bool{false, true} { // serve, run-once
		opt.Offline = offline
		a, err := app.Start(p.t.Context(), opt)
		if marked != (fault.CodeOf(err) == p.c.marks) || !marked && err != nil {
			p.t.Errorf("start, offline %v, of records that are marked (%v): %v", offline, marked, err)
		}
		if err == nil {
			if err := a.Stop(p.t.Context()); err != nil {
				p.t.Error(err)
			}
		}
	}
}

// finish runs the same command again and compares.
func (p *place) finish() {
	p.t.Helper()
	err := p.c.run(p.t.Context(), p.orders, commandOptions(nil, 0))
	if p.done && fault.CodeOf(err) == "store_not_empty" {
		err = nil
	}
	if err != nil {
		p.t.Fatalf("the same command again: %v", err)
	}
	verified(p.t, p.Records)
	if diff := cmp.Diff(p.o.records, recordsIn(p.t, p.Records.Data)); diff != "" {
		p.t.Errorf("the records (-before +after):\n%s", diff)
	}
}

// recordsIn gives every commit and every working document of the service's work, in short.
func recordsIn(t *testing.T, data string) map[string]string {
	t.Helper()
	st, err := sqlite.OpenReadOnly(t.Context(), filepath.Join(data, "landfall.db"), app.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	all := map[string]string{}
	names, err := st.Streams(t.Context(), "", "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		commits, err := st.ReadStream(t.Context(), name, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commits {
			all[c.ID] = string(c.Body) + string(c.Detached)
		}
	}
	for _, k := range app.Kinds() {
		if k.Derived || slices.Contains([]string{"probe", "process", "claimed_job", backup.KindService}, k.Name) {
			continue
		}
		page, err := st.Find(t.Context(), store.Query{Kind: k.Name, Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Docs {
			all[k.Name+"/"+d.ID] = string(d.Body)
		}
	}
	return all
}
