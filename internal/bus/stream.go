package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams and their limits (design of the hand-off: 30 days, 1 GiB, old discarded).
const (
	streamName      = "LANDFALL"
	copiesName      = "LANDFALL_FOR"
	streamAge       = 30 * 24 * time.Hour
	streamBytes     = 1 << 30
	duplicateWindow = 2 * time.Minute
	lookTimeout     = time.Second
	changeTimeout   = 2 * time.Second // a server that gets two different requests to make one stream answers one of them only

	incarnationKey = "landfall-incarnation" // in the stream's metadata
)

// Continuity says how far the stream found at Open can be believed.
type Continuity uint8

// The closed list of continuities.
const (
	Fresh    Continuity = iota // the stream was made now; all it held before, if anything, is gone
	Doubtful                   // messages of the last minutes may be missing
	Kept                       // every acknowledged message is there, unless it aged out
)

// String gives the lower snake_case name.
func (c Continuity) String() string { return [...]string{"fresh", "doubtful", "kept"}[c] }

// streamState is what one look at the stream tells.
type streamState struct {
	incarnation string
	created     bool // by this call
	info        *jetstream.StreamInfo
}

// ensure makes sure that the stream exists as configured, and tells its state. Callers queue: after a deletion one of them
// makes the stream, the others find it.
func (b *Bus) ensure(ctx context.Context) (streamState, error) {
	select {
	case b.ensuring <- struct{}{}:
		defer func() { <-b.ensuring }()
	case <-ctx.Done():
		return streamState{}, ctx.Err()
	}
	found, err := b.look(ctx)
	if err == nil {
		return b.adopt(ctx, found.CachedInfo())
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return streamState{}, err
	}
	made, err := b.create(ctx, b.streamConfig(newIncarnation()))
	if err != nil {
		if found, lookErr := b.look(ctx); lookErr == nil { // another process was first
			return b.adopt(ctx, found.CachedInfo())
		}
		return streamState{}, b.explain(err)
	}
	st := b.seen(made.CachedInfo())
	st.created = true
	b.log.InfoContext(ctx, "bus stream created", "stream", streamName, "incarnation", st.incarnation, "replicas", b.replicas)
	return st, nil
}

// look asks for the stream. The server answers from memory; no answer within a second is one lost with its connection or its
// leader, and others wait for this one.
func (b *Bus) look(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return b.js.Stream(ctx, streamName)
}

func (b *Bus) create(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return b.js.CreateStream(ctx, c)
}

func (b *Bus) update(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return b.js.UpdateStream(ctx, c)
}

// adopt brings an existing stream to our configuration and keeps its incarnation, if it has one and has not gone back.
func (b *Bus) adopt(ctx context.Context, info *jetstream.StreamInfo) (streamState, error) {
	incarnation := info.Config.Metadata[incarnationKey]
	if b.external() && b.tide.below(incarnation, info.State.LastSeq) {
		st, gone, err := b.confirm(ctx, incarnation)
		if err != nil {
			return streamState{}, err
		}
		if gone {
			return b.startOver(ctx, st)
		}
		info, incarnation = st.info, st.incarnation
	}
	if incarnation == "" {
		return b.reconfigure(ctx, info, newIncarnation())
	}
	want, err := fit(info.Config, b.streamConfig(incarnation))
	if err != nil {
		return streamState{}, err
	}
	if want == nil || b.postponed(*want) {
		return b.seen(info), nil
	}
	return b.reconfigure(ctx, info, incarnation)
}

// reconfigure gives an existing stream our configuration and the incarnation. A cluster that has no room for more copies while a
// server is away keeps the stream with those it has: it works, and more are asked for later.
func (b *Bus) reconfigure(ctx context.Context, info *jetstream.StreamInfo, incarnation string) (streamState, error) {
	ours := b.streamConfig(incarnation)
	want, err := fit(info.Config, ours)
	if err != nil {
		return streamState{}, err
	}
	if want == nil {
		return b.seen(info), nil
	}
	updated, err := b.update(ctx, *want)
	if noRoom(err) && want.Replicas > info.Config.Replicas {
		b.log.WarnContext(ctx, "the bus cluster has no room for more copies of the stream now; it is used as it is", "stream", streamName,
			"replicas", info.Config.Replicas, "wanted", want.Replicas, "error", err)
		b.postpone(*want)
		ours.Replicas = info.Config.Replicas
		if want, err = fit(info.Config, ours); want == nil {
			return b.seen(info), err
		}
		updated, err = b.update(ctx, *want)
	}
	if err != nil {
		return streamState{}, b.explain(err)
	}
	return b.seen(updated.CachedInfo()), nil
}

