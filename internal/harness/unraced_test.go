//go:build !race

package harness_test

// raced says that the race detector watches.
const raced = false
