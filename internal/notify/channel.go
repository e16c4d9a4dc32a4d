package notify

import (
	"context"
	"encoding/json"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/protocol"
)

// Channel carries messages to one kind of target. It answers two questions: was it sent, and is it worth trying again. Retry, backoff,
// deduplication and fairness are stages around it. Methods may be called concurrently. Package notifytest holds the suite
// that every channel passes.
type Channel interface { //nolint:interfacebloat // it answers for one kind of target in everything
	// Name is the word subscriptions name it by: "webhook".
	Name() string
	// CheckTarget says what is wrong with a target, in words that continue "target ..."; "" when nothing is. It asks nobody.
	CheckTarget(target string) string
	// Canonical gives a target in the one form that all spellings of it share, to compare with others.
	Canonical(target string) string
	// Mask gives what lists of deliveries may show of a target.
	Mask(target string) string
	// NewSecret gives a fresh secret to sign messages with; "" when the channel signs nothing.
	NewSecret() string
	// Send makes one attempt, bounded in time by the channel itself. It returns early when ctx ends.
	Send(ctx context.Context, m Message) Result
}

// Message is one attempt at one delivery.
type Message struct {
	ID       string // delivery id: the same for every attempt
	Target   string
	Secrets  []string // newest first, as NewSecret gave them; all are valid now, and each signs
	Type     string   // CloudEvents type
	Body     []byte   // CloudEvents event in structured JSON
	Language string   // of the reader: "en" or "fr"
	Attempt  int      // from 1
}

// Result is what a channel has to say about an attempt. Sent false and Again false is final.
type Result struct {
	Sent   bool
	Again  bool          // worth trying again
	Code   string        // short and stable: "200", "503", "timeout", "refused"
	Detail string        // the far side's words, cleaned and bounded; for people, never for decisions
	After  time.Duration // the far side asked to be left alone for so long; 0: did not say
}

// Visibility tells how incidents stand as far as permission goes; package incident implements it.
type Visibility interface {
	// Thing gives an incident as the policy sees it now; the zero Thing when there is none.
	Thing(ctx context.Context, incidentID string) (access.Thing, error)
	// ReadEvent says what the scope may read now of an event: the data to show, and whether it may be told of it.
	ReadEvent(ctx context.Context, scope access.Scope, a ledger.Announcement) (json.RawMessage, bool, error)
	// Clock gives the clock of an exercise; the zero Clock for an actual incident, and when there is none.
	Clock(ctx context.Context, incidentID string) (protocol.Clock, error)
}
