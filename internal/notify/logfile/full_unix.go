//go:build unix

package logfile

import (
	"errors"
	"os"
	"syscall"
)

// full reports whether there was no room for what was to be written.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// syncDir makes a new file's entry in the folder last.
func syncDir(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func(d *os.File) { _ = d.Close() }(dir) // nothing was written to it
	return dir.Sync()
}
