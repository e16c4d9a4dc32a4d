package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// How a client waits between tries.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 320 * time.Millisecond
	replyWithin  = 10 * time.Second
	replyLimit   = 8 << 20
)

// client speaks to the server for one account. Copies share their connections.
type client struct {
	http  *http.Client
	base  string // "http://127.0.0.1:8080"
	token string
}

// newClient gives a client without an account that keeps up to `together` connections open.
func newClient(base string, together int) client {
	return client{base: base, http: &http.Client{
		Timeout:       replyWithin,
		Transport:     &http.Transport{MaxIdleConnsPerHost: together, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as gives the same client for another account.
func (c client) as(token string) client {
	c.token = token
	return c
}

// call is one request that may have to be sent several times.
type call struct {
	method  string
	path    string
	key     string // Idempotency-Key; a write without one gets one
	ifMatch string
	body    any // sent as JSON; nil: none
}

// reply is what came of a call.
type reply struct {
	status int
	etag   string
	tries  int // 1: answered at once
}

// problemError is an answer that is no success, as the server describes it (RFC 9457).
type problemError struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Reason  string `json:"reason"`
	} `json:"errors"`
}

func (p *problemError) Error() string {
	text := fmt.Sprintf("%d %s", p.Status, p.Code)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, e := range p.Errors {
		text += "; " + e.Pointer + " " + e.Reason
	}
	return text
}

// passing reports whether the same request may succeed later.
func passing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// do sends the call until there is an answer that stays, always with the same key, so that whatever was accepted before a connection broke
// is not accepted twice. It gives up when ctx ends. An answer that is no success is a *problemError. A non-nil out receives the answer.
func (c client) do(ctx context.Context, in call, out any) (reply, error) {
	var body []byte
	if in.body != nil {
		var err error
		if body, err = json.Marshal(in.body); err != nil {
			return reply{}, fmt.Errorf("%s %s: %w", in.method, in.path, err)
		}
	}
	if in.key == "" && in.method != http.MethodGet {
		in.key = uuid.NewString()
	}
	r, wait := reply{}, firstPause
	for {
		r.tries++
		again, err := c.try(ctx, in, body, out, &r)
		if err == nil {
			return r, nil
		}
		if again == never || ctx.Err() != nil {
			return r, fmt.Errorf("%s %s: %w", in.method, in.path, err)
		}
		if pauseErr := pause(ctx, max(wait, again)); pauseErr != nil {
			return r, fmt.Errorf("%s %s: gave up after %d tries: %w", in.method, in.path, r.tries, err)
		}
		wait = min(2*wait, longestPause)
	}
}

// never says that a call is not worth trying again.
const never time.Duration = -1

// try sends the call once. With an error comes how long to wait before the next try, or never.
func (c client) try(ctx context.Context, in call, body []byte, out any, r *reply) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, in.method, c.base+in.path, bytes.NewReader(body))
	if err != nil {
		return never, err
	}
	req.GetBody = nil // the transport must not repeat by itself what carries a key: every try is counted
	if in.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	for name, value := range map[string]string{"Idempotency-Key": in.key, "If-Match": in.ifMatch} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err // refused, cut or silent: the server may be on its way back
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, replyLimit))
	if err != nil {
		return 0, fmt.Errorf("answer cut short: %w", err)
	}
	r.status, r.etag = res.StatusCode, res.Header.Get("ETag")
	if res.StatusCode/100 != 2 {
		p := &problemError{Status: res.StatusCode}
		if json.Unmarshal(answer, p) != nil || p.Status == 0 {
			p = &problemError{Status: res.StatusCode, Detail: strings.TrimSpace(string(answer[:min(len(answer), 200)]))}
		}
		if passing(res.StatusCode) {
			seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
			return min(time.Duration(seconds)*time.Second, time.Second), p
		}
		return never, p
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			return never, fmt.Errorf("answer is not what the contract says: %w", err)
		}
	}
	return 0, nil
}

// get reads one resource.
func (c client) get(ctx context.Context, path string, out any) error {
	_, err := c.do(ctx, call{method: http.MethodGet, path: path}, out)
	return err
}

// post makes or does something.
func (c client) post(ctx context.Context, path string, in, out any) (reply, error) {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: in}, out)
}

// all reads a list to its end, page by page.
func all[T any](ctx context.Context, c client, path string) ([]T, error) {
	var items []T
	for cursor := ""; ; {
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := c.get(ctx, path+cursor, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.NextCursor == "" {
			return items, nil
		}
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		cursor = sign + "cursor=" + page.NextCursor
	}
}

// pause waits, or says why it stopped waiting.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// problemOf gives the server's own words of an error, if it has any.
func problemOf(err error) (*problemError, bool) {
	var p *problemError
	ok := errors.As(err, &p)
	return p, ok
}
