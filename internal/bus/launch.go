package bus

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"landfall/internal/fault"
)

const (
	// unfinishedStarts in a row, of which none came to a working stream, condemn a folder: a server that crashes on damaged
	// files takes the process with it, and nobody else would get it out of that loop.
	unfinishedStarts = 2

	healthInterval = time.Second
	// A server is started again after complaintsMost looks in a row that found it unwell: it
	// complains, or does not answer within answerBound. Among its complaints are some that pass by
	// themselves, such as a stream that is being deleted.
	complaintsMost = 3
	answerBound    = 2 * time.Second
	pollInterval   = 5 * time.Millisecond
)

// launch brings up the embedded server with a working stream. A folder it cannot work on is moved aside, once.
func (b *Bus) launch(ctx context.Context) (Continuity, error) {
	continuity, err := b.launchOnce(ctx)
	if !errors.Is(err, errDamaged) {
		return continuity, err
	}
	aside, moveErr := b.server.folder.moveAside()
	if aside == "" {
		return 0, folderFault(errors.Join(err, moveErr))
	}
	b.log.ErrorContext(ctx, "the bus folder was unusable and has been moved aside; starting with an empty one",
		"folder", b.server.folder.path, "moved_to", aside, "cause", err, "cleanup", moveErr)
	if continuity, err = b.launchOnce(ctx); errors.Is(err, errDamaged) {
		err = folderFault(err)
	}
	return continuity, err
}

// launchOnce is launch on the folder as it is. The error is errDamaged when another folder would help. When there is an
// error, no server runs, unless it is stuck.
func (b *Bus) launchOnce(ctx context.Context) (Continuity, error) {
	f := b.server.folder
	last, used, err := f.claim()
	if err != nil {
		return 0, folderFault(err)
	}
	continuity, err := b.bringUp(ctx, last, used)
	switch {
	case err == nil:
		err = f.write(mark{})
		if err != nil {
			err = errors.Join(folderFault(err), b.server.stopSoon(ctx))
		}
	case errors.Is(err, errStuck):
		err = fault.Wrap(errors.Join(err, f.write(mark{Starting: unfinishedStarts})), fault.Unavailable, "bus_stuck",
			"The bus did not start within %v. Start again: its folder will then be set aside.", startTimeout)
	case errors.Is(err, errDamaged), errors.Is(err, context.DeadlineExceeded): // counts as a start that did not finish
	default: // nothing the folder is to blame for
		err = errors.Join(err, f.write(last))
	}
	return continuity, err
}

// bringUp starts the server on the claimed folder, reaches it and settles its stream; failing, it stops the server.
func (b *Bus) bringUp(ctx context.Context, last mark, used bool) (Continuity, error) {
	first := b.conn == nil
	if last.Starting >= unfinishedStarts {
		return 0, fmt.Errorf("%w: the last %d starts did not finish", errDamaged, last.Starting)
	}
	if err := b.server.folder.prepare(last); err != nil {
		return 0, folderFault(err)
	}
	if err := b.server.start(ctx); err != nil {
		return 0, err
	}
	err := b.reach(ctx)
	var continuity Continuity
	if err == nil {
		continuity, err = b.settle(ctx, last)
	}
	for _, stream := range []string{streamName, copiesName} {
		if err != nil {
			break
		}
		var loaded []string
		loaded, err = b.settleConsumers(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) && stream == copiesName {
			err = nil // nobody asked for copies
		}
		if err == nil && first { // later, consumers may be on their way that were not there to be loaded
			err = b.server.folder.dropConsumers(stream, loaded)
		}
	}
	if err == nil {
		return continuity, nil
	}
	if used && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) { // slow is not damaged
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return 0, errors.Join(err, b.server.stopSoon(ctx))
}

