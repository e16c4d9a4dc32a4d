package email

import (
	"bufio"
	"errors"
	"net"
	"net/textproto"
)

// replies is a connection to a server that may answer with a code alone. RFC 5321, section 4.2, has clients decide by the code and take
// an answer without text; textproto refuses one. So such a line is read as if a space followed its code.
type replies struct {
	net.Conn
	in   *bufio.Reader
	rest []byte // read and not yet given
	open bool   // rest ends in the middle of a line
}

// repliesOf gives a connection whose lines begin with those of said, as if the server had sent them.
func repliesOf(conn net.Conn, said string) *replies {
	return &replies{Conn: conn, in: bufio.NewReader(conn), rest: []byte(said)}
}

func (r *replies) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		line, err := r.in.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		if !r.open && err == nil && bareCode(line) {
			line = []byte(string(line[:3]) + " \r\n")
		}
		r.rest, r.open = line, err != nil // the error comes again with the next read
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// bareCode reports whether a line is three digits and its end.
func bareCode(line []byte) bool {
	if len(line) < 4 || string(line[3:]) != "\n" && string(line[3:]) != "\r\n" {
		return false
	}
	for _, digit := range line[:3] {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return true
}

// agreed takes a reply of the 200s for consent, whichever it is: of a code that a client does not know the first digit decides (RFC 5321,
// section 4.3.2).
func agreed(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code/100 == 2 {
		return nil
	}
	return err
}
