package bustest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	dialPatience  = 5 * time.Second // for a server that is about to listen
	maxFirstLine  = 64 << 10
	connectPrefix = "CONNECT "
)

// switchboard relays the connections between the servers of one cluster, so that all connections of one server can be cut at once.
type switchboard struct {
	lines []net.Listener // line i is where the others reach server i

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when anything below changes
	closed  bool
	dead    map[int]bool
	targets map[int]string // where server i takes routes; absent while it does not
	servers map[string]int // by the id a server gives itself
	calls   map[*call]struct{}

	work sync.WaitGroup
}

// call is one connection between two servers.
type call struct {
	from, to int // from is -1 until the caller has said who it is
	in, out  net.Conn
}

func newSwitchboard(n int) (*switchboard, error) {
	b := &switchboard{
		changed: make(chan struct{}), dead: map[int]bool{}, targets: map[int]string{}, servers: map[string]int{}, calls: map[*call]struct{}{},
	}
	for range n {
		line, err := (&net.ListenConfig{}).Listen(background, "tcp", "127.0.0.1:0")
		if err != nil {
			b.close()
			return nil, err
		}
		b.lines = append(b.lines, line)
	}
	for i, line := range b.lines {
		b.work.Go(func() { b.accept(i, line) })
	}
	return b, nil
}

// address is where the others reach server i.
func (b *switchboard) address(i int) string { return b.lines[i].Addr().String() }

// set changes the state and wakes who waits for it.
func (b *switchboard) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

// introduce tells which server has the id.
func (b *switchboard) introduce(i int, id string) { b.set(func() { b.servers[id] = i }) }

// connect opens the line of server i, which takes routes at the address.
func (b *switchboard) connect(i int, address string) {
	b.set(func() { b.targets[i] = address; delete(b.dead, i) })
}

// cut ends every connection from and to server i and allows no other.
func (b *switchboard) cut(i int) {
	b.set(func() {
		b.dead[i] = true
		for c := range b.calls {
			if c.from == i || c.to == i {
				c.hangUp()
			}
		}
	})
}

func (b *switchboard) mend(i int) { b.set(func() { delete(b.dead, i) }) }

// gone forgets where server i was.
func (b *switchboard) gone(i int) { b.set(func() { delete(b.targets, i) }) }

func (b *switchboard) close() {
	for _, line := range b.lines {
		_ = line.Close()
	}
	b.set(func() {
		b.closed = true
		for c := range b.calls {
			c.hangUp()
		}
	})
	b.work.Wait()
}

func (b *switchboard) accept(to int, line net.Listener) {
	for {
		in, err := line.Accept()
		if err != nil {
			return // the line is closed
		}
		b.work.Go(func() { b.relay(to, in) })
	}
}

// relay carries one connection until either side, or the switchboard, hangs up.
func (b *switchboard) relay(to int, in net.Conn) {
	c := &call{from: -1, to: to, in: in}
	defer c.hangUp()
	address, ok := b.await(to)
	if !ok {
		return
	}
	out, err := (&net.Dialer{Timeout: dialPatience}).DialContext(background, "tcp", address)
	if err != nil {
		return
	}
	c.out = out
	if !b.admit(c) {
		return
	}
	defer b.dismiss(c)
	b.work.Go(func() {
		_, _ = io.Copy(in, out) // a route that broke is what the servers are here to notice
		c.hangUp()
	})
	first, err := firstLine(in)
	if err != nil || !b.identify(c, first) {
		return
	}
	if _, err := out.Write(first); err == nil {
		_, _ = io.Copy(out, in)
	}
}

// await waits until server i takes routes; a line that is cut has nobody to wait for.
func (b *switchboard) await(i int) (address string, ok bool) {
	patience := time.NewTimer(dialPatience)
	defer patience.Stop()
	for {
		b.mu.Lock()
		address, ok = b.targets[i]
		dead, changed := b.dead[i] || b.closed, b.changed
		b.mu.Unlock()
		if ok || dead {
			return address, ok && !dead
		}
		select {
		case <-changed:
		case <-patience.C:
			return "", false
		}
	}
}

func (b *switchboard) admit(c *call) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.dead[c.to] {
		return false
	}
	b.calls[c] = struct{}{}
	return true
}

func (b *switchboard) dismiss(c *call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.calls, c)
}

// identify reads who calls from the first thing a calling server says, CONNECT {..., "name": "<its id>", ...}.
func (b *switchboard) identify(c *call, first []byte) bool {
	line, _, _ := bytes.Cut(first, []byte("\r\n"))
	words, ok := bytes.CutPrefix(line, []byte(connectPrefix))
	var hello struct {
		Name string `json:"name"`
	}
	if !ok || json.Unmarshal(words, &hello) != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	from, known := b.servers[hello.Name]
	if !known || b.dead[from] || b.dead[c.to] {
		return false
	}
	c.from = from
	return true
}

// firstLine reads up to a line break, and what came with it.
func firstLine(in io.Reader) ([]byte, error) {
	var read []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(read, []byte("\r\n")) {
		if len(read) > maxFirstLine {
			return nil, errors.New("the first line is too long")
		}
		n, err := in.Read(buf)
		read = append(read, buf[:n]...)
		if err != nil {
			return nil, err
		}
	}
	return read, nil
}

func (c *call) hangUp() {
	_ = c.in.Close()
	if c.out != nil {
		_ = c.out.Close()
	}
}
