package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"

	mail "github.com/wneessen/go-mail"

	"landfall/internal/notify/wording"
)

// compose writes a message: plain text and HTML that say the same, every byte of it ASCII.
func (c *Channel) compose(id, to string, n wording.Notice, eventType string) ([]byte, error) {
	m := mail.NewMsg(mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent(), mail.WithBoundary(digest("boundary of "+id)))
	if err := m.FromFormat(c.from.name, c.from.address); err != nil {
		return nil, err
	}
	if err := m.To(to); err != nil {
		return nil, err
	}
	m.SetDateWithValue(c.opt.Now())
	m.SetMessageIDWithValue(token(id) + "@" + c.from.domain)
	m.Subject(n.Subject)
	set := func(name mail.Header, value string) { m.SetGenHeader(name, value) }
	// RFC 3834, section 5: whoever answers by machine must not answer this. The second is for Exchange, which reads no standard.
	set("Auto-Submitted", "auto-generated")
	set("X-Auto-Response-Suppress", "All")
	set("Content-Language", string(n.Language))
	set("X-Landfall-Event", token(eventType))
	set("X-Landfall-Exercise", strconv.FormatBool(n.Exercise))
	if n.Incident != "" {
		// A message that nobody gets stands at the head of the thread, so that every reader has the same one (RFC 5322, section 3.6.4).
		thread := "<incident-" + token(n.Incident) + "@" + c.from.domain + ">"
		set(mail.HeaderInReplyTo, thread)
		set(mail.HeaderReferences, thread)
	}
	m.SetBodyString(mail.TypeTextPlain, n.Text())
	m.AddAlternativeString(mail.TypeTextHTML, n.HTML())
	var b bytes.Buffer
	_, err := m.WriteTo(&b)
	return b.Bytes(), err
}

var plainToken = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\z`)

// token gives an id as it may stand in a Message-ID or a header: itself, or what is derived from it.
func token(id string) string {
	if plainToken.MatchString(id) {
		return id
	}
	return digest(id)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
