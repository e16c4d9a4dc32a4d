// Package notifytest is the suite that every channel of package notify passes. A channel brings a far side that can be told how to
// behave; the suite sends to it and looks at what the channel reports and at what arrived.
package notifytest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/notify"
)

// Behaviour is how a far side treats what is sent to it.
type Behaviour string

// What a far side can be told.
const (
	Takes   Behaviour = "takes"          // takes it at once
	Slow    Behaviour = "takes slowly"   // takes it after a while, within the channel's time
	Later   Behaviour = "refuses now"    // may take it another time
	Never   Behaviour = "refuses"        // will never take it
	Silent  Behaviour = "says nothing"   // does not answer at all
	Insults Behaviour = "answers wildly" // refuses now, with words that must be cleaned
)

// Arrival is what a far side has got. One that cannot see an id or a body leaves it empty.
type Arrival struct {
	ID   string
	Body []byte
}

// Peer is a channel with a far side.
type Peer struct {
	Channel  notify.Channel
	Target   string // valid; holds the word "confidential" where the channel allows
	Secret   string // as Channel.NewSecret gave it; the far side checks it
	Behave   func(Behaviour)
	Arrived  func() []Arrival
	Patience time.Duration // the channel's own bound for one attempt, short
}

func message(p Peer, id string, exercise bool) notify.Message {
	body := notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
		EventID: id, Type: "step.overdue.v1", Stream: "incident/maria", Seq: 7, At: time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC),
		Exercise: exercise, Origin: "DMA", Data: []byte(`{"incident":{"title":"Île sous le vent — 飓风 & <>"}}`),
	})
	return notify.Message{ID: id, Target: p.Target, Secret: p.Secret, Type: "landfall.step.overdue.v1", Body: body}
}

// Run runs the suite; each part gets a peer of its own.
func Run(t *testing.T, start func(t *testing.T) Peer) {
	part := func(name string, do func(t *testing.T, p Peer)) {
		t.Run(name, func(t *testing.T) { do(t, start(t)) })
	}
	part("success", func(t *testing.T, p Peer) {
		p.Behave(Takes)
		m := message(p, "one", false)
		expect(t, p.Channel.Send(t.Context(), m), true, false)
		got := p.Arrived()
		if len(got) != 1 || got[0].ID != "one" || !bytes.Equal(got[0].Body, m.Body) {
			t.Errorf("arrived: %s", show(got))
		}
	})
	part("a slow success is one", func(t *testing.T, p Peer) {
		p.Behave(Slow)
		expect(t, p.Channel.Send(t.Context(), message(p, "one", false)), true, false)
	})
	part("temporary failure is worth trying again", func(t *testing.T, p Peer) {
		p.Behave(Later)
		r := p.Channel.Send(t.Context(), message(p, "one", false))
		expect(t, r, false, true)
		p.Behave(Takes)
		expect(t, p.Channel.Send(t.Context(), message(p, "one", false)), true, false)
	})
	part("permanent failure is not", func(t *testing.T, p Peer) {
		p.Behave(Never)
		expect(t, p.Channel.Send(t.Context(), message(p, "one", false)), false, false)
	})
	part("silence ends in time and is worth trying again", func(t *testing.T, p Peer) {
		p.Behave(Silent)
		ctx, cancel := context.WithTimeout(t.Context(), 20*p.Patience+10*time.Second)
		defer cancel()
		expect(t, p.Channel.Send(ctx, message(p, "one", false)), false, true)
		if ctx.Err() != nil {
			t.Error("the channel did not bound its attempt")
		}
	})
	part("a duplicate carries the same id and body", func(t *testing.T, p Peer) {
		p.Behave(Takes)
		for range 2 {
			expect(t, p.Channel.Send(t.Context(), message(p, "one", false)), true, false)
		}
		if got := p.Arrived(); len(got) != 2 || got[0].ID != got[1].ID || !bytes.Equal(got[0].Body, got[1].Body) {
			t.Errorf("arrived: %s", show(got))
		}
	})
	part("many at once do not mix", func(t *testing.T, p Peer) {
		p.Behave(Takes)
		const n = 32
		results := make(chan notify.Result, n)
		for i := range n {
			go func() { results <- p.Channel.Send(t.Context(), message(p, fmt.Sprint("id-", i), false)) }()
		}
		for range n {
			expect(t, <-results, true, false)
		}
		for _, a := range p.Arrived() {
			if !strings.Contains(string(a.Body), `"id":"`+a.ID+`"`) {
				t.Errorf("%s arrived as %s", a.Body, a.ID)
			}
		}
	})
	part("what is cancelled before it is sent does not arrive", func(t *testing.T, p Peer) {
		p.Behave(Takes)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r := p.Channel.Send(ctx, message(p, "one", false)); r.Sent {
			t.Errorf("reported as sent: %+v", r)
		}
		if got := p.Arrived(); len(got) != 0 {
			t.Errorf("arrived: %s", show(got))
		}
	})
	part("an exercise says so", func(t *testing.T, p Peer) {
		p.Behave(Takes)
		expect(t, p.Channel.Send(t.Context(), message(p, "one", true)), true, false)
		if got := p.Arrived(); len(got) != 1 || !strings.Contains(string(got[0].Body), `"exercise":true`) {
			t.Errorf("arrived: %s", show(got))
		}
	})
	part("words are cleaned and bounded, and tell no secret", func(t *testing.T, p Peer) {
		for _, b := range []Behaviour{Insults, Silent, Later, Never} {
			p.Behave(b)
			r := p.Channel.Send(t.Context(), message(p, "one", false))
			for _, r := range r.Detail {
				if r < ' ' || r == 0x7f || r == '\u202e' {
					t.Errorf("%s: the detail holds %U", b, r)
				}
			}
			if len([]rune(r.Detail)) > 1100 || len(r.Code) > 40 {
				t.Errorf("%s: %d characters of detail, code %q", b, len([]rune(r.Detail)), r.Code)
			}
			if text := r.Code + r.Detail; p.Secret != "" && strings.Contains(text, p.Secret) || strings.Contains(text, "confidential") {
				t.Errorf("%s: a secret is told: %q", b, text)
			}
		}
	})
	part("targets", func(t *testing.T, p Peer) {
		if wrong := p.Channel.CheckTarget(p.Target); wrong != "" {
			t.Errorf("the valid target %s", wrong)
		}
		for _, bad := range []string{"", " ", "\x00", "nonsense"} {
			if p.Channel.CheckTarget(bad) == "" {
				t.Errorf("%q was accepted", bad)
			}
		}
		if m := p.Channel.Mask(p.Target); m == "" || strings.Contains(m, "confidential") {
			t.Errorf("masked as %q", m)
		}
		if a, b := p.Channel.NewSecret(), p.Channel.NewSecret(); a != "" && a == b {
			t.Error("two secrets are the same")
		}
	})
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
		fmt.Fprintf(&b, "%s %s; ", a.ID, a.Body)
	}
	return b.String()
}