// reach connects, or waits until the connection has found the server that runs now.
func (b *Bus) reach(ctx context.Context) error {
	if b.conn == nil {
		return b.connect(ctx, "", b.server.options())
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for id := b.server.running().ID(); !b.conn.IsConnected() || b.conn.ConnectedServerId() != id; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// settle makes sure of the stream and decides its continuity from the mark of the last process.
func (b *Bus) settle(ctx context.Context, last mark) (Continuity, error) {
	st, err := b.ensure(ctx)
	switch {
	case err != nil:
		return 0, err
	case st.created:
		return Fresh, nil
	case last.Stopped && last.Incarnation == st.incarnation && last.LastSeq == st.info.State.LastSeq:
		return Kept, nil
	}
	// The tail may be missing, and then its sequences are given a second time: to others they must look new.
	_, err = b.reconfigure(ctx, st.info, newIncarnation())
	return Doubtful, err
}

// settleConsumers deletes the consumers of a stream that are ahead of it, as they are when it lost its tail and they did not: they
// would pass over as many new messages as were lost. Consume makes them again. It gives the names of all that were there.
func (b *Bus) settleConsumers(ctx context.Context, stream string) (loaded []string, err error) {
	loaded, ahead, err := b.leadingConsumers(ctx, stream)
	if err != nil {
		return nil, err
	}
	for _, c := range ahead {
		b.log.WarnContext(ctx, "bus consumer is ahead of the stream and starts over", "consumer", c.Name, "delivered", c.Delivered.Stream)
		if gone := b.js.DeleteConsumer(ctx, stream, c.Name); !errors.Is(gone, jetstream.ErrConsumerNotFound) {
			err = errors.Join(err, gone)
		}
	}
	return loaded, err
}

// leadingConsumers gives the names of a stream's consumers, and those that have received what the stream does not have.
func (b *Bus) leadingConsumers(ctx context.Context, name string) (all []string, ahead []*jetstream.ConsumerInfo, err error) {
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	var consumers []*jetstream.ConsumerInfo
	list := stream.ListConsumers(ctx)
	for c := range list.Info() {
		all = append(all, c.Name)
		consumers = append(consumers, c)
	}
	if err := list.Err(); err != nil {
		return nil, nil, err
	}
	info, err := stream.Info(ctx) // after the consumers, which move on meanwhile
	if err != nil {
		return nil, nil, err
	}
	for _, c := range consumers {
		if max(c.Delivered.Stream, c.AckFloor.Stream) > info.State.LastSeq {
			ahead = append(ahead, c)
		}
	}
	return all, ahead, nil
}

func folderFault(cause error) error {
	if errors.Is(cause, syscall.ENOSPC) {
		return fault.Wrap(cause, fault.Full, "disk_full", "The disk that holds the bus folder is full.")
	}
	return fault.Wrap(cause, fault.Unavailable, "bus_folder", "The bus cannot use its folder.")
}

// unwell gives nil, or why the embedded server should be started again if this goes on.
func (b *Bus) unwell() error {
	if err := b.server.health(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(b.life, answerBound)
	defer cancel()
	_, err := b.js.AccountInfo(ctx)
	return err
}

// watchServer starts the embedded server again when it has stopped taking messages, until life ends. On a full disk that
// fails until there is room.
func (b *Bus) watchServer() {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	reported, complaints := false, 0
	for {
		select {
		case <-b.life.Done():
			return
		case <-tick.C:
		}
		sick := b.unwell()
		if sick == nil {
			reported, complaints = false, 0
			continue
		}
		if complaints++; complaints < complaintsMost {
			continue
		}
		err := b.server.stopSoon(b.life)
		if err == nil {
			_, err = b.launch(b.life)
		}
		switch {
		case b.life.Err() != nil:
			return
		case err == nil:
			complaints = 0
			b.log.Warn("the bus server took no messages and was started again", "cause", sick)
		case !reported:
			b.log.Error("the bus server takes no messages and cannot be started; trying again every second", "cause", sick, "error", err)
			reported = true
		}
	}
}
