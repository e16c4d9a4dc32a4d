package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// desk is a tiny server that keeps figures by idempotency key and breaks every seventh connection after it has kept one.
type desk struct {
	mu    sync.Mutex
	kept  map[string]string // key -> id
	calls int
}

func (d *desk) take(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	key := r.Header.Get("Idempotency-Key")
	if d.kept[key] == "" {
		d.kept[key] = fmt.Sprintf("f-%d", len(d.kept))
	}
	if d.calls%7 == 0 {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
		return
	}
	_ = json.NewEncoder(w).Encode(figure{ID: d.kept[key]})
}

func (d *desk) ids() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]string, 0, len(d.kept))
	for _, id := range d.kept {
		ids = append(ids, id)
	}
	return ids
}

// arrivalsOf gives one signed arrival for each figure.
func arrivalsOf(figures []string) []arrival {
	log := make([]arrival, len(figures))
	for i, f := range figures {
		log[i] = arrival{box: antigua, id: "msg-" + f, event: told("e-"+f, f)}
	}
	return log
}

func TestBurstAgreesWhenNothingIsLostThoughConnectionsBreak(t *testing.T) {
	d := &desk{kept: map[string]string{}}
	c := serve(t, d.take)
	most := 0
	var mu sync.Mutex
	heard := burst{
		clients: 8, changes: 100,
		send: func(ctx context.Context, change int) (string, int, error) {
			var f figure
			r, err := c.do(ctx, call{method: http.MethodPost, path: "/x", key: fmt.Sprintf("k-%d", change), body: change}, &f)
			return f.ID, r.tries, err
		},
		accepted: func(total int) {
			mu.Lock()
			defer mu.Unlock()
			most = max(most, total)
		},
	}.run(t.Context())
	if most != 100 {
		t.Errorf("told of %d accepted", most)
	}
	if heard.again == 0 {
		t.Error("no request was repeated: the test breaks nothing")
	}
	counts := compare(100, heard, d.ids(), collect(arrivalsOf(d.ids()), map[string]bool{"i": true}))
	if got, want := counts.String(), "accepted 100  kept 100  delivered 100  lost 0  doubled ids 0"; got != want {
		t.Errorf("counts %q, want %q", got, want)
	}
	if err := counts.err(heard); err != nil {
		t.Error(err)
	}
}

func TestBurstSaysWhatDoesNotAgree(t *testing.T) {
	three := []string{"f-1", "f-2", "f-3"}
	again := arrivalsOf(three)
	again[0].again = true
	second := append(arrivalsOf(three), arrival{box: antigua, id: "msg-x", event: told("e-x", "f-3")})
	unsigned := arrivalsOf(three)
	unsigned[1].signed = errNoSecret
	elsewhere := arrivalsOf(three)
	elsewhere[1].box = dominica
	other := arrivalsOf(three)
	other[1].event.Data.Incident.ID = "of the story"
	for _, c := range []struct {
		name string
		ids  []string
		kept []string
		log  []arrival
		line string
		want string
	}{
		{"all is well", three, three, arrivalsOf(three), "accepted 3  kept 3  delivered 3  lost 0  doubled ids 0", ""},
		{"came again under the same id", three, three, append(arrivalsOf(three), again[0]), "accepted 3  kept 3  delivered 3  lost 0  doubled ids 0", ""},
		{"came under a second id", three, three, second, "accepted 3  kept 3  delivered 4  lost 0  doubled ids 1", "3 accepted and 4 delivered; 1 told of under a second id"},
		{"not kept", three, three[:2], arrivalsOf(three), "accepted 3  kept 2  delivered 3  lost 1  doubled ids 0", "3 accepted and 2 kept; 1 lost"},
		{"kept twice", three, append([]string{"f-0"}, three...), arrivalsOf(three), "accepted 3  kept 4  delivered 3  lost 0  doubled ids 0", "3 accepted and 4 kept"},
		{"not delivered", three, three, arrivalsOf(three[1:]), "accepted 3  kept 3  delivered 2  lost 1  doubled ids 0", "3 accepted and 2 delivered; 1 lost"},
		{"not signed", three, three, unsigned, "accepted 3  kept 3  delivered 2  lost 1  doubled ids 0", "3 accepted and 2 delivered; 1 lost"},
		{"told to somebody else", three, three, elsewhere, "accepted 3  kept 3  delivered 2  lost 1  doubled ids 0", "3 accepted and 2 delivered; 1 lost"},
		{"of another incident", three, three, other, "accepted 3  kept 3  delivered 2  lost 1  doubled ids 0", "3 accepted and 2 delivered; 1 lost"},
		{"never accepted", three[:2], three[:2], arrivalsOf(three[:2]), "accepted 2  kept 2  delivered 2  lost 0  doubled ids 0", "1 of 3 changes were never accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			heard := harvest{ids: c.ids}
			counts := compare(3, heard, c.kept, collect(c.log, map[string]bool{"i": true}))
			if diff := cmp.Diff(c.line, counts.String()); diff != "" {
				t.Error(diff)
			}
			err := counts.err(heard)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.Is(err, errCounts) || !strings.HasSuffix(err.Error(), c.want)):
				t.Errorf("says %v, want %s", err, c.want)
			}
		})
	}
}

func TestRefusalsAreCountedAndNamed(t *testing.T) {
	refused := errors.New("409 no")
	heard := burst{
		clients: 2, changes: 4,
		send: func(_ context.Context, change int) (string, int, error) {
			if change == 3 {
				return "", 1, refused
			}
			return fmt.Sprint("f-", change), 1, nil
		},
		accepted: func(int) {},
	}.run(t.Context())
	counts := compare(4, heard, heard.ids, collect(arrivalsOf(heard.ids), map[string]bool{"i": true}))
	if err := counts.err(heard); !errors.Is(err, errCounts) || !errors.Is(err, refused) {
		t.Errorf("says %v", err)
	}
}

func TestWhatIsStillMissingIsKnown(t *testing.T) {
	heard := harvest{ids: []string{"f-1", "f-2"}}
	came := collect(arrivalsOf([]string{"f-2"}), map[string]bool{"i": true})
	if diff := cmp.Diff([]string{"f-1"}, came.missing(heard)); diff != "" {
		t.Error(diff)
	}
}
