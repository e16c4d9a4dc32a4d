package harness_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/fault"
	. "landfall/internal/harness"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/mongodb"
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

// On a server nothing tells a dead process from a slow one but the time since it was heard of, so each command goes on half a minute later.
func TestALongCommandCutOffOnAServerIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	uri := MongoDB(t)
	o := newOrigin(t)
	commands := longCommands()
	p := o.place(t, commands[1])
	data := p.Records.Data
	p.Records = Database(t, uri)
	p.Records.Data = data
	for _, c := range []struct {
		longCommand
		points []string
	}{
		{commands[1], []string{backup.PointRestoreCommits, backup.PointRestoreEmptied, backup.PointRestoreHeld}},
		{commands[0], []string{ledger.PointDropped, backup.PointUnmarking}},
		{commands[2], []string{app.PointResealed, app.PointKeyRecorded}},
	} {
		p.c, p.Command = c.longCommand, c.name
		for _, point := range c.points {
			how := "kill"
			if point == backup.PointRestoreEmptied { // an interrupt later than that finds most of the work done, and lets it end
				how = "Ctrl-C"
			}
			p.cutOff(how, point, 1)
			p.named()
			if err := c.run(t.Context(), p.orders, commandOptions(nil, p.Ahead)); fault.CodeOf(err) != "command_running" {
				t.Errorf("%s at once after a %s at %s: %v", c.name, how, point, err)
			}
			p.Ahead += 31 * time.Second
		}
		p.finish()
	}
}

// origin is what every command of the walk begins from: a stopped service, and a backup of it.
type origin struct {
	dir     string
	archive string
	records map[string]record
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	w := NewOnFolder(t)
	dominica, antigua := w.Account("DMA", "coordinator"), w.Account("ATG", "official")
	far := NewReceiver(t)
	Subscribe(dominica, far, nil)
	id, _ := Subscribe(antigua, far, nil)
	antigua.Post("/api/v1/subscriptions/"+id+"/rotate-secret", Object{}).Want(200)
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	maria.Post(maria.Path+"/figures", Figure("DMA", 300, w.Clock.Now())).Want(201)
	far.Await("figure.reported", 1)
	w.Pass(time.Second)
	w.Verify()
	w.Halt()
	o := &origin{dir: w.Dir, archive: filepath.Join(t.TempDir(), "today.backup")}
	if _, err := app.Backup(t.Context(), app.Records{Data: w.Dir}, "", o.archive, Backup(w), Quiet()); err != nil {
		t.Fatal(err)
	}
	o.records = recordsIn(t, app.Records{Data: w.Dir})
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
	if c.name == "nightly" {
		p.older("nightly/landfall-20260901T060000Z.backup")
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

// older puts a backup of before beside the data folder.
func (p *place) older(name string) {
	p.t.Helper()
	path := filepath.Join(p.Records.Data, "..", name)
	text, err := os.ReadFile(p.o.archive)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// cutOff runs the command until it comes to a point for the nth time, and ends it there.
func (p *place) cutOff(how, point string, nth int) {
	p.t.Helper()
	if how == "kill" {
		p.Die, p.Hit = point, nth
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childOrders+"="+mustJSON(p.t, p.orders))
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
	}, p.Ahead))
	if w.counts()[point] < nth {
		p.t.Fatalf("%s never comes to %s: %v", p.c.name, point, err)
	}
	if err != nil && p.c.marks != "" && w.counts()[backup.PointMarked] > 0 && fault.CodeOf(err) != p.c.marks {
		p.t.Errorf("interrupted at %s it says: %v", point, err)
	}
}

