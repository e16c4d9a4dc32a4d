package emailtest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Mail is a message as it was taken over.
type Mail struct {
	From      string   // of the envelope
	To        []string // of the envelope
	Encrypted bool     // the connection was
	Header    mail.Header
	ID        string // Message-ID, without its brackets
	Subject   string // decoded
	Text      string // the part for plain text, decoded
	HTML      string // the part for HTML, decoded
	Raw       []byte
}

// parse reads a message: one part, or several that say the same.
func parse(r io.Reader) (Mail, error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return Mail{}, err
	}
	out := Mail{Header: m.Header, ID: strings.Trim(m.Header.Get("Message-ID"), "<>")}
	if out.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return Mail{}, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return Mail{}, err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		err = out.part(kind, params, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return out, err
	}
	if kind != "multipart/alternative" {
		return Mail{}, fmt.Errorf("a message of %s", kind)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return Mail{}, err
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return Mail{}, err
		}
		if err := out.part(kind, params, p.Header.Get("Content-Transfer-Encoding"), p); err != nil {
			return Mail{}, err
		}
	}
}

// part takes in one part.
func (m *Mail) part(kind string, params map[string]string, encoding string, body io.Reader) error {
	if charset := strings.ToLower(params["charset"]); charset != "utf-8" && charset != "us-ascii" && charset != "" {
		return fmt.Errorf("letters of %s", charset)
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	words := string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	switch kind {
	case "text/plain":
		m.Text = words
	case "text/html":
		m.HTML = words
	default:
		return fmt.Errorf("a part of %s", kind)
	}
	return nil
}
