// Package notifytest is the suite that every channel of package notify passes. A channel brings a far side that can be told how to
// behave, and says which of the promises it can keep at all; the suite sends to it and looks at what the channel reports, at what
// arrived, and at what was logged meanwhile. What a channel cannot show is said in its Traits and checked as far as it can be: nothing
// is skipped in silence.
package notifytest

import (
	"log/slog"
	"slices"
	"testing"
	"time"

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

// Form is what a channel makes of a message.
type Form string

// The forms.
const (
	Event Form = "event" // the body, byte for byte: for machines
	Words Form = "words" // a text in the reader's language: for people
)

// Traits are what a channel claims. The suite holds it to that.
type Traits struct {
	Form    Form
	Signs   bool        // every message is signed with every valid secret
	Ordered bool        // what is sent one after the other arrives in that order
	Cannot  []Behaviour // what no far side of such a channel can do
}

// Arrival is what a far side has got.
type Arrival struct {
	ID      string // of the delivery
	Body    []byte // form Event
	Subject string // form Words
	Text    string // form Words: all that a reader sees

	Signed func(secret string) bool // whether the signature verifies with the secret; nil when there is none
}

// Peer is a channel with a far side.
type Peer struct {
	Channel  notify.Channel
	Traits   Traits
	Target   string   // valid; holds the word "confidential" where the channel allows it
	Bad      []string // targets that must be refused, besides those that no channel takes
	Private  []string // what may show in no result, no mask and no log: passwords, the target itself
	Behave   func(Behaviour)
	Arrived  func() []Arrival
	Patience time.Duration // the channel's own bound for one attempt, short
}

// part is one peer under test, with what was logged since it began.
type part struct {
	Peer
	log     *records
	secrets []string // newest first
}

// Run runs the suite. Each part starts a peer of its own; the channel logs to the logger it is given, if it logs.
func Run(t *testing.T, start func(t *testing.T, log *slog.Logger) Peer) {
	begin := func(t *testing.T) *part {
		log := capture(t)
		p := &part{Peer: start(t, slog.New(log)), log: log}
		if p.Traits.Signs {
			p.secrets = []string{p.Channel.NewSecret(), p.Channel.NewSecret()}
		}
		return p
	}
	// One peer says whom we have before us; all are alike.
	var traits Traits
	t.Run("traits", func(t *testing.T) {
		p := begin(t)
		traits = p.Traits
		p.checkTraits(t)
	})
	for _, c := range parts {
		if slices.ContainsFunc(c.needs, func(b Behaviour) bool { return slices.Contains(traits.Cannot, b) }) || c.only != nil && !c.only(traits) {
			continue // declared: checkTraits has held the channel to it
		}
		t.Run(c.name, func(t *testing.T) {
			p := begin(t)
			c.do(t, p)
			p.checkLog(t)
		})
	}
}

// checkTraits holds a channel to what can be seen of its claims without sending.
func (p *part) checkTraits(t *testing.T) {
	if p.Traits.Form != Event && p.Traits.Form != Words {
		t.Errorf("form %q is none", p.Traits.Form)
	}
	if signs := p.Channel.NewSecret() != ""; signs != p.Traits.Signs {
		t.Errorf("it gives secrets: %t; it claims to sign: %t", signs, p.Traits.Signs)
	}
	for _, b := range p.Traits.Cannot {
		if !slices.Contains([]Behaviour{Slow, Later, Never, Silent, Insults}, b) {
			t.Errorf("a channel cannot do without %q", b)
		}
	}
	if len(p.Private) == 0 {
		t.Error("nothing is private: say at least what of the target is")
	}
	if p.Channel.Name() == "" {
		t.Error("it has no name")
	}
}
