package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The size of the proof.
const (
	clientsAtOnce  = 8
	changesInAll   = 512
	killAfter      = changesInAll * 2 / 5 // accepted changes
	leadOfTheBurst = 1500 * time.Millisecond
	longestOutage  = 6 * time.Second  // the server is not kept down longer than this for a deadline to pass
	settleWithin   = 12 * time.Second // for deliveries and lists to catch up
)

// fallsDue is the step that nobody reports on, so that it falls due while the server is gone.
const fallsDue = "VOL-09"

// prove has eight clients write, kills the server in the middle, starts it on the same folder, and counts. A deadline passes
// meanwhile, and is announced once.
func (p *play) prove(ctx context.Context) error {
	p.follow(p.eruption)
	var order step
	if err := p.at(stVincent).get(ctx, p.eruption.path("steps", fallsDue), &order); err != nil {
		return err
	}
	due := p.eruption.Clock.wall(order.DueAt)
	p.tell.say("Eight clients of four offices report %d figures to four more exercises, as fast as the server takes them. In the middle it is killed, as by a "+
		"power cut. The clients repeat what had no answer, under the same Idempotency-Key. Just then Saint Vincent's step %s falls due: the order to leave is out, "+
		"and nobody has found the time to report it (exercise play).", changesInAll, fallsDue)
	incidents, err := p.openTraffic(ctx)
	if err != nil {
		return err
	}
	if err := p.until(ctx, due.Add(-leadOfTheBurst), "to the burst"); err != nil {
		return err
	}
	heard, err := p.burstAndKill(ctx, incidents, due)
	if err != nil {
		return err
	}
	c, err := p.count(ctx, incidents, heard)
	if err != nil {
		return err
	}
	if err := p.toldOnce(ctx, due, order); err != nil {
		return err
	}
	p.tell.print("")
	p.tell.print("    accepted    %5d   answered with success; %d requests were sent again", c.accepted, c.again)
	p.tell.print("    kept        %5d   read back from the API after the restart", c.kept)
	p.tell.print("    delivered   %5d   different events at Antigua's webhook, all signed; %d came twice, same id", c.delivered, c.repeats)
	p.tell.print("    lost        %5d", c.lost)
	p.tell.print("    doubled ids %5d", c.doubled)
	p.tell.print("")
	if err := p.endTraffic(ctx, incidents); err != nil {
		return err
	}
	if err := p.verify(ctx); err != nil {
		return err
	}
	if err := c.err(heard); err != nil {
		p.tell.bad("%s", c)
		return err
	}
	p.tell.good("%s", c)
	return nil
}

// openTraffic opens the exercises that the burst goes to. Their arrivals are counted, not told.
func (p *play) openTraffic(ctx context.Context) ([]incident, error) {
	var opened []incident
	for _, origin := range []string{"AIA", "KNA", "MSR", "VGB"} {
		i, err := p.openIncident(ctx, p.storm, origin, "Exercise traffic: "+p.name(origin), september(26, 18, 0), antigua)
		if err != nil {
			return nil, err
		}
		opened = append(opened, i)
	}
	return opened, nil
}

// endTraffic closes the exercises of the burst, so that only the stories are left to look at.
func (p *play) endTraffic(ctx context.Context, incidents []incident) error {
	for _, i := range incidents {
		if err := p.close(ctx, i, "The burst is counted."); err != nil {
			return err
		}
	}
	return nil
}

// burstAndKill runs the burst; when two fifths are accepted, it kills the server, waits for the deadline to pass, and starts it again.
func (p *play) burstAndKill(ctx context.Context, incidents []incident, due time.Time) (harvest, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bar := p.tell.gauge("accepted", changesInAll, counted)
	defer p.tell.done()
	enough := make(chan struct{})
	ended := make(chan harvest, 1)
	run := uuid.NewString()
	go func() {
		ended <- burst{
			clients: clientsAtOnce, changes: changesInAll,
			send: func(ctx context.Context, change int) (string, int, error) {
				return p.reportTraffic(ctx, incidents[change%len(incidents)], fmt.Sprintf("%s-%d", run, change), change)
			},
			accepted: func(total int) {
				bar.set(total)
				if total == killAfter {
					close(enough)
				}
			},
		}.run(ctx)
	}()
	var heard harvest
	select {
	case <-enough:
		if err := p.killAndStart(ctx, due); err != nil {
			cancel(err)
			<-ended
			return harvest{}, err
		}
		heard = <-ended
	case heard = <-ended: // refused, or interrupted, before there was enough
	}
	if len(heard.ids) < killAfter {
		return heard, fmt.Errorf("only %d of %d changes were accepted: %w", len(heard.ids), changesInAll, errors.Join(heard.errs...))
	}
	return heard, nil
}

