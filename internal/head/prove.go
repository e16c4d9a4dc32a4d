package head

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// Prove compares the records with what heads say of them, and gives what is missing, altered or
// extra, and how many streams have grown since the last head. The trail must have been read to its
// end.
//
// Extra is what says of itself that it was recorded, by more than Overlap, before a head that does
// not know it. What was slipped in with the time of its coming is not told from what the service
// recorded: it is covered by the next head, and whoever keeps copies of heads has only the hour
// between two of them to do it in.
func Prove(
	ctx context.Context, st store.Store, trail *proof.Trail,
) (findings []ledger.Finding, grown int64, err error) {
	p := &proving{st: st, trail: trail}
	if p.covered, p.any = trail.Covered(); !p.any {
		return nil, 0, nil
	}
	for streams := range slices.Chunk(trail.Streams(), page) {
		if err := p.claims(ctx, streams); err != nil {
			return p.findings, 0, err
		}
	}
	if err := p.beyond(ctx); err != nil {
		return p.findings, 0, err
	}
	return p.findings, p.grown, nil
}

type proving struct {
	st       store.Store
	trail    *proof.Trail
	covered  proof.Signed
	any      bool
	grown    int64
	findings []ledger.Finding
}

func (p *proving) wrong(stream string, seq int64, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	p.findings = append(p.findings, ledger.Finding{Stream: ledger.Stream(stream), Seq: seq, What: what})
}

// claims holds the records against everything that heads say of these streams.
func (p *proving) claims(ctx context.Context, streams []string) error {
	var refs, firsts []store.Ref
	for _, stream := range streams {
		var before int64
		for _, c := range p.trail.Claims(stream) {
			refs = append(refs, store.Ref{Stream: stream, Seq: c.Seq})
			if !c.After.IsZero() {
				firsts = append(firsts, store.Ref{Stream: stream, Seq: before + 1})
			}
			before = c.Seq
		}
	}
	found, err := p.st.Hashes(ctx, refs)
	if err != nil {
		return fmt.Errorf("compare with heads: %w", err)
	}
	recorded, err := p.recorded(ctx, firsts)
	if err != nil {
		return err
	}
	for _, stream := range streams {
		if err := p.stream(ctx, stream, found, recorded); err != nil {
			return err
		}
	}
	return nil
}

// recorded gives when commits say that they were recorded.
func (p *proving) recorded(ctx context.Context, refs []store.Ref) (map[store.Ref]time.Time, error) {
	at := make(map[store.Ref]time.Time, len(refs))
	for refs := range slices.Chunk(refs, commit) {
		commits, err := p.st.Commits(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("compare with heads: %w", err)
		}
		for _, c := range commits {
			at[store.Ref{Stream: c.Stream, Seq: c.Seq}] = c.RecordedAt
		}
	}
	return at, nil
}

// stream says the first thing that is wrong with a stream.
func (p *proving) stream(
	ctx context.Context, stream string, found map[store.Ref][]byte, recorded map[store.Ref]time.Time,
) error {
	var before int64
	for _, c := range p.trail.Claims(stream) {
		hash, there := found[store.Ref{Stream: stream, Seq: c.Seq}]
		if !there {
			ends, err := tails(ctx, p.st, []hint{{stream: stream, seqs: []int64{c.Seq}}})
			if err != nil {
				return err
			}
			if has := ends[0].Seq; has == 0 {
				p.wrong(stream, 0, "is missing: head %d covers %d commits of it", c.Head, c.Seq)
			} else {
				p.wrong(stream, has+1, "is missing: head %d covers the stream up to commit %d", c.Head, c.Seq)
			}
			return nil
		}
		if !bytes.Equal(hash, c.Hash[:]) {
			p.wrong(stream, c.Seq, "is altered: it is not the one that head %d covers", c.Head)
			return nil
		}
		at, known := recorded[store.Ref{Stream: stream, Seq: before + 1}]
		if known && !c.After.IsZero() && at.Before(c.After.Add(-Overlap)) {
			p.wrong(stream, before+1, "is extra: it says that it was recorded at %s, and the head of %s does not know it",
				at.Format(time.RFC3339), c.After.Format(time.RFC3339))
			return nil
		}
		before = c.Seq
	}
	return nil
}

// beyond looks at what came after the last head.
func (p *proving) beyond(ctx context.Context) error {
	for after := ""; ; {
		names, err := p.st.Streams(ctx, "", after, page)
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		var refs []store.Ref
		for _, name := range names {
			var last int64
			if claims := p.trail.Claims(name); len(claims) > 0 {
				last = claims[len(claims)-1].Seq
			}
			refs = append(refs, store.Ref{Stream: name, Seq: last + 1})
			after = name
		}
		recorded, err := p.recorded(ctx, refs)
		if err != nil {
			return err
		}
		for ref := range recorded {
			if ref.Stream != string(Stream) {
				p.grown++
			}
		}
		for _, ref := range refs {
			at, ok := recorded[ref]
			if limit := p.covered.Head.At.Add(-Overlap); ok && at.Before(limit) {
				p.wrong(ref.Stream, ref.Seq, "is extra: it says that it was recorded at %s, and head %d of %s does not know it",
					at.Format(time.RFC3339), p.covered.Head.Number, p.covered.Head.At.Format(time.RFC3339))
			}
		}
		if len(names) < page {
			return nil
		}
	}
}
