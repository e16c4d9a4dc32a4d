package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	another = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
)

// sender signs and sends as a server would.
type sender struct {
	t      *testing.T
	secret string
	http   *http.Client
}

func newSender(t *testing.T, secret string) *sender {
	t.Helper()
	s := &sender{t: t, secret: secret, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// send posts the event and gives the status of the answer.
func (s *sender) send(to, id string, e event) int {
	s.t.Helper()
	body, err := json.Marshal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := standardwebhooks.NewWebhook(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	at := time.Now()
	signature, err := key.Sign(id, at, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// newReceiver starts a receiver that is stopped with the test.
func newReceiver(t *testing.T, heard func(arrival)) *receiver {
	t.Helper()
	r, err := listenForHooks(t.Context(), time.Now, heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close(context.Background()) })
	return r
}

func silent(arrival) {}

// told is an event about a figure of incident "i".
func told(id, figureID string) event {
	e := event{ID: id, Type: "landfall.figure.reported.v1"}
	e.Data.Incident.ID = "i"
	e.Data.Figure = &figure{ID: figureID}
	return e
}

func TestReceiverTakesWhatIsSignedAsAgreed(t *testing.T) {
	var heard []arrival
	r := newReceiver(t, func(a arrival) { heard = append(heard, a) })
	if err := r.expect(antigua, secret); err != nil {
		t.Fatal(err)
	}
	if status := newSender(t, secret).send(r.target(antigua), "msg-1", told("e-1", "f")); status != http.StatusNoContent {
		t.Fatalf("answered %d", status)
	}
	a, err := r.await(t.Context(), func(a arrival) bool { return a.event.kind() == "figure.reported" })
	if err != nil {
		t.Fatal(err)
	}
	if a.box != antigua || a.id != "msg-1" || a.event.ID != "e-1" || a.again {
		t.Errorf("arrived as %+v", a)
	}
	if len(heard) != 1 {
		t.Errorf("heard %d arrivals", len(heard))
	}
}

func TestReceiverRefusesWhatIsNotSignedAsAgreed(t *testing.T) {
	r := newReceiver(t, silent)
	if err := r.expect(antigua, secret); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, secret, box string
		want              error
	}{
		{"another secret", another, antigua, standardwebhooks.ErrNoMatchingSignature},
		{"an endpoint that agreed on none", secret, saintLucia, errNoSecret},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status := newSender(t, c.secret).send(r.target(c.box), "msg-"+c.box, told("e", "f")); status != http.StatusUnauthorized {
				t.Errorf("answered %d", status)
			}
			log, _ := r.arrivals()
			last := log[len(log)-1]
			if !errors.Is(last.signed, c.want) {
				t.Errorf("refused for %v, want %v", last.signed, c.want)
			}
			if last.event.ID != "" {
				t.Error("believed what was not signed")
			}
		})
	}
}

func TestReceiverKnowsARepeatByItsID(t *testing.T) {
	r := newReceiver(t, silent)
	for _, box := range []string{antigua, dominica} {
		if err := r.expect(box, secret); err != nil {
			t.Fatal(err)
		}
	}
	s := newSender(t, secret)
	s.send(r.target(antigua), "msg-1", told("e-1", "f-1"))
	s.send(r.target(antigua), "msg-2", told("e-2", "f-2"))
	s.send(r.target(antigua), "msg-1", told("e-1", "f-1"))
	s.send(r.target(dominica), "msg-1", told("e-1", "f-1"))
	log, _ := r.arrivals()
	got := ""
	for _, a := range log {
		got += fmt.Sprintf("%s %s %t\n", a.box, a.id, a.again)
	}
	if want := "ATG msg-1 false\nATG msg-2 false\nATG msg-1 true\nDMA msg-1 false\n"; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	r := newReceiver(t, silent)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.await(ctx, func(arrival) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestSecretsAreChecked(t *testing.T) {
	r := newReceiver(t, silent)
	if err := r.expect(antigua, "whsec_"+base64.StdEncoding.EncodeToString([]byte("x"))+"!"); err == nil {
		t.Error("took a secret that is none")
	}
}
