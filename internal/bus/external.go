package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

// How patient one is with servers somebody else runs.
const (
	reachPatience = 20 * time.Second // for servers on their way up, and two elections: NATS takes four to nine seconds for one
	dialTimeout   = 2 * time.Second  // for one server
	retryInterval = 250 * time.Millisecond
	settleTimeout = 6 * time.Second // a leader collects the list of consumers for up to 4 s

	pingInterval = 5 * time.Second // a machine without power closes no connection: after three silent pings it is given up
	pingsMissed  = 2

	watchInterval  = 10 * time.Second // between looks at a stream that is well
	troubleTick    = time.Second      // and at one that is not
	troublesToMove = 6                // such looks in a row, after which another server is tried
)

func (b *Bus) external() bool { return b.server == nil }

// checkExternal refuses addresses and files that cannot be right, without repeating what they contain.
func (c Config) checkExternal(bad *fault.Check) {
	if c.URL == "" {
		bad.That(c.Credentials == "", "/credentials", "are for an external server")
		bad.That(c.CA == "", "/ca", "is for an external server")
		return
	}
	_, err := addresses(c.URL)
	bad.That(err == nil, "/url", "must be nats:// or tls:// addresses, separated by commas")
	for pointer, path := range map[string]string{"/credentials": c.Credentials, "/ca": c.CA} {
		if path == "" {
			continue
		}
		_, err := os.ReadFile(path)
		bad.That(err == nil, pointer, "the file cannot be read")
	}
}

// addresses reads the list of servers and gives them without what admits to them. The error says nothing of the text.
func addresses(list string) ([]string, error) {
	var clean []string
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || (u.Scheme != "nats" && u.Scheme != "tls") || u.Path != "" || u.RawQuery != "" {
			return nil, errors.New("not an address of a NATS server")
		}
		clean = append(clean, u.Scheme+"://"+u.Host)
	}
	return clean, nil
}

// openExternal is Open for a server that somebody else runs.
func openExternal(ctx context.Context, cfg Config) (*Bus, error) {
	list, err := addresses(cfg.URL)
	if err != nil {
		return nil, err
	}
	b := newBus(cfg)
	b.servers = strings.Join(list, ", ")
	limited, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	continuity, err := b.reachExternal(limited, cfg)
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return nil, errors.Join(b.unreached(err), b.abandon(ctx))
	}
	b.continuity = continuity
	b.keep("the watch over the bus stream", b.watchStream)
	b.desk.open()
	return b, nil
}

// reachExternal tries until there is a connection and a stream, or trying makes no sense.
func (b *Bus) reachExternal(ctx context.Context, cfg Config) (continuity Continuity, err error) {
	opts := []nats.Option{
		nats.Timeout(dialTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsMissed),
		nats.IgnoreAuthErrorAbort(), // credentials are renewed in their file; until then it is tried again
	}
	if cfg.Credentials != "" {
		opts = append(opts, nats.UserCredentials(cfg.Credentials))
	}
	if cfg.CA != "" {
		opts = append(opts, nats.RootCAs(cfg.CA))
	}
	for {
		tried := err
		err = nil
		if b.conn == nil {
			err = b.connect(ctx, cfg.URL, opts)
		}
		if err == nil {
			continuity, err = b.settleExternal(ctx)
		}
		switch {
		case err == nil, hopeless(err), refused(err):
			return continuity, err
		case ctx.Err() != nil && tried != nil && errors.Is(err, ctx.Err()):
			return 0, tried // says more
		}
		if !pause(ctx, retryInterval) {
			return 0, err
		}
	}
}

// settleExternal makes sure of the stream, once. A question that is asked while the cluster has no leader is lost, so none is waited for as long as Open
// has. What nobody of this process has seen, the consumers have: one that is ahead of the stream
// shows that the cluster lost its newest messages.
func (b *Bus) settleExternal(ctx context.Context) (Continuity, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	st, err := b.ensure(ctx)
	switch {
	case err != nil:
		return 0, err
	case st.created:
		return Fresh, nil
	}
	for range confirmations {
		_, ahead, err := b.leadingConsumers(ctx, streamName)
		if err != nil {
			return 0, err
		}
		if len(ahead) == 0 {
			return Kept, nil
		}
		if !pause(ctx, retryInterval) {
			return 0, ctx.Err()
		}
	}
	_, err = b.startOver(ctx, st)
	return Doubtful, err
}

