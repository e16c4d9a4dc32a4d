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

// The stream and its limits (design of the hand-off: 30 days, 1 GiB, old discarded).
const (
	streamName      = "LANDFALL"
	streamAge       = 30 * 24 * time.Hour
	streamBytes     = 1 << 30
	duplicateWindow = 2 * time.Minute
	lookTimeout     = time.Second

	incarnationKey = "landfall-incarnation" // in the stream's metadata
)

// Continuity says how far the stream found at Open can be believed.
type Continuity uint8

// The closed list of continuities.
const (
	Fresh    Continuity = iota // the stream was made now; all it held before, if anything, is gone
	Doubtful                   // not stopped in order: messages of the last minutes may be missing
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
	b.ensuring.Lock()
	defer b.ensuring.Unlock()
	found, err := b.look(ctx)
	if err == nil {
		return b.adopt(ctx, found.CachedInfo())
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return streamState{}, err
	}
	made, err := b.js.CreateStream(ctx, b.streamConfig(newIncarnation()))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was first
		if found, err = b.look(ctx); err == nil {
			return b.adopt(ctx, found.CachedInfo())
		}
	}
	if err != nil {
		return streamState{}, err
	}
	st := b.seen(made.CachedInfo())
	st.created = true
	b.log.InfoContext(ctx, "bus stream created", "stream", streamName, "incarnation", st.incarnation)
	return st, nil
}

// look asks for the stream. The server answers from memory; no answer within a second is one lost with its connection, and others
// wait for this one.
func (b *Bus) look(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return b.js.Stream(ctx, streamName)
}

// adopt brings an existing stream to our configuration and keeps its incarnation, if it has one.
func (b *Bus) adopt(ctx context.Context, info *jetstream.StreamInfo) (streamState, error) {
	incarnation := info.Config.Metadata[incarnationKey]
	want := b.streamConfig(incarnation)
	if incarnation != "" && sameStream(info.Config, want) {
		return b.seen(info), nil
	}
	if incarnation == "" {
		incarnation = newIncarnation()
	}
	return b.reconfigure(ctx, info, incarnation)
}

// reconfigure gives an existing stream our configuration and the incarnation.
func (b *Bus) reconfigure(ctx context.Context, info *jetstream.StreamInfo, incarnation string) (streamState, error) {
	want := b.streamConfig(incarnation)
	metadata := maps.Clone(info.Config.Metadata) // the server keeps notes of its own there
	if metadata == nil {
		metadata = map[string]string{}
	}
	maps.Copy(metadata, want.Metadata)
	want.Metadata = metadata
	updated, err := b.js.UpdateStream(ctx, want)
	if err != nil {
		return streamState{}, err
	}
	return b.seen(updated.CachedInfo()), nil
}

// seen remembers the incarnation and, when it is another one than before, lets every consumer look again.
func (b *Bus) seen(info *jetstream.StreamInfo) streamState {
	st := streamState{incarnation: info.Config.Metadata[incarnationKey], info: info}
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

func sameStream(have, want jetstream.StreamConfig) bool {
	return slices.Equal(have.Subjects, want.Subjects) && have.Retention == want.Retention && have.Discard == want.Discard &&
		have.Storage == want.Storage && have.MaxAge == want.MaxAge && have.MaxBytes == want.MaxBytes &&
		have.Duplicates == want.Duplicates && have.Replicas == want.Replicas && have.Description == want.Description
}

// newIncarnation gives 26 random characters without '-'.
func newIncarnation() string { return strings.ToLower(rand.Text()) }
