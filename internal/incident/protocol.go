package incident

import (
	"context"
	"maps"
	"slices"
	"strings"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// Start asks for a protocol to run: its planning steps (Monitor) or all of it (Activate).
type Start struct {
	Protocol string
	Mode     protocol.Mode             // of protocols that know two; empty: rapid
	Anchors  map[string]protocol.Value // LANDFALL and its like; those of movements and of single states come by themselves or later
}

func (in *Start) check(c fault.Check, templates Templates) error {
	in.Anchors = maps.Clone(in.Anchors)
	t, ok := templates(in.Protocol, 0)
	if !ok {
		c.Field("/protocol", "must be a known protocol, such as hurricane")
	}
	c.That(slices.Contains([]protocol.Mode{"", protocol.Rapid, protocol.Slow}, in.Mode), "/mode", "must be rapid or slow")
	c.That(in.Mode != protocol.Slow || !ok || t.KnowsSlow(), "/mode", "is not known to this protocol, which has one pace")
	if in.Mode == protocol.Rapid {
		in.Mode = "" // what absence means
	}
	for _, name := range slices.Sorted(maps.Keys(in.Anchors)) {
		v := in.Anchors[name]
		at := "/anchors/" + pointerEscape(name)
		switch a := protocol.Anchor(name); {
		case !a.Valid():
			c.Field(at, "is no anchor")
		case !a.Settable() || a == protocol.AnchorStayEnd:
			c.Field(at, "is not set here: it follows from the life of the incident, from movements, or is each receiving state's own")
		case ok && !slices.Contains(t.Anchors(), a):
			c.Field(at, "is not used by this protocol")
		}
		v.At = check.Instant(v.At)
		check.Time(&c, at+"/at", v.At)
		c.That(v.Kind.Valid(), at+"/kind", "must be forecast or observed")
		in.Anchors[name] = v
	}
	return c.Err()
}

// Monitor runs the planning steps of a protocol, long before anybody activates. The receivers are alerted.
func (d *Desk) Monitor(ctx context.Context, scope access.Scope, w access.Write, id string, in Start) (Done[Incident], error) {
	return d.start(ctx, scope, w, id, in, EventMonitored)
}

// Activate runs all of a protocol: every step comes into being with its due times, in one event. It closes no step. The receivers
// are alerted.
func (d *Desk) Activate(ctx context.Context, scope access.Scope, w access.Write, id string, in Start) (Done[Incident], error) {
	return d.start(ctx, scope, w, id, in, EventActivated)
}

func (d *Desk) start(ctx context.Context, scope access.Scope, w access.Write, id string, in Start, eventType string) (Done[Incident], error) {
	if err := in.check(w.Check(), d.templates); err != nil {
		return Done[Incident]{}, err
	}
	return d.lead(ctx, scope, w, id, startOf(in, eventType == EventActivated))
}

func (t turn) mayStart(in startAsked) error {
	if err := t.mustRun(); err != nil {
		return err
	}
	switch {
	case t.Status != Monitoring:
		return fault.New(fault.State, "already_active", "The protocol runs already.")
	case t.Running != nil && !in.Activate:
		return fault.New(fault.State, "already_monitoring", "The planning steps of protocol %q run already. Move its anchors instead.", t.Running.Protocol)
	case t.Running != nil && t.Running.Protocol != in.Protocol:
		return fault.New(fault.State, "other_protocol",
			"The planning steps of protocol %q run already; another protocol needs an incident of its own.", t.Running.Protocol)
	case t.Running != nil && in.Mode != "" && in.Mode != t.Running.Mode:
		return fault.New(fault.State, "other_mode", "The planning steps run in another mode.")
	}
	return t.matches(t.Seq, false)
}

func (t turn) start(in startAsked) ([]ledger.Event, error) {
	if err := t.mayStart(in); err != nil {
		return nil, err
	}
	template, ok := t.desk.templates(in.Protocol, 0)
	if !ok {
		return nil, fault.New(fault.Unavailable, "no_template", "The protocol %q is not known to this version of Landfall.", in.Protocol)
	}
	e := &started{Protocol: template.ID, Version: template.Version, Mode: in.Mode, At: t.now}
	if t.Running != nil {
		e.Mode = t.Running.Mode
	}
	c := t.w.Check()
	given := map[protocol.Anchor]bool{}
	for _, v := range in.Anchors {
		at := "/anchors/" + pointerEscape(v.Name) + "/at"
		given[protocol.Anchor(v.Name)] = true
		if v.Kind == protocol.Observed {
			check.Past(&c, at, v.At, t.now)
		}
		t.plausible(&c, at, v.At)
		if old, ok := t.Anchors[v.Name]; !ok || !old.At.Equal(v.At) || old.Kind != v.Kind {
			e.Anchors = append(e.Anchors, v)
		}
	}
	template.Begin(&c, func(a protocol.Anchor) bool { return t.Anchors[string(a)] != nil || given[a] })
	if err := c.Err(); err != nil {
		return nil, err
	}
	part, eventType := protocol.Monitoring, EventMonitored
	if in.Activate {
		part, eventType = protocol.Active, EventActivated
		e.Anchors = append(e.Anchors, anchorSet{Name: string(protocol.AnchorActivation), At: t.now, Kind: protocol.Observed})
	}
	next := t.clone()
	next.Running = &Running{Protocol: e.Protocol, Version: e.Version, Mode: e.Mode, Part: part}
	for _, a := range e.Anchors {
		next.Anchors[a.Name] = &Anchor{Name: a.Name, At: a.At, Kind: a.Kind}
	}
	e.follows = follow(next, template, t.now)
	if err := e.inRange("/anchors"); err != nil {
		return nil, err
	}
	if part == protocol.Active {
		e.Alerts = t.ask(alertActivation, protocol.ActivationRequest, t.Receivers...)
	} else {
		e.Alerts = t.ask(alertPlanning, protocol.PlanningRequest, t.Receivers...)
	}
	return one(eventType, e), nil
}

// MoveAnchor gives an anchor of the running protocol its value, or another one. Open due times are worked out anew and the old ones kept.
// An anchor that has a value asks for If-Match, one that has none for If-None-Match: *. STAY_END is each receiver's own: it is named STAY_END.ATG,
// or STAY_END alone by the receiver itself.
func (d *Desk) MoveAnchor(ctx context.Context, scope access.Scope, w access.Write, id, name string, v protocol.Value) (Done[*Anchor], error) {
	v.At = check.Instant(v.At)
	var c fault.Check
	check.Time(&c, "/at", v.At)
	c.That(v.Kind.Valid(), "/kind", "must be forecast or observed")
	if err := c.Err(); err != nil {
		return Done[*Anchor]{}, err
	}
	var key string
	out, err := d.ask(ctx, scope, w, id, func(t turn) (request, error) {
		k, err := t.anchorKey(name)
		key = k
		return anchorAsked{anchorSet{Name: k, At: v.At, Kind: v.Kind}}, err
	})
	if err != nil {
		return Done[*Anchor]{}, err
	}
	if key == "" { // a repeat is not decided again: its event says which anchor it was
		key = movedAnchor(out.Events)
	}
	done := Done[*Anchor]{Version: out.Seq, Events: out.Events, Repeated: out.Repeated, Proposed: proposedIn(out)}
	if done.Proposed != nil {
		return done, nil
	}
	a, ok := out.Value.Anchors[key]
	if !ok {
		return Done[*Anchor]{}, errNoAnchor()
	}
	done.Value, done.Seq = a, a.Seq
	return done, nil
}

// anchorKey reads the name of an anchor that is set by itself.
func (t turn) anchorKey(name string) (string, error) {
	anchor, party := splitAnchor(name)
	if !anchor.Valid() || party != "" && anchor != protocol.AnchorStayEnd {
		return "", errNoAnchor()
	}
	if !anchor.Settable() {
		return "", fault.New(fault.State, "anchor_follows", "%s follows from the life of the incident and from movements; nobody sets it.", anchor)
	}
	if t.ended() {
		return "", errEnded(t.Status)
	}
	if t.Running == nil {
		return "", fault.New(fault.State, "no_protocol", "No protocol runs yet. Anchors come with it.")
	}
	template, err := t.template()
	if err != nil {
		return "", err
	}
	if !slices.Contains(template.Anchors(), anchor) {
		return "", errNoAnchor()
	}
	if anchor != protocol.AnchorStayEnd {
		return name, nil
	}
	if party == "" {
		party = t.party
	}
	if !t.receives(party) {
		return "", fault.New(fault.NotFound, "anchor_not_found", "STAY_END is set for each receiving state, such as STAY_END.ATG.")
	}
	return string(anchor) + "." + string(party), nil
}

func (t turn) moveAnchor(set anchorSet) ([]ledger.Event, error) {
	key, v := set.Name, protocol.Value{At: set.At, Kind: set.Kind}
	e := &anchorMoved{anchorSet: set}
	seq := int64(0)
	if old, ok := t.Anchors[key]; ok {
		seq, e.Before = old.Seq, old.value()
	}
	if err := t.matches(seq, true); err != nil {
		return nil, err
	}
	c := t.w.Check()
	if v.Kind == protocol.Observed {
		check.Past(&c, "/at", v.At, t.now)
	}
	t.plausible(&c, "/at", v.At)
	if err := c.Err(); err != nil {
		return nil, err
	}
	same := e.Before.At.Equal(v.At) && e.Before.Kind == v.Kind
	if same && t.settles(set.statement()).none() {
		return nil, nil
	}
	next := t.clone()
	next.Anchors[key] = &Anchor{Name: key, At: v.At, Kind: v.Kind}
	f, err := t.follow(next)
	if err == nil {
		err = f.inRange("/at")
	}
	if err != nil {
		return nil, err
	}
	e.follows = f
	e.Silent = same || protocol.Silent(e.Before, v, t.dueChanges(f), t.now)
	return one(EventAnchorMoved, e), nil
}

// dueChanges gives the due times that steps had before, and have after what follows.
func (t turn) dueChanges(f follows) []protocol.DueChange {
	var changes []protocol.DueChange
	for _, c := range f.Changed {
		if i, ok := t.Steps[c.Key]; ok {
			changes = append(changes, protocol.DueChange{Before: i.DueAt, After: c.DueAt})
		}
	}
	for _, s := range f.Steps {
		changes = append(changes, protocol.DueChange{After: s.DueAt})
	}
	return changes
}

// splitAnchor reads LANDFALL, or STAY_END.ATG.
func splitAnchor(key string) (protocol.Anchor, place.Party) {
	name, party, _ := strings.Cut(key, ".")
	return protocol.Anchor(name), place.Party(party)
}

func movedAnchor(events []ledger.Recorded) string {
	for _, e := range events {
		var d anchorMoved
		if e.Type == EventAnchorMoved && e.Into(&d) == nil {
			return d.Name
		}
	}
	return ""
}

func errNoAnchor() error {
	return fault.New(fault.NotFound, "anchor_not_found", "The protocol of this incident has no anchor of that name.")
}

// pointerEscape writes a member's name as a token of a JSON pointer (RFC 6901, section 3).
func pointerEscape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
