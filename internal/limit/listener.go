package limit

import (
	"net"
	"sync"
)

// Listener gives a listener that closes connections beyond their bounds as soon as they come, so
// that what sends no request, or half of one, holds no more than its share. exempt names peers that
// speak for many others and have no share of their own: trusted proxies.
func (m *Limiter) Listener(of net.Listener, exempt func(address string) bool) net.Listener {
	return &listener{Listener: of, limiter: m, pool: newPool(m.Limits.Connections, 0, func(string) {}), exempt: exempt}
}

type listener struct {
	net.Listener
	limiter *Limiter
	pool    *Pool
	exempt  func(string) bool
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		back, err := l.admit(c.RemoteAddr())
		if err == nil {
			return &conn{Conn: c, back: sync.OnceFunc(back)}, nil
		}
		l.limiter.turned(Connections)
		_ = c.Close() // it was never used
	}
}

func (l *listener) admit(from net.Addr) (func(), error) {
	one, err := l.pool.One(true)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(from.String()) // of TCP; what has no host is one address
	if l.exempt(host) {
		return one, nil
	}
	share, err := l.pool.Address(host, true)
	if err != nil {
		one()
		return nil, err
	}
	return func() { share(); one() }, nil
}

// conn is a connection that is counted until it is closed.
type conn struct {
	net.Conn
	back func()
}

// CloseWrite ends one direction, for servers that let a client read their last answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.back()
	return c.Conn.Close()
}
