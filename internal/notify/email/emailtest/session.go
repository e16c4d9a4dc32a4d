package emailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection in conversation.
type session struct {
	s      *Server
	conn   *smtp.Conn
	signed bool
	from   string
	to     []string
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }

func answer(code int, enhanced smtp.EnhancedCode, words string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: words}
}

// Reset forgets the message under way.
func (c *session) Reset() { c.from, c.to = "", nil }

// Logout does nothing: the server forgets the session.
func (c *session) Logout() error { return nil }

// AuthMechanisms offers both ways in common use, when somebody is to sign in.
func (c *session) AuthMechanisms() []string {
	if c.s.opt.User == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth checks a login.
func (c *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != c.s.opt.User || password != c.s.opt.Password {
			return answer(535, smtp.EnhancedCode{5, 7, 8}, "Authentication failed for "+user+" with "+password)
		}
		c.signed = true
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &login{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// login is the server's part of AUTH LOGIN (draft-murchison-sasl-login-00).
type login struct {
	user  string
	step  int
	check func(user, password string) error
}

// Next takes the user and then the password.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		if response == nil {
			return []byte("Username:"), false, nil
		}
		l.step++
		fallthrough
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// Mail begins a message.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if _, encrypted := c.conn.TLSConnectionState(); !encrypted && c.s.opt.Security == StartTLS {
		return answer(530, smtp.EnhancedCode{5, 7, 0}, "Must issue a STARTTLS command first")
	}
	if c.s.opt.User != "" && !c.signed {
		return answer(530, smtp.EnhancedCode{5, 7, 0}, "Authentication required")
	}
	c.from = from
	switch b, _ := c.s.now(); b {
	case RefusesSender:
		return answer(550, smtp.EnhancedCode{5, 7, 1}, "Sender <"+from+"> may not send here")
	case WantsLogin:
		return answer(530, smtp.EnhancedCode{5, 7, 0}, "Authentication required")
	case Closes:
		c.wire().last.Store(true)
		return answer(421, smtp.EnhancedCode{4, 7, 0}, "Too many connections, closing")
	default:
		return nil
	}
}

// wire gives the connection below the encryption.
func (c *session) wire() *conn {
	bare := c.conn.Conn()
	if secure, ok := bare.(*tls.Conn); ok {
		bare = secure.NetConn()
	}
	return bare.(*conn) //nolint:forcetypeassert // every connection comes from our listener
}

// Rcpt names a recipient.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch b, _ := c.s.now(); b {
	case Greylists:
		return answer(451, smtp.EnhancedCode{4, 7, 1}, "Greylisted, please try again")
	case RefusesRecipient:
		return answer(550, smtp.EnhancedCode{5, 1, 1}, "<"+to+">: Recipient address rejected: User unknown")
	default:
		c.to = append(c.to, to)
		return nil
	}
}

var errHungUp = errors.New("emailtest: hung up")

// Data takes a message over, or does not.
func (c *session) Data(r io.Reader) error {
	b, changed := c.s.now()
	if b == HangsUpEarly {
		_ = c.wire().Close() // it is what is wanted
		return errHungUp
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch b {
	case Hangs:
		<-changed
		return answer(451, smtp.EnhancedCode{4, 3, 0}, "It hung")
	case TakesSlowly:
		timer := time.NewTimer(100 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-changed:
		}
	case RefusesContent:
		return answer(554, smtp.EnhancedCode{5, 7, 1}, "Message rejected as spam")
	case IsFull:
		return answer(452, smtp.EnhancedCode{4, 3, 1}, "Insufficient system storage")
	case TooLarge:
		return answer(552, smtp.EnhancedCode{5, 3, 4}, "Message size exceeds the limit")
	case Insults:
		return answer(451, smtp.EnhancedCode{4, 0, 0}, "no\x00\x1b[31m\n\u202e to <"+strings.Join(c.to, ",")+"> \n"+strings.Repeat("\xff\u00e9", 5000))
	default:
	}
	mail, err := parse(bytes.NewReader(raw))
	if err != nil {
		return answer(554, smtp.EnhancedCode{5, 6, 0}, "Message cannot be read: "+err.Error())
	}
	mail.From, mail.To, mail.Raw = c.from, c.to, raw
	_, mail.Encrypted = c.conn.TLSConnectionState()
	c.s.mu.Lock()
	c.s.keep(mail)
	c.s.mu.Unlock()
	if b == HangsUp {
		_ = c.wire().Close() // it is what is wanted
		return errHungUp
	}
	return nil
}
