//go:build race

package harness_test

// raced says that the race detector watches: processes are some times slower then, and what only the disk decides is tried less often.
const raced = true
