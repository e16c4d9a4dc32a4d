package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

const (
	defaultConnections = 8
	mostConnections    = 64
)

// security is how a connection is encrypted.
type security int

const (
	startTLS    security = iota // after a word in the clear
	implicitTLS                 // from the first byte
	noTLS                       // never: loopback only
)

// server is where mail goes, and how.
type server struct {
	host, port     string
	user, password string
	security       security
	connections    int
	helo           string // how we introduce ourselves
	roots          *x509.CertPool
}

// parseServer reads an SMTP URL. Errors never repeat it: it holds a password.
func parseServer(text string) (server, error) {
	bad := func(format string, args ...any) (server, error) {
		return server{}, fmt.Errorf("email: the address of the mail server "+format, args...)
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return bad("must be a URL like smtp://user:password@mail.example.org:587")
	}
	s := server{host: u.Hostname(), port: u.Port(), connections: defaultConnections}
	switch u.Scheme {
	case "smtp":
		s.port = or(s.port, "587")
	case "smtps":
		s.port, s.security = or(s.port, "465"), implicitTLS
	default:
		return bad("must begin with smtp:// or smtps://")
	}
	if n, err := strconv.Atoi(s.port); err != nil || n < 1 || n > 65535 {
		return bad("must have a port between 1 and 65535")
	}
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		if s.user == "" || s.password == "" || strings.ContainsAny(s.user+s.password, "\x00\r\n") {
			return bad("must have a user and a password, or neither")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bad("has parameters that cannot be read")
	}
	for name, values := range query {
		switch {
		case name == "tls" && len(values) == 1 && values[0] == "none" && u.Scheme == "smtp":
			if !loopback(s.host) {
				return bad("may have ?tls=none for a server on loopback only")
			}
			s.security = noTLS
		case name == "connections" && len(values) == 1:
			if s.connections, err = strconv.Atoi(values[0]); err != nil || s.connections < 1 || s.connections > mostConnections {
				return bad("must have ?connections between 1 and %d", mostConnections)
			}
		default:
			return bad("has a parameter other than connections, and tls=none for smtp://")
		}
	}
	return s, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// loopback reports whether a host is this machine by its name. Where the name leads is looked at when connecting.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

var errNotLoopback = errors.New("email: the name does not lead to loopback")

// dial connects.
func (s server) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if s.security == noTLS {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().IsLoopback() {
				return errNotLoopback
			}
			return nil
		}
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
}

func (s server) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
}
