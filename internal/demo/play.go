package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// play is one performance: who is on the stage, and which scenes of which story come one after the other.
type play struct {
	tell      *narrator
	receiver  *receiver
	inbox     *inbox                     // nil: nobody looks
	browser   func(address string) error // opens one; nil: none is opened
	server    *server
	now       func() time.Time
	speed     int
	temporary bool          // the folder goes with the demo
	breath    time.Duration // to read a line before the next

	public client // nobody's; the others are made from it
	first  string // the token of the first account

	storm   hazard
	evening incident // Maria before and after the landfall
	week    incident // eight days later

	mountain hazard
	eruption incident // La Soufrière on the day of the order
	weeks    incident // three weeks later

	names map[string]string // what parties are called

	mu      sync.Mutex
	offices map[string]office // set once, before the first scene
	watch   map[string]clock  // incidents whose arrivals are told of, with their clocks
}

// scene is one part of a story.
type scene struct {
	title string
	play  func(*play, context.Context) error
}

// story is an event of the past that is played as exercises.
type story struct {
	title  string
	scenes []scene
}

func stories() []story {
	return []story{
		{"Hurricane Maria, Dominica, September 2017", []scene{
			{"Watch", (*play).watchTheStorm},
			{"Activation", (*play).activate},
			{"The neighbour answers", (*play).answer},
			{"A step that nobody did", (*play).overdue},
			{"People cross the sea", (*play).move},
			{"Figures that disagree", (*play).disagree},
			{"Maria is closed", (*play).end},
		}},
		{"La Soufrière, Saint Vincent, April 2021", []scene{
			{"From orange to red", (*play).order},
			{"Four states are asked", (*play).fourAreAsked},
			{"A sum that does not add up", (*play).addUp},
			{"Places, and people who want them", (*play).offered},
		}},
		{"Proof", []scene{
			{"The server is killed while eight clients write", (*play).prove},
			{"What is left to do", (*play).leave},
		}},
	}
}

// How the story is paced, and how long it waits for what must come.
const (
	readingPace  = time.Second
	arriveWithin = 10 * time.Second
)

// perform starts the server, brings the offices on the stage and plays every scene.
func (p *play) perform(ctx context.Context) error {
	p.breath = readingPace
	if err := p.open(ctx); err != nil {
		return err
	}
	number := 0
	for _, told := range stories() {
		p.tell.chapter(told.title)
		for _, s := range told.scenes {
			number++
			p.tell.scene(number, s.title)
			if err := s.play(p, ctx); err != nil {
				return fmt.Errorf("scene %d, %s: %w", number, s.title, err)
			}
		}
	}
	return nil
}

// open starts the server, says where it is, and lets the offices in.
func (p *play) open(ctx context.Context) error {
	p.tell.print("Landfall demo: Hurricane Maria, 2017, and La Soufrière, 2021, played as exercises.")
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
	if p.inbox != nil {
		p.tell.print("  Inbox  %s    (open it: enter as one of three users, and see what each office gets)", p.receiver.url)
	}
	p.tell.print("")
	p.tell.good("Landfall is ready: %s", p.server.url())
	p.tell.begin()
	p.tell.print("")
	p.tell.say("What carries a source is of its time; all else is exercise play. The offices are role accounts, nobody is named. Each line shows " +
		"your clock from now on, the clock of the exercise, who, and what. Lines with → have arrived at that office's webhook.")
	return p.seat(ctx)
}

// seat lets the offices in, and has Saint Lucia's tourism liaison say what its hotels are worth.
func (p *play) seat(ctx context.Context) error {
	offices, err := seed(ctx, p.public.as(p.first), p.receiver)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.offices = offices
	p.mu.Unlock()
	p.tell.did("Demo", "%d posts have an account and a token, and %d of their offices a webhook", len(cast()), len(listeners()))
	if p.inbox != nil {
		p.inbox.seated()
		if err := p.addressees(ctx); err != nil {
			return err
		}
	}
	if p.browser != nil {
		if err := p.browser(p.receiver.url); err != nil {
			p.tell.say("No browser could be opened here (%v): open the inbox by hand.", err)
		}
	}
	return p.prepare(ctx)
}

// at gives an office on the stage: by the code of its party, whose first post it is, or by its seat.
func (p *play) at(seat string) office {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.offices[seat]
}

// tokens gives the secret of every post on the stage by its seat, the code of the party and the role: "VCT/coordinator", "DMA/official",
// "LCA/liaison". With one of them a browser on this machine is signed in as that post. They are role accounts of an exercise, live as long as the
// demo's folder, and are handed to nobody but whoever runs the demo. Empty before the offices are seated. Safe for concurrent use.
func (p *play) tokens() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	secrets := map[string]string{}
	for _, o := range p.offices {
		secrets[o.seat()] = o.token
	}
	return secrets
}

// name gives what a party is called on the terminal.
func (p *play) name(code string) string {
	if name, ok := p.names[code]; ok {
		return name
	}
	return code
}

// heard tells of what arrived, when it belongs to the story.
func (p *play) heard(a arrival) {
	p.mu.Lock()
	clock, of := p.watch[a.event.Data.Incident.ID]
	p.mu.Unlock()
	words := reader{p.name, clock}
	if p.inbox != nil {
		p.inbox.hook(a, words.headline(a))
	}
	if a.signed != nil {
		p.tell.warn(p.name(a.box), "REFUSED: %v", a.signed)
		return
	}
	if text := words.describe(a); of && text != "" {
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
func (p *play) breathe(ctx context.Context) error { return pause(ctx, p.breath) }

// invite says what to try next, for three users with their tokens.
func (p *play) invite(bounded bool) {
	p.tell.print("")
	until := "until you press Ctrl-C"
	if bounded {
		until = "until its time is over"
	}
	p.tell.say("The server stays up %s. The exercises go on, and what falls due is told here. To work in a browser, open %s and enter as one of three users; "+
		"or sign in at %s/sign-in with one of these tokens:", until, p.receiver.url, p.server.url())
	p.tell.print("")
	for _, try := range []struct{ seat, who, what string }{
		{stVincent + "/" + coordinator, "Saint Vincent, coordinator", "steps are open and overdue, and two states are silent"},
		{dominica + "/" + official, "Dominica, official", "an alert wants an acknowledgement, and Saint Vincent an answer"},
		{saintLucia + "/" + liaison, "Saint Lucia, tourism liaison", "hotels: one to assess, one whose assessment has run out"},
	} {
		p.tell.print("    %-29s %s", try.who, p.at(try.seat).token)
		p.tell.print("    %-29s %s", "", try.what)
	}
	p.tell.print("")
	p.tell.print("    # or in another terminal: who in Saint Vincent's exercise was told, and who has answered")
	p.tell.print("    curl -sH 'Authorization: Bearer %s' \\", p.at(stVincent).token)
	p.tell.print("      '%s%s'", p.server.url(), p.eruption.path("acknowledgements"))
}
