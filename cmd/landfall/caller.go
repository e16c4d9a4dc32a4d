package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"landfall/internal/app"
)

// adminFlags are for commands that ask the running service as an administrator.
type adminFlags struct {
	folderFlag
	URL   string `help:"Address of the running service. Default: where the service of the data folder answers." placeholder:"URL"`
	Token string `secret:"" help:"Token of an administrator. Default: that of the first account, from the data folder." placeholder:"TOKEN"`
}

func (f adminFlags) caller() (*caller, error) {
	token := f.Token
	if token == "" {
		text, err := os.ReadFile(filepath.Join(f.Data, "admin.token"))
		if err != nil {
			return nil, fmt.Errorf("an administrator's token is needed, by --token or from the data folder: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	address := cmp.Or(f.URL, app.AddressIn(f.Data))
	if address == "" {
		return nil, fmt.Errorf("no service answers for the data folder %s: start it, or name another's address with --url", f.Data)
	}
	return &caller{base: strings.TrimSuffix(address, "/") + "/api/v1", token: token, http: &http.Client{Timeout: 30 * time.Second}}, nil
}

// caller calls the REST API for a command.
type caller struct {
	base, token string
	http        *http.Client
}

func (c *caller) get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

func (c *caller) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, body, out)
}

// do makes one call; out may be nil.
func (c *caller) do(ctx context.Context, method, path string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the service does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 == 2 {
		if out == nil {
			return nil
		}
		return json.Unmarshal(answer, out)
	}
	var problem struct {
		Detail string `json:"detail"`
		Errors []struct {
			Pointer string `json:"pointer"`
			Reason  string `json:"reason"`
		} `json:"errors"`
	}
	if json.Unmarshal(answer, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("the service answered %s", resp.Status)
	}
	for _, e := range problem.Errors {
		problem.Detail += fmt.Sprintf("\n  %s %s", e.Pointer, e.Reason)
	}
	return fmt.Errorf("%s", problem.Detail)
}