// named looks at what the command has left: whole records, or marked ones that everybody refuses by the command's name.
func (p *place) named() {
	p.t.Helper()
	report, err := app.Verify(p.t.Context(), p.Records, app.Against{}, time.Now, Quiet())
	marked := p.c.marks != "" && fault.CodeOf(err) == p.c.marks
	p.done = p.c.into && err == nil && report.Commits > 0
	switch {
	case err == nil && len(report.Findings) == 0:
	case !marked || !strings.Contains(err.Error(), "landfall "+p.c.name):
		p.t.Errorf("verify: %v %v", err, report.Findings)
	}
	if !marked && p.c.into || p.c.file != "" {
		return // a service that starts here is the one that it would have been before
	}
	opt := app.Options{Records: p.Records, Listen: "127.0.0.1:0", Now: commandOptions(nil, p.Ahead).Now, NoSchedule: true, Logger: Quiet(), Version: "test"}
	if says := fmt.Sprint(app.Check(p.t.Context(), opt)); marked != strings.Contains(says, "docs/runbooks/unfinished.md") {
		p.t.Errorf("check, of records that are marked (%v): %s", marked, says)
	}
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
	err := p.c.run(p.t.Context(), p.orders, commandOptions(nil, p.Ahead+time.Minute))
	if code := fault.CodeOf(err); p.done && code == "store_not_empty" || code == "backup_exists" {
		err = nil // it was cut off behind the end
	}
	if err != nil {
		p.t.Fatalf("the same command again: %v", err)
	}
	if p.c.file != "" {
		p.followed()
	}
	verified(p.t, p.Records)
	after := recordsIn(p.t, p.Records)
	if p.c.name == "rotate-key" {
		p.rotated(after)
	} else if diff := cmp.Diff(p.o.records, after); diff != "" {
		p.t.Errorf("the records (-before +after):\n%s", diff)
	}
	if p.c.file != "" {
		p.kept()
	}
}

// followed lets the next process derive what a command cut off owes: a recorded head has a
// document.
func (p *place) followed() {
	p.t.Helper()
	a, err := app.Start(p.t.Context(), app.Options{
		Records: p.Records, Offline: true, Now: commandOptions(nil, p.Ahead+2*time.Minute).Now, Logger: Quiet(), Version: "test",
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := errors.Join(a.RunOnce(p.t.Context(), "pending"), a.Stop(p.t.Context())); err != nil {
		p.t.Error(err)
	}
}

// rotated looks at records whose key was rotated: every body is as it was, what the old key opens is gone, and one key is left.
func (p *place) rotated(after map[string]record) {
	p.t.Helper()
	var files []byte
	for _, name := range []string{"landfall.db", "landfall.db-wal"} {
		text, err := os.ReadFile(filepath.Join(p.Records.Data, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			p.t.Fatal(err)
		}
		files = append(files, text...)
	}
	for _, r := range after {
		files = append(files, r.Detached...)
	}
	sealed := 0
	for id, before := range p.o.records {
		if after[id].Body != before.Body {
			p.t.Errorf("%s was %s and is %s", id, before.Body, after[id].Body)
		}
		for _, found := range sealedText.FindAllString(before.Detached, -1) {
			if sealed++; bytes.Contains(files, []byte(found)) {
				p.t.Errorf("what the old key opens is in the records still: %s", found)
			}
		}
	}
	if sealed != 3 {
		p.t.Errorf("%d secrets", sealed)
	}
	if _, err := os.Stat(filepath.Join(p.Records.Data, "secret.key.next")); err == nil {
		p.t.Error("secret.key.next is left")
	}
}

var sealedText = regexp.MustCompile(`[0-9a-f]{8}\.[A-Za-z0-9_-]{40,}`)

// kept looks at the folder of a backup: there is one, it is whole, and nothing half written is beside it.
func (p *place) kept() {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.Records.Data, "..", p.c.file+"*"))
	if err != nil || len(files) != 1 || filepath.Ext(files[0]) != ".backup" {
		p.t.Fatalf("it leaves %v, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if sum, err := backup.Verify(p.t.Context(), f); err != nil || sum.Commits == 0 {
		p.t.Errorf("%s: %d commits, %v", files[0], sum.Commits, err)
	}
}

// record is a commit, or a working document of the service's work.
type record struct{ Body, Detached string }

// recordsIn gives all of them by id, but for the signed heads: each run of a command may add one.
func recordsIn(t *testing.T, records app.Records) map[string]record {
	t.Helper()
	open := func() (store.Store, error) {
		if records.MongoDBURI != "" {
			return mongodb.Open(t.Context(), records.MongoDBURI, app.Kinds(), mongodb.Options{Database: records.MongoDBDatabase, Now: time.Now})
		}
		return sqlite.OpenReadOnly(t.Context(), filepath.Join(records.Data, "landfall.db"), app.Kinds(), sqlite.Options{})
	}
	st, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	all := map[string]record{}
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
			if name == string(head.Stream) {
				break
			}
			all[c.ID] = record{string(c.Body), string(c.Detached)}
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
			all[k.Name+"/"+d.ID] = record{Body: string(d.Body)}
		}
	}
	return all
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
