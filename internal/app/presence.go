package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"landfall/internal/fault"
	"landfall/internal/store"
)

// Processes that share a store know of each other by a document that each writes every few seconds. It is for people (who runs, since
// when, in which version), for alarms (nobody notifies, nobody watches), and to refuse a process that would talk over another bus: its
// partners and event streams would see half of what happens.

const kindProcess = "process"

const (
	presenceEvery = 5 * time.Second
	// presenceLife is how long a process counts as running after it was last heard of.
	presenceLife = 30 * time.Second
	// presenceKept is how long one that is gone is still listed.
	presenceKept = 24 * time.Hour
	// busPatience is how long a starting process waits for others to notice that their common bus
	// was made anew. It is longer than what was killed counts as running, so that processes that
	// are started together after a loss of the bus all come up.
	busPatience = presenceLife + 2*presenceEvery
)

// Process is one process of the service as others see it.
type Process struct {
	ID       string    `json:"id"` // of its data folder: the same after a restart
	Name     string    `json:"name"`
	Roles    []Role    `json:"roles"`
	Version  string    `json:"version"`
	Bus      string    `json:"bus"`              // incarnation of the bus it talks over
	BusAt    string    `json:"bus_at,omitempty"` // addresses of its servers; "" for an embedded one
	External bool      `json:"external_bus"`
	Since    time.Time `json:"since"`
	LastSeen time.Time `json:"last_seen"`
	Stopped  bool      `json:"stopped,omitempty"` // in order
}

// Running reports whether the process was heard of lately. A clock that was set back counts as lately.
func (p Process) Running(now time.Time) bool { return !p.Stopped && now.Sub(p.LastSeen) < presenceLife }

// processes reads who is there, by name.
func processes(ctx context.Context, docs store.Documents) ([]Process, error) {
	var all []Process
	q := store.Query{Kind: kindProcess, Limit: 1000}
	for {
		page, err := docs.Find(ctx, q)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "It is not known who is running.")
		}
		for _, d := range page.Docs {
			var p Process
			if err := json.Unmarshal(d.Body, &p); err != nil {
				return nil, fmt.Errorf("process %s: %w", d.ID, err)
			}
			all = append(all, p)
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	slices.SortStableFunc(all, func(x, y Process) int { return strings.Compare(x.Name+x.ID, y.Name+y.ID) })
	return all, nil
}

// nobodyRuns refuses while a process of the service is running on the records.
func nobodyRuns(ctx context.Context, docs store.Documents, now time.Time) error {
	all, err := processes(ctx, docs)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Running(now) {
			return fault.New(fault.Conflict, "service_running",
				"%s (%s) was still running %s ago. Stop every process of the service first; one that was killed counts as stopped after %s.",
				p.Name, roleNames(p.Roles), max(0, now.Sub(p.LastSeen)).Round(time.Second), presenceLife)
		}
	}
	return nil
}

// present says that this process is there.
func (a *App) present(ctx context.Context, stopped bool) error {
	now := a.opt.Now().UTC()
	p := Process{
		ID: a.folder.id, Name: a.opt.Name, Roles: a.opt.Roles, Version: a.opt.Version,
		Bus: a.bus.Incarnation(), BusAt: a.bus.Servers(), External: a.opt.NATSURL != "",
		Since: a.since, LastSeen: now, Stopped: stopped,
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	// Only this process writes the document, so it is replaced whatever the clock says.
	a.presenceVersion++
	ops := []store.Op{{Do: store.OpPut, Kind: kindProcess, Doc: store.Doc{ID: p.ID, Version: a.presenceVersion, Body: body}}}
	if a.presenceVersion == 1 {
		ops = slices.Insert(ops, 0, store.Op{Do: store.OpDelete, Kind: kindProcess, Doc: store.Doc{ID: p.ID}})
	}
	_, err = a.store.Bulk(ctx, ops)
	return err
}

// presence is the job: it says that this process is there, forgets who is long gone, and looks at what an operator must be told.
func (a *App) presence(ctx context.Context, now time.Time) error {
	if err := a.present(ctx, false); err != nil {
		return err
	}
	all, err := processes(ctx, a.store)
	if err != nil {
		return err
	}
	var gone []store.Op
	var notifiers int32
	for _, p := range all {
		if p.Running(now) && slices.Contains(p.Roles, RoleNotify) {
			notifiers++
		}
		if now.Sub(p.LastSeen) > presenceKept {
			gone = append(gone, store.Op{Do: store.OpDelete, Kind: kindProcess, Doc: store.Doc{ID: p.ID}})
		}
	}
	a.peers.Store(notifiers)
	if len(gone) > 0 {
		if _, err := a.store.Bulk(ctx, gone); err != nil {
			return err
		}
	}
	return a.alarms.look(ctx, now)
}

// oneBus refuses a process whose bus is another than that of those who run on the same records.
func (a *App) oneBus(ctx context.Context) error {
	if !a.opt.onServer() {
		return nil // nobody else can be there
	}
	patience := time.NewTimer(busPatience)
	defer patience.Stop()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for waiting := false; ; waiting = true {
		other, err := a.onAnotherBus(ctx)
		if err != nil || other == nil {
			return err
		}
		refused := fault.New(fault.Conflict, "another_bus",
			"%s (%s) runs on the same records with another message bus: %s, and this process with %s. "+
				"All processes need the same --nats-url; what was killed counts as stopped after %s.",
			other.Name, roleNames(other.Roles), busName(other.BusAt, other.Bus),
			busName(a.bus.Servers(), a.bus.Incarnation()), presenceLife)
		if !other.External || a.opt.NATSURL == "" {
			return refused // an embedded bus has nobody else on it
		}
		if !waiting {
			a.log.Warn("waiting for another process to notice that the message bus was made anew, or to count as stopped",
				"process", other.Name, "roles", roleNames(other.Roles), "its_bus", busName(other.BusAt, other.Bus),
				"this_bus", busName(a.bus.Servers(), a.bus.Incarnation()), "last_seen", other.LastSeen, "at_most", busPatience)
		}
		select {
		case <-tick.C:
		case <-patience.C:
			return refused
		case <-ctx.Done():
			return refused
		}
	}
}

// busName tells one bus from another, for people.
func busName(at, incarnation string) string {
	if at == "" {
		at = "an embedded one"
	}
	return fmt.Sprintf("%s (stream %s)", at, incarnation)
}

func (a *App) onAnotherBus(ctx context.Context) (*Process, error) {
	all, err := processes(ctx, a.store)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID != a.folder.id && p.Running(a.opt.Now()) && p.Bus != a.bus.Incarnation() {
			return &p, nil
		}
	}
	return nil, nil
}

func roleNames(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
