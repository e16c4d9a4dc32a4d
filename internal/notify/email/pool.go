package email

import (
	"context"
	"errors"
	"sync"
	"time"

	"landfall/internal/guard"
)

// pool holds the connections to the server: so many at once, kept for reuse between messages and closed when there are none for a while. It
// has no goroutine of its own; a timer runs while connections are idle.
type pool struct {
	server server
	guard  *guard.Guard
	slots  chan struct{}
	every  time.Duration // between rounds: what is idle stays for one at least and two at most

	mu     sync.Mutex
	idle   []*session // the one used last at the end
	timer  *time.Timer
	closed bool
	work   sync.WaitGroup // rounds of the timer
}

func newPool(s server, g *guard.Guard) *pool {
	return &pool{server: s, guard: g, slots: make(chan struct{}, s.connections), every: idleTime / 2}
}

// deliver hands a message over. A kept connection that the server has closed meanwhile is replaced once.
func (p *pool) deliver(ctx context.Context, e envelope) (reply string, err error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return "", fail(atSlot, ctx.Err())
	}
	if ctx.Err() != nil {
		return "", fail(atSlot, ctx.Err())
	}
	c := p.take()
	for {
		if c == nil {
			if c, err = connect(ctx, p.server); err != nil {
				return "", err
			}
		}
		kept := c.used
		var usable bool
		reply, usable, err = c.deliver(ctx, e)
		if usable {
			p.keep(c)
			return reply, err
		}
		_ = c.conn.Close() // it has failed already
		if !kept || !gone(err) || ctx.Err() != nil {
			return reply, err
		}
		c = nil
	}
}

// gone reports whether a kept connection failed before it carried anything of the message.
func gone(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.stage == atSender && !refused(err)
}

// take gives a kept session, or nil.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c
}

func (p *pool) keep(c *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.conn.Close() // nobody will send any more
		return
	}
	c.idle = false
	p.idle = append(p.idle, c)
	if p.timer == nil {
		p.work.Add(1)
		p.timer = time.AfterFunc(p.every, p.round)
	}
}

// round ends the sessions that were idle at the last round already, and stands again while there are others.
func (p *pool) round() {
	defer p.work.Done()
	p.mu.Lock()
	var kept, old []*session
	for _, c := range p.idle {
		if c.idle {
			old = append(old, c)
			continue
		}
		c.idle = true
		kept = append(kept, c)
	}
	p.idle, p.timer = kept, nil
	if len(kept) > 0 && !p.closed {
		p.work.Add(1)
		p.timer = time.AfterFunc(p.every, p.round)
	}
	p.mu.Unlock()
	for _, c := range old {
		p.guard.Run("leaving a mail server", c.quit)
	}
}

// close ends what is idle, and waits for the rounds under way.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	if p.timer != nil && p.timer.Stop() {
		p.work.Done()
		p.timer = nil
	}
	p.mu.Unlock()
	var leave sync.WaitGroup
	for _, c := range idle {
		leave.Go(func() { p.guard.Run("leaving a mail server", c.quit) })
	}
	leave.Wait()
	p.work.Wait()
}