// reportTraffic has one figure of the burst accepted.
func (p *play) reportTraffic(ctx context.Context, i incident, key string, change int) (string, int, error) {
	var made figure
	r, err := p.at(i.Origin).do(ctx, call{method: http.MethodPost, path: i.path("figures"), key: key, body: body{
		"place": body{"party": i.Origin}, "quantifier": "exact", "unit": "person", "number": change, "category": "unverified_stock",
		"term": "multiple_or_other", "setting": "unknown", "role": "triangulation", "as_of": september(26, 17, 0),
		"source": body{"name": exercisePlay, "kind": "other", "reference": fmt.Sprintf("Exercise traffic %d", change)},
	}}, &made)
	return made.ID, r.tries, err
}

// killAndStart kills the server and starts it again, after the deadline has passed when that is near.
func (p *play) killAndStart(ctx context.Context, due time.Time) error {
	before := p.now()
	if err := p.server.kill(); err != nil {
		return err
	}
	p.tell.warn("Demo", "KILLS the server while eight clients are waiting for answers")
	if left := due.Add(200 * time.Millisecond).Sub(p.now()); left > 0 && left < longestOutage {
		if err := pause(ctx, left); err != nil {
			return err
		}
		p.tell.did("Demo", "lets %s fall due while the server is gone", fallsDue)
	}
	p.tell.hold()
	again := p.now()
	if err := p.server.start(ctx); err != nil {
		return err
	}
	p.tell.did("Demo", "starts it on the same folder: ready in %s (down for %s)", briefly(p.now().Sub(again)), briefly(p.now().Sub(before)))
	return nil
}

// count waits until everything accepted has come and is listed, and compares. What is not there by then is counted as it is.
func (p *play) count(ctx context.Context, incidents []incident, heard harvest) (counts, error) {
	ids := map[string]bool{}
	for _, i := range incidents {
		ids[i.ID] = true
	}
	bar := p.tell.gauge("delivered", len(heard.ids), counted)
	defer p.tell.done()
	wait, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for {
		log, more := p.receiver.arrivals()
		came := collect(log, ids)
		missing := len(came.missing(heard))
		bar.set(len(heard.ids) - missing)
		if missing > 0 && wait.Err() == nil {
			select {
			case <-more:
				_ = pause(wait, pollEvery) // many come at once
			case <-wait.Done():
			}
			continue
		}
		kept, err := p.kept(ctx, incidents)
		if err != nil {
			return counts{}, err
		}
		c := compare(changesInAll, heard, kept, came)
		if c.err(heard) == nil || wait.Err() != nil {
			return c, nil
		}
		_ = pause(wait, 8*pollEvery) // lists follow the log a moment later
	}
}

// kept reads back the figures of the incidents.
func (p *play) kept(ctx context.Context, incidents []incident) ([]string, error) {
	var kept []string
	for _, i := range incidents {
		figures, err := all[figure](ctx, p.at(i.Origin).client, i.path("figures?limit=500"))
		if err != nil {
			return nil, fmt.Errorf("reading back %s: %w", i.Code, err)
		}
		for _, f := range figures {
			kept = append(kept, f.ID)
		}
	}
	return kept, nil
}

var errNotOnce = errors.New("a deadline was not announced exactly once")

// toldOnce checks that the deadline that passed meanwhile was announced to its owner, under one id.
func (p *play) toldOnce(ctx context.Context, due time.Time, s step) error {
	told, err := p.expectAlert(ctx, p.eruption, s.Party, "step_overdue", s.Key)
	if err != nil {
		return err
	}
	log, _ := p.receiver.arrivals()
	ids := map[string]bool{}
	for _, a := range log {
		if d := a.event.Data; a.signed == nil && a.box == s.Party && a.event.kind() == "alert.raised" && d.Alert != nil && d.Alert.Party == s.Party &&
			d.Alert.Kind == "step_overdue" && d.Alert.Subject == s.Key && d.Incident.ID == p.eruption.ID {
			ids[a.event.ID] = true
		}
	}
	if len(ids) != 1 {
		return fmt.Errorf("%w: %s came under %d ids", errNotOnce, s.Key, len(ids))
	}
	p.tell.did("Demo", "%s fell due at %s; %s was told once, %s later", s.Key, s.DueAt.In(roseau()).Format("15:04"), p.name(s.Party), briefly(told.at.Sub(due)))
	return nil
}

// verify has the records proved while the server runs.
func (p *play) verify(ctx context.Context) error {
	said, err := p.server.verify(ctx)
	if err != nil {
		p.tell.bad("landfall verify: %s", said)
		return err
	}
	first, more, _ := strings.Cut(said, "\n")
	p.tell.say("landfall verify: %s", first)
	for line := range strings.Lines(more) {
		p.tell.say("%s", strings.TrimSpace(line))
	}
	return nil
}
