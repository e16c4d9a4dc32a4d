package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// object is a JSON object.
type object = map[string]any

// account speaks to the API replicas with one token.
type account struct {
	http  *http.Client
	token string
}

func newAccount(token string) account {
	return account{token: token, http: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
}

// call makes one request and gives the status and the body. The error is that of a connection.
func (a account) call(ctx context.Context, method, url, key string, body any) (int, []byte, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return 0, nil, err
	}
	req.GetBody = nil // nothing is repeated behind our back: every request is counted
	req.Header.Set("Authorization", "Bearer "+a.token)
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return resp.StatusCode, answer, err
}

// ask makes one request that must succeed and gives the answer.
func (a account) ask(ctx context.Context, method, url string, body any) (object, error) {
	status, answer, err := a.call(ctx, method, url, "", body)
	if err != nil {
		return nil, err
	}
	if status/100 != 2 {
		return nil, fmt.Errorf("%s %s: %d %s", method, url, status, bytes.TrimSpace(answer))
	}
	var o object
	if err := json.Unmarshal(answer, &o); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	return o, nil
}

// post is ask that sends something.
func (a account) post(ctx context.Context, url string, body any) (object, error) {
	return a.ask(ctx, http.MethodPost, url, body)
}

// list reads all pages of a list.
func (a account) list(ctx context.Context, url string) ([]object, error) {
	var all []object
	for cursor := ""; ; {
		page, err := a.ask(ctx, http.MethodGet, url+"?limit=500"+cursor, nil)
		if err != nil {
			return nil, err
		}
		items, ok := page["items"].([]any)
		if !ok {
			return nil, fmt.Errorf("%s: no items in the answer", url)
		}
		for _, item := range items {
			o, _ := item.(object)
			all = append(all, o)
		}
		next, _ := page["next_cursor"].(string)
		if next == "" {
			return all, nil
		}
		cursor = "&cursor=" + next
	}
}

// text gives a member of an object as text; "" when it is not there.
func text(o object, member string) string {
	s, _ := o[member].(string)
	return s
}
