package head

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"landfall/internal/proof"
	"landfall/internal/store"
)

const page = 1000 // streams looked at together

// Overlap is how far back of the last head Reach must look: what was recorded before that by the
// clock of its process was there when the head was signed. It bounds the skew of clocks, which
// makes a process not ready at two seconds, and the time that a commit takes.
const Overlap = 10 * time.Minute

// Reach brings a tree up to where the streams end now, and gives what was lost of what it says.
// With since, only streams are looked at that may have grown since then by the clocks that record;
// zero looks at all of them.
func Reach(ctx context.Context, st store.Store, tree *proof.Tree, since time.Time) ([]proof.Loss, error) {
	w := &walk{st: st, tree: tree}
	var err error
	if since.IsZero() {
		err = w.all(ctx)
	} else {
		err = w.grown(ctx, since)
	}
	return w.losses, err
}

// Compare gives what was lost of what the tree says. It reads one hash for each stream, whatever
// has been recorded since.
func Compare(ctx context.Context, st store.Store, tree *proof.Tree) ([]proof.Loss, error) {
	var losses []proof.Loss
	for leaves := range slices.Chunk(tree.Leaves(), page) {
		refs := make([]store.Ref, len(leaves))
		for i, l := range leaves {
			refs[i] = store.Ref{Stream: l.Stream, Seq: l.Seq}
		}
		found, err := st.Hashes(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("compare with a head: %w", err)
		}
		var hints []hint
		for i, l := range leaves {
			if !bytes.Equal(found[refs[i]], l.Hash[:]) {
				hints = append(hints, hint{stream: l.Stream, seqs: []int64{l.Seq}})
			}
		}
		ends, err := tails(ctx, st, hints)
		if err != nil {
			return nil, err
		}
		for _, e := range ends {
			leaf, _ := tree.Get(e.Stream)
			losses = append(losses, lossOf(leaf, e.Leaf))
		}
	}
	return losses, nil
}

// Absent gives what is missing of commits that somebody knows of.
func Absent(ctx context.Context, st store.Store, refs []store.Ref) ([]proof.Loss, error) {
	var losses []proof.Loss
	for refs := range slices.Chunk(refs, page) {
		found, err := st.Hashes(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("look for commits: %w", err)
		}
		var hints []hint
		known := map[string]proof.Leaf{}
		for _, ref := range refs {
			if _, ok := found[ref]; !ok {
				hints = append(hints, hint{stream: ref.Stream, seqs: []int64{ref.Seq}})
				known[ref.Stream] = proof.Leaf{Stream: ref.Stream, Seq: ref.Seq}
			}
		}
		ends, err := tails(ctx, st, hints)
		if err != nil {
			return nil, err
		}
		for _, e := range ends {
			losses = append(losses, lossOf(known[e.Stream], e.Leaf))
		}
	}
	return losses, nil
}

// lossOf says what is wrong with a stream that does not have the leaf's commit any more and ends as
// given.
func lossOf(leaf, end proof.Leaf) proof.Loss {
	loss := proof.Loss{Stream: leaf.Stream, What: proof.Altered, Had: leaf.Seq, Has: end.Seq}
	switch {
	case end.Seq == 0:
		loss.What = proof.Missing
	case end.Seq < leaf.Seq:
		loss.What = proof.Shorter
	}
	return loss
}

// walk is one Reach.
type walk struct {
	st     store.Store
	tree   *proof.Tree
	losses []proof.Loss
}

// all looks at every stream there is, and at every stream the tree knows.
func (w *walk) all(ctx context.Context) error {
	known := slices.Clone(w.tree.Leaves())
	for after := ""; ; {
		names, err := w.st.Streams(ctx, "", after, page)
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		full := len(names) == page
		if full {
			after = names[len(names)-1]
		}
		// What the tree knows of this part of the names and the store does not have is looked at
		// too.
		n := len(known)
		if full {
			n, _ = slices.BinarySearchFunc(known, after+"\x00", func(l proof.Leaf, name string) int {
				return strings.Compare(l.Stream, name)
			})
		}
		var gone []string
		for _, l := range known[:n] {
			if _, there := slices.BinarySearch(names, l.Stream); !there {
				gone = append(gone, l.Stream)
			}
		}
		known = known[n:]
		if err := w.look(ctx, append(names, gone...), nil); err != nil || !full {
			return err
		}
	}
}

// grown looks at the streams that may have grown.
func (w *walk) grown(ctx context.Context, since time.Time) error {
	newest := map[string]int64{} // by stream
	for after := (store.Stamp{RecordedAt: since.UTC().Truncate(time.Microsecond)}); ; {
		found, err := w.st.Recorded(ctx, after, page)
		if err != nil {
			return fmt.Errorf("find what has grown: %w", err)
		}
		if len(found) == 0 {
			return w.look(ctx, slices.Sorted(maps.Keys(newest)), newest)
		}
		for _, s := range found {
			newest[s.Stream], after = max(newest[s.Stream], s.Seq), s
		}
	}
}

// look finds where these streams end and puts it into the tree. newest has commits of theirs that
// are known to be there, and are hints of the end.
func (w *walk) look(ctx context.Context, names []string, newest map[string]int64) error {
	for names := range slices.Chunk(names, page) {
		hints := make([]hint, len(names))
		for i, name := range names {
			hints[i] = hint{stream: name}
			leaf, ok := w.tree.Get(name)
			if ok {
				hints[i].seqs = append(hints[i].seqs, leaf.Seq)
			}
			if seq := newest[name]; seq > leaf.Seq {
				hints[i].seqs = append(hints[i].seqs, seq)
			}
		}
		ends, err := tails(ctx, w.st, hints)
		if err != nil {
			return err
		}
		w.put(ends)
	}
	return nil
}

func (w *walk) put(ends []end) {
	var set []proof.Leaf
	var gone []string
	for _, e := range ends {
		leaf, known := w.tree.Get(e.Stream)
		if known && !bytes.Equal(e.at[leaf.Seq], leaf.Hash[:]) {
			w.losses = append(w.losses, lossOf(leaf, e.Leaf))
		}
		switch {
		case e.Seq > 0:
			set = append(set, e.Leaf)
		case known:
			gone = append(gone, e.Stream)
		}
	}
	w.tree.Set(set, gone)
}
