package notifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/notify"
)

// Title is the title of the incident in every message: letters beyond ASCII, and characters that mean something to mark-up.
const Title = "Île sous le vent — 飓风 & <Übung>"

// eventBody gives an event as announced. Filler stands where long words can stand.
func eventBody(id string, exercise bool, filler string) []byte {
	data, err := json.Marshal(map[string]any{
		"incident": map[string]any{
			"id": "0198c0de-0000-7000-8000-000000000001", "code": "DMA-2017-7K3QX", "title": Title, "status": "active", "origin": "DMA",
			"receivers": []string{"ATG"}, "severity": "extreme", "hazard_id": "0198c0de-0000-7000-8000-000000000002", "hazard_type": "TC",
			"exercise": exercise, "version": 7,
		},
		"step": map[string]any{
			"key": "HUR-05." + id, "code": "HUR-05", "title": map[string]string{"en": "Ask for places " + filler, "fr": "Demander des places " + filler},
			"party": "ATG", "status": "pending", "due_at": "2017-09-18T20:00:00Z", "life_safety": true, "proof_owed": false,
		},
		"reason": filler,
	})
	if err != nil {
		panic("notifytest: " + err.Error())
	}
	return notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
		EventID: id, Type: "step.overdue.v1", Stream: "incident/0198c0de-0000-7000-8000-000000000001", Seq: 7,
		At: time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC), Exercise: exercise, Origin: "DMA", Data: data,
	})
}

func (p *part) message(id string) notify.Message {
	m := notify.Message{ID: id, Target: p.Target, Type: "landfall.step.overdue.v1", Body: eventBody(id, false, ""), Language: "en", Attempt: 1}
	if p.Traits.Signs {
		m.Secrets = p.secrets[:1]
	}
	return m
}

func (p *part) send(t *testing.T, m notify.Message) notify.Result {
	return p.Channel.Send(t.Context(), m)
}

// whole checks that a message arrived as it was meant.
func (p *part) whole(t *testing.T, a Arrival, m notify.Message) {
	t.Helper()
	switch p.Traits.Form {
	case Event:
		if !bytes.Equal(a.Body, m.Body) {
			t.Errorf("%s arrived as %.200s", a.ID, a.Body)
		}
	case Words:
		if n := len([]rune(a.Subject)); n == 0 || n > 150 {
			t.Errorf("the subject has %d characters: %q", n, a.Subject)
		}
		for _, want := range []string{Title, "DMA-2017-7K3QX", "HUR-05"} {
			if !strings.Contains(a.Text, want) {
				t.Errorf("%q is not in what a reader gets:\n%.2000s", want, a.Text)
			}
		}
	}
}

// marked reports whether a reader sees first that this is an exercise, or a machine can.
func (p *part) marked(a Arrival) bool {
	if p.Traits.Form == Event {
		return bytes.Contains(a.Body, []byte(`"exercise":true,"origin"`))
	}
	marked := 0
	for _, text := range []string{a.Subject, a.Text} {
		if strings.HasPrefix(text, "EXERCISE") || strings.HasPrefix(text, "EXERCICE") {
			marked++
		}
	}
	return marked == 2
}

func expect(t *testing.T, r notify.Result, sent, again bool) {
	t.Helper()
	if r.Sent != sent || r.Again != again || r.Code == "" {
		t.Errorf("result %+v, want sent %t, again %t and a code", r, sent, again)
	}
}

func show(list []Arrival) string {
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "%s %s%s %.3000s; ", a.ID, a.Body, a.Subject, a.Text)
	}
	return b.String()
}
