package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"

	"landfall/internal/fault"
)

// takeOver makes an unfinished file this process's own until release: one that is not there yet, or one that whoever wrote to it has left. It is
// locked, and the system drops the lock of a process that dies. A file that somebody holds is a fault with the code "backup_running". A share
// without locks lets only a file be taken that was not there.
//
// On Windows no lock is needed, since no file is removed there that a process has open.
func takeOver(path string) (release func() error, err error) {
	running := func(cause error) error {
		return fault.Wrap(cause, fault.Conflict, codeRunning, "Another backup is being written to %s.", path)
	}
	if runtime.GOOS == "windows" {
		if err := removeIfThere(path); err != nil {
			return nil, running(err)
		}
		return func() error { return nil }, nil
	}
	for {
		_, before := os.Lstat(path)
		lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
		held, err := lock.TryLock()
		switch {
		case err != nil && errors.Is(before, fs.ErrNotExist):
			if _, there := os.Lstat(path); there != nil {
				return nil, folderFault(path, err)
			}
			return func() error { return nil }, nil
		case err != nil || !held:
			return nil, running(err)
		}
		mine, err := lock.Stat()
		if there, missing := os.Lstat(path); err == nil && missing == nil && os.SameFile(mine, there) {
			return lock.Unlock, nil
		}
		// It was finished or removed a moment ago.
		if err := errors.Join(err, lock.Unlock()); err != nil {
			return nil, folderFault(path, err)
		}
	}
}

// removeAbandoned removes what killed runs of Nightly left.
func removeAbandoned(dir string) error {
	names, err := list(dir, unfinished)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		release, err := takeOver(path)
		if fault.CodeOf(err) == codeRunning {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(removeIfThere(path), release()); err != nil {
			return err
		}
	}
	return nil
}
