// Package emailtest is a mail server for tests and demonstrations: a real one on loopback that speaks SMTP with encryption and login, keeps what
// it is given, and can be told to misbehave in the ways of real ones. It relays nothing.
package emailtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// Behaviour is how the server treats what it is given.
type Behaviour string

// What the server can be told.
const (
	Takes            Behaviour = "takes"
	TakesSlowly      Behaviour = "takes slowly"      // a tenth of a second later
	Greylists        Behaviour = "greylists"         // 451 at RCPT: come again
	RefusesRecipient Behaviour = "refuses recipient" // 550 at RCPT, and repeats the address
	RefusesSender    Behaviour = "refuses sender"    // 550 at MAIL
	RefusesContent   Behaviour = "refuses content"   // 554 after the message
	IsFull           Behaviour = "is full"           // 452 after the message
	TooLarge         Behaviour = "too large"         // 552 after the message
	Closes           Behaviour = "closes"            // 421 at MAIL, and the connection is closed
	Hangs            Behaviour = "hangs"             // reads the message and never answers
	HangsUp          Behaviour = "hangs up"          // keeps the message and closes the connection without an answer
	HangsUpEarly     Behaviour = "hangs up early"    // closes the connection in the middle of the message
	Insults          Behaviour = "insults"           // 451 with words that must be cleaned
	WantsLogin       Behaviour = "wants login"       // 530 at MAIL, though everybody is signed in
)

// Security is how connections are encrypted.
type Security int

// The ways.
const (
	StartTLS    Security = iota // offered, and required before anything else
	ImplicitTLS                 // from the first byte
	NoTLS                       // never
)

// Options configure a Server. The zero value offers STARTTLS to everybody.
type Options struct {
	Security       Security
	User, Password string     // "": nobody need sign in
	Take           func(Mail) // takes each message, and the server keeps none; it must not call the server
}

// Server is a running server. All methods may be called concurrently.
type Server struct {
	opt   Options
	url   url.URL
	roots *x509.CertPool
	smtp  *smtp.Server
	ended chan error // of Serve

	listener net.Listener

	mu          sync.Mutex
	behaviour   Behaviour
	changed     chan struct{} // closed when the behaviour changes: who hangs goes on
	mails       []Mail
	conns       map[*conn]bool
	connections int
}

// Start starts a server on a free port of loopback. Close it.
func Start(opt Options) (*Server, error) {
	certificate, roots, err := certificate()
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		opt: opt, roots: roots, listener: l, ended: make(chan error, 1),
		behaviour: Takes, changed: make(chan struct{}), conns: map[*conn]bool{},
	}
	s.url = url.URL{Scheme: "smtp", Host: l.Addr().String()}
	if opt.User != "" {
		s.url.User = url.UserPassword(opt.User, opt.Password)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = "mail.example.org"
	s.smtp.AllowInsecureAuth = opt.Security == NoTLS
	s.smtp.ErrorLog = log.New(io.Discard, "", 0) // what clients do wrong is for the tests to see
	counted := net.Listener(&listener{Listener: l, s: s})
	switch opt.Security {
	case StartTLS:
		s.smtp.TLSConfig = config
	case ImplicitTLS:
		s.url.Scheme = "smtps"
		counted = tls.NewListener(counted, config)
	case NoTLS:
		s.url.RawQuery = "tls=none"
	}
	go func() { s.ended <- s.smtp.Serve(counted) }()
	return s, nil
}

// Close ends every connection and waits until nothing runs any more.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.Behave(Takes)
	s.HangUp()
	if end := <-s.ended; !errors.Is(end, net.ErrClosed) {
		err = errors.Join(err, end)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if end := s.smtp.Shutdown(ctx); end != nil && !errors.Is(end, net.ErrClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// URL gives the address as package email takes it, with user and password.
func (s *Server) URL() string { return s.url.String() }

// Roots gives who vouches for the server.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Behave tells the server how to treat what comes from now on. Who was left hanging goes on.
func (s *Server) Behave(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
	close(s.changed)
	s.changed = make(chan struct{})
}

// HangUp closes every connection.
func (s *Server) HangUp() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // it is what is wanted
	}
}

// keep remembers a message, or gives it away. Call it with mu held.
func (s *Server) keep(m Mail) {
	if s.opt.Take != nil {
		s.opt.Take(m)
		return
	}
	s.mails = append(s.mails, m)
}

// Mails gives what was taken over so far, in that order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Connections gives how many there have been, and how many there are.
func (s *Server) Connections() (ever, now int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections, len(s.conns)
}

func (s *Server) now() (Behaviour, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour, s.changed
}

// listener knows the connections.
type listener struct {
	net.Listener
	s *Server
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	known := &conn{Conn: c, s: l.s}
	l.s.conns[known] = true
	l.s.connections++
	return known, nil
}

type conn struct {
	net.Conn
	s    *Server
	last atomic.Bool // the next thing said is the last
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.last.Load() {
		_ = c.Close() // it is what is wanted
	}
	return n, err
}

func (c *conn) Close() error {
	c.s.mu.Lock()
	delete(c.s.conns, c)
	c.s.mu.Unlock()
	return c.Conn.Close()
}
