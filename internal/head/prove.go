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

const commit = 256 // commits read at a time

// Proof is what Prove found.
type Proof struct {
	Findings []ledger.Finding // what is missing, altered or extra
	Grown    int64            // streams that have grown since the last head
	Back     []proof.Loss     // what the records had before they were put back
}

// Back says that the records were put back to what they were, and have gone on from there, while the
// trail is of what they were before.
type Back struct {
	To int64     // number of the last head that both have in common
	At time.Time // of the restore
}

// Prove compares the records with what heads say of them. The trail must have been read to its end.
// With back, what heads after the common one cover and a restore did not bring back is no finding;
// what it did bring back must be as it was all the same.
//
// Extra is what says of itself that it was recorded, by more than Overlap, before a head that does
// not know it. What was slipped in with the time of its coming is not told from what the service
// recorded: it is covered by the next head, and whoever keeps copies of heads has only the hour
// between two of them to do it in.
func Prove(ctx context.Context, st store.Store, trail *proof.Trail, back *Back) (Proof, error) {
	p := &proving{st: st, trail: trail, back: back}
	var known bool
	if p.covered, known = trail.Covered(); !known {
		return Proof{}, nil
	}
	for streams := range slices.Chunk(trail.Streams(), page) {
		if err := p.claims(ctx, streams); err != nil {
			return p.out, err
		}
	}
	return p.out, p.beyond(ctx)
}

type proving struct {
	st      store.Store
	trail   *proof.Trail
	back    *Back // nil: the records never went back behind the trail
	covered proof.Signed
	out     Proof
}

func (p *proving) wrong(stream string, seq int64, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	p.out.Findings = append(p.out.Findings, ledger.Finding{Stream: ledger.Stream(stream), Seq: seq, What: what})
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
	for i, c := range p.trail.Claims(stream) {
		if p.back != nil && c.Head > p.back.To {
			return p.wentBack(ctx, stream, before, p.trail.Claims(stream)[i:], found)
		}
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

// wentBack holds a stream against what later heads than the common one say of it, from the commit on
// that the heads before them prove.
func (p *proving) wentBack(
	ctx context.Context, stream string, proven int64, claims []proof.Claim, found map[store.Ref][]byte,
) error {
	kept := proven
	for more := true; more; {
		commits, err := p.st.ReadStream(ctx, stream, kept, commit)
		if err != nil {
			return fmt.Errorf("compare with heads: %w", err)
		}
		more = len(commits) == commit
		for _, c := range commits {
			if !c.RecordedAt.Before(p.back.At) {
				more = false // it was recorded since the restore
				break
			}
			kept = c.Seq
		}
	}
	for _, c := range claims {
		hash, there := found[store.Ref{Stream: stream, Seq: c.Seq}]
		if c.Seq <= kept && (!there || !bytes.Equal(hash, c.Hash[:])) {
			p.wrong(stream, c.Seq, "is altered: it is not the one that head %d covers", c.Head)
			return nil
		}
	}
	had := claims[len(claims)-1].Seq
	switch {
	case had <= kept:
	case kept == 0:
		p.out.Back = append(p.out.Back, proof.Loss{Stream: stream, What: proof.Missing, Had: had})
	default:
		p.out.Back = append(p.out.Back, proof.Loss{Stream: stream, What: proof.Shorter, Had: had, Has: kept})
	}
	return nil
}

// beyond looks at what came after the last head.
func (p *proving) beyond(ctx context.Context) error {
	limit := p.covered.Head.At
	if p.back != nil && p.back.At.Before(limit) {
		limit = p.back.At // the trail went on while the records were going on already
	}
	limit = limit.Add(-Overlap)
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
				p.out.Grown++
			}
		}
		for _, ref := range refs {
			at, ok := recorded[ref]
			if ok && at.Before(limit) {
				p.wrong(ref.Stream, ref.Seq, "is extra: it says that it was recorded at %s, and head %d of %s does not know it",
					at.Format(time.RFC3339), p.covered.Head.Number, p.covered.Head.At.Format(time.RFC3339))
			}
		}
		if len(names) < page {
			return nil
		}
	}
}
