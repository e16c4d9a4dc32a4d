package proof

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// Hash is a SHA-256 digest. As text it has 64 hexadecimal digits.
type Hash [sha256.Size]byte

// String gives the digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether there is no hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("a hash has %d hexadecimal digits, not %d", hex.EncodedLen(len(h)), len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Leaf is where one stream ended: its last commit.
type Leaf struct {
	Stream string
	Seq    int64
	Hash   Hash
}

// digest is the leaf's hash in the tree (RFC 6962, section 2.1): a byte 0, the name, a byte 0, the
// seq in eight bytes, the hash.
func (l Leaf) digest(buf []byte) (Hash, []byte) {
	buf = append(buf[:0], 0)
	buf = append(buf, l.Stream...)
	buf = append(buf, 0)
	buf = binary.BigEndian.AppendUint64(buf, uint64(l.Seq))
	buf = append(buf, l.Hash[:]...)
	return sha256.Sum256(buf), buf
}

// Tree holds where every stream ended, in order of name. The zero value is empty. It is not for
// concurrent use.
type Tree struct {
	leaves  []Leaf
	digests []Hash
	level   []Hash // scratch of Root
	buf     []byte
}

// Len gives the number of streams.
func (t *Tree) Len() int { return len(t.leaves) }

// Leaves gives the leaves in order of name. They must not be changed, and are good until the next
// Set.
func (t *Tree) Leaves() []Leaf { return t.leaves }

// Get gives the leaf of a stream.
func (t *Tree) Get(stream string) (Leaf, bool) {
	i, ok := t.find(stream)
	if !ok {
		return Leaf{}, false
	}
	return t.leaves[i], true
}

func (t *Tree) find(stream string) (int, bool) {
	return slices.BinarySearchFunc(t.leaves, stream, func(l Leaf, name string) int { return cmp.Compare(l.Stream, name) })
}

// Set takes the streams that are gone out and then puts leaves in place of those of the same
// streams. The order of leaves does not matter; of one stream the last counts.
func (t *Tree) Set(set []Leaf, gone []string) {
	if len(gone) > 0 {
		t.remove(gone)
	}
	var fresh []Leaf
	for _, l := range set {
		if i, ok := t.find(l.Stream); ok {
			t.leaves[i] = l
			t.digests[i], t.buf = l.digest(t.buf)
		} else {
			fresh = append(fresh, l)
		}
	}
	if len(fresh) > 0 {
		t.merge(fresh)
	}
}

func (t *Tree) remove(gone []string) {
	without := make(map[string]bool, len(gone))
	for _, name := range gone {
		without[name] = true
	}
	kept := 0
	for i, l := range t.leaves {
		if !without[l.Stream] {
			t.leaves[kept], t.digests[kept] = l, t.digests[i]
			kept++
		}
	}
	t.leaves, t.digests = t.leaves[:kept], t.digests[:kept]
}

// Clone gives a tree that shares nothing with this one.
func (t *Tree) Clone() *Tree {
	return &Tree{leaves: slices.Clone(t.leaves), digests: slices.Clone(t.digests)}
}

// merge adds leaves of streams that are not there yet.
func (t *Tree) merge(fresh []Leaf) {
	slices.SortStableFunc(fresh, func(a, b Leaf) int { return cmp.Compare(a.Stream, b.Stream) })
	leaves := make([]Leaf, 0, len(t.leaves)+len(fresh))
	digests := make([]Hash, 0, cap(leaves))
	old := 0
	for i, l := range fresh {
		if i+1 < len(fresh) && fresh[i+1].Stream == l.Stream {
			continue
		}
		for ; old < len(t.leaves) && t.leaves[old].Stream < l.Stream; old++ {
			leaves, digests = append(leaves, t.leaves[old]), append(digests, t.digests[old])
		}
		var d Hash
		d, t.buf = l.digest(t.buf)
		leaves, digests = append(leaves, l), append(digests, d)
	}
	t.leaves, t.digests = append(leaves, t.leaves[old:]...), append(digests, t.digests[old:]...)
}

// Root gives the Merkle tree hash over all leaves in order of name (RFC 6962, section 2.1).
func (t *Tree) Root() Hash {
	if len(t.digests) == 0 {
		return sha256.Sum256(nil)
	}
	// Pairs from the left, an odd one carried up as it is: that is the tree of the RFC, one level
	// after another.
	t.level = append(t.level[:0], t.digests...)
	level := t.level
	var pair [1 + 2*sha256.Size]byte
	pair[0] = 1
	for len(level) > 1 {
		up := 0
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				level[up] = level[i]
			} else {
				copy(pair[1:], level[i][:])
				copy(pair[1+sha256.Size:], level[i+1][:])
				level[up] = sha256.Sum256(pair[:])
			}
			up++
		}
		level = level[:up]
	}
	return level[0]
}
