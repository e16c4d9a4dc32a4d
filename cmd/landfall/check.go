package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"landfall/internal/app"
)

// checkCmd takes the flags of serve, so that it looks at what serve would use.
type checkCmd struct{ serveCmd }

// Run looks at everything the service needs. Something serious is an error.
func (c *checkCmd) Run(s *session) error {
	opt, err := c.options(s)
	if err != nil {
		return err
	}
	opt.Logger = quiet(s)
	serious := 0
	for _, f := range app.Check(s.ctx, opt) {
		mark := "note   "
		if f.Serious {
			mark = "PROBLEM"
			serious++
		}
		_, _ = fmt.Fprintf(s.out, "%s  %s\n", mark, f.What)
		if f.Do != "" {
			_, _ = fmt.Fprintf(s.out, "         → %s\n", f.Do)
		}
	}
	if serious > 0 {
		if serious == 1 {
			return errors.New("1 problem")
		}
		return fmt.Errorf("%d problems", serious)
	}
	_, _ = fmt.Fprintln(s.out, "Nothing stands in the way of the service.")
	return nil
}

type healthcheckCmd struct {
	URL      string `arg:"" optional:"" help:"Address of the service. Default: that of --listen on this machine." placeholder:"URL"`
	Listen   string `default:"127.0.0.1:8080" help:"Address the service was told to serve on." placeholder:"HOST:PORT"`
	TLSCert  string `name:"tls-cert" help:"The service's own certificate, where it has one: the question is then asked over TLS." placeholder:"FILE"`
	Insecure bool   `help:"Believe any certificate: for a question to the same machine." default:"true" negatable:""`
}

// Run asks whether the service is ready: for containers and supervisors that have no other HTTP client.
func (c *healthcheckCmd) Run(s *session) error {
	address := c.URL
	if address == "" {
		host, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return err
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		scheme := "http"
		if c.TLSCert != "" {
			scheme = "https"
		}
		address = (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}).String()
	}
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		// The certificate names the public address, not this machine; the question tells no secret.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: c.Insecure}, //nolint:gosec // see above
	}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the service does not answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var ready struct {
		Checks map[string]string `json:"checks"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		_, _ = fmt.Fprintln(s.out, "ready")
		return nil
	}
	var reasons []string
	if json.Unmarshal(body, &ready) == nil {
		for name, text := range ready.Checks {
			if text != "ok" {
				reasons = append(reasons, name+": "+text)
			}
		}
	}
	return errors.New("not ready: " + strings.Join(append(reasons, resp.Status), "; "))
}
