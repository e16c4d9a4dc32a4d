package proof

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Claim is what one head says of one stream: that its commit Seq has this hash.
type Claim struct {
	Seq  int64
	Hash Hash
	Head int64 // number of the head
	// After is when the last head before it was signed whose leaves are known: what the claim adds
	// was recorded since then, give or take. Zero when nothing is known of it.
	After time.Time
}

// Trail is what files of heads say, read with the keys that the reader believes. Read them oldest
// first.
type Trail struct {
	keys   Keys
	tree   Tree
	claims map[string][]Claim

	hashes map[int64]Hash // of the heads that can be believed, by number

	last     *Signed // newest head whose signature is good
	covered  *Signed // newest of those whose leaves are known
	distrust bool    // a head was met that cannot be believed: nothing behind it counts
	wrong    []string
}

// NewTrail begins with the keys that are believed. A head signed by one of them may name another.
func NewTrail(keys Keys) *Trail {
	return &Trail{keys: maps.Clone(keys), claims: map[string][]Claim{}, hashes: map[int64]Hash{}}
}

// ReadPath reads a file of heads, or all of a folder. An error means that they could not be read at
// all; what is wrong in them stands in Wrong.
func (t *Trail) ReadPath(path string) error {
	files, err := Files(path)
	if err != nil {
		return err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = t.Read(f, filepath.Base(name))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Read reads one file. The name is for people.
func (t *Trail) Read(in io.Reader, name string) error {
	r := newReader(in)
	if err := r.mark(); err != nil {
		t.say("%s: %v", name, err)
		return nil
	}
	for fresh := true; ; {
		rec, err := r.record()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errTorn):
			t.say("%s: %v; what is whole before it counts", name, err)
			return nil
		case err != nil:
			t.say("%s: %v", name, err)
			t.distrust = true
			return nil
		}
		t.take(rec, fresh)
		fresh = fresh && rec.Seen
	}
}

func (t *Trail) say(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// take follows the chain by one record. fresh: its leaves are all there are, as in the first record
// of a file.
func (t *Trail) take(rec Record, fresh bool) {
	if t.distrust {
		return
	}
	h := rec.Head
	name := fmt.Sprintf("head %d of %s", h.Number, h.At.Format(time.RFC3339))
	if err := rec.Verify(t.keys); err != nil {
		t.say("%s: %v; nothing from here on counts", name, err)
		t.distrust = true
		return
	}
	if t.last != nil {
		switch before := t.last.Head; {
		case h.Number <= before.Number:
			t.say("%s: it comes after head %d", name, before.Number)
			return
		case h.Number > before.Number+1:
			t.say("heads %d to %d are missing before %s", before.Number+1, h.Number-1, name)
		case h.Prev != t.last.Hash():
			t.say("%s: the head before it is not the one it names", name)
		}
	}
	next, err := rec.NextKey()
	switch {
	case err != nil:
		t.say("%s: the next key cannot be read: %v", name, err)
	case next != nil:
		t.keys[Fingerprint(next)] = next
	}
	s := rec.Signed
	t.last, t.hashes[h.Number] = &s, s.Hash()
	if !rec.Seen {
		t.cover(rec, fresh, name)
	}
}

// cover takes what the record says of streams.
func (t *Trail) cover(rec Record, fresh bool, name string) {
	set, gone := rec.Set, rec.Gone
	if fresh {
		var whole Tree
		whole.Set(rec.Set, nil)
		var left []string
		set, left = difference(&t.tree, &whole)
		gone = append(left, gone...)
		for _, stream := range rec.Gone {
			if l, ok := whole.Get(stream); ok {
				set = append(set, l)
			}
		}
	}
	t.tree.Set(set, gone)
	if root := t.tree.Root(); root != rec.Head.Root || int64(t.tree.Len()) != rec.Head.Streams {
		t.say("%s: its leaves are not those that were signed; nothing from here on counts", name)
		t.distrust = true
		return
	}
	for _, stream := range gone {
		if !rec.Head.goesBack() {
			t.say("%s: it leaves out %s, and nothing says that it was lost", name, stream)
			continue
		}
		delete(t.claims, stream)
	}
	var after time.Time
	if t.covered != nil && !rec.Head.At.Before(t.covered.Head.At) { // else the clock was set back
		after = t.covered.Head.At
	}
	for _, l := range set {
		have := t.claims[l.Stream]
		if n := len(have); n > 0 && l.Seq <= have[n-1].Seq {
			t.say("%s: %s ends there with commit %d, and under an earlier head with commit %d",
				name, l.Stream, l.Seq, have[n-1].Seq)
			continue
		}
		c := Claim{Seq: l.Seq, Hash: l.Hash, Head: rec.Head.Number, After: after}
		if slices.Contains(gone, l.Stream) {
			c.After = time.Time{} // it was known before, and is so no more
		}
		t.claims[l.Stream] = append(have, c)
	}
	s := rec.Signed
	t.covered = &s
}

// Wrong says what is wrong with the files themselves.
func (t *Trail) Wrong() []string { return t.wrong }

// Hash gives the hash of a head that can be believed; false when there is none of this number.
func (t *Trail) Hash(number int64) (Hash, bool) {
	h, ok := t.hashes[number]
	return h, ok
}

// Believes reports whether a key that is believed has signed a head: one of those that the trail was
// given, or that a rotation in it names.
func (t *Trail) Believes(s Signed) bool { return s.Verify(t.keys) == nil }

// Last gives the newest head that can be believed, seen ones included; false when there is none.
func (t *Trail) Last() (Signed, bool) {
	if t.last == nil {
		return Signed{}, false
	}
	return *t.last, true
}

// Covered gives the newest head that can be believed and whose leaves are known; false when there
// is none.
func (t *Trail) Covered() (Signed, bool) {
	if t.covered == nil {
		return Signed{}, false
	}
	return *t.covered, true
}

// Streams lists the streams that the heads cover, in order of name.
func (t *Trail) Streams() []string { return slices.Sorted(maps.Keys(t.claims)) }

// Claims gives what the heads say of one stream, in order of seq. Where a head says that records
// went back, what was said before of the streams that did is left out.
func (t *Trail) Claims(stream string) []Claim { return t.claims[stream] }
