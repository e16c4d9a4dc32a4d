//go:build !unix

package app

// mostFiles gives how many files this process may have open; false: other systems have no such limit.
func mostFiles() (uint64, bool) { return 0, false }
