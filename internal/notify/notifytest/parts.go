package notifytest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/notify"
)

// one is a promise of cases.md H.
type one struct {
	name  string
	needs []Behaviour       // of the far side
	only  func(Traits) bool // for channels of that kind; nil: for all
	do    func(t *testing.T, p *part)
}

func signs(t Traits) bool   { return t.Signs }
func ordered(t Traits) bool { return t.Ordered }
func words(t Traits) bool   { return t.Form == Words }

var parts = []one{
	{"success", nil, nil, func(t *testing.T, p *part) {
		m := p.message("one")
		r := p.send(t, m)
		expect(t, r, true, false)
		got := p.Arrived()
		if len(got) != 1 || got[0].ID != "one" {
			t.Fatalf("arrived: %s", show(got))
		}
		p.whole(t, got[0], m)
	}},
	{"a slow success is one", []Behaviour{Slow}, nil, func(t *testing.T, p *part) {
		p.Behave(Slow)
		expect(t, p.send(t, p.message("one")), true, false)
		if got := p.Arrived(); len(got) != 1 {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"temporary failure is worth trying again", []Behaviour{Later}, nil, func(t *testing.T, p *part) {
		p.Behave(Later)
		m := p.message("one")
		expect(t, p.send(t, m), false, true)
		p.Behave(Takes)
		m.Attempt = 2
		expect(t, p.send(t, m), true, false)
		if got := p.Arrived(); len(got) == 0 || got[len(got)-1].ID != "one" {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"permanent failure is not", []Behaviour{Never}, nil, func(t *testing.T, p *part) {
		p.Behave(Never)
		expect(t, p.send(t, p.message("one")), false, false)
	}},
	{"one that refuses does not stop the next message", []Behaviour{Never}, nil, func(t *testing.T, p *part) {
		for i := range 4 {
			p.Behave(Never)
			expect(t, p.send(t, p.message(fmt.Sprint("no-", i))), false, false)
			p.Behave(Takes)
			expect(t, p.send(t, p.message(fmt.Sprint("yes-", i))), true, false)
		}
	}},
	{"silence ends in time and is worth trying again", []Behaviour{Silent}, nil, func(t *testing.T, p *part) {
		p.Behave(Silent)
		ctx, cancel := context.WithTimeout(t.Context(), 20*p.Patience+10*time.Second)
		defer cancel()
		r := p.Channel.Send(ctx, p.message("one"))
		expect(t, r, false, true)
		if ctx.Err() != nil {
			t.Error("the channel did not bound its attempt")
		}
		p.Behave(Takes)
		expect(t, p.send(t, p.message("two")), true, false)
	}},
	{"what is cancelled under way ends early", []Behaviour{Silent}, nil, func(t *testing.T, p *part) {
		p.Behave(Silent)
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(p.Patience/20, cancel)
		defer timer.Stop()
		begun := time.Now()
		expect(t, p.Channel.Send(ctx, p.message("one")), false, true)
		if took := time.Since(begun); took >= p.Patience {
			t.Errorf("it went on for %s", took)
		}
	}},
	{"what is cancelled before it is sent does not arrive", nil, nil, func(t *testing.T, p *part) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r := p.Channel.Send(ctx, p.message("one")); r.Sent || !r.Again || r.Code == "" {
			t.Errorf("reported: %+v", r)
		}
		if got := p.Arrived(); len(got) != 0 {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"a duplicate carries the same id and says the same", nil, nil, func(t *testing.T, p *part) {
		m := p.message("one")
		for n := range 2 {
			m.Attempt = n + 1
			expect(t, p.send(t, m), true, false)
		}
		got := p.Arrived()
		if len(got) != 2 || got[0].ID != got[1].ID || !bytes.Equal(got[0].Body, got[1].Body) || got[0].Subject != got[1].Subject || got[0].Text != got[1].Text {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"order is kept", nil, ordered, func(t *testing.T, p *part) {
		for i := range 20 {
			expect(t, p.send(t, p.message(fmt.Sprintf("id-%02d", i))), true, false)
		}
		got := p.Arrived()
		if len(got) != 20 || !slices.IsSortedFunc(got, func(a, b Arrival) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"many at once do not mix", nil, nil, func(t *testing.T, p *part) {
		const n = 32
		results := make(chan notify.Result, n)
		for i := range n {
			go func() { results <- p.Channel.Send(t.Context(), p.message(fmt.Sprint("id-", i))) }()
		}
		for range n {
			expect(t, <-results, true, false)
		}
		got := p.Arrived()
		if len(got) != n {
			t.Errorf("%d arrived", len(got))
		}
		for _, a := range got {
			p.whole(t, a, p.message(a.ID))
		}
	}},
	{"an exercise says so first, and nothing else does", nil, nil, func(t *testing.T, p *part) {
		for _, language := range []string{"en", "fr"} {
			m := p.message("exercise-" + language)
			m.Body, m.Language = eventBody(m.ID, true, ""), language
			expect(t, p.send(t, m), true, false)
			m = p.message("actual-" + language)
			m.Language = language
			expect(t, p.send(t, m), true, false)
		}
		for _, a := range p.Arrived() {
			if marked := p.marked(a); marked != strings.HasPrefix(a.ID, "exercise-") {
				t.Errorf("marked %t: %s", marked, show([]Arrival{a}))
			}
		}
	}},
	{"both languages", nil, nil, func(t *testing.T, p *part) {
		for _, language := range []string{"en", "fr"} {
			m := p.message("one")
			m.Language = language
			expect(t, p.send(t, m), true, false)
		}
		got := p.Arrived()
		if len(got) != 2 {
			t.Fatalf("arrived: %s", show(got))
		}
		if same := got[0].Text == got[1].Text && bytes.Equal(got[0].Body, got[1].Body); same != (p.Traits.Form == Event) {
			t.Errorf("the languages are the same: %t", same)
		}
		for _, a := range got {
			p.whole(t, a, p.message("one"))
		}
	}},
	{"a large message arrives", nil, nil, func(t *testing.T, p *part) {
		m := p.message("one")
		m.Body = eventBody(m.ID, false, strings.Repeat("Île à l'est & <b> — 飓风\n", 12_000))
		expect(t, p.send(t, m), true, false)
		got := p.Arrived()
		if len(got) != 1 {
			t.Fatalf("arrived: %s", show(got))
		}
		p.whole(t, got[0], m)
		if n := len(got[0].Text); n > 64<<10 {
			t.Errorf("a reader gets %d bytes", n)
		}
	}},
	{"nothing in an event begins a line of its own", nil, words, func(t *testing.T, p *part) {
		m := p.message("one")
		m.Body = eventBody(m.ID, false, "end\r\nBcc: everybody@example.org\r\n\r\n.\r\nRCPT TO:<everybody@example.org>\r\n")
		expect(t, p.send(t, m), true, false)
		got := p.Arrived()
		if len(got) != 1 || strings.ContainsAny(got[0].Subject, "\r\n") {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"while a secret is replaced, both old and new verify", nil, signs, func(t *testing.T, p *part) {
		current, old := p.secrets[0], p.secrets[1]
		for n, c := range []struct {
			secrets      []string
			byNew, byOld bool
		}{
			{[]string{old}, false, true},
			{[]string{current, old}, true, true},
			{[]string{current}, true, false},
		} {
			m := p.message(fmt.Sprint("id-", n))
			m.Secrets = c.secrets
			expect(t, p.send(t, m), true, false)
			got := p.Arrived()
			if len(got) != n+1 {
				t.Fatalf("arrived: %s", show(got))
			}
			a := got[n]
			if byNew, byOld := a.Signed(current), a.Signed(old); byNew != c.byNew || byOld != c.byOld {
				t.Errorf("%d secrets: verifies with the new %t, with the old %t", len(c.secrets), byNew, byOld)
			}
		}
	}},
	{"targets", nil, nil, func(t *testing.T, p *part) {
		if wrong := p.Channel.CheckTarget(p.Target); wrong != "" {
			t.Errorf("the valid target %s", wrong)
		}
		for _, bad := range append([]string{"", " ", "\x00", "a\nb", p.Target + "\r\n", "\xff"}, p.Bad...) {
			wrong := p.Channel.CheckTarget(bad)
			if wrong == "" {
				t.Errorf("%q was accepted", bad)
			}
			if bad != "" && strings.Contains(wrong, strings.TrimSpace(bad)) && strings.TrimSpace(bad) != "" {
				t.Errorf("the complaint repeats the target: %q", wrong)
			}
		}
		if m := p.Channel.Mask(p.Target); m == "" || p.private(m) != nil {
			t.Errorf("masked as %q", m)
		}
		if a, b := p.Channel.NewSecret(), p.Channel.NewSecret(); a != "" && a == b {
			t.Error("two secrets are the same")
		}
		for _, bad := range p.Bad {
			m := p.message("bad")
			m.Target = bad
			if r := p.Channel.Send(t.Context(), m); r.Sent || r.Code == "" {
				t.Errorf("%q: %+v", bad, r)
			}
		}
		if got := p.Arrived(); len(got) != 0 {
			t.Errorf("arrived: %s", show(got))
		}
	}},
	{"words of the far side are cleaned and bounded, and no secret is told", nil, nil, func(t *testing.T, p *part) {
		for _, b := range []Behaviour{Takes, Insults, Silent, Later, Never} {
			if slices.Contains(p.Traits.Cannot, b) {
				continue
			}
			p.Behave(b)
			r := p.Channel.Send(t.Context(), p.message("one"))
			for _, c := range r.Detail {
				if c < ' ' || c == 0x7f || c == '\u202e' {
					t.Errorf("%s: the detail holds %U", b, c)
				}
			}
			if r.Code == "" || len(r.Code) > 40 || strings.ContainsAny(r.Code, " \r\n") || len([]rune(r.Detail)) > 1100 {
				t.Errorf("%s: %d characters of detail, code %q", b, len([]rune(r.Detail)), r.Code)
			}
			if b == Insults && r.Detail == "" {
				t.Error("what the far side said is lost")
			}
			if told := p.private(r.Code + " " + r.Detail); told != nil {
				t.Errorf("%s: %q is told: %+v", b, told, r)
			}
		}
	}},
}
