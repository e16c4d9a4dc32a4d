package storetest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// Mode is what a Proxy does to a request.
type Mode uint8

// The modes of a Proxy.
const (
	Pass      Mode = iota // nothing: to spare the first requests of several
	CutBefore             // the connection breaks and the server never hears of the request
	CutAfter              // the server carries the request out, then the connection breaks: the reply is lost
	Stall                 // the request is held back until Release
	Late                  // the server carries the request out; the reply is held back until Release
)

// Proxy stands between a client and a MongoDB server, on loopback, and understands as much of the protocol as it takes to tell requests and
// replies from each other and to know which command a request is. Without orders it passes everything on.
type Proxy struct {
	t        testing.TB
	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu      sync.Mutex
	orders  []*order
	conns   map[*proxied]struct{}
	release chan struct{} // closed by Release, then replaced
	struck  int
	changed chan struct{} // closed when struck grows, then replaced
	down    bool
	closed  bool
	watch   func(command string, document []byte)
}

// order is trouble to come.
type order struct {
	mode     Mode
	times    int
	commands []string
}

// writes are the commands that change something.
var writes = []string{"insert", "update", "delete", "findAndModify"}

// NewProxy starts a proxy in front of the server at target (host:port, without TLS). It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, target: target, listener: l, conns: make(map[*proxied]struct{}), release: make(chan struct{}), changed: make(chan struct{})}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		l.Close()
		p.Release()
		p.Cut()
		p.work.Wait()
	})
	return p
}

// Addr gives the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Trouble orders the mode for the next requests, as many as times says, that are one of the commands; without any, for the next writes.
// Orders are met in the order in which they were given.
func (p *Proxy) Trouble(mode Mode, times int, commands ...string) {
	if len(commands) == 0 {
		commands = writes
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders = append(p.orders, &order{mode, times, commands})
}

// Calm withdraws every order that has not been met.
func (p *Proxy) Calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders = nil
}

// Release lets go of everything that is held back.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.release)
	p.release = make(chan struct{})
}

// Cut breaks every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// Down breaks every connection and refuses new ones until Up.
func (p *Proxy) Down() {
	p.mu.Lock()
	p.down = true
	p.mu.Unlock()
	p.Cut()
}

// Up ends Down.
func (p *Proxy) Up() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// Struck gives how many requests have met trouble.
func (p *Proxy) Struck() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck
}

// AwaitStruck waits until as many requests have met trouble, and fails the test when that takes too long.
func (p *Proxy) AwaitStruck(n int) {
	p.t.Helper()
	ctx := within(p.t)
	for {
		p.mu.Lock()
		struck, changed := p.struck, p.changed
		p.mu.Unlock()
		if struck >= n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			p.t.Fatalf("%d of %d requests have met trouble", struck, n)
		}
	}
}

// Watch has every request shown to the function before it is passed on: the command's name and its document in BSON, without the documents
// of a batch. Calls come one at a time.
func (p *Proxy) Watch(show func(command string, document []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch = show
}

// next gives what is ordered for a request.
func (p *Proxy) next(m message) Mode {
	command := m.command()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch != nil && command != "" {
		p.watch(command, m.document())
	}
	i := slices.IndexFunc(p.orders, func(o *order) bool { return slices.Contains(o.commands, command) })
	if i < 0 {
		return Pass
	}
	o := p.orders[i]
	if o.times--; o.times <= 0 {
		p.orders = slices.Delete(p.orders, i, i+1)
	}
	return o.mode
}

// strike counts trouble that has been met.
func (p *Proxy) strike() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck++
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.down || p.closed
		p.mu.Unlock()
		var server net.Conn
		if !refuse {
			server, err = net.Dial("tcp", p.target)
		}
		if refuse || err != nil {
			client.Close()
			continue
		}
		c := &proxied{p: p, client: client, server: server, ended: make(chan struct{}), trouble: make(map[uint32]Mode)}
		p.mu.Lock()
		p.conns[c] = struct{}{}
		refuse = p.down || p.closed
		p.mu.Unlock()
		if refuse {
			c.close()
		}
		p.work.Go(c.requests)
		p.work.Go(c.replies)
	}
}

// proxied is one connection through the proxy.
type proxied struct {
	p              *Proxy
	client, server net.Conn
	once           sync.Once
	ended          chan struct{}

	mu      sync.Mutex
	trouble map[uint32]Mode // by request, for its reply
}

func (c *proxied) close() {
	c.once.Do(func() {
		close(c.ended)
		c.client.Close()
		c.server.Close()
	})
}

func (c *proxied) over() {
	c.close()
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	delete(c.p.conns, c)
}

func (c *proxied) requests() {
	defer c.over()
	for {
		m, err := readMessage(c.client)
		if err != nil {
			return
		}
		mode := c.p.next(m)
		switch mode {
		case CutBefore:
			c.p.strike()
			return
		case CutAfter, Late:
			c.mu.Lock()
			c.trouble[m.id()] = mode
			c.mu.Unlock()
		case Stall:
			c.hold()
		}
		if _, err := c.server.Write(m); err != nil {
			return
		}
	}
}

func (c *proxied) replies() {
	defer c.over()
	for {
		m, err := readMessage(c.server)
		if err != nil {
			return
		}
		c.mu.Lock()
		mode := c.trouble[m.answers()]
		delete(c.trouble, m.answers())
		c.mu.Unlock()
		switch mode {
		case CutAfter:
			c.p.strike()
			return
		case Late:
			c.hold()
		}
		if _, err := c.client.Write(m); err != nil {
			return
		}
	}
}

// hold waits for Release, or for the end of the connection.
func (c *proxied) hold() {
	c.p.mu.Lock()
	release := c.p.release
	c.p.mu.Unlock()
	c.p.strike()
	select {
	case <-release:
	case <-c.ended:
	}
}

// message is one message of the MongoDB wire protocol: a header of four little-endian 32-bit numbers (length, request, the request it answers,
// operation), then what the operation holds.
type message []byte

const (
	headerSize = 16
	maxMessage = 48_000_000 + headerSize
	opMessage  = 2013 // OP_MSG: flags, then sections; clients put the command first, as one of kind 0
)

var errNoMessage = errors.New("storetest: not a MongoDB message")

func readMessage(r io.Reader) (message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size < headerSize || size > maxMessage {
		return nil, errNoMessage
	}
	m := make(message, size)
	copy(m, header[:])
	_, err := io.ReadFull(r, m[headerSize:])
	return m, err
}

func (m message) id() uint32      { return binary.LittleEndian.Uint32(m[4:]) }
func (m message) answers() uint32 { return binary.LittleEndian.Uint32(m[8:]) }

// bodyAt is where the document of a command begins: behind the flags and the kind of the first section.
const bodyAt = headerSize + 4 + 1

// document gives the command's own document, or nil when the message is none that a client sends today.
func (m message) document() []byte {
	const least = 5 // an empty document
	if binary.LittleEndian.Uint32(m[12:]) != opMessage || len(m) < bodyAt+least || m[bodyAt-1] != 0 {
		return nil
	}
	size := binary.LittleEndian.Uint32(m[bodyAt:])
	if size < least || uint64(size) > uint64(len(m)-bodyAt) {
		return nil
	}
	return m[bodyAt : bodyAt+size]
}

// command gives the name of the command: that of the first element of its document.
func (m message) command() string {
	const nameAt = 4 + 1 // behind the length and the element's type
	d := m.document()
	if len(d) < nameAt {
		return ""
	}
	if end := slices.Index(d[nameAt:], 0); end >= 0 {
		return string(d[nameAt : nameAt+end])
	}
	return ""
}
