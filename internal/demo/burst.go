package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// burst is many clients that write at the same time, each its own share of the changes, one after the other.
type burst struct {
	clients int
	changes int
	// send has one change accepted, however often it must be asked for, and gives the id of what was made.
	send func(ctx context.Context, change int) (id string, tries int, err error)
	// accepted is told after each, by the client that heard it: how many there are by now.
	accepted func(total int)
}

// harvest is what the clients of a burst heard.
type harvest struct {
	ids   []string // of every change that was answered with success
	again int      // requests that were sent again, under the same key
	errs  []error  // changes that were given up or refused
}

// run sends every change and waits for all clients.
func (b burst) run(ctx context.Context) harvest {
	var (
		mu  sync.Mutex
		got harvest
		wg  sync.WaitGroup
	)
	for c := range b.clients {
		wg.Go(func() {
			for change := c; change < b.changes; change += b.clients {
				id, tries, err := b.send(ctx, change)
				mu.Lock()
				got.again += max(0, tries-1)
				if err != nil {
					got.errs = append(got.errs, err)
				} else {
					got.ids = append(got.ids, id)
				}
				total := len(got.ids)
				mu.Unlock()
				if err == nil {
					b.accepted(total)
				}
			}
		})
	}
	wg.Wait()
	return got
}

// delivered is what a receiver got of a burst.
type delivered struct {
	events  map[string]map[string]bool // id of the change -> ids of the events that told of it
	repeats int                        // deliveries that came again under an id that was known
}

// distinct gives how many different events came.
func (d delivered) distinct() int {
	ids := map[string]bool{}
	for _, events := range d.events {
		maps.Copy(ids, events)
	}
	return len(ids)
}

// collect finds among the arrivals at Antigua what tells of figures in these incidents.
func collect(log []arrival, incidents map[string]bool) delivered {
	d := delivered{events: map[string]map[string]bool{}}
	for _, a := range log {
		f := a.event.Data.Figure
		if a.signed != nil || a.box != antigua || f == nil || !incidents[a.event.Data.Incident.ID] {
			continue
		}
		if a.again {
			d.repeats++
		}
		if d.events[f.ID] == nil {
			d.events[f.ID] = map[string]bool{}
		}
		d.events[f.ID][a.event.ID] = true
	}
	return d
}

// counts is the proof: numbers that must agree.
type counts struct {
	asked     int // changes that the clients wanted
	accepted  int // answered with success
	kept      int // read back from the server after it was killed
	delivered int // different events that reached the receiver, signed
	lost      int // accepted, and not kept or not delivered
	doubled   int // events beyond one for the same change
	again     int // requests that were sent again under the same key
	repeats   int // deliveries that came again under the same id
}

// compare counts what was accepted, what is kept and what came.
func compare(asked int, heard harvest, kept []string, came delivered) counts {
	c := counts{
		asked: asked, accepted: len(heard.ids), kept: len(kept), delivered: came.distinct(),
		again: heard.again, repeats: came.repeats,
	}
	there := make(map[string]bool, len(kept))
	for _, id := range kept {
		there[id] = true
	}
	for _, id := range heard.ids {
		if !there[id] || len(came.events[id]) == 0 {
			c.lost++
		}
	}
	for _, events := range came.events {
		c.doubled += len(events) - 1
	}
	return c
}

// String is the line that a script may look for.
func (c counts) String() string {
	return fmt.Sprintf("accepted %d  kept %d  delivered %d  lost %d  doubled ids %d", c.accepted, c.kept, c.delivered, c.lost, c.doubled)
}

var errCounts = errors.New("the counts do not agree")

// err says whether the counts agree, and where they do not.
func (c counts) err(heard harvest) error {
	var wrong []string
	if c.accepted != c.asked {
		wrong = append(wrong, fmt.Sprintf("%d of %d changes were never accepted", c.asked-c.accepted, c.asked))
	}
	if c.kept != c.accepted {
		wrong = append(wrong, fmt.Sprintf("%d accepted and %d kept", c.accepted, c.kept))
	}
	if c.delivered != c.accepted {
		wrong = append(wrong, fmt.Sprintf("%d accepted and %d delivered", c.accepted, c.delivered))
	}
	if c.lost > 0 {
		wrong = append(wrong, fmt.Sprintf("%d lost", c.lost))
	}
	if c.doubled > 0 {
		wrong = append(wrong, fmt.Sprintf("%d told of under a second id", c.doubled))
	}
	if len(wrong) == 0 {
		return nil
	}
	err := fmt.Errorf("%w: %s", errCounts, strings.Join(wrong, "; "))
	if len(heard.errs) > 0 {
		err = fmt.Errorf("%w; first refusal: %w", err, heard.errs[0])
	}
	return err
}

// missing gives the accepted changes that have not come yet.
func (d delivered) missing(heard harvest) []string {
	return slices.DeleteFunc(slices.Clone(heard.ids), func(id string) bool { return len(d.events[id]) > 0 })
}
