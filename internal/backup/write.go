package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// Options say how a backup is taken or restored.
type Options struct {
	Now     func() time.Time // required: the wall clock
	Version string           // of this Landfall; stands in the archive

	// KeyPrint tells the key that the store's secrets are sealed with from others, and nothing of the key. It stands in the archive; Restore wants
	// the same one. "" when nothing is sealed, or no key is at hand.
	KeyPrint string

	// Transient names the working kinds that describe running processes, such as who is present. They are neither written nor restored.
	Transient []string

	// Retired names the working kinds that earlier versions kept and this one has no use for. They are not restored, and
	// Summary.Warnings says so.
	Retired []string

	// WithoutSecrets lets Restore go on when the archive's secrets are sealed with another key than the one at hand: they are lost, and every
	// subscription with a secret needs a new one.
	WithoutSecrets bool

	// AcceptDamaged lets Restore go on over records that were damaged in the store the archive was taken from.
	AcceptDamaged bool

	// Derive, if not nil, is called by Restore when everything is written and before the store is opened: to derive what follows from the records
	// (ledger.Rebuild). Its error ends the restore like any other.
	Derive func(context.Context) error

	// Progress, if not nil, is called now and then from the calling goroutine. Write counts streams, and reading an archive (Restore, and the proof of
	// a file that was written) bytes; total is 0 where it cannot be known.
	Progress func(done, total int64)

	// Marking says how Restore marks the store; Now and At are taken from here.
	Marking Marking

	// At is called at the named points of a command's way (see Points): for tests that end the process there.
	At func(point string)
}

func (o Options) progress(done, total int64) {
	if o.Progress != nil {
		o.Progress(done, max(done, total))
	}
}

// referrersFirst is the order in which the second walk takes the nouns: each before those that its records refer to. A noun that
// is not named here comes where the gap is, after what is made from incidents and before what they are made from.
var referrersFirst = [2][]string{
	{"alert", "journal", "replay", "incident", "unit"},
	{"hazard", "protocol", "subscription", "contact", "account"},
}

const (
	streamPage   = 500 // names of streams read at a time
	commitPage   = 64  // commits of one stream read at a time: activations and journals are large
	documentPage = 256
)

// Write copies everything that is not derived from the store to w while others go on writing to it. Several may run at once. The archive
// is not durable, and not proven, before the caller has made it so; see Nightly.
//
// # What makes it whole
//
// The contract knows no snapshot, so the copy is made in three walks, and it follows from their order that nothing is missing:
//
//  1. Every stream, from its beginning to its end at that moment.
//  2. Every stream again: what was recorded since it was copied, and streams begun since. Each noun is walked before those
//     that its records refer to (alert, then incident, then hazard). All of it owes everything in the archive.
//  3. The working documents.
//
// A commit refers only to what was recorded before it. If it was copied in walk 1, that was recorded before walk 2 began, so one of
// the two has it. If it was copied in walk 2, the walk reaches the noun it refers to later, and finds it there.
//
// A commit owes its notices until all its alerts and deliveries are written. A commit that walk 1 found without debts had them
// before walk 2 and before walk 3, which copy them. A commit of walk 2 owes everything, whatever the store says: what follows from it is
// written again after the restore, under the same ids, which changes nothing where it was copied. Claims, such as codes of incidents, are written before
// the commit they are made for, so walk 3 finds those of every commit that was copied.
//
// What walk 3 finds of later events (a delivery of a commit that was not copied) is harmless: there is nothing to send, and it is shown as that.
func Write(ctx context.Context, st store.Store, kinds []store.Kind, w io.Writer, opt Options) (Summary, error) {
	state, err := ReadState(ctx, st)
	if err != nil {
		return Summary{}, err
	}
	h := header{Format: format, TakenAt: instant(opt.Now()), Version: opt.Version, Epoch: state.Epoch, KeyPrint: opt.KeyPrint}
	kinds = kept(kinds, opt)
	for _, k := range kinds {
		h.Kinds = append(h.Kinds, kindHeaderOf(k))
	}
	e, err := newEncoder(w, h)
	if err != nil {
		return Summary{}, writeFault(ctx, err)
	}
	c := &copying{st: st, opt: opt, e: e, reached: &heads{}}
	if opt.Progress != nil {
		err := c.eachName(ctx, "", func(names []string) error { c.total += int64(len(names)); return nil })
		if err != nil {
			return Summary{}, writeFault(ctx, err)
		}
	}
	if err := c.walk(ctx, kinds); err != nil {
		return e.sum, writeFault(ctx, err)
	}
	sum, err := e.finish(instant(opt.Now()))
	return sum, writeFault(ctx, err)
}

// kept gives the kinds whose documents a backup holds.
func kept(kinds []store.Kind, opt Options) []store.Kind {
	return slices.DeleteFunc(slices.Clone(kinds), func(k store.Kind) bool {
		return k.Derived || k.Name == KindService || slices.Contains(opt.Transient, k.Name)
	})
}

func writeFault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if f := outputFault(err); f != nil {
		return f
	}
	if _, ok := fault.As(err); ok || ctx.Err() != nil {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "backup_unreadable_store", "The records cannot be read for the backup at the moment.")
}

// copying is one Write.
type copying struct {
	st      store.Store
	opt     Options
	e       *encoder
	reached *heads // by the first walk
	total   int64  // streams there were at the start, when somebody is told of the progress
}

