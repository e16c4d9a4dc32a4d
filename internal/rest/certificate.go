package rest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often the files of a certificate are looked at, at most.
const certificateCheck = 5 * time.Second

// Certificate gives what a tls.Config takes as GetCertificate: the certificate in two PEM files, read again when they change, so that a renewed one is used
// within seconds and without a restart. Files that cannot be read at first are an error; later ones that cannot, a pair that is half written
// among them, leave the certificate as it is, are logged once, and are tried again. The function may be called concurrently.
func Certificate(certFile, keyFile string, now func() time.Time, logger *slog.Logger) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if logger == nil {
		logger = slog.Default()
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, log: logger}
	files, err := c.look()
	if err != nil {
		return nil, err
	}
	if c.held, err = c.load(); err != nil {
		return nil, err
	}
	c.files, c.looked = files, now()
	return c.get, nil
}

// certificate is a pair of files and what was last read from them.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu     sync.Mutex
	held   *tls.Certificate
	files  [2]fileMark // as they were when held was read
	looked time.Time
	failed string // what was logged of the last failure
}

// fileMark is what changes when somebody writes a file.
type fileMark struct {
	modified time.Time
	size     int64
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.looked); since >= 0 && since < certificateCheck {
		return c.held, nil
	}
	c.looked = now
	files, err := c.look()
	if err == nil && files == c.files {
		return c.held, nil
	}
	var fresh *tls.Certificate
	if err == nil {
		fresh, err = c.load()
	}
	switch {
	case err == nil:
		c.held, c.files, c.failed = fresh, files, ""
		c.log.Info("the certificate was renewed", "subject", fresh.Leaf.Subject.CommonName, "until", fresh.Leaf.NotAfter)
	case c.failed != err.Error():
		c.failed = err.Error()
		c.log.Error("the new certificate cannot be read; the one before stays in use", "error", err, "until", c.held.Leaf.NotAfter)
	}
	return c.held, nil
}

// look gives the marks of both files.
func (c *certificate) look() (marks [2]fileMark, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return marks, fmt.Errorf("certificate: %w", err)
		}
		marks[i] = fileMark{info.ModTime(), info.Size()}
	}
	return marks, nil
}

// load reads the pair.
func (c *certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate in %s with the key in %s: %w", c.certFile, c.keyFile, err)
	}
	return &pair, nil
}
