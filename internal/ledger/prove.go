package ledger

import (
	"maps"
	"slices"

	"landfall/internal/store"
)

// Check proves one stored commit against itself and against the hash of the commit before it in its stream, nil for the first: the hash is that
// of the body, every lifted field says what the body says, and each detached value is the one that was recorded. A value that is absent is
// no error here: whether an erasure says so stands elsewhere in the stream, and Verify looks for it. The error says in words what is wrong.
func Check(c store.Commit, prev []byte) error {
	_, err := check(c, prev)
	return err
}

// Nouns lists every noun that is registered, sorted.
func (l *Ledger) Nouns() []string { return slices.Sorted(maps.Keys(l.nouns)) }
