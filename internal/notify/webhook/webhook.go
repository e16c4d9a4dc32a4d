// Package webhook sends messages to HTTP endpoints, signed as Standard Webhooks describes
// (https://www.standardwebhooks.com, specification 1.0): webhook-id is the delivery id, the same for every attempt; webhook-timestamp
// is the time of the attempt; webhook-signature is "v1," and the HMAC-SHA256 of id, timestamp and body, once for each secret that is
// valid now: while a secret is being replaced, both old and new verify.
//
// What it promises: only an answer of 2xx, read to its end or to a bound, within 15 seconds in all, is success. Redirects are
// answers like any other, and no success. Addresses that are not public are refused after the name has been resolved, at the
// moment of connecting, so that no name can change its mind in between. No proxy of the environment is used.
//
// What is worth trying again: everything but 410 Gone, which is how a receiver says that it is gone for good. A receiver's mistake
// (404, 401, a broken certificate) may be repaired while the retries last.
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"landfall/internal/notify"
)

// Name is the channel's name in subscriptions.
const Name = "webhook"

const (
	defaultTimeout = 15 * time.Second
	secretPrefix   = "whsec_"
	secretBytes    = 32
	maxReply       = 4 << 10  // bytes of a reply that are read
	maxHeaders     = 64 << 10 // bytes of a reply's header that are accepted
)

// Options configure a Channel.
type Options struct {
	Now func() time.Time // required: dates the signatures

	// AllowPrivate lets messages go to private, loopback and link-local addresses: for tests, demonstrations and closed networks.
	AllowPrivate bool

	Timeout   time.Duration // of a whole attempt; 15 s
	UserAgent string        // "Landfall"
}

// Channel sends webhooks. Close it when nothing is sent any more.
type Channel struct {
	opt       Options
	client    *http.Client
	transport *http.Transport
}

// New makes the channel.
func New(opt Options) *Channel {
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.UserAgent == "" {
		opt.UserAgent = "Landfall"
	}
	dialer := &net.Dialer{Timeout: opt.Timeout, KeepAlive: 30 * time.Second}
	if !opt.AllowPrivate {
		dialer.Control = refusePrivate
	}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true,
		// A connection that died in silence is noticed before the next attempts hang on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Channel{opt: opt, client: client, transport: transport}
}

// Close lets go of idle connections.
func (c *Channel) Close() { c.transport.CloseIdleConnections() }

// Name gives the channel's name.
func (c *Channel) Name() string { return Name }

// CheckTarget accepts absolute http and https URLs without user information and fragment. Whether the address is public is
// looked at when something is sent.
func (c *Channel) CheckTarget(target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil, u.Opaque != "", strings.ContainsFunc(target, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) || r == '\\' }):
		return "must be a URL like https://example.org/hooks"
	case u.Scheme != "https" && u.Scheme != "http":
		return "must begin with https:// or http://"
	case u.User != nil:
		return "must not hold a user name or a password"
	case u.Fragment != "" || strings.Contains(target, "#"):
		return "must not have a fragment"
	case u.Hostname() == "":
		return "must name a host"
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return "must have a port between 1 and 65535"
		}
	}
	return ""
}

// Canonical writes scheme and host in small letters, and leaves out the default port, dot segments and needless escapes
// (RFC 3986, section 6.2).
func (c *Channel) Canonical(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return target
	}
	u.Host = strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; port != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.ResolveReference(&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// Mask shows scheme and host: paths and queries of webhooks often hold a secret.
func (c *Channel) Mask(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "…"
	}
	if strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// NewSecret gives "whsec_" and 32 random bytes in base64.
func (c *Channel) NewSecret() string {
	var key [secretBytes]byte
	_, _ = rand.Read(key[:]) // never fails, crypto/rand
	return secretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// Send posts the message and reports what the receiver answered.
func (c *Channel) Send(ctx context.Context, m notify.Message) notify.Result {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	at := c.opt.Now()
	signature, err := sign(m, at)
	if err != nil {
		return notify.Result{Code: codeNoSecret, Detail: "there is no secret that the message could be signed with"}
	}
	req, err := c.request(ctx, m, at, signature)
	if err != nil {
		return notify.Result{Code: codeBadTarget, Detail: "the request could not be built"}
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return failed(ctx, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	code := strconv.Itoa(resp.StatusCode)
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299 && err != nil:
		f := failed(ctx, err)
		if f.Code != codeTimeout {
			f.Code, f.Detail = "reply_cut", "the reply with status "+code+" broke off"
		}
		return f
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return notify.Result{Sent: true, Code: code}
	}
	return notify.Result{
		Again: resp.StatusCode != http.StatusGone, Code: code, Detail: notify.Detail(string(text)),
		After: retryAfter(resp.Header.Get("Retry-After"), c.opt.Now()),
	}
}

func (c *Channel) request(ctx context.Context, m notify.Message, at time.Time, signature string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Target, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", notify.EventContentType)
	req.Header.Set("User-Agent", c.opt.UserAgent)
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return req, nil
}

// sign gives one signature for each secret, newest first, separated by spaces, so that a receiver verifies with the one it has
// (Standard Webhooks 1.0, signature scheme and zero downtime secret rotation).
func sign(m notify.Message, at time.Time) (string, error) {
	if len(m.Secrets) == 0 {
		return "", errNoSecret
	}
	signatures := make([]string, len(m.Secrets))
	for i, secret := range m.Secrets {
		if secret == "" {
			return "", errNoSecret
		}
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", err
		}
		if signatures[i], err = hook.Sign(m.ID, at, m.Body); err != nil {
			return "", err
		}
	}
	return strings.Join(signatures, " "), nil
}

// Codes of attempts that brought no answer.
const (
	codeTimeout     = "timeout"
	codeCancelled   = "cancelled"
	codeRefused     = "connection_refused"
	codeNotResolved = "name_not_resolved"
	codePrivate     = "address_not_public"
	codeTLS         = "tls_failed"
	codeUnreachable = "unreachable"
	codeNoSecret    = "no_secret"
	codeBadTarget   = "bad_target"
)

// failed classifies what went wrong without an answer. The words are ours: errors of the network stack repeat the URL, which may hold a
// secret.
func failed(ctx context.Context, err error) notify.Result {
	r := notify.Result{Again: true, Code: codeUnreachable, Detail: "the connection failed"}
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.Is(err, errNotPublic):
		r.Code, r.Detail = codePrivate, "the name leads to an address that is not public"
	case errors.Is(ctx.Err(), context.Canceled):
		r.Code, r.Detail = codeCancelled, "the attempt was broken off by us"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		r.Code, r.Detail = codeTimeout, "no complete answer in time"
	case errors.As(err, &dns):
		r.Code, r.Detail = codeNotResolved, "the name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		r.Code, r.Detail = codeRefused, "nothing accepts connections there"
	case isTLS(err):
		r.Code, r.Detail = codeTLS, "the certificate or the encrypted connection was not accepted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		r.Detail = "the connection was closed without an answer"
	}
	return r
}

var (
	errNotPublic = errors.New("webhook: the address is not public")
	errNoSecret  = errors.New("webhook: there is no secret to sign with")
)
