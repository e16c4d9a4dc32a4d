package sqlite

import (
	"context"
	"database/sql/driver"
)

// keeper copies the log back into the file, on a connection of its own beside the writer.
type keeper struct {
	s    *Store
	c    *conn
	kick chan struct{}
	stop chan struct{}
	done chan struct{}
}

func newKeeper(s *Store, c *conn) *keeper {
	return &keeper{s: s, c: c, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}

func (k *keeper) ask() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	for {
		select {
		case <-k.stop:
			return
		case <-k.kick:
		}
		// While the writer goes on, the copy never quite catches up, and the log starts over only when it does. Long logs
		// are therefore finished by the writer, who then has only the last stretch to copy.
		if length := k.s.checkpoint(k.c); length > 4*k.s.o.CheckpointPages {
			k.s.queue.askTidy()
		}
	}
}

// checkpoint copies what it can without waiting for anybody and gives the length of the log in pages.
func (s *Store) checkpoint(c *conn) (length int) {
	if s.failure() != nil {
		return 0 // after a failed sync nothing may be copied over good pages
	}
	err := c.query(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)", nil, func(v []driver.Value) error {
		if n, ok := v[1].(int64); ok {
			length = int(n)
		}
		return nil
	})
	switch {
	case syncFailed(err):
		s.fail(err)
	case err != nil:
		s.o.Logger.Warn("checkpoint put off", "error", err)
	}
	return length
}
