package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve starts a server of the test's own and gives a client for it.
func serve(t *testing.T, h http.HandlerFunc) client {
	t.Helper()
	s := httptest.NewServer(h)
	c := newClient(s.URL, 4).as("lf_test")
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		s.Close()
	})
	return c
}

func TestClientRepeatsUnderTheSameKeyUntilThereIsAnAnswer(t *testing.T) {
	var (
		mu   sync.Mutex
		keys = map[string]int{}
		seen int
	)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen++
		keys[r.Header.Get("Idempotency-Key")+" "+string(body)]++
		switch seen {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2: // accepted, and the connection breaks before the answer
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case 3: // the answer is cut short
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		default:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":"f-1"}`)
		}
	})
	var made struct {
		ID string `json:"id"`
	}
	r, err := c.do(t.Context(), call{method: http.MethodPost, path: "/x", key: "k-1", body: map[string]int{"value": 15}}, &made)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != "f-1" || r.tries != 4 || r.status != http.StatusCreated {
		t.Errorf("got %q after %d tries with %d", made.ID, r.tries, r.status)
	}
	if diff := cmp.Diff(map[string]int{`k-1 {"value":15}`: 4}, keys); diff != "" {
		t.Errorf("keys and bodies: %s", diff)
	}
}

func TestClientGivesEveryWriteAKeyOfItsOwn(t *testing.T) {
	keys := map[string]bool{}
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) { keys[r.Header.Get("Idempotency-Key")] = true })
	for range 2 {
		if _, err := c.post(t.Context(), "/x", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 2 || keys[""] {
		t.Errorf("keys %v", keys)
	}
}

func TestClientDoesNotRepeatWhatWasRefused(t *testing.T) {
	tries := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tries++
		if got := r.Header.Get("Authorization"); got != "Bearer lf_test" {
			t.Errorf("Authorization %q", got)
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"type":"about:blank","title":"Bad Request","status":400,"code":"invalid","detail":"No.","errors":[{"pointer":"/value","reason":"is required"}]}`)
	})
	_, err := c.post(t.Context(), "/x", map[string]int{}, nil)
	p, ok := problemOf(err)
	if !ok || tries != 1 {
		t.Fatalf("%d tries, %v", tries, err)
	}
	if got, want := p.Error(), "400 invalid: No.; /value is required"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
}

func TestClientGivesUpWithItsContext(t *testing.T) {
	c := newClient("http://127.0.0.1:1", 1) // nobody listens there
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.get(ctx, "/x", nil)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want what the last try met", err)
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{"items": []int{3}}
		if r.URL.Query().Get("cursor") == "" {
			page = map[string]any{"items": []int{1, 2}, "next_cursor": "b"}
		}
		if r.URL.Query().Get("limit") != "2" {
			t.Errorf("asked for %s", r.URL)
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	got, err := all[int](t.Context(), c, "/x?limit=2")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" {
		t.Error(diff)
	}
}
