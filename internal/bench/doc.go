// Command bench measures Landfall against its budgets: each beside its floor where it has one, the same path built from the raw
// libraries, in the same run on the same machine and in turns with it, because machines are noisy and ratios are less so.
//
//	go run ./internal/bench                             every budget, SQLite; MongoDB too when -mongodb says where
//	go run ./internal/bench -rows 'sweep|start'         some of them
//	go run ./internal/bench -rows '^scale/'             the slopes behind docs/scaling.md
//	go run ./internal/bench -cpuprofile cpu.out -work burst
//
// It starts Landfall in this process where the floor is in this process, and as processes of the built binary where memory, start and
// several processes are measured. Records of a size that takes years to come about are seeded: commits that the service itself has made
// are written again under other identities, with hashes that hold (see template). Everything happens in temporary folders, in databases of the
// run's own that it drops, and on loopback; every row is bounded in time, and the program ends by itself.
//
// It prints Markdown with absolute numbers and ratios. docs/performance.md and docs/scaling.md keep what it printed, with machine, date and
// method. Nothing here is a test: a number that a budget does not like is printed like any other.
package main

// senders is how many webhook requests the floor has under way at once. Landfall allows one target 16.
const senders = 8
