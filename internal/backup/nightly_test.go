package backup_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/store"
)

// at gives options whose clock stands still.
func at(w *world, now time.Time) backup.Options {
	opt := w.opt()
	opt.Now = func() time.Time { return now }
	return opt
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestNightlyKeepsTheNewestAndTouchesNothingElse(t *testing.T) {
	t.Parallel()
	w, _ := small(t)
	dir := filepath.Join(t.TempDir(), "backups")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"landfall.db", "landfall-20170901T020000Z.backup.txt", "before-upgrade.backup"} {
		if err := os.WriteFile(filepath.Join(dir, other), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for night := range 5 {
		path, sum, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 3, at(w, maria.AddDate(0, 0, night)))
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		read, err := backup.Verify(t.Context(), f)
		if info, _ := f.Stat(); err != nil || read.SHA256 != sum.SHA256 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("night %d: %v, %v", night, err, info.Mode())
		}
		_ = f.Close()
	}
	want := []string{
		"before-upgrade.backup", "landfall-20170901T020000Z.backup.txt", "landfall-20170921T011500Z.backup", "landfall-20170922T011500Z.backup",
		"landfall-20170923T011500Z.backup", "landfall.db",
	}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, _, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 3, at(w, maria.AddDate(0, 0, 4))); fault.CodeOf(err) != "backup_exists" {
		t.Errorf("twice in a second: %v", err)
	}
	if _, _, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 0, w.opt()); fault.CodeOf(err) != "backup_keep" {
		t.Errorf("keep none: %v", err)
	}
}

func TestWhatAKilledRunLeftIsTakenOverOnceNobodyHoldsIt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there an open file is its own lock")
	}
	w, _ := small(t)
	dir := t.TempDir()
	left, held, mine := "landfall-20170917T011500Z.backup.new", "landfall-20170919T011000Z.backup.new", "mine.backup.new"
	for _, name := range []string{left, held, mine} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("landfall-backup 2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lock := flock.New(filepath.Join(dir, held))
	if ok, err := lock.TryLock(); err != nil || !ok {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, _, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 1, at(w, maria)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{held, "landfall-20170919T011500Z.backup", mine}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, err := backup.File(t.Context(), w.st, kinds(), filepath.Join(dir, "mine.backup"), w.opt()); err != nil {
		t.Errorf("over what a killed backup left: %v", err)
	}
	if diff := cmp.Diff([]string{held, "landfall-20170919T011500Z.backup", "mine.backup"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// disk is a file on a disk that has room for so many bytes.
type disk struct {
	*os.File
	room  int
	full  error
	spoil bool // what is written is not what was given
}

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n, _ := d.File.Write(p[:d.room])
		d.room = 0
		return n, &fs.PathError{Op: "write", Path: d.Name(), Err: d.full}
	}
	d.room -= len(p)
	if d.spoil {
		p = bytes.Clone(p)
		p[len(p)/2] ^= 1
	}
	return d.File.Write(p)
}

func TestADiskThatIsFullLeavesOlderBackupsAlone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the errors of full disks are those of Unix")
	}
	w := newWorld(t)
	w.populate(40)
	dir := t.TempDir()
	_, whole, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 1, at(w, maria))
	if err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	for _, room := range []int{0, 10, int(whole.Bytes / 2), int(whole.Bytes - 1)} {
		for _, c := range []struct {
			full error
			want string
		}{{syscall.ENOSPC, "backup_disk_full"}, {syscall.EDQUOT, "backup_disk_full"}, {syscall.EIO, "backup_unwritable"}} {
			create := func(path string) (io.WriteCloser, error) {
				f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
				return &disk{File: f, room: room, full: c.full}, err
			}
			_, _, err := backup.NightlyTo(t.Context(), w.st, kinds(), dir, 1, at(w, maria.Add(time.Hour)), create)
			if fault.CodeOf(err) != c.want || fault.Is(err, fault.Full) != (c.want == "backup_disk_full") {
				t.Errorf("%v after %d bytes: %v", c.full, room, err)
			}
			if diff := cmp.Diff(before, names(t, dir)); diff != "" {
				t.Errorf("%v after %d bytes:\n%s", c.full, room, diff)
			}
		}
	}
}

