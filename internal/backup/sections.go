package backup

import (
	"errors"
	"fmt"

	"landfall/internal/ledger"
	"landfall/internal/store"
)

// section reads a section of commits.
func (d *decoder) section(want section) error {
	f, err := d.inside()
	if err != nil {
		return err
	}
	if f.Section == nil || *f.Section != want {
		return errOrder
	}
	r := runs{d: d, fresh: want.Name == sectionRecords, last: map[string]string{}}
	var got counted
	for {
		f, err := d.inside()
		switch {
		case err != nil:
			return err
		case f.Counted != nil:
			r.end()
			if got.Streams = r.n; *f.Counted != got {
				return errors.New("it holds more or fewer commits than it says")
			}
			return nil
		case f.Commit == nil:
			return errOrder
		}
		c, err := d.commit(f.Commit)
		if err != nil {
			return err
		}
		if err := r.next(c); err != nil {
			return err
		}
		got.Commits++
		d.sum.Commits++
		if !r.fresh {
			d.sum.Since++
		}
		d.at = fmt.Sprintf("commit %d of %s", c.Seq, c.Stream)
		if d.visit.commit != nil && d.tells() {
			if err := d.visit.commit(c); err != nil {
				return &visitError{err}
			}
		}
	}
}

// tells reports whether the visitor is still told: what stands behind a damaged record is of no use unless that is accepted.
func (d *decoder) tells() bool { return len(d.sum.Damaged) == 0 || d.opt.AcceptDamaged }

// runs follows the commits of a section from stream to stream.
type runs struct {
	d     *decoder
	fresh bool // the section of all streams from their beginnings; else of what came since
	n     int64

	stream string // where it is, and the last commit there
	seq    int64
	hash   []byte

	last  map[string]string // greatest name so far, of each noun
	heads *lookup           // of the noun it is in, for what came since
}

// next takes the next commit. What is wrong with the record is noted; an error is what is wrong with the archive.
func (r *runs) next(c store.Commit) error {
	prev := r.hash
	if c.Stream != r.stream {
		from, err := r.begin(c.Stream)
		if err != nil {
			return err
		}
		prev = nil
		if from.seq > 0 && from.follows(c.Prev) {
			prev = c.Prev // only the beginning of a hash is remembered over sections
		}
	}
	r.d.check(c, r.seq+1, prev)
	r.seq, r.hash = c.Seq, c.Hash
	return nil
}

// begin goes on to another stream and gives where that was left.
func (r *runs) begin(stream string) (head, error) {
	r.end()
	noun := ledger.Stream(stream).Noun()
	last := r.last[noun]
	if r.fresh {
		last = r.stream // names ascend over all nouns
	}
	if last >= stream {
		return head{}, errOrder
	}
	if !r.fresh && (r.heads == nil || noun != ledger.Stream(r.stream).Noun()) {
		r.heads = r.d.heads.of(noun)
	}
	from := head{stream: stream}
	if !r.fresh {
		from = r.heads.find(stream)
	}
	r.stream, r.seq, r.hash, r.last[noun] = stream, from.seq, nil, stream
	r.n++
	if from.seq == 0 {
		r.d.sum.Streams++
	}
	return from, nil
}

// end remembers where a stream ended.
func (r *runs) end() {
	if r.stream == "" {
		return
	}
	writeHead(r.d.ends, r.stream, r.seq, r.hash)
	if r.fresh {
		r.d.heads.add(r.stream, r.seq, r.hash)
	}
}

func (d *decoder) commit(f *commit) (store.Commit, error) {
	c := store.Commit{
		Stream: f.Stream, Seq: f.Seq, ID: f.ID, RecordedAt: f.RecordedAt, Prev: f.Prev, Hash: f.Hash, Key: f.Key, Pending: f.Pending,
	}
	if f.Stream == "" || f.Seq < 1 || f.Body == 0 {
		return c, errors.New("a commit has no name")
	}
	var err error
	if c.Body, err = d.bytes(f.Body); err != nil {
		return c, err
	}
	if f.Detached != 0 {
		c.Detached, err = d.bytes(f.Detached)
	}
	return c, err
}

// check takes note of a commit that is not as it was recorded. Whether the archive or the store it was taken from is to blame, the digest of the
// archive says at its end.
func (d *decoder) check(c store.Commit, seq int64, prev []byte) {
	if len(d.sum.Damaged) >= maxDamaged {
		return
	}
	wrong := ledger.Check(c, prev)
	if c.Seq != seq {
		wrong = fmt.Errorf("commit %d is missing before it", seq)
	}
	if wrong != nil {
		d.sum.Damaged = append(d.sum.Damaged, fmt.Sprintf("commit %d of %s: %v", c.Seq, c.Stream, wrong))
	}
}

// documents reads the section of one kind.
func (d *decoder) documents(kind string) error {
	declared, ok := d.kinds[kind]
	if !ok {
		return fmt.Errorf("kind %q is not declared", kind)
	}
	var got counted
	for {
		f, err := d.inside()
		switch {
		case err != nil:
			return err
		case f.Counted != nil && *f.Counted == got:
			return nil
		case f.Counted != nil:
			return errors.New("it holds more or fewer documents than it says")
		case f.Document == nil:
			return errOrder
		}
		doc, err := d.document(declared, f.Document)
		if err != nil {
			return err
		}
		got.Documents++
		d.sum.Documents++
		d.at = kind + " " + doc.ID
		if d.visit.document != nil && d.tells() {
			if err := d.visit.document(kind, doc); err != nil {
				return &visitError{err}
			}
		}
	}
}

func (d *decoder) document(kind kindHeader, f *document) (store.Doc, error) {
	doc := store.Doc{ID: f.ID, Version: f.Version}
	if f.ID == "" || f.Body == 0 {
		return doc, errors.New("a document has no name")
	}
	for name, text := range f.Index {
		v, err := fieldValue(kind.typeOf(name), text)
		if err != nil {
			return doc, fmt.Errorf("field %s of %s %s: %w", name, kind.Name, f.ID, err)
		}
		if doc.Index == nil {
			doc.Index = make(map[string]any, len(f.Index))
		}
		doc.Index[name] = v
	}
	var err error
	doc.Body, err = d.bytes(f.Body)
	return doc, err
}
