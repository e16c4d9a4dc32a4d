package notify

import (
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/store"
)

// The states of a circuit, as Health and Hooks.CircuitChanged name them.
const (
	CircuitClosed   = "closed"    // deliveries are sent as they come
	CircuitOpen     = "open"      // the target fails: one delivery is tried now and then, the others wait
	CircuitHalfOpen = "half_open" // it is time to try one
	CircuitDisabled = "disabled"  // it failed for days: nothing is sent before somebody enables the subscription
)

const (
	// circuitThreshold is how many attempts in a row must fail until the circuit opens. Opening too early costs one probe interval,
	// since the first success closes it; opening too late costs every waiting delivery an attempt. So it is few, and no time is asked for
	// besides.
	circuitThreshold = 5

	// probeEvery is how often an open circuit lets one delivery through. It is the first delivery that is due: nothing is sent that was not
	// to be sent.
	probeEvery = 5 * time.Second

	// longestPause bounds what a target whose circuit is open can ask for between two probes.
	longestPause = 5 * time.Minute

	// disableAfter is how long a target must fail, with no success at all, until its subscription is disabled.
	disableAfter = 5 * 24 * time.Hour

	// longestSilence is how far apart two failures may be and still be one failure that goes on: longer than any wait between two
	// attempts at one delivery. What nobody tried for longer may have worked meanwhile.
	longestSilence = 36 * time.Hour

	// notedEvery is how often an attempt is written down that changes nothing else.
	notedEvery = time.Minute
)

// circuit is how sending to one target goes: a working document, one for each subscription, shared by all processes. It holds facts that
// can be merged, whoever saw them: see merged.
type circuit struct {
	Subscription  string     `json:"subscription"`
	Channel       string     `json:"channel"`
	LastSuccessAt *time.Time `json:"last_success_at,omitempty"`
	LastFailureAt *time.Time `json:"last_failure_at,omitempty"` // after the last success
	FailingSince  *time.Time `json:"failing_since,omitempty"`   // first failure after it
	Failures      int        `json:"failures,omitempty"`        // in a row, of attempts that were worth repeating
	OpenSince     *time.Time `json:"open_since,omitempty"`      // nil: closed
	ClosedAt      *time.Time `json:"closed_at,omitempty"`       // when it was last open no more
	NextProbeAt   *time.Time `json:"next_probe_at,omitempty"`   // while it is open
	LastCode      string     `json:"last_code,omitempty"`       // of the last attempt
}

const kindCircuit = "circuit"

var circuitKind = store.Kind{
	Name: kindCircuit,
	Fields: []store.Field{
		{Name: "state", Type: store.String}, {Name: "channel", Type: store.String}, {Name: "last_success_at", Type: store.Time}, {Name: "last_failure_at", Type: store.Time},
	},
	Indexes: []store.Index{
		{Name: "state", Fields: []string{"state"}},
		{Name: "last_success_at", Fields: []string{"last_success_at"}},
		{Name: "last_failure_at", Fields: []string{"last_failure_at"}},
	},
}

func (c *circuit) doc(version int64) store.Doc {
	index := map[string]any{"state": CircuitClosed, "channel": c.Channel}
	if c.OpenSince != nil {
		index["state"] = CircuitOpen
	}
	if c.LastSuccessAt != nil {
		index["last_success_at"] = *c.LastSuccessAt
	}
	if c.LastFailureAt != nil {
		index["last_failure_at"] = *c.LastFailureAt
	}
	return store.Doc{ID: c.Subscription, Version: version, Body: mustJSON(c), Index: index}
}

func readCircuit(doc store.Doc) (circuit, error) {
	var c circuit
	if err := json.Unmarshal(doc.Body, &c); err != nil {
		return c, fmt.Errorf("circuit %s: %w", doc.ID, err)
	}
	c.Subscription = doc.ID
	return c, nil
}

