package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type tokenCmd struct {
	folderFlag
	URL     string `default:"http://127.0.0.1:8080" help:"Address of the running service." placeholder:"URL"`
	Account string `help:"Id of an account that exists: it gets another token." placeholder:"ID" xor:"who"`
	Party   string `help:"Party of a new account: a state (ATG), an island (ATG-BARBUDA) or an organisation (ORG-CDEMA)." xor:"who" placeholder:"PARTY"`
	Role    string `default:"official" enum:"coordinator,official,liaison,regional_officer,auditor" help:"Role of a new account: ${enum}."`
	Name    string `help:"Name of a new account: a desk, never a person." placeholder:"NAME"`
	Label   string `default:"command line" help:"What the token is for."`
}

// Run asks the running service, as the first account, for an account and a token. The token is shown this once.
func (c *tokenCmd) Run(s *session) error {
	admin, err := os.ReadFile(filepath.Join(c.Data, "admin.token"))
	if err != nil {
		return fmt.Errorf("the token of the first account is needed to make others: %w", err)
	}
	api := &caller{base: strings.TrimSuffix(c.URL, "/") + "/api/v1", token: strings.TrimSpace(string(admin)), http: &http.Client{Timeout: 15 * time.Second}}
	account := c.Account
	if account == "" {
		if c.Party == "" {
			return fmt.Errorf("say whose token it is: --party of a new account, or --account of one that exists")
		}
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("%s desk (%s)", c.Party, c.Role)
		}
		var made struct {
			ID string `json:"id"`
		}
		if err := api.post(s.ctx, "/accounts", map[string]string{"name": name, "party": c.Party, "role": c.Role}, &made); err != nil {
			return err
		}
		account = made.ID
	}
	var made struct {
		Secret string `json:"secret"`
	}
	if err := api.post(s.ctx, "/tokens", map[string]string{"account_id": account, "label": c.Label}, &made); err != nil {
		return err
	}
	// The token alone goes to standard output, so that it can go straight into a file.
	if _, err := fmt.Fprintf(s.err, "Account %s. Its token is shown this once:\n", account); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, made.Secret)
	return err
}

// caller calls the REST API for a command.
type caller struct {
	base, token string
	http        *http.Client
}

func (c *caller) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
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
