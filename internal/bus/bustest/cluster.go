package bustest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	startPatience = 60 * time.Second // for a cluster to find its leader, on a machine with much else to do
	pollInterval  = 10 * time.Millisecond
	globalAccount = "$G"
)

// background is the context of what a cluster owns and ends itself.
var background = context.Background()

// Cluster is n servers in this process. Its methods may be called concurrently, for one server one at a time. Close it.
type Cluster struct {
	dir     string
	setups  []func(*server.Options) error
	scheme  string
	ca      string
	account string
	issuer  *issuer // with the Operator option
	board   *switchboard

	mu    sync.Mutex
	nodes []*node
}

type node struct {
	server *server.Server // nil while it is dead
	port   int            // where it takes clients, from the first start on
}

// Start starts n servers that keep their files below dir, and returns when they can be used. One server is no cluster and answers
// like the one a small installation runs.
func Start(dir string, n int, opts ...Option) (*Cluster, error) {
	if n < 1 {
		return nil, fmt.Errorf("a cluster of %d", n)
	}
	c := &Cluster{dir: dir, scheme: "nats://", account: globalAccount}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	var err error
	if c.board, err = newSwitchboard(n); err != nil {
		return nil, err
	}
	for i := range n {
		c.nodes = append(c.nodes, &node{port: server.RANDOM_PORT})
		if err := c.launch(i); err != nil {
			c.Close()
			return nil, err
		}
	}
	if err := c.settle(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Start starts a dead server again on its folder and address, and returns when it has caught up.
func (c *Cluster) Start(i int) error {
	if c.Server(i) != nil {
		return fmt.Errorf("server %d runs", i)
	}
	if err := c.launch(i); err != nil {
		return err
	}
	return c.settle()
}

// Kill ends a server without a word to anybody. A dead one stays dead.
func (c *Cluster) Kill(i int) {
	c.board.cut(i)
	c.stop(i)
}

// Stop ends a server in order, as somebody who updates it does: it hands over what it leads.
func (c *Cluster) Stop(i int) { c.stop(i) }

func (c *Cluster) stop(i int) {
	c.mu.Lock()
	s := c.nodes[i].server
	c.nodes[i].server = nil
	c.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
	c.board.gone(i)
}

// Cut takes a running server away from its peers; its clients keep it.
func (c *Cluster) Cut(i int) { c.board.cut(i) }

// Mend ends what Cut began.
func (c *Cluster) Mend(i int) { c.board.mend(i) }

// Close ends all servers.
func (c *Cluster) Close() {
	for i := range c.nodes {
		c.stop(i)
	}
	c.board.close()
}

// Nodes gives the number of servers, dead ones too.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Dir is where server i keeps its files.
func (c *Cluster) Dir(i int) string { return filepath.Join(c.dir, fmt.Sprintf("nats-%d", i)) }

// CA is the file with the certificate authority of a cluster with the TLS option.
func (c *Cluster) CA() string { return c.ca }

// URL gives the addresses of all servers, separated by commas.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.nodes))
	for i := range urls {
		urls[i] = c.NodeURL(i)
	}
	return strings.Join(urls, ",")
}

// NodeURL gives the address of one server.
func (c *Cluster) NodeURL(i int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%s127.0.0.1:%d", c.scheme, c.nodes[i].port)
}

// Server gives a server, or nil while it is dead.
func (c *Cluster) Server(i int) *server.Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i].server
}

// Leader gives the server that leads the cluster, or -1 while there is none.
func (c *Cluster) Leader() int {
	return c.find(func(s *server.Server) bool { return !s.JetStreamIsClustered() || s.JetStreamIsLeader() })
}

// StreamLeader gives the server that leads the stream, or -1 while none does. One server that is no cluster leads everything.
func (c *Cluster) StreamLeader(stream string) int {
	return c.find(func(s *server.Server) bool {
		return !s.JetStreamIsClustered() || s.JetStreamIsStreamLeader(c.account, stream)
	})
}

func (c *Cluster) find(is func(*server.Server) bool) int {
	for i := range c.nodes {
		if s := c.Server(i); s != nil && is(s) {
			return i
		}
	}
	return -1
}

// launch starts server i and opens its line.
func (c *Cluster) launch(i int) error {
	o := &server.Options{}
	for _, setup := range c.setups {
		if err := setup(o); err != nil {
			return err
		}
	}
	o.ServerName = fmt.Sprintf("nats-%d", i)
	o.Host, o.Port = "127.0.0.1", c.nodes[i].port
	o.JetStream, o.StoreDir, o.DisableJetStreamBanner = true, c.Dir(i), true
	o.JetStreamMaxStore, o.JetStreamMaxMemory = 16<<30, 256<<20
	o.NoSigs = true
	if len(c.nodes) > 1 || len(c.board.lines) > 1 {
		c.join(o, i)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	lines := &lastWords{}
	s.SetLoggerV2(lines, false, false, false)
	c.board.introduce(i, s.ID())
	s.Start()
	if !s.ReadyForConnections(startPatience) {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("server %d does not start: %s", i, lines.text())
	}
	address, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		s.Shutdown()
		return errors.New("the server has no address")
	}
	c.mu.Lock()
	c.nodes[i].server, c.nodes[i].port = s, address.Port
	c.mu.Unlock()
	if routes := s.ClusterAddr(); routes != nil {
		c.board.connect(i, routes.String())
	}
	return nil
}

// join makes server i one of a cluster whose members reach each other over the switchboard.
func (c *Cluster) join(o *server.Options, i int) {
	o.Cluster.Name = "bustest"
	o.Cluster.Host, o.Cluster.Port = "127.0.0.1", server.RANDOM_PORT
	o.Cluster.Advertise = c.board.address(i)
	o.Cluster.PoolSize = -1 // one connection for each pair is enough on loopback
	for to := range c.board.lines {
		if to != i {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: c.board.address(to)})
		}
	}
}

// settle waits until every running server is reached by the leader and has caught up.
func (c *Cluster) settle() error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	for {
		why := c.unsettled()
		if why == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-patience.C:
			return fmt.Errorf("the cluster is not ready after %v: %s", startPatience, why)
		}
	}
}

func (c *Cluster) unsettled() string {
	leader := c.Leader()
	if leader < 0 {
		return "no server leads"
	}
	if !c.Server(leader).JetStreamIsClustered() {
		return ""
	}
	if peers := len(c.Server(leader).JetStreamClusterPeers()); peers < len(c.nodes) {
		return fmt.Sprintf("%d of %d servers are known", peers, len(c.nodes))
	}
	for i := range c.nodes {
		s := c.Server(i)
		if s == nil {
			continue
		}
		if !s.JetStreamIsCurrent() {
			return fmt.Sprintf("server %d has not caught up", i)
		}
	}
	return ""
}

// lastWords is a server's logger. It keeps what the server called fatal, which it says nowhere else.
type lastWords struct {
	mu   sync.Mutex
	said []string
}

func (l *lastWords) Noticef(string, ...any) {}
func (l *lastWords) Warnf(string, ...any)   {}
func (l *lastWords) Debugf(string, ...any)  {}
func (l *lastWords) Tracef(string, ...any)  {}
func (l *lastWords) Errorf(string, ...any)  {}

func (l *lastWords) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, fmt.Sprintf(format, v...))
}

func (l *lastWords) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.said, "; ")
}
