package harness

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// Listening is the stream of hints of one open page.
type Listening struct {
	t     testing.TB
	mu    sync.Mutex
	hints []string
	ended bool
}

// Listen opens the stream of hints that the page's script would open, until the test ends. A page that follows nothing fails the test.
func (s *Sheet) Listen() *Listening {
	s.visitor.t.Helper()
	for n := range s.Doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" && attribute(n, "data-live") != "" {
			return s.visitor.Listen(attribute(n, "data-live"))
		}
	}
	s.visitor.t.Fatalf("%s follows nothing", s.URL)
	return nil
}

// Listen opens the stream of hints about what is named, until the test ends.
func (v *Visitor) Listen(of string) *Listening {
	v.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base()+"/live?of="+url.QueryEscape(of), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := (&http.Client{Jar: v.http.Jar}).Do(req)
	if err != nil {
		v.t.Fatalf("listen: %v", err)
	}
	if res.StatusCode != http.StatusOK {
		v.t.Fatalf("listen: %d", res.StatusCode)
	}
	l := &Listening{t: v.t}
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				l.mu.Lock()
				l.hints = append(l.hints, data)
				l.mu.Unlock()
			}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = true
	})
	v.t.Cleanup(func() {
		stop()
		reading.Wait()
		_ = res.Body.Close()
	})
	return l
}

// Hints gives what was hinted at so far.
func (l *Listening) Hints() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.hints)
}

// Await waits until there are n hints.
func (l *Listening) Await(n int) {
	l.t.Helper()
	Eventually(l.t, func() (bool, string) {
		hints := l.Hints()
		return len(hints) >= n, fmt.Sprintf("%d hints: %q, want %d", len(hints), hints, n)
	})
}

// AwaitEnd waits until the service has ended the stream.
func (l *Listening) AwaitEnd() {
	l.t.Helper()
	Eventually(l.t, func() (bool, string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.ended, "the stream goes on"
	})
}
