package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

func TestARestoredStoreHoldsEveryByteOfTheOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(20)
	archive, wrote := w.archive()
	verified, err := backup.Verify(t.Context(), bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wrote, verified); diff != "" {
		t.Errorf("what was written is not what is read (-wrote +read)\n%s", diff)
	}
	all := int64(len(commits(t, w.st)))
	if wrote.Commits != all || wrote.Since != 0 || wrote.Bytes != int64(len(archive)) || wrote.Documents == 0 {
		t.Errorf("the summary says %+v of %d commits", wrote, all)
	}
	again, sum := restored(t, archive, w.opt())
	sameRecords(t, w.st, again.st)
	if len(documents(t, again.st, "presence")) != 0 {
		t.Error("who was present before is present again")
	}
	if len(sum.Warnings)+len(sum.Damaged) > 0 || sum.Commits != all {
		t.Errorf("the summary of the restore says %+v", sum)
	}
	again.verify()
}

func TestTwoBackupsOfTheSameRecordsHaveTheSameHeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(5)
	archive, first := w.archive()
	again, _ := restored(t, archive, w.opt())
	_, second := again.archive()
	if first.Heads != second.Heads || first.Heads == "" || second.Epoch <= first.Epoch {
		t.Errorf("heads %s and %s, epochs %d and %d", first.Heads, second.Heads, first.Epoch, second.Epoch)
	}
	w.happen("vessel", "ferry", happened{}, "")
	if _, third := w.archive(); third.Heads == first.Heads {
		t.Error("another record, the same heads")
	}
}

func TestAnEmptyStoreCanBeBackedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	archive, _ := w.archive()
	again, sum := restored(t, archive, w.opt())
	if sum.Commits != 0 || len(commits(t, again.st)) != 0 {
		t.Errorf("out of nothing came %+v", sum)
	}
}

// small gives an archive of few bytes that has something of everything.
func small(t testing.TB) (*world, []byte) {
	t.Helper()
	w := newWorld(t)
	w.hazard("maria")
	w.incident("1", "maria")
	w.happen("incident", "1", happened{}, "a note")
	w.handleAll()
	w.paid()
	archive, _ := w.archive()
	return w, archive
}

func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	_, archive := small(t)
	for i := range archive {
		for _, mask := range []byte{0x01, 0xa0} {
			changed := bytes.Clone(archive)
			changed[i] ^= mask
			if _, err := backup.Verify(t.Context(), bytes.NewReader(changed)); !found(err) {
				t.Fatalf("byte %d of %d changed by %#x: %v", i, len(archive), mask, err)
			}
		}
	}
}

// found reports whether the error is one that names what is wrong with an archive.
func found(err error) bool {
	return slices.Contains([]string{"not_a_backup", "backup_newer", "backup_older", "backup_cut", "backup_altered"}, fault.CodeOf(err))
}