// state gives the word for it at now.
func (c *circuit) state(now time.Time) string {
	switch {
	case c.OpenSince == nil:
		return CircuitClosed
	case c.NextProbeAt == nil || !c.NextProbeAt.After(now):
		return CircuitHalfOpen
	}
	return CircuitOpen
}

// success notes that the target took something.
func (c *circuit) success(now time.Time, code string) {
	if c.OpenSince != nil {
		c.ClosedAt = &now
	}
	c.LastSuccessAt, c.LastCode = &now, code
	c.LastFailureAt, c.FailingSince, c.OpenSince, c.NextProbeAt, c.Failures = nil, nil, nil, nil, 0
}

// failure notes that the target did not. What is refused for good says that somebody answers there: it goes on with a failure that lasts,
// but does not open the circuit, since waiting would help nothing.
func (c *circuit) failure(now time.Time, res Result) {
	if c.FailingSince == nil || c.LastFailureAt != nil && now.Sub(*c.LastFailureAt) > longestSilence {
		c.FailingSince, c.Failures = &now, 0
	}
	c.LastFailureAt, c.LastCode = &now, res.Code
	if res.Again {
		c.Failures++
	}
	if c.OpenSince == nil && c.Failures >= circuitThreshold {
		c.OpenSince = &now
	}
	if c.OpenSince != nil {
		next := now.Add(max(probeEvery, min(res.After, longestPause)))
		c.NextProbeAt = &next
	}
}

// lasting reports whether the target has failed for so long, without a success, that its subscription is to be disabled. since is when it got
// its present target, or was enabled.
func (c *circuit) lasting(since time.Time) bool {
	if c.FailingSince == nil || c.LastFailureAt == nil {
		return false
	}
	from := *c.FailingSince
	if since.After(from) {
		from = since
	}
	return c.LastFailureAt.Sub(from) >= disableAfter
}

// merged gives what two processes know together; which one comes first does not matter. A success ends every failure before it, whoever saw
// them.
func merged(c, o circuit) circuit {
	m := circuit{
		Subscription: c.Subscription, Channel: c.Channel,
		LastSuccessAt: latest(c.LastSuccessAt, o.LastSuccessAt), ClosedAt: latest(c.ClosedAt, o.ClosedAt),
	}
	if m.Channel == "" {
		m.Channel = o.Channel
	}
	var last time.Time
	for _, x := range []circuit{c, o} {
		if at := x.lastAt(); at.After(last) || at.Equal(last) && x.LastCode > m.LastCode {
			last, m.LastCode = at, x.LastCode
		}
		x.endBefore(m.LastSuccessAt)
		m.LastFailureAt, m.NextProbeAt = latest(m.LastFailureAt, x.LastFailureAt), latest(m.NextProbeAt, x.NextProbeAt)
		m.FailingSince, m.OpenSince = earliest(m.FailingSince, x.FailingSince), earliest(m.OpenSince, x.OpenSince)
		m.Failures, m.ClosedAt = max(m.Failures, x.Failures), latest(m.ClosedAt, x.ClosedAt)
	}
	if m.OpenSince == nil {
		m.NextProbeAt = nil
	}
	return m
}

// endBefore forgets the failures that a success came after.
func (c *circuit) endBefore(success *time.Time) {
	if success == nil || c.FailingSince == nil || c.FailingSince.After(*success) {
		return
	}
	if c.OpenSince != nil && !c.OpenSince.After(*success) {
		c.OpenSince, c.ClosedAt = nil, latest(c.ClosedAt, success)
	}
	if c.LastFailureAt.After(*success) {
		c.FailingSince, c.Failures = c.LastFailureAt, 1
		return
	}
	c.FailingSince, c.LastFailureAt, c.Failures = nil, nil, 0
}

// lastAt is when it was last heard of.
func (c *circuit) lastAt() time.Time {
	switch t := latest(c.LastSuccessAt, c.LastFailureAt); t {
	case nil:
		return time.Time{}
	default:
		return *t
	}
}

func latest(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

func earliest(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
