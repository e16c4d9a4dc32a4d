package bus

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"landfall/internal/fault"
)

const (
	// unfinishedStarts in a row, of which none came to a working stream, condemn a folder: a server that crashes on damaged
	// files takes the process with it, and nobody else would get it out of that loop.
	unfinishedStarts = 2

	healthInterval = time.Second
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
// error, no server runs, and the mark in the folder counts one more start that did not finish.
func (b *Bus) launchOnce(ctx context.Context) (Continuity, error) {
	f := b.server.folder
	last, used, err := f.claim()
	if err != nil {
		return 0, folderFault(err)
	}
	if last.Starting >= unfinishedStarts {
		return 0, fmt.Errorf("%w: the last %d starts did not finish", errDamaged, last.Starting)
	}
	if !last.Stopped {
		if err := f.distrust(); err != nil {
			return 0, folderFault(err)
		}
	}
	err = b.server.start(ctx)
	if errors.Is(err, errStuck) {
		return 0, fault.Wrap(errors.Join(err, f.write(mark{Starting: unfinishedStarts})), fault.Unavailable, "bus_stuck",
			"The bus did not start within %v. Start again: its folder will then be set aside.", startTimeout)
	}
	if err != nil {
		return 0, err
	}
	continuity, err := b.bringUp(ctx, last)
	if err != nil {
		if used && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) { // slow is not damaged
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		return 0, errors.Join(err, b.server.stopSoon(ctx))
	}
	if err := f.write(mark{}); err != nil {
		return 0, errors.Join(folderFault(err), b.server.stopSoon(ctx))
	}
	return continuity, nil
}

// bringUp reaches the server that was started and settles its stream.
func (b *Bus) bringUp(ctx context.Context, last mark) (Continuity, error) {
	if err := b.reach(ctx); err != nil {
		return 0, err
	}
	return b.settle(ctx, last)
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

// settle makes sure of the stream and of its consumers, and decides the continuity from the mark of the last process.
func (b *Bus) settle(ctx context.Context, last mark) (Continuity, error) {
	st, err := b.ensure(ctx)
	if err != nil {
		return 0, err
	}
	continuity := Kept
	switch {
	case st.created:
		continuity = Fresh
	case !last.Stopped || last.Incarnation != st.incarnation || last.LastSeq != st.info.State.LastSeq:
		// The tail may be missing, and then its sequences are given a second time: to others they must look new.
		continuity = Doubtful
		if st, err = b.reconfigure(ctx, st.info, newIncarnation()); err != nil {
			return 0, err
		}
	}
	return continuity, b.settleConsumers(ctx, st.info.State.LastSeq)
}

// settleConsumers deletes consumers that are ahead of the stream, as they are when it lost its tail and they did not: they would
// pass over as many new messages as were lost. Consume makes them again.
func (b *Bus) settleConsumers(ctx context.Context, lastSeq uint64) error {
	stream, err := b.js.Stream(ctx, streamName)
	if err != nil {
		return err
	}
	loaded := map[string]bool{}
	list := stream.ListConsumers(ctx)
	for c := range list.Info() {
		loaded[c.Name] = true
		if c.Delivered.Stream <= lastSeq && c.AckFloor.Stream <= lastSeq {
			continue
		}
		b.log.WarnContext(ctx, "bus consumer is ahead of the stream and starts over", "consumer", c.Name,
			"delivered", c.Delivered.Stream, "last_seq", lastSeq)
		err = errors.Join(err, stream.DeleteConsumer(ctx, c.Name))
	}
	if err = errors.Join(err, list.Err()); err != nil {
		return err
	}
	return b.server.folder.dropConsumers(loaded)
}

func folderFault(cause error) error {
	if errors.Is(cause, syscall.ENOSPC) {
		return fault.Wrap(cause, fault.Full, "disk_full", "The disk that holds the bus folder is full.")
	}
	return fault.Wrap(cause, fault.Unavailable, "bus_folder", "The bus cannot use its folder.")
}

// watchServer starts the embedded server again when it has stopped taking messages, until life ends. On a full disk that
// fails until there is room.
func (b *Bus) watchServer() {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	reported := false
	for {
		select {
		case <-b.life.Done():
			return
		case <-tick.C:
		}
		sick := b.server.health()
		if sick == nil {
			reported = false
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
			b.log.Warn("the bus server took no messages and was started again", "cause", sick)
		case !reported:
			b.log.Error("the bus server takes no messages and cannot be started; trying again every second", "cause", sick, "error", err)
			reported = true
		}
	}
}
