package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"landfall/internal/store"
)

// Finding is one thing that is wrong.
type Finding struct {
	Stream Stream
	Seq    int64  // of the commit; 0 when it concerns the stream or a document of it
	What   string // in words
}

// String names the place and what is wrong there.
func (f Finding) String() string {
	if f.Seq == 0 {
		return fmt.Sprintf("%s: %s", f.Stream, f.What)
	}
	return fmt.Sprintf("%s commit %d: %s", f.Stream, f.Seq, f.What)
}

// Report is what Verify looked at and found.
type Report struct {
	Streams, Commits, Documents int64
	Behind                      int64 // documents of commits that are still being followed up, or written since; not a fault
	Findings                    []Finding
}

// Verify walks every stream: it recomputes the hashes, follows the chain, compares the lifted fields with the bodies and the detached values
// with their digests, folds, and compares every derived document with what the log says it must be. It changes nothing and may run
// beside the service. The first thing wrong with a stream ends the look at that stream; documents of the derived kinds that
// follow from no stream are looked for when nothing else is wrong. Progress, if not nil, is called after each stream.
func (l *Ledger) Verify(ctx context.Context, kinds []store.Kind, progress func(Report)) (Report, error) {
	var r Report
	before, err := l.countDerived(ctx, kinds)
	if err != nil {
		return r, err
	}
	expected := map[string]int64{}
	err = l.eachStream(ctx, func(stream Stream) error {
		r.Streams++
		if err := l.verifyStream(ctx, stream, &r, expected); err != nil {
			return err
		}
		if progress != nil {
			progress(r)
		}
		return nil
	})
	if err != nil || len(r.Findings) > 0 {
		return r, err // what follows from a damaged stream cannot be counted
	}
	after, err := l.countDerived(ctx, kinds)
	if err != nil {
		return r, err
	}
	for kind, want := range expected {
		// Documents come and go while the service runs; a stray one is there before and after.
		if got := min(before[kind], after[kind]); got > want {
			r.Findings = append(r.Findings, Finding{Stream: Stream(kind), What: fmt.Sprintf("%d documents of this kind follow from no stream", got-want)})
		}
	}
	return r, nil
}

func (l *Ledger) countDerived(ctx context.Context, kinds []store.Kind) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, k := range kinds {
		if !k.Derived || k.Name == KindSnapshot {
			continue
		}
		n, err := l.store.Count(ctx, store.Query{Kind: k.Name, Limit: 1})
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", k.Name, err)
		}
		counts[k.Name] = n
	}
	return counts, nil
}

// verifyStream adds what is wrong with one stream to the report. An error means that it could not be looked at.
func (l *Ledger) verifyStream(ctx context.Context, stream Stream, r *Report, expected map[string]int64) error {
	commits, err := l.store.ReadStream(ctx, string(stream), 0, 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", stream, err)
	}
	r.Commits += int64(len(commits))
	wrong := func(seq int64, format string, args ...any) error {
		r.Findings = append(r.Findings, Finding{Stream: stream, Seq: seq, What: fmt.Sprintf(format, args...)})
		return nil
	}

	type value struct {
		seq  int64
		name string
	}
	absent := map[value]bool{}
	var prev []byte
	var at time.Time
	for i, c := range commits {
		if c.Seq != int64(i)+1 {
			return wrong(int64(i)+1, "is missing")
		}
		missing, bad := check(c, prev)
		if bad != nil {
			return wrong(c.Seq, "%v", bad)
		}
		if c.RecordedAt.Before(at) {
			return wrong(c.Seq, "was recorded before the commit it follows")
		}
		prev, at = c.Hash, c.RecordedAt
		for _, name := range missing {
			absent[value{c.Seq, name}] = true
		}
		_, events, err := unseal(c)
		if err != nil {
			return wrong(c.Seq, "%v", err)
		}
		for _, e := range events {
			var erased Erased
			if e.Type == EventErased && e.Into(&erased) == nil {
				delete(absent, value{erased.Seq, erased.Name})
			}
		}
	}
	for v := range absent {
		return wrong(v.seq, "detached value %q is gone and no erasure says so", v.name)
	}

	n, known := l.nouns[stream.Noun()]
	if !known {
		return nil // of a newer version: the chain is proven, the fold is not ours
	}
	ops, head, err := n.derive(stream, commits)
	if err != nil {
		return wrong(0, "does not fold: %v", err)
	}
	followed := !slices.ContainsFunc(commits, func(c store.Commit) bool { return c.Pending&store.OwesDocuments != 0 })
	return l.verifyDocuments(ctx, head, followed, ops, r, expected)
}

// verifyDocuments compares the documents derived from one stream with those that are kept. A commit that owes no documents has all of
// them (followed); before that they may be on their way.
func (l *Ledger) verifyDocuments(ctx context.Context, head Head, followed bool, ops []store.Op, r *Report, expected map[string]int64) error {
	type key struct{ kind, id string }
	want := map[key]store.Doc{}
	ids := map[string][]string{}
	for _, op := range ops {
		if op.Do != store.OpPut && op.Do != store.OpInsert {
			continue
		}
		k := key{op.Kind, op.Doc.ID}
		if held, ok := want[k]; !ok {
			ids[op.Kind] = append(ids[op.Kind], op.Doc.ID)
			want[k] = op.Doc
		} else if op.Doc.Version > held.Version {
			want[k] = op.Doc
		}
	}
	for kind, list := range ids {
		found, err := l.store.Get(ctx, kind, list...)
		if err != nil {
			return fmt.Errorf("read %s: %w", kind, err)
		}
		r.Documents += int64(len(list))
		expected[kind] += int64(len(list))
		for _, id := range list {
			w := want[key{kind, id}]
			got, ok := found[id]
			switch {
			case ok && (got.Version == w.Version || kind == KindWake && got.Version < w.Version) && sameJSON(got.Body, w.Body):
				continue
			case (!ok || got.Version < w.Version) && !followed:
				r.Behind++
				continue
			case ok && got.Version > w.Version:
				since, err := l.store.ReadStream(ctx, string(head.Stream), head.Seq, 1)
				if err != nil {
					return fmt.Errorf("read %s: %w", head.Stream, err)
				}
				if len(since) > 0 {
					r.Behind++
					continue
				}
			}
			wrong := "is not what the log says"
			if !ok {
				wrong = "is missing"
			}
			r.Findings = append(r.Findings, Finding{Stream: head.Stream, What: fmt.Sprintf("its %s %s %s (landfall rebuild makes it again)", kind, id, wrong)})
		}
	}
	return nil
}

// sameJSON compares two documents by meaning: an engine may keep them in a form of its own.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	left, errLeft := json.Marshal(x)
	right, errRight := json.Marshal(y)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

// eachStream walks the names of all streams.
func (l *Ledger) eachStream(ctx context.Context, each func(Stream) error) error {
	const page = 500
	after := ""
	for {
		names, err := l.store.Streams(ctx, "", after, page)
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := each(Stream(name)); err != nil {
				return err
			}
			after = name
		}
		if len(names) < page {
			return nil
		}
	}
}
