package backup

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// source reads an archive and digests every byte that was taken from it: not those it has read ahead. A decompressor may read from it byte by
// byte and stops exactly at its end.
type source struct {
	r        io.Reader
	buf      []byte
	at, end  int // buf[at:end] waits to be taken
	digested int // buf[digested:at] is taken and not digested yet
	taken    int64
	sum      hash.Hash
	err      error // of r, once buf is empty
}

func newSource(r io.Reader) *source {
	return &source{r: r, buf: make([]byte, 64<<10), sum: sha256.New()}
}

// fill makes sure that something waits to be taken, or gives the error.
func (s *source) fill() error {
	for s.at == s.end {
		if s.err != nil {
			return s.err
		}
		s.digest()
		var n int
		n, s.err = s.r.Read(s.buf)
		s.at, s.end, s.digested = 0, n, 0
	}
	return nil
}

func (s *source) digest() {
	s.sum.Write(s.buf[s.digested:s.at])
	s.digested = s.at
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.fill(); err != nil {
		return 0, err
	}
	n := copy(p, s.buf[s.at:s.end])
	s.at += n
	s.taken += int64(n)
	return n, nil
}

// ReadByte implements io.ByteReader.
func (s *source) ReadByte() (byte, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	b := s.buf[s.at]
	s.at++
	s.taken++
	return b, nil
}

// line takes one line of at most limit bytes, without its newline. An end in the middle of it is io.ErrUnexpectedEOF.
func (s *source) line(limit int) ([]byte, error) {
	var line []byte
	for len(line) < limit {
		b, err := s.ReadByte()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return line, err
		}
		if b == '\n' {
			return line, nil
		}
		line = append(line, b)
	}
	return line, errLongLine
}

// digestSoFar gives the digest of everything taken.
func (s *source) digestSoFar() []byte {
	s.digest()
	return s.sum.Sum(nil)
}
