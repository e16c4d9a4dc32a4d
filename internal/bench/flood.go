package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What one address does in the flood.
const (
	floodForms   = 1000 // forms and requests that are half sent, begun again when they are refused
	floodStreams = 1100 // event streams with one token
	floodGuesses = 8    // clients that sign in with tokens that open nothing
)

// flood measures how much slower the others become while one address takes what it can get.
func (b *bench) flood(ctx context.Context) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	if _, err := seeded(ctx, records, b.filled(2000)); err != nil {
		return err
	}
	alerts, _, err := someAlerts(ctx, records)
	if err != nil {
		return err
	}
	binary, err := b.landfall(ctx)
	if err != nil {
		return err
	}
	p, err := serve(ctx, binary, records.Data, "--limit", "requests-account=64;requests-address=128")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()

	other := p.caller
	other.http = &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
	}}
	defer other.http.CloseIdleConnections()
	say := func(from int) sender {
		return func(ctx context.Context, _, i int) (string, error) {
			path := "/api/v1/alerts/" + alerts[from+i] + "/acknowledge"
			return "", other.call(ctx, http.MethodPost, path, map[string]any{"outcome": "received"}, nil)
		}
	}
	greedy, err := p.greedy(ctx)
	if err != nil {
		return err
	}
	part := len(alerts) / 3
	if _, err := burst(ctx, nil, 1, part, say(0)); err != nil { // warms up
		return err
	}
	calm, err := burst(ctx, nil, 1, part, say(part))
	if err != nil {
		return err
	}
	f := startFlood(ctx, strings.TrimPrefix(p.url, "http://"), greedy)
	err = pause(ctx, 3*time.Second)
	var flooded result
	if err == nil {
		flooded, err = burst(ctx, nil, 1, part, say(2*part))
	}
	f.stop()
	if err != nil {
		return err
	}
	b.head("Acknowledging from another address while one address floods the service, SQLite",
		"What", "p50", "p95", "slowest", "refused")
	for _, row := range []struct {
		what string
		got  result
	}{{"nobody else", calm}, {"in the flood", flooded}} {
		if len(row.got.latencies) == 0 {
			b.row(row.what, "", "", "", fmt.Sprint(row.got.refused))
			continue
		}
		b.row(fmt.Sprintf("%s, %d alerts one at a time", row.what, row.got.accepted), ms(row.got.quantile(.5)),
			ms(row.got.quantile(.95)), ms(slices.Max(row.got.latencies)), fmt.Sprint(row.got.refused))
	}
	b.row(fmt.Sprintf("the flood: %d connections, of which %d were refused or closed; %d wrong sign-ins",
		f.opened.Load(), f.refused.Load(), f.guesses.Load()))
	return nil
}

// greedy makes an account and gives its token.
func (c *caller) greedy(ctx context.Context) (string, error) {
	account, err := c.create(ctx, "/accounts", map[string]any{"name": "Greedy", "role": "coordinator", "party": "GRD"})
	if err != nil {
		return "", err
	}
	var token struct {
		Secret string `json:"secret"`
	}
	err = c.call(ctx, http.MethodPost, "/api/v1/tokens", map[string]any{"account_id": account, "label": "flood"}, &token)
	return token.Secret, err
}

// flooding is one address that takes what it can get.
type flooding struct {
	end                      context.CancelFunc
	all                      sync.WaitGroup
	opened, refused, guesses atomic.Int64
}

func (f *flooding) stop() {
	f.end()
	f.all.Wait()
}

func startFlood(ctx context.Context, door, token string) *flooding {
	f := &flooding{}
	ctx, f.end = context.WithCancel(ctx)
	form := "POST /sign-in HTTP/1.1\r\nHost: landfall\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Sec-Fetch-Site: same-origin\r\nContent-Length: 4000\r\n\r\nt"
	for range floodForms {
		f.all.Go(func() { f.again(ctx, door, form) })
	}
	stream := "GET /api/v1/events HTTP/1.1\r\nHost: landfall\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	for range floodStreams {
		f.all.Go(func() { f.again(ctx, door, stream) })
	}
	guesser := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: floodGuesses, DisableCompression: true,
	}}
	for range floodGuesses {
		f.all.Go(func() {
			defer guesser.CloseIdleConnections()
			for ctx.Err() == nil {
				wrong := url.Values{"token": {fmt.Sprintf("lf_%043d", f.guesses.Add(1))}}.Encode()
				body := strings.NewReader(wrong)
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+door+"/sign-in", body)
				if err != nil {
					return
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				if answer, err := guesser.Do(r); err == nil {
					_ = answer.Body.Close()
				}
			}
		})
	}
	return f
}

// again sends text on a connection of its own, and again a second after each refusal, until ctx
// ends.
func (f *flooding) again(ctx context.Context, door, text string) {
	for ctx.Err() == nil {
		f.once(ctx, door, text)
		_ = pause(ctx, time.Second)
	}
}

func (f *flooding) once(ctx context.Context, door, text string) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", door)
	if err != nil {
		return
	}
	f.opened.Add(1)
	cut := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer cut()
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte(text)) // one whose connection was closed reads that below
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.Contains(answer, " 200 ") {
		<-ctx.Done()
		return
	}
	f.refused.Add(1)
}
