package email_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"landfall/internal/notify/email"
)

// terse serves one connection after another and answers each command with the given line; a message is read to its end.
func terse(t *testing.T, greeting, data, taken, other string) (url string, mails func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n, ended := 0, make(chan bool)
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, greeting)
			in := bufio.NewScanner(conn)
			for reading := false; in.Scan(); {
				switch {
				case reading && in.Text() == ".":
					reading = false
					n++
					_, _ = fmt.Fprint(conn, taken)
				case reading:
				case strings.HasPrefix(in.Text(), "DATA"):
					reading = true
					_, _ = fmt.Fprint(conn, data)
				case strings.HasPrefix(in.Text(), "QUIT"):
					_, _ = fmt.Fprint(conn, "221\r\n")
				default:
					_, _ = fmt.Fprint(conn, other)
				}
			}
			_ = conn.Close()
		}
	}()
	return "smtp://" + l.Addr().String() + "?tls=none", func() int {
		_ = l.Close()
		<-ended
		return n
	}
}

// The code decides (RFC 5321, section 4.2): a message is sent when it was taken over, in whatever words, and once.
func TestAnswersAreUnderstoodByTheirCodeAlone(t *testing.T) {
	for name, says := range map[string]struct{ greeting, data, taken, other string }{
		"without text":            {"220\r\n", "354\r\n", "250\r\n", "250\r\n"},
		"a hyphen and no text":    {"220-\r\n220\r\n", "354-\r\n354\r\n", "250-\r\n250\r\n", "250-\r\n250\r\n"},
		"another code of consent": {"220 ready\r\n", "354 go on\r\n", "251 will forward\r\n", "250 fine\r\n"},
		"long words":              {"220 " + strings.Repeat("x", 9000) + "\r\n", "354 \r\n", "250 ok\r\n", "250 ok\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			url, mails := terse(t, says.greeting, says.data, says.taken, says.other)
			c := newChannel(t, email.Options{SMTPURL: url})
			if r := c.Send(t.Context(), message("0198c0de-0000-8000-8000-00000000000d")); !r.Sent || r.Code != "250" {
				t.Errorf("%+v", r)
			}
			c.Close()
			if n := mails(); n != 1 {
				t.Errorf("the server took %d messages", n)
			}
		})
	}
	t.Run("refused without text", func(t *testing.T) {
		url, mails := terse(t, "220\r\n", "354\r\n", "554\r\n", "250\r\n")
		c := newChannel(t, email.Options{SMTPURL: url})
		if r := c.Send(t.Context(), message("0198c0de-0000-8000-8000-00000000000d")); r.Sent || r.Again || r.Code != "554" {
			t.Errorf("%+v", r)
		}
		c.Close()
		mails()
	})
}
