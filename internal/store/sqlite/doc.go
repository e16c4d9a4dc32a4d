// Package sqlite keeps Landfall's records in one SQLite file: the embedded engine behind package store.
//
// # What it promises
//
// Everything store.Store promises, on one machine. An Append that has returned is in the write-ahead log and the log has
// been synced. A Bulk that has returned is in the log; a power cut may take the last Bulks, but only from the end: the log is
// a chain of checksums, so what survives is always a prefix of what was committed, and the next Append syncs all of it.
//
// # One writer
//
//	Append, SetDetached ──► durable queue ──┐
//	                                        ├──► writer ──► BEGIN · writes · COMMIT ──► replies
//	Bulk, Drop ───────────► lazy queue ─────┘                 durable: synchronous=FULL
//	                                                          lazy:    synchronous=NORMAL
//
// One goroutine owns the only writing connection. Whatever waits in the durable queue becomes one transaction and one sync.
// Lazy writes run when no durable one waits; to keep them from starving, every Options.LazyEvery durable groups one bounded
// slice of them goes first. A lazy request is not a transaction and may be cut between two of its writes. When a
// group fails and holds several requests, each is tried alone, so one request's fault is its own.
//
// Checkpoints run on a connection of their own, so that copying pages back into the file does not hold the writer up; when the
// log grows regardless, the writer finishes one itself.
//
// # What ends it
//
// A failed sync leaves unknown what is on the disk, and trying again would only hide it. The store then refuses every write
// and calls Options.OnFatal once; ending the process is the caller's decision. A full disk is no such end: the group
// is rolled back, its callers get store.ErrFull, and the next group tries again.
//
// # The file
//
// A person can read it with the sqlite3 shell: table commits has a column for each field of store.Commit, each kind of
// document has a table of its own with its declared fields as columns. Bodies are JSON text, instants are text such as
// 2017-09-18T21:35:00.000000Z, sets of strings are JSON arrays. Names with two underscores belong to the engine.
// Other processes may read beside the running one, and write a little (OpenBeside). Nobody in this process may open and close the file by other
// means: on POSIX systems that drops SQLite's locks.
package sqlite
