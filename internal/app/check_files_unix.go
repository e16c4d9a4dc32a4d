//go:build unix

package app

import "syscall"

// mostFiles gives how many files this process may have open; false where nobody knows. The runtime
// has raised the soft limit to the hard one.
func mostFiles() (uint64, bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Max), true //nolint:unconvert // it is signed on some systems
}
