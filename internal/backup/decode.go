package backup

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Faults that an archive can have. Their texts say what to do.
const (
	codeNotABackup = "not_a_backup"
	codeNewer      = "backup_newer"
	codeOlder      = "backup_older"
	codeCut        = "backup_cut"
	codeAltered    = "backup_altered"
	codeDamaged    = "records_damaged"
	codeRunning    = "backup_running"
)

var (
	errLongLine = errors.New("a line is too long")
	errOrder    = errors.New("its parts are not in their order")
)

// visitor is told what an archive holds, in its order. A nil function is not told.
type visitor struct {
	header   func(header) error
	commit   func(store.Commit) error
	document func(kind string, d store.Doc) error
	records  func() error // every commit has been told
}

// Verify reads a whole archive and proves it: its digest, the hash and the chain of every commit, the counts of every section. The error
// names what is wrong; Summary holds what was read before it. Records that were damaged before they were copied are an error
// too, with the code "records_damaged", and are listed in Summary.Damaged.
func Verify(ctx context.Context, r io.Reader) (Summary, error) { return verify(ctx, r, Options{}) }

// verify is Verify that tells of its progress.
func verify(ctx context.Context, r io.Reader, opt Options) (Summary, error) {
	sum, err := read(ctx, r, visitor{}, Options{Progress: opt.Progress})
	if err == nil && len(sum.Damaged) > 0 {
		err = damagedFault(sum)
	}
	return sum, err
}

func damagedFault(sum Summary) error {
	return fault.New(fault.State, codeDamaged,
		"The backup is whole, but records in the store it was taken from were damaged already. The first: %s.", sum.Damaged[0])
}

// decoder reads one archive.
type decoder struct {
	ctx   context.Context
	src   *source
	lines *bufio.Reader // the decompressed part
	visit visitor
	opt   Options
	size  int64 // of the archive, 0 when unknown
	sum   Summary

	kinds map[string]kindHeader
	heads heads
	ends  hash.Hash
	at    string // the last thing read, in words
	frame int64
}

// read reads an archive from beginning to end. The errors of a visitor end it.
func read(ctx context.Context, r io.Reader, v visitor, opt Options) (Summary, error) {
	d := &decoder{ctx: ctx, src: newSource(r), visit: v, opt: opt, ends: sha256.New(), at: "its beginning"}
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			d.size = info.Size()
		}
	}
	err := d.head()
	if err == nil {
		err = d.body()
	}
	if err == nil {
		err = d.trailer()
	}
	d.sum.Bytes = d.src.taken
	return d.sum, d.named(err)
}

// visitError is an error of a visitor, which is passed on as it is.
type visitError struct{ error }

// named turns an error of reading into a fault that says where it was met.
func (d *decoder) named(err error) error {
	var visit *visitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &visit):
		return visit.error
	case d.ctx.Err() != nil:
		return context.Cause(d.ctx)
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	var corrupt flate.CorruptInputError
	switch {
	case d.src.err != nil && !errors.Is(d.src.err, io.EOF):
		return fault.Wrap(d.src.err, fault.Unavailable, "backup_unreadable", "The backup cannot be read after %s.", d.at)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, codeCut, "The backup is cut off after %s: its end is missing. Use another copy of it.", d.at)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		err = errors.New("its compressed part is damaged")
	}
	return fault.New(fault.Invalid, codeAltered, "The backup is damaged or altered after %s: %v. Use another copy of it.", d.at, err)
}

// head reads the two lines before the compressed part.
func (d *decoder) head() error {
	no := fault.New(fault.Invalid, codeNotABackup, "This is not a backup of Landfall.")
	first, err := d.src.line(len(magic) + 20)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errLongLine) {
		return err
	}
	text, ours := strings.CutPrefix(string(first), magic)
	version, parsed := strconv.Atoi(text)
	switch {
	case !ours && strings.HasPrefix(magic, string(first)) && len(first) > 0 || ours && err != nil:
		return io.ErrUnexpectedEOF
	case !ours || parsed != nil || version < 1 || text != strconv.Itoa(version):
		return no
	case version > format:
		return fault.New(fault.State, codeNewer,
			"The backup was written in format %d by a newer Landfall; this one reads format %d. Use the version that wrote it, or a later one.", version, format)
	case version < format:
		return fault.New(fault.State, codeOlder,
			"The backup was written in format %d, before Landfall's first release; this one reads format %d. Use the version that wrote it.", version, format)
	}
	line, err := d.src.line(maxLine)
	if err != nil {
		return err
	}
	var h header
	if err := strict(line, &h); err != nil {
		return err
	}
	if h.Format != version {
		return fmt.Errorf("its first lines disagree about the format")
	}
	d.sum = Summary{Format: h.Format, TakenAt: h.TakenAt, Version: h.Version, Epoch: h.Epoch, KeyPrint: h.KeyPrint}
	d.kinds = make(map[string]kindHeader, len(h.Kinds))
	for _, k := range h.Kinds {
		d.kinds[k.Name] = k
	}
	d.at = "its header"
	if d.visit.header != nil {
		if err := d.visit.header(h); err != nil {
			return &visitError{err}
		}
	}
	return nil
}

