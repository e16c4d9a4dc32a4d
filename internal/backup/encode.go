package backup

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// encoder writes one archive. The first error stays; whoever writes looks for it at the end of a section.
type encoder struct {
	out   *counter
	lines *gzip.Writer
	buf   *bufio.Writer // over lines
	sum   Summary
	heads hash.Hash
	in    counted // of the section being written
	err   error
}

// counter counts and digests what passes to w.
type counter struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// outputError is a failure of the writer that the archive goes to.
type outputError struct{ cause error }

func (e *outputError) Error() string { return e.cause.Error() }
func (e *outputError) Unwrap() error { return e.cause }

func newEncoder(w io.Writer, h header) (*encoder, error) {
	e := &encoder{out: &counter{w: w, sum: sha256.New()}, heads: sha256.New()}
	e.sum = Summary{Format: h.Format, TakenAt: h.TakenAt, Version: h.Version, Epoch: h.Epoch, KeyPrint: h.KeyPrint}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("backup: header: %w", err)
	}
	if _, err := fmt.Fprintf(e.out, "%s%d\n%s\n", magic, format, line); err != nil {
		return nil, err
	}
	if e.lines, err = gzip.NewWriterLevel(e.out, gzip.BestSpeed); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	e.buf = bufio.NewWriterSize(e.lines, 64<<10)
	return e, nil
}

func (e *encoder) begin(name, kind string) {
	e.in = counted{}
	e.frame(frame{Section: &section{Name: name, Kind: kind}})
}

func (e *encoder) end() error {
	n := e.in
	e.frame(frame{Counted: &n})
	return e.err
}

// commit writes one commit; debt says what it is to owe.
func (e *encoder) commit(c store.Commit, debt store.Debt) {
	if len(c.Body) > maxBody || len(c.Detached) > maxBody {
		e.fail(fmt.Errorf("backup: commit %d of %s has %d bytes, more than an archive can hold", c.Seq, c.Stream, len(c.Body)+len(c.Detached)))
	}
	e.frame(frame{Commit: &commit{
		Stream: c.Stream, Seq: c.Seq, ID: c.ID, RecordedAt: c.RecordedAt.UTC(), Prev: c.Prev, Hash: c.Hash, Key: c.Key, Pending: debt,
		Body: len(c.Body), Detached: len(c.Detached),
	}})
	e.bytes(c.Body)
	if len(c.Detached) > 0 {
		e.bytes(c.Detached)
	}
	e.in.Commits++
	e.sum.Commits++
}

// run ends the commits of one stream in a section; fresh says that the stream was not in the archive before.
func (e *encoder) run(stream string, seq int64, hash []byte, fresh bool) {
	writeHead(e.heads, stream, seq, hash)
	e.in.Streams++
	if fresh {
		e.sum.Streams++
	}
}

// writeHead digests where a run of commits ended.
func writeHead(w io.Writer, stream string, seq int64, hash []byte) {
	_, _ = fmt.Fprintf(w, "%s %d %x\n", stream, seq, hash) // a hash.Hash never fails
}

func (e *encoder) document(d store.Doc) {
	if len(d.Body) > maxBody {
		e.fail(fmt.Errorf("backup: document %s has %d bytes, more than an archive can hold", d.ID, len(d.Body)))
	}
	out := document{ID: d.ID, Version: d.Version, Body: len(d.Body)}
	for name, v := range d.Index {
		if v == nil {
			continue
		}
		text, err := fieldText(v)
		if err != nil {
			e.fail(fmt.Errorf("backup: field %s of document %s: %w", name, d.ID, err))
		}
		if out.Index == nil {
			out.Index = make(map[string]json.RawMessage, len(d.Index))
		}
		out.Index[name] = text
	}
	e.frame(frame{Document: &out})
	e.bytes(d.Body)
	e.in.Documents++
	e.sum.Documents++
}

func (e *encoder) frame(f frame) {
	line, err := json.Marshal(f)
	if err != nil {
		e.fail(fmt.Errorf("backup: %w", err))
	}
	if len(line) >= maxLine {
		e.fail(errors.New("backup: a record is longer than an archive can hold"))
	}
	e.bytes(line)
}

func (e *encoder) bytes(b []byte) {
	if e.err != nil {
		return
	}
	if _, err := e.buf.Write(b); err != nil {
		e.fail(err)
		return
	}
	e.fail(e.buf.WriteByte('\n'))
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// finish writes what ends the archive.
func (e *encoder) finish(at time.Time) (Summary, error) {
	if e.err != nil {
		return e.sum, e.err
	}
	if err := errors.Join(e.buf.Flush(), e.lines.Close()); err != nil {
		return e.sum, err
	}
	e.sum.FinishedAt, e.sum.Heads = at, hex.EncodeToString(e.heads.Sum(nil))
	line, err := json.Marshal(trailerOf(e.sum))
	if err != nil {
		return e.sum, fmt.Errorf("backup: trailer: %w", err)
	}
	if _, err := e.out.Write(append(line, '\n')); err != nil {
		return e.sum, err
	}
	e.sum.SHA256 = hex.EncodeToString(e.out.sum.Sum(nil))
	_, err = e.out.Write(digestLine(e.sum.SHA256))
	e.sum.Bytes = e.out.n
	return e.sum, err
}

func trailerOf(s Summary) trailer {
	return trailer{FinishedAt: s.FinishedAt, Streams: s.Streams, Commits: s.Commits, Documents: s.Documents, Heads: s.Heads}
}

// digestLine is the last line of an archive.
func digestLine(digest string) []byte { return []byte("sha256 " + digest + "\n") }

// outputFault gives the fault of a writer that took no more; nil when err is something else.
func outputFault(err error) error {
	var out *outputError
	switch {
	case !errors.As(err, &out):
		return nil
	case noSpace(err):
		return fault.Wrap(err, fault.Full, "backup_disk_full", "There is no space left for the backup. Nothing that was there before has been touched.")
	}
	return fault.Wrap(err, fault.Unavailable, "backup_unwritable", "The backup cannot be written: %v.", out.cause)
}