func (c *copying) walk(ctx context.Context, kinds []store.Kind) error {
	c.e.begin(sectionRecords, "")
	err := c.eachName(ctx, "", func(names []string) error {
		for _, name := range names {
			last, err := c.stream(ctx, head{stream: name}, nil, 0)
			if err != nil {
				return err
			}
			c.reached.add(name, last.Seq, last.Hash)
			c.opt.progress(c.e.sum.Streams, c.total)
			c.opt.at(PointFileStream)
		}
		return c.e.err
	})
	if err != nil {
		return err
	}
	if err := c.e.end(); err != nil {
		return err
	}
	if err := c.since(ctx); err != nil {
		return err
	}
	for _, k := range kinds {
		if err := c.documents(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// since is the second walk.
func (c *copying) since(ctx context.Context) error {
	c.e.begin(sectionSince, "")
	for _, noun := range referrersFirst[0] {
		if err := c.nounSince(ctx, noun); err != nil {
			return err
		}
	}
	others, err := c.otherNouns(ctx)
	if err != nil {
		return err
	}
	for _, noun := range append(others, referrersFirst[1]...) {
		if err := c.nounSince(ctx, noun); err != nil {
			return err
		}
	}
	c.e.sum.Since = c.e.in.Commits
	return c.e.end()
}

// nounSince copies what was recorded in the streams of one noun since the first walk. One read finds out which streams of a page have grown.
func (c *copying) nounSince(ctx context.Context, noun string) error {
	reached := c.reached.of(noun)
	return c.eachName(ctx, prefixOf(noun), func(names []string) error {
		from := make(map[string]head, len(names))
		next := make([]store.Ref, len(names))
		for i, name := range names {
			from[name] = reached.find(name)
			next[i] = store.Ref{Stream: name, Seq: from[name].seq + 1}
		}
		grown, err := c.st.Commits(ctx, next)
		if err != nil {
			return fmt.Errorf("read what was recorded since: %w", err)
		}
		there := make(map[string]store.Commit, len(grown))
		for _, g := range grown {
			there[g.Stream] = g
		}
		for _, name := range names {
			first, ok := there[name]
			if !ok {
				continue
			}
			at := from[name]
			if !at.follows(first.Prev) {
				c.damaged(first, "prev: not the hash of the commit before")
			}
			if _, err := c.stream(ctx, at, first.Prev, store.OwesAll); err != nil {
				return err
			}
		}
		return c.e.err
	})
}

// otherNouns lists the nouns that stand in no table here.
func (c *copying) otherNouns(ctx context.Context) ([]string, error) {
	var found []string
	for after := ""; ; {
		names, err := c.st.Streams(ctx, "", after, 1)
		if err != nil {
			return nil, fmt.Errorf("list nouns: %w", err)
		}
		if len(names) == 0 {
			return found, nil
		}
		noun := ledger.Stream(names[0]).Noun()
		if !slices.Contains(slices.Concat(referrersFirst[0], referrersFirst[1]), noun) {
			found = append(found, noun)
		}
		after = afterNoun(noun)
	}
}

// stream copies one stream from behind a head to its end and gives its last commit. prev is the hash at the head.
func (c *copying) stream(ctx context.Context, from head, prev []byte, debt store.Debt) (last store.Commit, err error) {
	last.Seq = from.seq
	for {
		commits, err := c.st.ReadStream(ctx, from.stream, last.Seq, commitPage)
		if err != nil {
			return last, fmt.Errorf("read %s: %w", from.stream, err)
		}
		for _, got := range commits {
			switch sum := sha256.Sum256(got.Body); {
			case got.Seq != last.Seq+1:
				c.damaged(got, fmt.Sprintf("commit %d is missing before it", last.Seq+1))
			case !bytes.Equal(sum[:], got.Hash):
				c.damaged(got, "the hash is not that of the body")
			case !bytes.Equal(got.Prev, prev):
				c.damaged(got, "prev: not the hash of the commit before")
			}
			c.e.commit(got, got.Pending|debt)
			last, prev = got, got.Hash
		}
		if c.e.err != nil {
			return last, c.e.err
		}
		if len(commits) < commitPage {
			break
		}
	}
	if last.Stream == "" {
		return last, fmt.Errorf("backup: stream %s has no commit behind %d", from.stream, from.seq)
	}
	c.e.run(last.Stream, last.Seq, last.Hash, from.seq == 0)
	return last, nil
}

// damaged takes note of a record that is copied as it is although it is not as it was written.
func (c *copying) damaged(got store.Commit, what string) {
	if len(c.e.sum.Damaged) < maxDamaged {
		c.e.sum.Damaged = append(c.e.sum.Damaged, fmt.Sprintf("commit %d of %s: %s", got.Seq, got.Stream, what))
	}
}

func (c *copying) documents(ctx context.Context, k store.Kind) error {
	c.e.begin(sectionDocuments, k.Name)
	for q := (store.Query{Kind: k.Name, Limit: documentPage}); ; {
		page, err := c.st.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("read documents of kind %s: %w", k.Name, err)
		}
		for _, d := range page.Docs {
			c.e.document(d)
		}
		if c.e.err != nil {
			return c.e.err
		}
		if q.After = page.Next; q.After == "" {
			return c.e.end()
		}
	}
}

// eachName walks the names of streams that begin with a prefix, page by page.
func (c *copying) eachName(ctx context.Context, prefix string, each func(names []string) error) error {
	for after := ""; ; {
		names, err := c.st.Streams(ctx, prefix, after, streamPage)
		if err != nil {
			return fmt.Errorf("list streams: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(names) > 0 {
			if err := each(names); err != nil {
				return err
			}
			after = names[len(names)-1]
		}
		if len(names) < streamPage {
			return nil
		}
	}
}

// instant brings a time to the form in which records keep it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
