package bustest

import "testing"

// New is Start in a folder of the test, closed with it.
func New(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	c, err := Start(t.TempDir(), n, opts...)
	if err != nil {
		t.Fatalf("start a bus of %d servers: %v", n, err)
	}
	t.Cleanup(c.Close)
	return c
}
