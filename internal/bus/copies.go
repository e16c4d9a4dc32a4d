package bus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

// Copies for states are best effort: a state that misses one sees a gap in the versions and fetches the timeline.
const (
	maxCopiesWaiting = 8192
	copyTimeout      = publishTimeout // for one chunk
)

// CopyCount is what this process has done with copies since it opened the bus.
type CopyCount struct {
	Published uint64 // acknowledged
	Missed    uint64 // never will be: the stream did not take them in time, or too many waited
}

// copyDesk publishes copies of acknowledged messages to LANDFALL_FOR, one for each state that may see them, behind the back of the
// publisher. It makes the stream, and the one consumer of each state.
//
//	Publish ──acknowledged──▶ waiting (bounded) ──▶ chunk in flight ──▶ LANDFALL_FOR
//	                             └── PurgeFor takes out ──┘ (and waits for the chunk)
type copyDesk struct {
	bus       *Bus
	wanted    bool
	wake      chan struct{} // one token: something waits
	published atomic.Uint64
	missed    atomic.Uint64

	flight    chan struct{}   // one token: a chunk is on its way, or a purge
	consumers map[string]bool // states whose consumer is known to be there; guarded by flight

	mu      sync.Mutex
	running bool
	waiting []Message
}

func newCopyDesk(b *Bus, wanted bool) *copyDesk {
	return &copyDesk{bus: b, wanted: wanted, wake: make(chan struct{}, 1), flight: make(chan struct{}, 1), consumers: map[string]bool{}}
}

// open starts the desk, where copies are wanted.
func (d *copyDesk) open() {
	if !d.wanted {
		return
	}
	d.mu.Lock()
	d.running = true
	d.mu.Unlock()
	d.bus.keep("copies for states", d.run)
}

// Copies tells what has become of the copies of this process.
func (b *Bus) Copies() CopyCount {
	return CopyCount{Published: b.desk.published.Load(), Missed: b.desk.missed.Load()}
}

