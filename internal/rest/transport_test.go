package rest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate for this machine, valid from the start of every world for a day, with its key, both in PEM.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: start, NotAfter: start.AddDate(0, 0, 1), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// put writes a file, at a time that no file was written at before.
func put(t *testing.T, name string, text []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), start
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	clock := func() time.Time { return now }
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))

	if _, err := Certificate(certFile, keyFile, clock, logger); err == nil {
		t.Fatal("files that are not there make a certificate")
	}
	oldCert, oldKey := pair(t, "old")
	put(t, certFile, oldCert, start)
	put(t, keyFile, []byte("nonsense"), start)
	if _, err := Certificate(certFile, keyFile, clock, logger); err == nil {
		t.Fatal("a key that is none makes a certificate")
	}
	put(t, keyFile, oldKey, start)
	get, err := Certificate(certFile, keyFile, clock, logger)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		c, err := get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.Subject.CommonName
	}
	if name := shown(); name != "old" {
		t.Fatalf("shows %s", name)
	}

	newCert, newKey := pair(t, "new")
	put(t, certFile, newCert, start.Add(time.Minute)) // and the key is not there yet
	now = now.Add(time.Minute)
	for range 3 {
		if name := shown(); name != "old" {
			t.Fatalf("half of a pair is shown: %s", name)
		}
		now = now.Add(certificateCheck)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || strings.Contains(log.String(), "PRIVATE") {
		t.Errorf("logged %d times: %s", n, &log)
	}
	put(t, keyFile, newKey, start.Add(2*time.Minute))
	now = now.Add(certificateCheck)
	if name := shown(); name != "new" {
		t.Errorf("shows %s after both files changed", name)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(certificateCheck)
	if name := shown(); name != "new" {
		t.Errorf("shows %s after a file went away", name)
	}
	now = now.Add(-time.Hour) // the clock was set back
	put(t, keyFile, oldKey, start.Add(3*time.Minute))
	put(t, certFile, oldCert, start.Add(3*time.Minute))
	if name := shown(); name != "old" {
		t.Errorf("shows %s after the clock was set back", name)
	}
}

// secured serves a world over HTTPS and gives a client that trusts it.
func secured(t *testing.T, change ...func(*Options)) (*world, *http.Client) {
	t.Helper()
	dir := t.TempDir()
	cert, key := pair(t, "landfall")
	put(t, filepath.Join(dir, "crt"), cert, start)
	put(t, filepath.Join(dir, "key"), key, start)
	get, err := Certificate(filepath.Join(dir, "crt"), filepath.Join(dir, "key"), func() time.Time { return start }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	w := served(t, append(change, func(o *Options) { o.TLS = &tls.Config{GetCertificate: get} })...) //nolint:gosec // the server sets the least version
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Time: func() time.Time { return start }, MinVersion: tls.VersionTLS12},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return w, &http.Client{Transport: transport}
}

// fetched is an answer that came over a connection.
type fetched struct {
	code     int
	version  int // of HTTP
	header   http.Header
	lastOne  bool // the connection ends with it
	contents string
}

// fetch reads an address. It may be called in any goroutine.
func fetch(t *testing.T, client *http.Client, url, secret string) fetched {
	t.Helper()
	r, err := http.NewRequestWithContext(bounded(t), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Error(err)
		return fetched{}
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return fetched{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return fetched{resp.StatusCode, resp.ProtoMajor, resp.Header, resp.Close, string(text)}
}

func TestHTTPSIsHTTP2AndStaysHTTPS(t *testing.T) {
	t.Parallel()
	w, client := secured(t)
	a := fetch(t, client, "https://"+w.server.Addr()+"/api/v1/me", w.tokens["origin"])
	if a.code != http.StatusOK || a.version != 2 {
		t.Errorf("answered %d over HTTP/%d: %s", a.code, a.version, a.contents)
	}
	if got := a.header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("Strict-Transport-Security %q", got)
	}
}

func TestPlainHTTPToAnHTTPSPortIsToldSo(t *testing.T) {
	t.Parallel()
	w, _ := secured(t)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	a := fetch(t, &http.Client{Transport: transport}, "http://"+w.server.Addr()+"/healthz", "")
	if a.code != http.StatusBadRequest || !strings.Contains(a.contents, "HTTPS") {
		t.Errorf("answered %d %q", a.code, a.contents)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := secured(t, func(o *Options) {})
	old := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}} //nolint:gosec // that is what is tried
	if c, err := old.DialContext(t.Context(), "tcp", w.server.Addr()); err == nil {
		c.Close()
		t.Error("TLS 1.1 is taken")
	}
	if _, err := New(Options{TLS: &tls.Config{}, Now: time.Now, Logger: quiet()}); err == nil { //nolint:gosec // it is refused
		t.Error("TLS without a certificate is taken")
	}
}

func TestEventsAreFollowedOverHTTP2(t *testing.T) {
	t.Parallel()
	w, client := secured(t, func(o *Options) { o.Heartbeat = 10 * time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+w.server.Addr()+"/api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens["origin"])
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var read bytes.Buffer
	for beats := 0; beats < 5; {
		some := make([]byte, 100)
		n, err := resp.Body.Read(some)
		if err != nil {
			t.Fatalf("%v after %q", err, read.String())
		}
		read.Write(some[:n])
		beats = strings.Count(read.String(), ": still here")
	}
}

func TestAProxyIsBelievedAboutItsSchemeWhenItIsTrusted(t *testing.T) {
	t.Parallel()
	_, proxy, err := net.ParseCIDR("192.0.2.0/28")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) { o.TrustedProxies = []*net.IPNet{proxy} })
	for _, c := range []struct {
		peer, said string
		secure     bool
	}{
		{"192.0.2.1:5000", "https", true}, {"192.0.2.1:5000", "HTTPS", true}, {"192.0.2.1:5000", "http, https", true},
		{"192.0.2.1:5000", "http", false}, {"192.0.2.1:5000", "https, http", false}, {"192.0.2.1:5000", "", false},
		{"203.0.113.9:5000", "https", false}, {"@", "https", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody)
		r.RemoteAddr = c.peer
		if c.said != "" {
			r.Header.Set("X-Forwarded-Proto", c.said)
		}
		if got := w.do(r).want(200).header.Get("Strict-Transport-Security"); (got != "") != c.secure {
			t.Errorf("%s says %q: Strict-Transport-Security %q", c.peer, c.said, got)
		}
	}
}
