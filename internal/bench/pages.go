package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"landfall/internal/app"
	"landfall/internal/preparedness"
)

const (
	incidentsStored = 1000
	incidentsActive = 25 // of them; the others were stood down
	unitsStored     = 60
)

// pages measures the pages of the console as a coordinator's browser asks for them, one after the other, among many incidents. The floor is an Echo
// that answers with the same page from memory, compressed like it.
func (b *bench) pages(ctx context.Context) (err error) {
	records, err := b.inFolder()
	if err != nil {
		return err
	}
	stored := max(b.filled(incidentsStored), incidentsActive+2)
	if err := seedPast(ctx, records, stored-incidentsActive); err != nil {
		return err
	}
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	coordinator, id, err := r.present(ctx, incidentsActive)
	if err != nil {
		return err
	}
	browser, err := signIn(ctx, r.url, coordinator.token)
	if err != nil {
		return err
	}
	bare, err := startPageFloor()
	if err != nil {
		return err
	}
	defer bare.stop()
	b.head(fmt.Sprintf("Pages of the console, SQLite, %d incidents, %d of them active with 37 steps, one reader", stored, incidentsActive),
		"Page", "Bytes, compressed", "p50 / p95", "Floor, p50 / p95", "Processor time, reader included", "Floor", "Budget")
	for _, p := range []struct{ name, path string }{
		{"home", "/"}, {"incidents", "/incidents"}, {"one incident", "/incidents/" + id}, {"its steps", "/incidents/" + id + "/steps"},
		{"alerts", "/alerts"}, {"preparedness", "/preparedness"},
	} {
		text, packed, err := browser.read(ctx, r.url+p.path)
		if err != nil {
			return err
		}
		stored := bare.keep(text)
		side := func(url string) func() (result, error) {
			return metered(ownProcessor, func() (result, error) { return browser.readings(ctx, url, b.one) })
		}
		runs, err := inTurns(b.turns, func(r result) float64 { return r.quantile(.95).Seconds() }, side(bare.url+stored), side(r.url+p.path))
		if err != nil {
			return err
		}
		b.row(p.name, fmt.Sprintf("%d, %d", len(text), packed), p50p95(runs[1].latencies), p50p95(runs[0].latencies),
			ms(runs[1].processor), ms(runs[0].processor), "p95 ≤ 30 ms")
	}
	return nil
}

// seedPast makes n incidents that are over.
func seedPast(ctx context.Context, records app.Records, n int) error {
	r, err := startReal(ctx, records)
	if err != nil {
		return err
	}
	id := ""
	err = func() error {
		hazard, err := r.hazard(ctx, time.Now())
		if err != nil {
			return err
		}
		if id, err = r.incident(ctx, hazard, "Benchmark of the past", time.Now(), time.Now().Add(48*time.Hour)); err != nil {
			return err
		}
		if err := r.call(ctx, http.MethodPost, "/api/v1/incidents/"+id+"/stand-down", map[string]any{"reason": "The storm turned away."}, nil); err != nil {
			return err
		}
		return r.quiet(ctx)
	}()
	if err := errors.Join(err, r.stop()); err != nil {
		return err
	}
	st, err := openRecords(ctx, records)
	if err != nil {
		return err
	}
	t, err := takeTemplate(ctx, st, id, true)
	if err == nil {
		_, err = seed(ctx, st, t, n-1)
	}
	return errors.Join(err, st.Close())
}