// seen remembers the incarnation and, when it is another one than before, lets every consumer look again.
func (b *Bus) seen(info *jetstream.StreamInfo) streamState {
	st := streamState{incarnation: info.Config.Metadata[incarnationKey], info: info}
	b.tide.see(st.incarnation, info.State.LastSeq)
	if old := b.incarnation.Swap(&st.incarnation); old == nil || *old != st.incarnation {
		close(*b.changed.Swap(newSignal()))
	}
	return st
}

func newSignal() *chan struct{} {
	ch := make(chan struct{})
	return &ch
}

func (b *Bus) streamConfig(incarnation string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Description: "Landfall: accepted changes on their way; the store is the truth",
		Subjects:    []string{actualBranch + ".>", exerciseBranch + ".>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		MaxAge:      streamAge,
		MaxBytes:    streamBytes,
		Duplicates:  duplicateWindow,
		Replicas:    b.replicas,
		Metadata:    map[string]string{incarnationKey: incarnation},
	}
}

func (b *Bus) copiesConfig() jetstream.StreamConfig {
	c := b.streamConfig("")
	c.Name, c.Subjects, c.Metadata = copiesName, []string{copiesBranch + ".>"}, nil
	c.Description = "Landfall: copies of accepted changes for the states that may see them"
	return c
}

// fit gives the configuration an existing stream must be given to keep our promises, nil when it keeps them, or a fault
// (State, "bus_stream") when it cannot. What the promises do not depend on, such as placement or compression, is the
// operator's. Copies are never taken away: two processes that disagree must not move the stream to and fro.
func fit(have, ours jetstream.StreamConfig) (*jetstream.StreamConfig, error) {
	if err := unfit(have, ours); err != nil {
		return nil, err
	}
	want := have
	want.Description, want.Subjects = ours.Description, ours.Subjects
	want.Retention, want.Discard, want.DiscardNewPerSubject = ours.Retention, ours.Discard, false
	want.MaxAge, want.MaxBytes, want.Duplicates = ours.MaxAge, ours.MaxBytes, ours.Duplicates
	want.Replicas = max(have.Replicas, ours.Replicas)
	want.MaxMsgs, want.MaxMsgsPerSubject, want.MaxMsgSize = -1, -1, -1
	want.NoAck, want.Sources, want.SubjectTransform, want.RePublish = false, nil, nil, nil
	want.ConsumerLimits = jetstream.StreamConsumerLimits{}
	want.Metadata = maps.Clone(have.Metadata) // the server keeps notes of its own there
	if want.Metadata == nil {
		want.Metadata = map[string]string{}
	}
	maps.Copy(want.Metadata, ours.Metadata)
	same := want.Description == have.Description && slices.Equal(want.Subjects, have.Subjects) &&
		want.Retention == have.Retention && want.Discard == have.Discard && !have.DiscardNewPerSubject &&
		want.MaxAge == have.MaxAge && want.MaxBytes == have.MaxBytes && want.Duplicates == have.Duplicates &&
		want.Replicas == have.Replicas && have.MaxMsgs <= 0 && have.MaxMsgsPerSubject <= 0 && have.MaxMsgSize <= 0 &&
		!have.NoAck && have.Sources == nil && have.SubjectTransform == nil && have.RePublish == nil &&
		have.ConsumerLimits == jetstream.StreamConsumerLimits{} && maps.Equal(want.Metadata, have.Metadata)
	if same {
		return nil, nil
	}
	return &want, nil
}

// newIncarnation gives 26 random characters without '-'.
func newIncarnation() string { return strings.ToLower(rand.Text()) }
