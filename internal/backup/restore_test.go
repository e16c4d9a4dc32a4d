package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/store"
)

func TestARestoreThatDidNotFinishIsRefusedEverywhereAndFinishedByTheSameBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(60)
	archive, _ := w.archive()
	altered := bytes.Clone(archive)
	altered[len(altered)-3] ^= 1 // of the digest: everything is written by then
	_, another := small(t)
	for name, half := range map[string][]byte{"cut off": archive[:len(archive)*2/3], "altered": altered} {
		t.Run(name, func(t *testing.T) {
			into := newWorld(t)
			if _, err := backup.Restore(t.Context(), bytes.NewReader(half), into.st, kinds(), w.opt()); !found(err) {
				t.Fatalf("restore: %v", err)
			}
			if _, err := backup.ReadState(t.Context(), into.st); fault.CodeOf(err) != "restore_unfinished" {
				t.Errorf("state: %v", err)
			}
			if err := backup.Release(t.Context(), into.st, "a1", maria); fault.CodeOf(err) != "restore_unfinished" {
				t.Errorf("release: %v", err)
			}
			if _, err := backup.Write(t.Context(), into.st, kinds(), io.Discard, w.opt()); fault.CodeOf(err) != "restore_unfinished" {
				t.Errorf("backup of it: %v", err)
			}
			if _, err := backup.Restore(t.Context(), bytes.NewReader(another), into.st, kinds(), w.opt()); fault.CodeOf(err) != "restore_unfinished" {
				t.Errorf("a restore of another backup: %v", err)
			}
			into.bulk(put("claim", "of a damaged copy"))
			into.restore(archive)
			sameRecords(t, w.st, into.st)
		})
	}
}

// rough is a store on a bad line.
type rough struct {
	store.Store
	calls atomic.Int64
	full  bool
}

var errLine = errors.New("connection lost")

func (r *rough) Append(ctx context.Context, list []store.Commit) (int, error) {
	switch n := r.calls.Add(1); {
	case r.full && n > 10:
		return 0, store.ErrFull
	case n%7 == 2: // the request is lost
		return 0, errLine
	case n%7 == 5: // the reply is lost
		_, _ = r.Store.Append(ctx, list)
		return 0, errLine
	}
	return r.Store.Append(ctx, list)
}

func TestALineThatFailsLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(20)
	archive, _ := w.archive()
	into := newWorld(t)
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive), &rough{Store: into.st}, kinds(), w.opt()); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, w.st, into.st)
	full := newWorld(t)
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive), &rough{Store: full.st, full: true}, kinds(), w.opt()); !fault.Is(err, fault.Full) {
		t.Errorf("a disk that becomes full: %v", err)
	}
	if _, err := backup.ReadState(t.Context(), full.st); fault.CodeOf(err) != "restore_unfinished" {
		t.Errorf("state: %v", err)
	}
}

func TestAStoreIsNotOpenedBeforeEverythingIsDerived(t *testing.T) {
	t.Parallel()
	w, archive := small(t)
	into := newWorld(t)
	opt := w.opt()
	killed := errors.New("killed")
	opt.Derive = func(ctx context.Context) error {
		if len(commits(t, into.st)) != len(commits(t, w.st)) || len(documents(t, into.st, "delivery")) == 0 {
			t.Error("derived before everything was written")
		}
		return killed
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive), into.st, kinds(), opt); !errors.Is(err, killed) {
		t.Errorf("restore: %v", err)
	}
	if _, err := backup.ReadState(t.Context(), into.st); fault.CodeOf(err) != "restore_unfinished" {
		t.Errorf("state: %v", err)
	}
}

func TestAStoreThatIsNotEmptyIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	_, archive := small(t)
	for name, fill := range map[string]func(*world){
		"records":             func(w *world) { w.hazard("irma") },
		"a working document":  func(w *world) { w.bulk(delivery("d", "dead", maria, cause{})) },
		"a derived document":  func(w *world) { w.bulk(put("thing", "x")) },
		"a restored service":  func(w *world) { w.restore(archive) },
		"presence of another": func(w *world) { w.bulk(put("presence", "p")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			fill(w)
			before := commits(t, w.st)
			_, err := backup.Restore(t.Context(), bytes.NewReader(archive), w.st, kinds(), w.opt())
			if fault.CodeOf(err) != "store_not_empty" {
				t.Errorf("restore: %v", err)
			}
			if diff := cmp.Diff(before, commits(t, w.st)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func (w *world) restore(archive []byte) {
	w.t.Helper()
	if _, err := backup.Restore(context.Background(), bytes.NewReader(archive), w.st, kinds(), w.opt()); err != nil {
		w.t.Fatalf("restore: %v", err)
	}
}

func put(kind, id string) store.Op {
	return store.Op{Do: store.OpPut, Kind: kind, Doc: store.Doc{ID: id, Version: 1, Body: []byte(`{}`)}}
}

func TestSecretsSealedWithAnotherKeyAreNotRestoredUnasked(t *testing.T) {
	t.Parallel()
	w, archive := small(t)
	opt := w.opt()
	into := newWorld(t)
	for _, key := range []string{"ffeeddcc", ""} {
		opt.KeyPrint = key
		if _, err := backup.Restore(t.Context(), bytes.NewReader(archive), into.st, kinds(), opt); fault.CodeOf(err) != "other_key" || !strings.Contains(err.Error(), "secret.key") {
			t.Fatalf("the key %q: %v", key, err)
		}
	}
	opt.WithoutSecrets = true
	sum, err := backup.Restore(t.Context(), bytes.NewReader(archive), into.st, kinds(), opt)
	if err != nil || len(sum.Warnings) != 1 {
		t.Errorf("without secrets: %v, warnings %q", err, sum.Warnings)
	}
}

func TestKindsThatThisVersionWouldLoseAreRefused(t *testing.T) {
	t.Parallel()
	w, archive := small(t)
	less := func(name string) []store.Kind {
		return slices.DeleteFunc(kinds(), func(k store.Kind) bool { return k.Name == name })
	}
	restore := func(kinds []store.Kind, opt backup.Options) (*world, backup.Summary, error) {
		into := newWorld(t)
		sum, err := backup.Restore(t.Context(), bytes.NewReader(archive), into.st, kinds, opt)
		return into, sum, err
	}
	if _, _, err := restore(less("claim"), w.opt()); fault.CodeOf(err) != "backup_newer" || !strings.Contains(err.Error(), "claim") || !strings.Contains(err.Error(), "1.4.0") {
		t.Errorf("a kind nobody knows: %v", err)
	}
	fields := kinds()
	fields[len(fields)-1].Fields = fields[len(fields)-1].Fields[:2]
	if _, _, err := restore(fields, w.opt()); fault.CodeOf(err) != "backup_newer" || !strings.Contains(err.Error(), "tries") {
		t.Errorf("a field nobody knows: %v", err)
	}
	opt := w.opt()
	opt.Retired = []string{"claim"}
	into, sum, err := restore(less("claim"), opt)
	if err != nil || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "claim") || len(documents(t, into.st, "claim")) != 0 {
		t.Errorf("a kind nobody needs any more: %v, warnings %q", err, sum.Warnings)
	}
	derived := append(less("claim"), store.Kind{Name: "claim", Derived: true})
	into, sum, err = restore(derived, w.opt())
	if err != nil || len(sum.Warnings) != 1 || len(documents(t, into.st, "claim")) != 0 {
		t.Errorf("a kind that is derived by now: %v, warnings %q", err, sum.Warnings)
	}
}

func TestEpochsAreNeverRepeated(t *testing.T) {
	t.Parallel()
	w, archive := small(t)
	seen := map[int64]bool{0: true}
	next := func(archive []byte, now time.Time) []byte {
		t.Helper()
		into := newWorld(t)
		opt := w.opt()
		opt.Now = func() time.Time { return now }
		sum, err := backup.Restore(t.Context(), bytes.NewReader(archive), into.st, kinds(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if state, err := backup.ReadState(t.Context(), into.st); err != nil || state.Epoch != sum.RestoredEpoch || state.Epoch <= sum.Epoch {
			t.Errorf("epoch %d out of %d, the summary says %d: %v", state.Epoch, sum.Epoch, sum.RestoredEpoch, err)
		}
		if seen[sum.RestoredEpoch] {
			t.Errorf("epoch %d twice", sum.RestoredEpoch)
		}
		seen[sum.RestoredEpoch] = true
		again, _ := into.archive()
		return again
	}
	later := next(archive, maria)
	next(archive, maria.Add(time.Second)) // the same archive again, the same minute
	next(later, maria.Add(2*time.Second)) // a backup of the restored
	stopped := time.Unix(0, 0)            // a machine whose clock has lost its battery
	next(later, stopped)
	next(later, stopped)
}