func TestEveryTruncationIsFound(t *testing.T) {
	t.Parallel()
	_, archive := small(t)
	for i := range archive {
		_, err := backup.Verify(t.Context(), bytes.NewReader(archive[:i]))
		if want := map[bool]string{true: "backup_cut", false: "not_a_backup"}[i > 0]; fault.CodeOf(err) != want {
			t.Fatalf("the first %d of %d bytes: %v", i, len(archive), err)
		}
	}
	if _, err := backup.Verify(t.Context(), bytes.NewReader(append(bytes.Clone(archive), '\n'))); fault.CodeOf(err) != "backup_altered" {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestWhatIsNoBackupIsCalledThat(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "SQLite format 3\x00", "landfall-backups 1\n", "landfall-backup one\n", "landfall-backup 01\n", "landfall-backup -1\n", strings.Repeat("x", 100_000)} {
		if _, err := backup.Verify(t.Context(), strings.NewReader(text)); fault.CodeOf(err) != "not_a_backup" {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestAnotherFormatIsRefusedByItsNumber(t *testing.T) {
	t.Parallel()
	_, archive := small(t)
	w := newWorld(t)
	for format, code := range map[int]string{1: "backup_older", 3: "backup_newer"} {
		other := append(fmt.Appendf(nil, "landfall-backup %d\n", format), archive[bytes.IndexByte(archive, '\n')+1:]...)
		_, err := backup.Restore(t.Context(), bytes.NewReader(other), w.st, kinds(), w.opt())
		if fault.CodeOf(err) != code || !strings.Contains(err.Error(), fmt.Sprint("format ", format)) {
			t.Fatalf("format %d: %v", format, err)
		}
	}
	if _, err := backup.ReadState(t.Context(), w.st); err != nil {
		t.Errorf("a refused archive has touched the store: %v", err)
	}
}

func TestAReaderThatFailsIsNoDamage(t *testing.T) {
	t.Parallel()
	_, archive := small(t)
	broken := errors.New("input/output error")
	r := io.MultiReader(bytes.NewReader(archive[:len(archive)/2]), failing{broken})
	if _, err := backup.Verify(t.Context(), r); fault.CodeOf(err) != "backup_unreadable" || !errors.Is(err, broken) {
		t.Errorf("a failing disk: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld(t)
	w.populate(40)
	long, _ := w.archive()
	if _, err := backup.Verify(ctx, bytes.NewReader(long)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled reading: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// tampered is a store whose commits are not what was recorded.
type tampered struct {
	store.Store
	change func(*store.Commit)
}

func (s tampered) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	list, err := s.Store.ReadStream(ctx, stream, after, limit)
	for i := range list {
		s.change(&list[i])
	}
	return list, err
}

func TestDamagedRecordsAreCopiedNamedAndRestoredOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w, _ := small(t)
	changes := map[string]func(*store.Commit){
		"the body": func(c *store.Commit) { c.Body = bytes.Replace(c.Body, []byte("Roseau"), []byte("Rosxau"), 1) },
		"the id":   func(c *store.Commit) { c.ID += "0" },
		"the prev": func(c *store.Commit) { c.Prev = bytes.Clone(c.Hash) },
		"a value":  func(c *store.Commit) { c.Detached = bytes.Replace(c.Detached, []byte("a note"), []byte("a nose"), 1) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			bad := tampered{w.st, func(c *store.Commit) {
				if c.Stream == "incident/1" && (c.Seq == 1) != (name == "a value") {
					change(c)
				}
			}}
			var b bytes.Buffer
			if _, err := backup.Write(t.Context(), bad, kinds(), &b, w.opt()); err != nil {
				t.Fatal(err)
			}
			sum, err := backup.Verify(t.Context(), bytes.NewReader(b.Bytes()))
			if fault.CodeOf(err) != "records_damaged" || len(sum.Damaged) == 0 || !strings.Contains(sum.Damaged[0], "of incident/1: ") {
				t.Fatalf("verify: %v, %q", err, sum.Damaged)
			}
			into := newWorld(t)
			if _, err := backup.Restore(t.Context(), bytes.NewReader(b.Bytes()), into.st, kinds(), w.opt()); fault.CodeOf(err) != "records_damaged" {
				t.Errorf("restore: %v", err)
			}
			opt := w.opt()
			opt.AcceptDamaged = true
			into = newWorld(t)
			sum, err = backup.Restore(t.Context(), bytes.NewReader(b.Bytes()), into.st, kinds(), opt)
			if err != nil || len(sum.Damaged) == 0 {
				t.Fatalf("restore as it is: %v", err)
			}
			want := commits(t, w.st)
			for ref, c := range want {
				if ref.Stream == "incident/1" && (ref.Seq == 1) != (name == "a value") {
					change(&c)
					want[ref] = c
				}
			}
			if diff := cmp.Diff(want, commits(t, into.st)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnErasureIsCarriedOutAgainOnAValueThatWasCopiedBeforeIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const note = "call the harbour master first"
	w.happen("incident", "1", happened{}, note)
	for range 70 { // so that the stream is read in two steps
		w.happen("incident", "1", happened{}, "")
	}
	w.handleAll()
	erase := func() {
		if err := w.nouns["incident"].Erase(t.Context(), "1", actor, ledger.Erased{Seq: 1, Name: "note", Reason: "request"}); err != nil {
			t.Fatal(err)
		}
		w.handleAll()
	}
	var b bytes.Buffer
	between := &hooked{Store: w.st, before: func(call string, n int) {
		if call == "ReadStream incident/1" && n == 2 {
			erase()
		}
	}}
	if _, err := backup.Write(t.Context(), between, kinds(), &b, w.opt()); err != nil {
		t.Fatal(err)
	}
	into, _ := restored(t, b.Bytes(), w.opt())
	if !strings.Contains(string(commits(t, into.st)[store.Ref{Stream: "incident/1", Seq: 1}].Detached), note) {
		t.Fatal("the value was not copied: the test shows nothing")
	}
	into.handleAll()
	for _, c := range commits(t, into.st) {
		if strings.Contains(string(c.Detached), note) {
			t.Errorf("commit %d still holds the value", c.Seq)
		}
	}
	into.verify()
	// One that was carried out before the copy is no work for anybody.
	archive, _ := w.archive()
	into, _ = restored(t, archive, w.opt())
	if n := len(into.pending(10)); n != 0 {
		t.Errorf("%d commits are pending", n)
	}
}

func TestProgressEndsWithAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(20)
	path := filepath.Join(t.TempDir(), "landfall.backup")
	var last, total int64
	var ends []int64
	opt := w.opt()
	opt.Progress = func(done, of int64) {
		if done < last || of < done {
			t.Errorf("%d of %d after %d", done, of, last)
		}
		if last, total = done, of; done == of {
			ends = append(ends, done)
		}
	}
	sum, err := backup.File(t.Context(), w.st, kinds(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(ends, sum.Streams) || last != total || last != sum.Bytes {
		t.Errorf("%d of %d; the ends were %v, of %d streams and then %d bytes", last, total, ends, sum.Streams, sum.Bytes)
	}
}