// refused reports that the servers are there and do not want us.
func refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrAccountAuthExpired) || badTLS(err)
}

func badTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted)
}

// unreached makes the fault of an Open that failed.
func (b *Bus) unreached(err error) error {
	if _, ok := fault.As(err); ok {
		return err
	}
	at := b.servers
	switch {
	case badTLS(err):
		return fault.Wrap(err, fault.Unavailable, "bus_tls", "The message bus at %s and this process do not agree on TLS, or its certificate is not trusted.", at)
	case refused(err):
		return fault.Wrap(err, fault.Unavailable, "bus_refused", "The message bus at %s refuses the credentials.", at)
	case b.conn == nil:
		return fault.Wrap(err, fault.Unavailable, "bus_unreachable", "No server of the message bus answers at %s.", at)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fault.Wrap(err, fault.Unavailable, "bus_no_jetstream", "The message bus at %s has no JetStream for this account.", at)
	}
	return fault.Wrap(err, fault.Unavailable, "bus_unavailable", "The message bus at %s does not answer what is asked of its stream.", at)
}

// pause waits and reports whether ctx allows to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// beWary lets watchStream look now.
func (b *Bus) beWary() {
	select {
	case b.wary <- struct{}{}:
	default:
	}
}

// watchStream looks at an external stream now and then, after each reconnection and when there is a reason to doubt it, until life
// ends. It moves the connection to another server when the one it has is of no use: a server that lost its peers keeps its clients,
// takes no messages and, for a while, knows nothing of it.
func (b *Bus) watchStream() {
	troubles := 0
	for {
		interval := watchInterval
		if troubles > 0 {
			interval = troubleTick
		}
		timer := time.NewTimer(interval)
		select {
		case <-b.life.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-b.wary:
			timer.Stop()
		}
		ctx, cancel := context.WithTimeout(b.life, apiTimeout)
		_, err := b.ensure(ctx)
		cancel()
		switch {
		case b.life.Err() != nil:
			return
		case !b.conn.IsConnected(), hopeless(err), err == nil && !b.refused.Load():
			troubles = 0
			continue
		}
		troubles++
		if troubles < troublesToMove || len(b.conn.Servers()) < 2 {
			continue
		}
		troubles = 0
		b.refused.Store(false)
		b.log.Warn("the bus server is of no use; trying another", "server", b.conn.ConnectedServerName(), "error", err)
		if err := b.conn.ForceReconnect(); err != nil {
			b.log.Warn("bus connection", "error", err)
		}
	}
}

const confirmations = 3 // looks before a stream is said to have gone back: a leader that was just elected may not know it all yet

// confirm reports whether a stream that seemed to have gone back really did.
func (b *Bus) confirm(ctx context.Context, incarnation string) (st streamState, gone bool, err error) {
	for range confirmations {
		if !pause(ctx, retryInterval) {
			return st, false, ctx.Err()
		}
		found, err := b.look(ctx)
		if err != nil {
			return st, false, err
		}
		info := found.CachedInfo()
		st = streamState{incarnation: info.Config.Metadata[incarnationKey], info: info}
		if st.incarnation != incarnation || !b.tide.below(incarnation, info.State.LastSeq) {
			return st, false, nil
		}
		if b.tide.sunk(incarnation) {
			break
		}
	}
	return st, true, nil
}

// startOver gives a stream that went back a new incarnation, and deletes the consumers that would pass over as many new messages as
// were lost; Consume makes them again. Whoever owns the messages sees the incarnation change and publishes them again.
func (b *Bus) startOver(ctx context.Context, st streamState) (streamState, error) {
	b.log.WarnContext(ctx, "the bus stream went back: its cluster lost messages; it starts over under a new incarnation",
		"stream", streamName, "last_seq", st.info.State.LastSeq, "incarnation", st.incarnation)
	for _, name := range []string{streamName, copiesName} {
		if _, err := b.settleConsumers(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return streamState{}, fmt.Errorf("consumers of %s: %w", name, err)
		}
	}
	return b.reconfigure(ctx, st.info, newIncarnation())
}
