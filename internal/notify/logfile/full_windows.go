//go:build windows

package logfile

import (
	"errors"
	"os"
	"syscall"
)

// full reports whether there was no room for what was to be written: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
func full(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// syncDir does nothing: Windows makes entries of folders last by itself, and lets nobody sync one.
func syncDir(*os.Root) error { return nil }
