package backup

import (
	"context"
	"io"
	"slices"

	"landfall/internal/store"
)

// NightlyTo is Nightly that makes its files with create.
func NightlyTo(ctx context.Context, st store.Store, kinds []store.Kind, dir string, keep int, opt Options, create func(path string) (io.WriteCloser, error)) (string, Summary, error) {
	return nightly(ctx, st, kinds, dir, keep, opt, func(path string) (file, error) {
		f, err := create(path)
		if err != nil {
			return nil, err
		}
		return f.(file), nil
	})
}

// WalkedIn gives the place of a noun in the second walk, -1 when it has none of its own.
func WalkedIn(noun string) int {
	return slices.Index(slices.Concat(referrersFirst[0], referrersFirst[1]), noun)
}

// RoundTrip remembers streams and gives what is found again.
func RoundTrip(noun string, add []string, find []string) []int64 {
	var h heads
	for i, name := range add {
		h.add(name, int64(i)+1, make([]byte, 32))
	}
	l := h.of(noun)
	var out []int64
	for _, name := range find {
		out = append(out, l.find(name).seq)
	}
	return out
}
