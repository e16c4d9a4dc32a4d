package bus

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

// postponeFor is how long a change the cluster had no room for is left alone.
const postponeFor = 30 * time.Second

// unfit refuses a stream that cannot be made to keep our promises. Nobody loses anything by deleting it, but that is for a person
// to decide: it may be somebody else's.
func unfit(have, ours jetstream.StreamConfig) error {
	var why []string
	for _, bad := range []struct {
		is  bool
		why string
	}{
		{have.Storage != ours.Storage, "it is kept in memory"},
		{have.Retention == jetstream.WorkQueuePolicy, "it is a work queue"},
		{have.Mirror != nil, "it mirrors another stream"},
		{have.Sealed, "it is sealed"},
		{have.DenyPurge, "it cannot be purged"},
		{have.AllowMsgCounter, "it counts instead of keeping"},
	} {
		if bad.is {
			why = append(why, bad.why)
		}
	}
	if len(why) == 0 {
		return nil
	}
	return fault.New(fault.State, "bus_stream",
		"The stream %s on the bus server cannot be used: %s. Delete it, and it is made again; nothing is lost by that.", have.Name, strings.Join(why, ", "))
}

// says reports that the JetStream API refused with one of the codes.
func says(err error, codes ...server.ErrorIdentifier) bool {
	var api jetstream.JetStreamError
	return errors.As(err, &api) && api.APIError() != nil && slices.Contains(codes, server.ErrorIdentifier(api.APIError().ErrorCode))
}

// noRoom reports that the cluster has too few servers, or too little storage, now.
func noRoom(err error) bool {
	return says(err, server.JSClusterNoPeersErrF, server.JSInsufficientResourcesErr, server.JSStorageResourcesExceededErr)
}

// explain makes a fault of a refusal whose reason a person can remove; other errors stay themselves.
func (b *Bus) explain(err error) error {
	switch {
	case says(err, server.JSStreamSubjectOverlapErr):
		return fault.Wrap(err, fault.State, "bus_subjects", "Another stream on the bus server takes subjects below \"landfall.\". Delete it.")
	case says(err, server.JSStreamReplicasNotSupportedErr):
		return fault.Wrap(err, fault.State, "bus_replicas", "The bus server is not a cluster and cannot keep %d copies of a stream.", b.replicas)
	case says(err, server.JSNotEnabledErr, server.JSNotEnabledForAccountErr):
		return fault.Wrap(err, fault.Unavailable, "bus_no_jetstream", "The bus server has no JetStream for this account.")
	case noRoom(err):
		return fault.Wrap(err, fault.Unavailable, "bus_no_room",
			"The bus cluster has no room for %d copies of the stream: it has too few servers, or their storage is full.", b.replicas)
	}
	return err
}

// hopeless reports that trying again will not help: somebody has to change something first.
func hopeless(err error) bool {
	return fault.Is(err, fault.State) || fault.Is(err, fault.Invalid)
}

// postponed reports that this change was tried a moment ago and there was no room for it.
func (b *Bus) postponed(want jetstream.StreamConfig) bool {
	p := b.later.Load()
	return p != nil && b.now().Sub(p.since).Abs() < postponeFor && reflect.DeepEqual(p.want, want)
}

func (b *Bus) postpone(want jetstream.StreamConfig) {
	b.later.Store(&postponement{want: want, since: b.now()})
}

// postponement is a change of the stream that the cluster had no room for.
type postponement struct {
	want  jetstream.StreamConfig
	since time.Time
}
