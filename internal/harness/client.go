package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Object is a JSON object of a request or an answer.
type Object = map[string]any

// Client calls the REST API with one account's token.
type Client struct {
	t     testing.TB
	base  func() string // the address may change with a restart
	http  *http.Client
	token string
}

// NewClient gives a client of the service at base, which is asked at every call.
func NewClient(t testing.TB, base func() string, token string) *Client {
	return &Client{t: t, base: base, http: &http.Client{Timeout: 30 * time.Second}, token: token}
}

// Answer is what the service answered.
type Answer struct {
	t      testing.TB
	call   string
	Status int
	Header http.Header
	Raw    []byte
	Body   Object
}

// With gives a client with another token; "" sends none.
func (c *Client) With(token string) *Client {
	other := *c
	other.token = token
	return &other
}

// From gives a client that calls from another address of this machine.
func (c *Client) From(address string) *Client {
	other := *c
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext}
	c.t.Cleanup(transport.CloseIdleConnections)
	other.http = &http.Client{Timeout: c.http.Timeout, Transport: transport}
	return &other
}

// Header is one request header for a call.
type Header struct{ Name, Value string }

// IfMatch names the version a change is meant for.
func IfMatch(etag string) Header { return Header{"If-Match", etag} }

// Key is an idempotency key.
func Key(key string) Header { return Header{"Idempotency-Key", key} }

// Do makes one call. body is marshalled to JSON unless it is nil or a []byte. A failed connection fails the test.
func (c *Client) Do(method, path string, body any, headers ...Header) Answer {
	c.t.Helper()
	a, err := c.Try(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// Try is Do for tests in which the service may be gone.
func (c *Client) Try(method, path string, body any, headers ...Header) (Answer, error) {
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		payload = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.base()+path, payload)
	if err != nil {
		return Answer{}, err
	}
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := Answer{t: c.t, call: method + " " + path, Status: resp.StatusCode, Header: resp.Header}
	if a.Raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.Raw, &a.Body); err != nil {
			return a, fmt.Errorf("the answer is not JSON: %w", err)
		}
	}
	return a, nil
}

// Get reads.
func (c *Client) Get(path string, headers ...Header) Answer {
	c.t.Helper()
	return c.Do(http.MethodGet, path, nil, headers...)
}

// Post sends body.
func (c *Client) Post(path string, body any, headers ...Header) Answer {
	c.t.Helper()
	return c.Do(http.MethodPost, path, body, headers...)
}

// Put sends body.
func (c *Client) Put(path string, body any, headers ...Header) Answer {
	c.t.Helper()
	return c.Do(http.MethodPut, path, body, headers...)
}

// Want fails the test unless the status is the expected one; it gives the answer back.
func (a Answer) Want(status int) Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s: %d, want %d\n%s", a.call, a.Status, status, a.Raw)
	}
	return a
}

// Str gives a member of the body as text, following dots into objects; "" when it is not there.
func (a Answer) Str(path string) string {
	v := Dig(a.Body, path)
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Items gives the items of a list answer.
func (a Answer) Items() []Object {
	a.t.Helper()
	list, ok := a.Body["items"].([]any)
	if !ok {
		a.t.Fatalf("%s: no items in %s", a.call, a.Raw)
	}
	items := make([]Object, len(list))
	for i, v := range list {
		items[i], _ = v.(Object)
	}
	return items
}

// ETag gives the entity tag of the answer.
func (a Answer) ETag() string { return a.Header.Get("ETag") }

// Dig follows dots into nested objects.
func Dig(o Object, path string) any {
	var v any = o
	for part := range strings.SplitSeq(path, ".") {
		m, ok := v.(Object)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// Token gives the secret that the client calls with.
func (c *Client) Token() string { return c.token }
