package notifytest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// records keeps everything logged as text, at every level.
type records struct {
	mu   *sync.Mutex
	text *bytes.Buffer
	slog.Handler
}

// capture gives a handler that keeps what is logged through it and, until the test ends, through the default logger.
func capture(t *testing.T) *records {
	text := new(bytes.Buffer)
	r := &records{mu: new(sync.Mutex), text: text, Handler: slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})}
	before := slog.Default()
	slog.SetDefault(slog.New(r))
	t.Cleanup(func() { slog.SetDefault(before) })
	return r
}

// Handle keeps a record.
func (r *records) Handle(ctx context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Handler.Handle(ctx, rec)
}

// WithAttrs gives a handler that keeps its records in the same place.
func (r *records) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &records{mu: r.mu, text: r.text, Handler: r.Handler.WithAttrs(attrs)}
}

// WithGroup gives a handler that keeps its records in the same place.
func (r *records) WithGroup(name string) slog.Handler {
	return &records{mu: r.mu, text: r.text, Handler: r.Handler.WithGroup(name)}
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// private gives what of it a text tells.
func (p *part) private(text string) (told []string) {
	for _, secret := range append(append([]string{"confidential"}, p.Private...), p.secrets...) {
		if strings.Contains(text, secret) || strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) {
			told = append(told, secret)
		}
	}
	return told
}

func (p *part) checkLog(t *testing.T) {
	t.Helper()
	if told := p.private(p.log.String()); told != nil {
		t.Errorf("%q was logged:\n%s", told, p.log)
	}
}
