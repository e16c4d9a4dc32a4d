package email

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// stage is how far an attempt got. What an answer means depends on it.
type stage int

const (
	atSlot    stage = iota // waiting for one of our connections
	atConnect              // reaching the server, its greeting and our introduction
	atTLS
	atLogin
	atSender    // MAIL
	atRecipient // RCPT
	atData      // DATA, and the message itself
	atReply     // the whole message is out, and nothing came back yet
)

// failure is what went wrong at a stage.
type failure struct {
	stage stage
	err   error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(s stage, err error) error {
	if err == nil {
		return nil
	}
	return &failure{s, err}
}

// mostRead bounds what a server may say during one attempt.
const mostRead = 1 << 20

var (
	errTalksOn = errors.New("email: the server talks without end")
	errNoTLS   = errors.New("email: the server offers no encryption")
	errNoLogin = errors.New("email: the server offers no way to sign in that we know")
	longAgo    = time.Unix(1, 0)
)

// bounded is a connection that may say so much and no more.
type bounded struct {
	net.Conn
	left atomic.Int64
}

func (b *bounded) Read(p []byte) (int, error) {
	left := b.left.Load()
	if left <= 0 {
		return 0, errTalksOn
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), left)])
	b.left.Add(-int64(n))
	return n, err
}

// session is one connection to the server, signed in. It is used by one goroutine at a time.
type session struct {
	conn   *bounded
	client *smtp.Client
	used   bool // has carried a message before
	idle   bool // has been idle for a whole round of the pool
}

// within runs do so that it ends when ctx does. False: the connection is of no use any more.
func within(ctx context.Context, conn *bounded, do func() error) (usable bool, err error) {
	conn.left.Store(mostRead)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) }) // a closed connection has no deadline to set
	err = do()
	return stop(), err
}

// connect gives a session that is signed in.
func connect(ctx context.Context, s server) (*session, error) {
	raw, err := s.dial(ctx)
	if err != nil {
		return nil, fail(atConnect, err)
	}
	out := &session{conn: &bounded{Conn: raw}}
	usable, err := within(ctx, out.conn, func() error { return out.introduce(ctx, s) })
	if err == nil && !usable {
		err = fail(atConnect, ctx.Err())
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return out, nil
}

func (c *session) introduce(ctx context.Context, s server) (err error) {
	var conn net.Conn = c.conn
	if s.security == implicitTLS {
		secure := tls.Client(conn, s.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return fail(atTLS, err)
		}
		conn = secure
	}
	if err := c.hello(repliesOf(conn, ""), s); err != nil {
		return fail(atConnect, err)
	}
	if s.security == startTLS {
		if err := c.encrypt(ctx, s); err != nil {
			return fail(atTLS, err)
		}
	}
	return fail(atLogin, c.login(s))
}

// hello reads the greeting and introduces us.
func (c *session) hello(conn *replies, s server) (err error) {
	if c.client, err = smtp.NewClient(conn, s.host); err != nil {
		return err
	}
	c.client.SkipSMTPUTF8(true) // addresses and headers are ASCII
	return c.client.Hello(s.helo)
}

// encrypt goes over to an encrypted connection and begins anew (RFC 3207, section 4.2). What came in the clear and was not asked for
// stays behind. There is no second greeting, so the client is given one.
func (c *session) encrypt(ctx context.Context, s server) error {
	if ok, _ := c.client.Extension("STARTTLS"); !ok {
		return errNoTLS
	}
	id, err := c.client.Text.Cmd("STARTTLS")
	if err != nil {
		return err
	}
	c.client.Text.StartResponse(id)
	_, _, err = c.client.Text.ReadResponse(220)
	c.client.Text.EndResponse(id)
	if err != nil {
		return err
	}
	secure := tls.Client(c.conn, s.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	return c.hello(repliesOf(secure, "220 \r\n"), s)
}

// login signs in, when there is somebody to sign in as. Passwords go over encrypted connections, or loopback: that is seen to before, and
// the client, which looks only at the connection it was given, is told to trust us.
func (c *session) login(s server) error {
	if s.user == "" {
		return nil
	}
	_, offered := c.client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	for _, m := range []struct {
		name string
		auth func() smtp.Auth
	}{
		{"SCRAM-SHA-256", func() smtp.Auth { return smtp.ScramSHA256Auth(s.user, s.password) }},
		{"PLAIN", func() smtp.Auth { return smtp.PlainAuth("", s.user, s.password, s.host, true) }},
		{"LOGIN", func() smtp.Auth { return smtp.LoginAuth(s.user, s.password, s.host, true) }},
		{"CRAM-MD5", func() smtp.Auth { return smtp.CRAMMD5Auth(s.user, s.password) }},
	} {
		if slices.Contains(mechanisms, m.name) {
			return c.client.Auth(m.auth())
		}
	}
	return errNoLogin
}

// envelope is a message and its way.
type envelope struct {
	from, to string
	text     []byte
}

// deliver hands a message over and gives the server's words. Whether the session can carry another one, it says too.
func (c *session) deliver(ctx context.Context, e envelope) (reply string, usable bool, err error) {
	usable, err = within(ctx, c.conn, func() error {
		reply, err = c.hand(e)
		if refused(err) {
			return errors.Join(err, c.client.Reset()) // when that fails too, the session is of no use
		}
		return err
	})
	c.used = true
	return reply, usable && (err == nil || refused(err) && !broken(err)), err
}

func (c *session) hand(e envelope) (string, error) {
	if err := agreed(c.client.Mail("<" + e.from + ">")); err != nil {
		return "", fail(atSender, err)
	}
	if err := agreed(c.client.Rcpt("<" + e.to + ">")); err != nil {
		return "", fail(atRecipient, err)
	}
	w, err := c.client.Data()
	if err != nil {
		return "", fail(atData, err)
	}
	if _, err := w.Write(e.text); err != nil {
		return "", fail(atData, err)
	}
	if err := agreed(w.Close()); err != nil {
		return "", fail(atReply, err)
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		return d.ServerResponse(), nil
	}
	return "", nil
}

// quit takes leave, briefly.
func (c *session) quit() {
	ctx, cancel := context.WithTimeout(context.Background(), quitTime)
	defer cancel()
	_, _ = within(ctx, c.conn, c.client.Quit) // it is over either way
	_ = c.conn.Close()
}

const quitTime = time.Second

// refused reports whether the server answered, and so may be talked to further.
func refused(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer) && answer.Code != serviceCloses
}

// serviceCloses is the code with which a server takes leave (RFC 5321, section 3.8).
const serviceCloses = 421

// broken reports whether the connection failed, whatever was answered before.
func broken(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, errTalksOn)
}
