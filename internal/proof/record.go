package proof

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// fileMark is the first line of every file of heads.
const fileMark = "landfall heads 1"

// lineMax bounds one line: names of streams are short, and a head names no more than LossesNamed
// losses.
const lineMax = 256 << 10

// Record is one head as a file keeps it. The record of a head that this log's owner did not sign
// itself is only Seen: its leaves are not known, and the next record carries what has changed since
// the last one that is not.
type Record struct {
	Signed
	Seen bool
	Set  []Leaf   // new or changed since the record before; all there are in the first of a file
	Gone []string // streams that are no more, or of which nothing holds that earlier heads say
}

// append writes the record as text.
func (r Record) append(dst []byte) ([]byte, error) {
	for _, name := range r.Gone {
		dst = append(dst, "- "+name+"\n"...)
	}
	for _, l := range r.Set {
		if l.Stream == "" || strings.ContainsAny(l.Stream, "\r\n") {
			return dst, fmt.Errorf("proof: %q is no name of a stream", l.Stream)
		}
		dst = append(dst, "+ "...)
		dst = strconv.AppendInt(dst, l.Seq, 10)
		dst = append(dst, ' ')
		dst = append(dst, l.Hash.String()...)
		dst = append(dst, ' ')
		dst = append(dst, l.Stream...)
		dst = append(dst, '\n')
	}
	word := "head "
	if r.Seen {
		word = "seen "
	}
	dst = append(dst, word...)
	dst = base64.StdEncoding.AppendEncode(dst, r.Signature)
	dst = append(dst, ' ')
	dst = append(dst, r.Text...)
	return append(dst, '\n'), nil
}

// reader reads records one after another.
type reader struct {
	in   *bufio.Reader
	at   int64 // bytes read
	good int64 // bytes up to the end of the last whole record
	line int
}

// errTorn says that a file ends in the middle of a record: whoever wrote it was cut off.
var errTorn = errors.New("the file ends in the middle of a record")

func newReader(r io.Reader) *reader { return &reader{in: bufio.NewReaderSize(r, lineMax)} }

// next gives one line without its end. io.EOF says that there is none, errTorn that the last one
// has no end.
func (r *reader) next() (string, error) {
	text, err := r.in.ReadSlice('\n')
	r.at += int64(len(text))
	r.line++
	switch {
	case err == nil:
		return string(text[:len(text)-1]), nil
	case errors.Is(err, io.EOF) && len(text) == 0:
		return "", io.EOF
	case errors.Is(err, io.EOF):
		return "", errTorn
	case errors.Is(err, bufio.ErrBufferFull):
		return "", r.bad("it is too long")
	}
	return "", err
}

func (r *reader) bad(what string) error {
	return fmt.Errorf("line %d cannot be read: %s", r.line, what)
}

// mark reads the first line of a file.
func (r *reader) mark() error {
	line, err := r.next()
	switch {
	case errors.Is(err, io.EOF):
		return errTorn
	case err != nil:
		return err
	case line != fileMark:
		return fmt.Errorf("it is no file of heads: it does not begin with %q", fileMark)
	}
	r.good = r.at
	return nil
}

// record reads one record. io.EOF says that there is no more.
func (r *reader) record() (rec Record, err error) {
	for begun := false; ; begun = true {
		line, err := r.next()
		if errors.Is(err, io.EOF) && begun {
			err = errTorn
		}
		if err != nil {
			return rec, err
		}
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "+":
			leaf, ok := parseLeaf(rest)
			if !ok {
				return rec, r.bad("it is no leaf")
			}
			rec.Set = append(rec.Set, leaf)
		case "-":
			rec.Gone = append(rec.Gone, rest)
		case "head", "seen":
			sig, text, _ := strings.Cut(rest, " ")
			signature, err := base64.StdEncoding.Strict().DecodeString(sig)
			if err != nil {
				return rec, r.bad("the signature is not written as signatures are")
			}
			if rec.Signed, err = Parse([]byte(text), signature); err != nil {
				return rec, r.bad(err.Error())
			}
			rec.Seen = word == "seen"
			r.good = r.at
			return rec, nil
		default:
			return rec, r.bad("it is neither a leaf nor a head")
		}
	}
}

func parseLeaf(text string) (l Leaf, ok bool) {
	seq, rest, _ := strings.Cut(text, " ")
	hash, stream, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || n < 1 || stream == "" || l.Hash.UnmarshalText([]byte(hash)) != nil {
		return l, false
	}
	l.Stream, l.Seq = stream, n
	return l, true
}
