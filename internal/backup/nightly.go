package backup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Names of the files that Nightly keeps: landfall-20170919T011500Z.backup, and with one more ending where records are damaged. Others in the
// folder are never touched.
const (
	fileStamp  = "20060102T150405Z"
	fileEnding = ".backup"
	unfinished = ".new"
	blemished  = ".damaged"
)

var fileName = regexp.MustCompile(`^landfall-[0-9]{8}T[0-9]{6}Z\.backup$`)

// Nightly takes a backup into a folder and keeps the newest ones there, at least one. It gives the path of the new file.
//
// The file has its name only when it is whole: it is written beside it, synced, read back and proven first. Only then are older ones than the newest
// keep removed, so whatever fails leaves them alone; a full disk is a Full fault. Files are readable by their owner only, because everything the
// store holds is in them. What a killed run left is removed: nobody holds its lock any more.
//
// Records that are damaged in the store make an error with the code "records_damaged", although there is a file, which holds everything else: its name
// ends in ".damaged". It takes the place of the last such file and of no other, since an older one may hold the records whole.
func Nightly(ctx context.Context, st store.Store, kinds []store.Kind, dir string, keep int, opt Options) (path string, sum Summary, err error) {
	return nightly(ctx, st, kinds, dir, keep, opt, createFile)
}

// file is what a backup is written to.
type file interface {
	io.WriteCloser
	Sync() error
}

// createFile makes a file for its owner alone, or empties the one that is there and was taken over.
func createFile(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

func nightly(ctx context.Context, st store.Store, kinds []store.Kind, dir string, keep int, opt Options, create func(string) (file, error)) (path string, sum Summary, err error) {
	if keep < 1 {
		return "", Summary{}, fault.New(fault.Invalid, "backup_keep", "At least one backup has to be kept, not %d.", keep)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", Summary{}, folderFault(dir, err)
	}
	if err := removeAbandoned(dir); err != nil {
		return "", Summary{}, folderFault(dir, err)
	}
	path = filepath.Join(dir, "landfall-"+opt.Now().UTC().Format(fileStamp)+fileEnding)
	sum, err = toFile(ctx, st, kinds, path, opt, create)
	if fault.CodeOf(err) == codeDamaged {
		if failed := errors.Join(os.Rename(path, path+blemished), prune(dir, blemished, 1, opt)); failed != nil {
			return path, sum, errors.Join(err, folderFault(dir, failed))
		}
		return path + blemished, sum, err
	}
	if err != nil {
		return "", sum, err
	}
	if err := prune(dir, "", keep, opt); err != nil {
		return path, sum, fault.Wrap(err, fault.Unavailable, "backup_prune", "The backup is taken, but older ones in %s cannot be removed.", dir)
	}
	return path, sum, nil
}

// TakenAt reads from the name of a nightly backup when it was taken; false for the name of anything else, damaged backups included.
func TakenAt(name string) (time.Time, bool) {
	stamp, ok := strings.CutPrefix(name, "landfall-")
	if ok {
		stamp, ok = strings.CutSuffix(stamp, fileEnding)
	}
	at, err := time.Parse(fileStamp, stamp)
	return at, ok && err == nil
}

// File takes a backup into a new file, as Nightly does: the file has its name only when it is durable and proven. A file that is there already
// is never written over; an unfinished one that nobody writes to any more is taken over. With the error code "records_damaged" the file is there.
func File(ctx context.Context, st store.Store, kinds []store.Kind, path string, opt Options) (Summary, error) {
	return toFile(ctx, st, kinds, path, opt, createFile)
}

func toFile(ctx context.Context, st store.Store, kinds []store.Kind, path string, opt Options, create func(string) (file, error)) (sum Summary, err error) {
	if _, err := os.Lstat(path); err == nil {
		return Summary{}, fault.New(fault.Conflict, "backup_exists", "%s is there already. Name a file that is not.", path)
	}
	release, err := takeOver(path + unfinished)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	sum, err = writeFile(ctx, st, kinds, path+unfinished, opt, create)
	if err == nil {
		opt.at(PointFileSynced)
		sum, err = verifyFile(ctx, path+unfinished, sum, opt)
	}
	if err != nil && fault.CodeOf(err) != codeDamaged {
		return sum, errors.Join(err, removeIfThere(path+unfinished))
	}
	opt.at(PointFileProven)
	if failed := errors.Join(os.Rename(path+unfinished, path), syncFolder(filepath.Dir(path))); failed != nil {
		return sum, folderFault(path, failed)
	}
	opt.at(PointFileNamed)
	return sum, err
}

// writeFile writes a backup into a new file, durably.
func writeFile(ctx context.Context, st store.Store, kinds []store.Kind, path string, opt Options, create func(string) (file, error)) (Summary, error) {
	f, err := create(path)
	if err != nil {
		return Summary{}, writeFault(ctx, &outputError{err})
	}
	opt.at(PointFileMade)
	buffered := bufio.NewWriterSize(f, 1<<20)
	sum, err := Write(ctx, st, kinds, buffered, opt)
	for _, finish := range []func() error{buffered.Flush, f.Sync} {
		if err == nil {
			if failed := finish(); failed != nil {
				err = writeFault(ctx, &outputError{failed})
			}
		}
	}
	if failed := f.Close(); err == nil && failed != nil {
		err = writeFault(ctx, &outputError{failed})
	}
	return sum, err
}

// verifyFile reads back what was written. The summary of the reading is compared with that of the writing.
func verifyFile(ctx context.Context, path string, wrote Summary, opt Options) (Summary, error) {
	f, err := os.Open(path)
	if err != nil {
		return wrote, folderFault(path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	got, err := verify(ctx, f, opt)
	if (err == nil || fault.CodeOf(err) == codeDamaged) && (got.SHA256 != wrote.SHA256 || got.Bytes != wrote.Bytes) {
		return got, fault.New(fault.Unavailable, "backup_misread", "What was read back from %s is not what was written to it. The disk is not to be trusted.", path)
	}
	return got, err
}

// prune removes the oldest backups of the folder, those with one more ending or those without, until keep are left.
func prune(dir, ending string, keep int, opt Options) error {
	names, err := list(dir, ending)
	if err != nil {
		return err
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(b, a) }) // newest first: the time is in the name
	var errs []error
	for i, name := range names {
		if i >= keep {
			errs = append(errs, removeIfThere(filepath.Join(dir, name)))
			opt.at(PointFilePruned)
		}
	}
	return errors.Join(errs...)
}

// list gives the files of a folder that are backups by their names, with one more ending.
func list(dir, ending string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ending)
		if ok && e.Type().IsRegular() && fileName.MatchString(name) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes a new name durable. Windows has no such thing, and needs none.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func folderFault(path string, err error) error {
	if noSpace(err) {
		return fault.Wrap(err, fault.Full, "backup_disk_full", "There is no space left for the backup. Nothing that was there before has been touched.")
	}
	var p *fs.PathError
	reason := err
	if errors.As(err, &p) {
		reason = p.Err
	}
	return fault.Wrap(err, fault.Unavailable, "backup_folder", "The backup cannot be kept in %s: %v.", path, fmt.Sprint(reason))
}