// strict reads a line that must be written exactly as this package writes it.
func strict(line []byte, v any) error {
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("a line is not JSON: %w", err)
	}
	if again, err := json.Marshal(v); err != nil || !bytes.Equal(again, line) {
		return errors.New("a line is not written as Landfall writes it")
	}
	return nil
}

// body reads the compressed part.
func (d *decoder) body() error {
	zip, err := gzip.NewReader(d.src)
	if err != nil {
		return err
	}
	zip.Multistream(false)
	d.lines = bufio.NewReaderSize(zip, maxLine)
	if err := d.section(section{Name: sectionRecords}); err != nil {
		return err
	}
	if err := d.section(section{Name: sectionSince}); err != nil {
		return err
	}
	if d.visit.records != nil {
		if err := d.visit.records(); err != nil {
			return &visitError{err}
		}
	}
	done := map[string]bool{}
	for {
		f, err := d.next()
		switch {
		case errors.Is(err, io.EOF):
			d.at = "its last section"
			return nil
		case err != nil:
			return err
		case f.Section == nil || f.Section.Name != sectionDocuments || done[f.Section.Kind]:
			return errOrder
		}
		done[f.Section.Kind] = true
		if err := d.documents(f.Section.Kind); err != nil {
			return err
		}
	}
}

// next reads one frame. io.EOF says that there are no more.
func (d *decoder) next() (frame, error) {
	d.frame++
	if d.frame%512 == 0 {
		if err := d.ctx.Err(); err != nil {
			return frame{}, err
		}
		d.opt.progress(d.src.taken, d.size)
	}
	line, err := d.lines.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return frame{}, errLongLine
	case errors.Is(err, io.EOF) && len(line) > 0:
		return frame{}, errOrder
	case err != nil:
		return frame{}, err
	}
	var f frame
	if err := json.Unmarshal(line, &f); err != nil {
		return frame{}, fmt.Errorf("a line is not JSON: %w", err)
	}
	members := 0
	for _, set := range []bool{f.Section != nil, f.Commit != nil, f.Document != nil, f.Counted != nil} {
		if set {
			members++
		}
	}
	if members != 1 {
		return frame{}, errors.New("a line announces nothing, or more than one thing")
	}
	return f, nil
}

// inside is next where the compressed part must not end.
func (d *decoder) inside() (frame, error) {
	f, err := d.next()
	if errors.Is(err, io.EOF) {
		err = errOrder
	}
	return f, err
}

// bytes reads what a frame announced.
func (d *decoder) bytes(n int) ([]byte, error) {
	if n < 0 || n > maxBody {
		return nil, errors.New("a length is not believable")
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(d.lines, b); err != nil {
		return nil, err
	}
	if b[n] != '\n' {
		return nil, errors.New("a length is wrong")
	}
	return b[:n:n], nil
}

// trailer reads the last lines and compares them with what was read.
func (d *decoder) trailer() error {
	line, err := d.src.line(maxLine)
	if err != nil {
		return err
	}
	var t trailer
	if err := strict(line, &t); err != nil {
		return err
	}
	d.sum.FinishedAt, d.sum.Heads = t.FinishedAt, hex.EncodeToString(d.ends.Sum(nil))
	if t != trailerOf(d.sum) {
		return errors.New("its counts are not those at its end")
	}
	d.sum.SHA256 = hex.EncodeToString(d.src.digestSoFar())
	want := digestLine(d.sum.SHA256)
	line, err = d.src.line(len(want))
	switch {
	case err != nil:
		return err
	case !bytes.Equal(line, want[:len(want)-1]) && len(d.sum.Damaged) > 0:
		return fmt.Errorf("its digest is another, and %s", d.sum.Damaged[0])
	case !bytes.Equal(line, want[:len(want)-1]):
		return errors.New("its digest is another")
	}
	if _, err := d.src.ReadByte(); err == nil {
		return errors.New("something stands behind its end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	d.opt.progress(d.src.taken, d.size)
	return nil
}