// present makes n active incidents of Dominica with answers, figures and movements, and units of preparedness. It gives a coordinator of Dominica
// and one of the incidents.
func (r *reality) present(ctx context.Context, n int) (coordinator *caller, id string, err error) {
	who := map[string]*caller{}
	for role, party := range map[string]string{"coordinator": "DMA", "official": "ATG", "liaison": "DMA"} {
		account, err := r.create(ctx, "/accounts", map[string]any{"name": role, "party": party, "role": role})
		if err != nil {
			return nil, "", err
		}
		var token struct {
			Secret string `json:"secret"`
		}
		if err := r.call(ctx, http.MethodPost, "/api/v1/tokens", map[string]any{"account_id": account, "label": "bench"}, &token); err != nil {
			return nil, "", err
		}
		who[role] = &caller{http: r.http, url: r.url, token: token.Secret}
	}
	ids, err := who["coordinator"].incidents(ctx, n)
	if err != nil {
		return nil, "", err
	}
	now := time.Now().UTC().Truncate(time.Second)
	for i, id := range ids {
		if _, err := who["official"].create(ctx, "/incidents/"+id+"/answers", map[string]any{"kind": "accept", "ceiling": 300, "conditions": []string{"Two ports only"}}); err != nil {
			return nil, "", err
		}
		for k := range 5 {
			if _, err := who["coordinator"].reportFigure(ctx, id, 100*i+k); err != nil {
				return nil, "", err
			}
		}
		if _, err := who["coordinator"].create(ctx, "/incidents/"+id+"/movements", map[string]any{
			"mode": "sea", "to": map[string]any{"party": "ATG"}, "departs_at": now.Add(time.Hour), "eta": now.Add(5 * time.Hour), "people": map[string]any{"total": 120},
		}); err != nil {
			return nil, "", err
		}
	}
	if err := who["liaison"].prepare(ctx, unitsStored); err != nil {
		return nil, "", err
	}
	return who["coordinator"], ids[n/2], r.quiet(ctx)
}

// prepare registers n properties, of which every second one is assessed.
func (c *caller) prepare(ctx context.Context, n int) error {
	answers := map[string]bool{}
	for _, i := range preparedness.CatalogueOf(preparedness.Property).Indicators {
		answers[i.Code] = true
	}
	for k := range n {
		id, err := c.create(ctx, "/preparedness/units", map[string]any{"kind": "property", "name": fmt.Sprintf("Hotel %d", k), "town": "Portsmouth", "rooms": 20 + k})
		if err != nil {
			return err
		}
		if k%2 > 0 {
			continue
		}
		if err := c.call(ctx, http.MethodPost, "/api/v1/preparedness/units/"+id+"/assessments", map[string]any{"answers": answers}, nil, "If-Match", "*"); err != nil {
			return err
		}
	}
	return nil
}

// reader is a browser that somebody is signed in with.
type reader struct{ http *http.Client }

func signIn(ctx context.Context, base, token string) (*reader, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &reader{http: &http.Client{Jar: jar, Timeout: 60 * time.Second}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/sign-in", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || strings.HasPrefix(resp.Request.URL.Path, "/sign-in") {
		return nil, fmt.Errorf("signing in: %s at %s", resp.Status, resp.Request.URL)
	}
	return b, nil
}

// get gives the page as it came, compressed.
func (b *reader) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	packed, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip") {
		err = fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return packed, err
}

// read gives the text of a page, and how many bytes it is on the wire.
func (b *reader) read(ctx context.Context, url string) (text []byte, packed int, err error) {
	came, err := b.get(ctx, url)
	if err != nil {
		return nil, 0, err
	}
	z, err := gzip.NewReader(bytes.NewReader(came))
	if err != nil {
		return nil, 0, err
	}
	text, err = io.ReadAll(z)
	return text, len(came), err
}

// readings reads a page n times, one after the other.
func (b *reader) readings(ctx context.Context, url string, n int) (result, error) {
	return burst(ctx, nil, 1, n, func(ctx context.Context, _, _ int) (string, error) {
		_, err := b.get(ctx, url)
		return "", err
	})
}

// pageFloor answers with pages from memory.
type pageFloor struct {
	url    string
	server *http.Server
	echo   *echo.Echo
	kept   int
}

func startPageFloor() (*pageFloor, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &pageFloor{url: "http://" + listener.Addr().String(), echo: echo.New()}
	f.echo.Use(middleware.GzipWithConfig(middleware.GzipConfig{Level: 5, MinLength: 1024}))
	f.server = &http.Server{Handler: f.echo, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = f.server.Serve(listener) }()
	return f, nil
}

// keep gives the address of one more page.
func (f *pageFloor) keep(text []byte) string {
	f.kept++
	path := fmt.Sprintf("/page/%d", f.kept)
	f.echo.GET(path, func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, text) })
	return path
}

func (f *pageFloor) stop() { _ = f.server.Close() }