// take queues the copies of the messages that were acknowledged.
func (d *copyDesk) take(chunk []Message, results []error) {
	if !d.wanted {
		return
	}
	var copies []Message
	odd := 0
	for i, m := range chunk {
		if results[i] != nil {
			continue
		}
		for n, state := range m.For {
			switch {
			case !plainState(state):
				odd++
			case !slices.Contains(m.For[:n], state):
				copies = append(copies, copyFor(state, m))
			}
		}
	}
	if odd > 0 {
		d.miss(odd, errNoState)
	}
	if len(copies) == 0 {
		return
	}
	d.mu.Lock()
	room := maxCopiesWaiting - len(d.waiting)
	if !d.running {
		room = 0
	}
	fit := min(room, len(copies))
	d.waiting = append(d.waiting, copies[:fit]...)
	d.mu.Unlock()
	if fit < len(copies) {
		d.miss(len(copies)-fit, errTooMany)
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

var (
	errNoState = errors.New("a state is not an ISO 3166-1 alpha-3 code")
	errTooMany = errors.New("too many copies wait")
)

func (d *copyDesk) miss(n int, why error) {
	d.missed.Add(uint64(n))
	d.bus.log.Warn("copies for states were not published; their versions will show a gap", "copies", n, "error", why)
}

// plainState reports whether the word is built like an ISO 3166-1 alpha-3 code; the bus knows no list of states.
func plainState(state string) bool {
	return len(state) == 3 && !strings.ContainsFunc(state, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// copyFor gives a state's copy: the same body, without the notice, under the state's subject, with an id of its own, since ids are one to a stream.
func copyFor(state string, m Message) Message {
	m.Subject = copiesBranch + "." + state + strings.TrimPrefix(m.Subject, root)
	m.ID += "." + state
	m.For, m.Notice, m.copied = nil, nil, true
	return m
}

// run publishes what waits, until life has ended and nothing waits any more. What waits when Close begins has one more time-out.
func (d *copyDesk) run() {
	d.recover(d.bus.life)
	always := context.WithoutCancel(d.bus.life)
	for d.bus.life.Err() == nil {
		select {
		case <-d.wake:
			for d.bus.life.Err() == nil && d.carry(always) {
			}
		case <-d.bus.life.Done():
		}
	}
	last, cancel := context.WithTimeout(always, copyTimeout)
	defer cancel()
	for !d.finish() {
		d.carry(last)
	}
}

// finish ends the desk unless something waits.
func (d *copyDesk) finish() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = len(d.waiting) > 0
	return !d.running
}

// carry publishes one chunk of what waits. It reports whether there was any.
func (d *copyDesk) carry(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, copyTimeout)
	defer cancel()
	d.flight <- struct{}{}
	defer func() { <-d.flight }()
	d.mu.Lock()
	n := min(len(d.waiting), publishChunk)
	chunk := slices.Clone(d.waiting[:n])
	d.waiting = slices.Delete(d.waiting, 0, n)
	d.mu.Unlock()
	if n == 0 {
		return false
	}
	results := make([]error, n)
	for i := range results {
		results[i] = errUnsent
	}
	err := d.attend(ctx, chunk)
	if err == nil || d.bus.external() && !hopeless(err) {
		d.bus.insist(ctx, chunk, results, func(ctx context.Context) error {
			clear(d.consumers) // they went with the stream
			return d.attend(ctx, chunk)
		})
	}
	bad := 0
	for _, r := range results {
		if r == nil {
			continue
		}
		if bad++; err == nil {
			err = r
		}
	}
	d.published.Add(uint64(n - bad))
	if bad > 0 {
		d.miss(bad, err)
	}
	return true
}

// attend makes sure of the stream and of the consumers of the states in chunk. flight is held.
func (d *copyDesk) attend(ctx context.Context, chunk []Message) error {
	states := map[string]bool{}
	for _, m := range chunk {
		if state := stateOf(m.Subject); !d.consumers[state] {
			states[state] = true
		}
	}
	if len(states) == 0 {
		return nil
	}
	if _, err := d.ensure(ctx); err != nil {
		return err
	}
	return d.serve(ctx, states)
}

// stateOf gives the state of a copy's subject.
func stateOf(subject string) string {
	state, _, _ := strings.Cut(strings.TrimPrefix(subject, copiesBranch+"."), ".")
	return state
}

// ensure makes sure of the stream for copies.
func (d *copyDesk) ensure(ctx context.Context) (jetstream.Stream, error) {
	look := func() (jetstream.Stream, error) {
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		return d.bus.js.Stream(ctx, copiesName)
	}
	found, err := look()
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if found, err = d.bus.create(ctx, d.bus.copiesConfig()); err != nil {
			if other, lookErr := look(); lookErr == nil { // another process was first
				found, err = other, nil
			}
		}
	}
	if err != nil {
		return nil, d.bus.explain(err)
	}
	have := found.CachedInfo().Config
	want, err := fit(have, d.bus.copiesConfig())
	if err != nil || want == nil {
		return found, err
	}
	if _, err := d.bus.update(ctx, *want); err != nil && (!noRoom(err) || want.Replicas == have.Replicas) {
		return nil, d.bus.explain(err)
	}
	return found, nil
}

// serve makes sure of the consumers of states. flight is held.
func (d *copyDesk) serve(ctx context.Context, states map[string]bool) error {
	for _, state := range slices.Sorted(maps.Keys(states)) {
		if _, err := d.bus.js.CreateOrUpdateConsumer(ctx, copiesName, partnerConsumer(state)); err != nil {
			return err
		}
		d.consumers[state] = true
	}
	return nil
}

// recover makes sure of the consumers of every state the stream has copies for: an embedded server that was not stopped in order
// lost them.
func (d *copyDesk) recover(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	d.flight <- struct{}{}
	defer func() { <-d.flight }()
	stream, err := d.ensure(ctx)
	if err == nil {
		var info *jetstream.StreamInfo
		if info, err = stream.Info(ctx, jetstream.WithSubjectFilter(copiesBranch+".>")); err == nil {
			states := map[string]bool{}
			for subject := range info.State.Subjects {
				states[stateOf(subject)] = true
			}
			err = d.serve(ctx, states)
		}
	}
	if err != nil && d.bus.life.Err() == nil {
		d.bus.log.Warn("the stream for copies is not ready; it is tried again with the next copy", "stream", copiesName, "error", err)
	}
}

// Partner makes sure that the state's consumer is there, so that its system can connect before there is anything to read.
func (b *Bus) Partner(ctx context.Context, state string) error {
	if !plainState(state) {
		return errState()
	}
	done, err := b.begin()
	if err != nil {
		return err
	}
	defer done()
	land, err := b.desk.hold(ctx)
	if err != nil {
		return err
	}
	defer land()
	if _, err := b.desk.ensure(ctx); err != nil {
		return unavailable(err)
	}
	return unavailable(b.desk.serve(ctx, map[string]bool{state: true}))
}

func errState() error {
	return fault.New(fault.Invalid, "bad_state", "A state is an ISO 3166-1 alpha-3 code in capitals.")
}

// hold waits until no chunk is on its way and lets none go until the caller is done.
func (d *copyDesk) hold(ctx context.Context) (land func(), err error) {
	select {
	case d.flight <- struct{}{}:
		return func() { <-d.flight }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// PurgeFor removes a state's copies of one incident, those of this process that still wait included. It is for a state that
// is no longer named. What the state's system has read it has.
func (b *Bus) PurgeFor(ctx context.Context, state, incident string) error {
	var token strings.Builder
	writeToken(&token, incident)
	switch {
	case !plainState(state):
		return errState()
	case incident == "" || token.String() != incident:
		return fault.New(fault.Invalid, "bad_subject", "The incident is not one token of a subject.")
	}
	done, err := b.begin()
	if err != nil {
		return err
	}
	defer done()
	return b.desk.purge(ctx, copiesBranch+"."+state+".*.*."+incident+".>")
}

// purge removes the copies the pattern covers, whether this process publishes any or not.
func (d *copyDesk) purge(ctx context.Context, pattern string) error {
	land, err := d.hold(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer land()
	d.mu.Lock()
	d.waiting = slices.DeleteFunc(d.waiting, func(m Message) bool { return matches(pattern, m.Subject) })
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	stream, err := d.bus.js.Stream(ctx, copiesName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(pattern))
	}
	return unavailable(err)
}

// partnerConsumer is the one consumer of a state. Only the bus makes it: whoever may make consumers may let the server send what they
// deliver to any subject.
func partnerConsumer(state string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       state,
		Description:   "Landfall: copies for " + state,
		FilterSubject: copiesBranch + "." + state + ".>",
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       partnerAckWait,
		MaxDeliver:    -1,
		MaxAckPending: partnerUnacked,
		ReplayPolicy:  jetstream.ReplayInstantPolicy,
	}
}

const (
	partnerAckWait = 30 * time.Second
	partnerUnacked = 1000
)
