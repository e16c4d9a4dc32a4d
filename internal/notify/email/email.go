// Package email sends messages as e-mail through one SMTP server, the office's own or its provider's, which does the rest of the way.
//
// What it promises: a message is sent when the server has taken it over (its reply to the end of DATA is 2xx); the server's words are kept
// as proof. Every attempt at a delivery carries the same Message-ID, so that what was taken over twice is shown once. Text and HTML say the same, in the
// reader's language; an exercise says so first, in the subject too. Messages about one incident form a thread. Connections are
// encrypted and the server's certificate is checked; the one exception, "?tls=none", is for servers on loopback.
//
// What is worth trying again: everything but a 5xx answer about the recipient or the message, which is final. What is wrong between us and the server
// (no connection, no encryption, a refused login or sender) is our side's fault, never the recipient's: it is tried again and has a code
// of its own. A connection lost after the message and before the reply is tried again under the same Message-ID.
//
// What it refuses: targets that are not one plain address, and anything that could begin a header or a command of its own. SPF, DKIM and
// DMARC are the server's business.
package email

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"landfall/internal/guard"
	"landfall/internal/notify"
	"landfall/internal/notify/wording"
)

// Name is the channel's name in subscriptions.
const Name = "email"

const (
	defaultTimeout = 15 * time.Second
	idleTime       = 30 * time.Second // a connection is kept for reuse so long at most
)

// Options configure a Channel.
type Options struct {
	// SMTPURL names the server: smtp://user:password@host:587 (encrypted by STARTTLS) or smtps://host:465. Without a user nobody signs in.
	// ?tls=none is for a server on loopback; ?connections=4 bounds how many there are at once (8).
	SMTPURL string
	From    string // sender: an address, or a name and an address: Landfall <alerts@example.org>

	PublicURL string // confirmed address of the service, for links; "": messages carry none
	Callback  string // telephone shown in messages; ""

	Now     func() time.Time // required: dates the messages
	Timeout time.Duration    // of a whole attempt; 15 s
	Guard   *guard.Guard     // recovers panics of this process; nil: one of the channel's own
	Logger  *slog.Logger     // slog.Default(): told when the server stops and begins to work, never of a message
	Roots   *x509.CertPool   // who vouches for the server; nil: whom the system trusts
}

// Channel sends e-mail. Close it when nothing is sent any more.
type Channel struct {
	opt  Options
	from sender
	pool *pool
	mood mood
}

// sender is who mails come from.
type sender struct {
	name, address, domain string
}

// New checks the options; it connects to nobody. The error tells no secret.
func New(opt Options) (*Channel, error) {
	server, err := parseServer(opt.SMTPURL)
	if err != nil {
		return nil, err
	}
	from, err := parseSender(opt.From)
	if err != nil {
		return nil, err
	}
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(opt.Logger, opt.Now)
	}
	opt.PublicURL = strings.TrimSuffix(opt.PublicURL, "/")
	server.helo, server.roots = from.domain, opt.Roots
	return &Channel{opt: opt, from: from, pool: newPool(server, opt.Guard), mood: mood{log: opt.Logger, host: server.host}}, nil
}

func parseSender(from string) (sender, error) {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return sender{}, errors.New("email: the sender must be an address like alerts@example.org, or Name <alerts@example.org>")
	}
	address, wrong := canonical(a.Address)
	if wrong != "" {
		return sender{}, fmt.Errorf("email: the sender's address %s", wrong)
	}
	return sender{name: a.Name, address: address, domain: address[strings.LastIndexByte(address, '@')+1:]}, nil
}

// Close ends idle connections and waits until they are.
func (c *Channel) Close() { c.pool.close() }

// Name gives the channel's name.
func (c *Channel) Name() string { return Name }

// CheckTarget accepts one plain address. Its local part is ASCII; its domain may be an internationalised one (IDNA 2008).
func (c *Channel) CheckTarget(target string) string {
	_, wrong := canonical(target)
	return wrong
}

// Canonical writes the domain in small letters of ASCII. What stands before the @ is the receiver's own business.
func (c *Channel) Canonical(target string) string {
	if ascii, wrong := canonical(target); wrong == "" {
		return ascii
	}
	return target
}

// Mask shows who it may be to those who know: "d***@ex***.org".
func (c *Channel) Mask(target string) string { return mask(target) }

// NewSecret gives "": nothing is signed with a secret of the subscription.
func (c *Channel) NewSecret() string { return "" }

// discreet takes addresses and our login out of the words of a server, which likes to repeat what it was told.
func (c *Channel) discreet(words string, addresses ...string) string {
	s := c.pool.server
	for _, secret := range []string{s.password, s.user} {
		if secret != "" {
			words = strings.ReplaceAll(words, secret, "…")
		}
	}
	return hide(words, addresses...)
}

// Send makes one attempt.
func (c *Channel) Send(ctx context.Context, m notify.Message) notify.Result {
	to, wrong := canonical(m.Target)
	if wrong != "" {
		return notify.Result{Code: codeBadTarget, Detail: "the target is not one plain address"}
	}
	n := wording.Of(m.Type, m.Body, m.Language, wording.Options{PublicURL: c.opt.PublicURL, Callback: c.opt.Callback})
	text, err := c.compose(m.ID, to, n, m.Type)
	if err != nil {
		return notify.Result{Code: codeBadMessage, Detail: "the message could not be written"}
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	reply, err := c.pool.deliver(ctx, envelope{from: c.from.address, to: to, text: text})
	r := judge(ctx, reply, err)
	r.Detail = notify.Detail(c.discreet(r.Detail, m.Target, to))
	c.mood.note(r)
	return r
}
