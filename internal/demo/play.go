package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// play is one performance: who is on the stage, and which scenes come one after the other.
type play struct {
	tell      *narrator
	receiver  *receiver
	server    *server
	now       func() time.Time
	speed     int
	temporary bool // the folder goes with the demo

	public  client // nobody's; the others are made from it
	first   string // the token of the first account
	offices map[string]office
	storm   hazard
	evening incident // before and after the landfall: scenes 1 to 4
	week    incident // eight days later: scenes 5 and 6

	names map[string]string // what parties are called

	mu    sync.Mutex
	watch map[string]clock // incidents whose arrivals are told of, with their clocks
}

// scene is one part of the story.
type scene struct {
	title string
	play  func(*play, context.Context) error
}

func scenes() []scene {
	return []scene{
		{"Watch", (*play).watchTheStorm},
		{"Activation", (*play).activate},
		{"The neighbour answers", (*play).answer},
		{"A step that nobody did", (*play).overdue},
		{"People cross the sea", (*play).move},
		{"Figures that disagree", (*play).disagree},
		{"Proof: the server is killed while eight clients write", (*play).prove},
	}
}

// How the story is paced, and how long it waits for what must come.
const (
	breath       = 1200 * time.Millisecond // to read a line before the next
	arriveWithin = 10 * time.Second
)

// perform starts the server, brings the offices on the stage and plays every scene.
func (p *play) perform(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	for i, s := range scenes() {
		p.tell.scene(i+1, s.title)
		if err := s.play(p, ctx); err != nil {
			return fmt.Errorf("scene %d, %s: %w", i+1, s.title, err)
		}
	}
	return nil
}

// open starts the server, says where it is, and lets the offices in.
func (p *play) open(ctx context.Context) error {
	p.tell.print("Landfall demo: Hurricane Maria, Dominica, September 2017, played as an exercise.")
	p.tell.print("")
	err := p.server.start(ctx)
	if err != nil {
		return err
	}
	if p.first, err = p.server.firstToken(); err != nil {
		return err
	}
	p.public = newClient(p.server.url(), clientsAtOnce)
	kept := "stays"
	if p.temporary {
		kept = "removed at the end"
	}
	p.tell.print("  URL    %s    (its API, readable: /docs)", p.server.url())
	p.tell.print("  Token  %s    (first account: all parties)", p.first)
	p.tell.print("  Data   %s    (%s; the server writes server.log there)", p.server.data, kept)
	p.tell.print("")
	p.tell.good("Landfall is ready: %s", p.server.url())
	p.tell.begin()
	p.tell.print("")
	p.tell.say("What carries a source is of 2017; all else is exercise play. The offices are role accounts, nobody is named. Each line shows " +
		"your clock from now on, the clock of the exercise, who, and what. Lines with → have arrived at that office's webhook.")
	if p.offices, err = seed(ctx, p.public.as(p.first), p.receiver); err != nil {
		return err
	}
	p.tell.did("Demo", "%d offices have an account and a token, and %d of them a webhook", len(p.offices), len(listeners()))
	return nil
}

// at gives an office on the stage.
func (p *play) at(code string) office { return p.offices[code] }

// name gives what a party is called on the terminal.
func (p *play) name(code string) string {
	if name, ok := p.names[code]; ok {
		return name
	}
	return code
}

// heard tells of what arrived, when it belongs to the story.
func (p *play) heard(a arrival) {
	if a.signed != nil {
		p.tell.warn(p.name(a.box), "REFUSED: %v", a.signed)
		return
	}
	p.mu.Lock()
	clock, of := p.watch[a.event.Data.Incident.ID]
	p.mu.Unlock()
	if text := (reader{p.name, clock}).describe(a); of && text != "" {
		p.tell.got(p.name(a.box), "%s", text)
	}
}

// follow has arrivals of the incident told of, and its clock shown.
func (p *play) follow(i incident) {
	p.mu.Lock()
	p.watch[i.ID] = i.Clock
	p.mu.Unlock()
	p.tell.follow(i.Clock.shows)
}

// errAbsent is what the server owes when something awaited does not come.
var errAbsent = errors.New("did not arrive")

// expect waits for an arrival that must come, and gives it.
func (p *play) expect(ctx context.Context, what string, wanted func(arrival) bool) (arrival, error) {
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	a, err := p.receiver.await(ctx, wanted)
	if err != nil {
		return a, fmt.Errorf("%s %w within %s", what, errAbsent, arriveWithin)
	}
	return a, nil
}

// expectAlert waits for an alert of the incident to reach its party.
func (p *play) expectAlert(ctx context.Context, i incident, party, kind, subject string) (arrival, error) {
	return p.expect(ctx, fmt.Sprintf("the alert %q for %s", kind, p.name(party)), func(a arrival) bool {
		got := a.event.Data.Alert
		return got != nil && a.event.kind() == "alert.raised" && a.box == party && got.Party == party && got.Kind == kind &&
			got.Subject == subject && a.event.Data.Incident.ID == i.ID
	})
}

// until waits for a moment, with a bar on a terminal that shows it coming.
func (p *play) until(ctx context.Context, at time.Time, label string) error {
	left := at.Sub(p.now())
	if left <= 0 {
		return ctx.Err()
	}
	const step = 100 * time.Millisecond
	total := int(left / step)
	g := p.tell.gauge(label, max(1, total), remaining)
	defer p.tell.done()
	for {
		left := at.Sub(p.now())
		if left <= 0 {
			return nil
		}
		g.set(total - int(left/step))
		if err := pause(ctx, min(left, step)); err != nil {
			return err
		}
	}
}

// breathe lets a reader follow.
func (p *play) breathe(ctx context.Context) error { return pause(ctx, breath) }

// invite says what to try next, for three offices with their tokens.
func (p *play) invite(bounded bool) {
	p.tell.print("")
	until := "until you press Ctrl-C"
	if bounded {
		until = "until its time is over"
	}
	p.tell.say("The server stays up %s. The exercises go on, and what falls due is told here. To try in another terminal:", until)
	for _, try := range []struct{ office, what, path string }{
		{antigua, "what Antigua and Barbuda is asked", "/api/v1/alerts?status=open"},
		{dominica, "what Dominica sees: who was told and who has answered", p.evening.path("acknowledgements")},
		{saintLucia, "what Saint Lucia has to do, and by when", p.evening.path("steps?party=LCA")},
	} {
		p.tell.print("")
		p.tell.print("    # %s", try.what)
		p.tell.print("    curl -sH 'Authorization: Bearer %s' \\", p.at(try.office).token)
		p.tell.print("      '%s%s'", p.server.url(), try.path)
	}
}
