package rest

import (
	"bufio"
	"net"
	"net/http"
	"testing"
	"time"

	"landfall/internal/limit"
)

// ended is how a request ended that was half sent.
type ended struct {
	status  int
	retry   string
	closing bool
}

// halfSent sends the beginning of a request to open a hazard, and gives what reads the answer.
func (w *world) halfSent(t *testing.T, name string) func() ended {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	head := "POST /api/v1/hazards HTTP/1.1\r\nHost: landfall\r\nContent-Type: application/json\r\n" +
		"Content-Length: 4000\r\nAuthorization: Bearer " + w.tokens[name] + "\r\n\r\n{"
	if _, err := conn.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	return func() ended {
		t.Helper()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return ended{answer.StatusCode, answer.Header.Get("Retry-After"), answer.Close}
	}
}

func TestABodyThatIsSentSlowlyHoldsNoSlotAndIsLetGo(t *testing.T) {
	t.Parallel()
	w := served(t, within(limit.Limits{
		Requests: limit.Share{Total: 1}, Bodies: limit.Share{Account: 1}, BodySeconds: 2,
	})).cast()
	first := w.halfSent(t, "origin")
	second := w.halfSent(t, "origin")
	answers := make(chan ended, 2)
	for _, read := range []func() ended{first, second} {
		go func() { answers <- read() }()
	}
	if refused := <-answers; refused.status != 429 || refused.retry == "" || !refused.closing { // whichever came second
		t.Errorf("a second body is answered with %+v", refused)
	}
	w.get("origin", "/api/v1/me").want(200) // the only slot is free
	w.post("stranger", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
	if late := <-answers; late.status != 400 {
		t.Errorf("the first body is answered with %+v", late)
	}
	w.post("origin", "/api/v1/hazards", `{"name":"Maria","type":"TC","started_at":"2026-08-30T12:00:00Z"}`).want(201)
}

func TestWhatIsUrgentTakesTheRoomThatIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, within(limit.Limits{Requests: limit.Share{Total: 2}, Kept: 50, BodySeconds: 1})).cast()
	back, err := w.server.limiter.Requests.One(false)
	if err != nil {
		t.Fatal(err)
	}
	defer back()
	none := "0198c0de-0000-7000-8000-000000000001"
	w.get("origin", "/api/v1/me").refused(503, "busy")
	w.post("origin", "/api/v1/alerts/"+none+"/acknowledge", `{"outcome":"received"}`).want(404)
	w.post("origin", "/api/v1/incidents/"+none+"/answers", `{"kind":"accept"}`).want(404)
	w.post("origin", "/api/v1/incidents/"+none+"/movements/"+none+"/arrive", `{"people":{"total":12}}`).want(404)
	if n := len(w.server.contract.operations); n == 0 {
		t.Fatal("no operations")
	}
	for _, op := range w.server.contract.operations {
		if op.urgent && op.method != http.MethodPost {
			t.Errorf("%s is urgent", op.OperationID)
		}
	}
}