func TestADiskThatForgetsIsNotBelieved(t *testing.T) {
	t.Parallel()
	w, _ := small(t)
	dir := t.TempDir()
	create := func(path string) (io.WriteCloser, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
		return &disk{File: f, room: 1 << 30, spoil: true}, err
	}
	if path, _, err := backup.NightlyTo(t.Context(), w.st, kinds(), dir, 1, at(w, maria), create); !found(err) || path != "" {
		t.Errorf("%q, %v", path, err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}
}

func TestABackupOfDamagedRecordsIsKeptAndNoWholeOneIsRemovedForIt(t *testing.T) {
	t.Parallel()
	w, _ := small(t)
	dir := t.TempDir()
	if _, _, err := backup.Nightly(t.Context(), w.st, kinds(), dir, 1, at(w, maria)); err != nil {
		t.Fatal(err)
	}
	bad := tampered{w.st, func(c *store.Commit) { c.Body = bytes.Replace(c.Body, []byte("Roseau"), []byte("Rosxau"), 1) }}
	for hour := range 3 {
		path, sum, err := backup.Nightly(t.Context(), bad, kinds(), dir, 1, at(w, maria.Add(time.Duration(hour+1)*time.Hour)))
		if fault.CodeOf(err) != "records_damaged" || len(sum.Damaged) == 0 || filepath.Ext(path) != ".damaged" {
			t.Errorf("%q, %v, %v", path, sum.Damaged, err)
		}
	}
	if diff := cmp.Diff([]string{"landfall-20170919T011500Z.backup", "landfall-20170919T041500Z.backup.damaged"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestAFileIsNeverWrittenOver(t *testing.T) {
	t.Parallel()
	w, _ := small(t)
	path := filepath.Join(t.TempDir(), "before-upgrade.backup")
	if _, err := backup.File(t.Context(), w.st, kinds(), path, w.opt()); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.File(t.Context(), w.st, kinds(), path, w.opt()); fault.CodeOf(err) != "backup_exists" {
		t.Errorf("over a backup: %v", err)
	}
	running := filepath.Join(filepath.Dir(path), "other.backup")
	lock := flock.New(running + ".new")
	if ok, err := lock.TryLock(); err != nil || !ok {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := backup.File(t.Context(), w.st, kinds(), running, w.opt()); fault.CodeOf(err) != "backup_running" {
		t.Errorf("over a backup under way: %v", err)
	}
	if _, err := os.Stat(running + ".new"); err != nil {
		t.Error("somebody else's file was removed")
	}
	if _, err := backup.File(t.Context(), w.st, kinds(), filepath.Join(path, "x"), w.opt()); err == nil || fault.Is(err, fault.Full) || errors.Is(err, fs.ErrExist) {
		t.Errorf("into a file for a folder: %v", err)
	}
}

func TestEveryStreamIsRememberedWithWhereItEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.SampledFrom([]string{"alert/", "incident/", "incident.x/", "incident-b/", "journal/p/"})
		all := map[string]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			all[gen.Draw(t, "noun")+rapid.StringMatching(`[0-9a-c]{1,4}`).Draw(t, "id")] = true
		}
		var sorted, seen []string
		for name := range all {
			sorted = append(sorted, name)
		}
		slices.Sort(sorted)
		for _, name := range sorted {
			if rapid.Bool().Draw(t, "seen") {
				seen = append(seen, name)
			}
		}
		for _, noun := range []string{"alert", "incident", "incident.x", "incident-b", "journal", "vessel"} {
			var ask []string
			var want []int64
			for _, name := range sorted {
				if strings.HasPrefix(name, noun+"/") {
					ask, want = append(ask, name), append(want, int64(slices.Index(seen, name)+1))
				}
			}
			if diff := cmp.Diff(want, backup.RoundTrip(noun, seen, ask)); diff != "" {
				t.Fatalf("%s\n%s", noun, diff)
			}
		}
	})
}
