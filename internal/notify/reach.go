package notify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"landfall/internal/ledger"
	"landfall/internal/place"
)

// About is what an alert is about, as far as it decides which addresses of a party it goes to.
type About struct {
	Exercise bool
	Origin   string // ISO alpha-3 of the affected state
	Incident string // its id; "" while there is none
	Severity string
	Reads    ledger.Level // what of the incident whoever is told must be allowed to read
}

// aboutOf is what an alert of the kind is about that an event calls for.
func aboutOf(a ledger.Announcement, kind string) About {
	about := About{a.Exercise, a.Origin, a.Incident, a.Severity, a.Level}
	switch {
	case kind == KindWithdrawn:
		about.Reads = ledger.Party
	case ownKind(kind):
		about.Reads = ledger.Operation
	}
	return about
}

// Reach is what an alert to a party goes to.
type Reach struct {
	Party    place.Party
	Channels []ChannelReach // by name. None: nobody is reached
}

// Nobody reports whether an alert to the party would leave the service by no way at all.
func (r Reach) Nobody() bool { return len(r.Channels) == 0 }

// ChannelReach is how many addresses one channel has for a party.
type ChannelReach struct {
	Channel   string
	Addresses int
}

// Reaching says what an alert that is raised now would go to, for each party in the order given: the addresses that are switched on and want it. It
// says nothing of whether they work.
func (d *Desk) Reaching(ctx context.Context, about About, parties ...place.Party) ([]Reach, error) {
	list, err := d.roster.current(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	out := make([]Reach, len(parties))
	for i, p := range parties {
		out[i] = Reach{Party: p, Channels: channelsOf(reached(list, about, p, d.l.Now()))}
	}
	return out, nil
}

// ReachingTold is Reaching for those who were told of an incident.
func (d *Desk) ReachingTold(ctx context.Context, told []Told) ([]Reach, error) {
	if len(told) == 0 {
		return nil, nil
	}
	a := told[0].Alerts[0].Alert // what decides is the same for all alerts of an incident
	parties := make([]place.Party, len(told))
	for i, t := range told {
		parties[i] = t.Party
	}
	return d.Reaching(ctx, About{a.Exercise, a.Origin, a.IncidentID, a.Severity, a.Reads}, parties...)
}

// reached gives the subscriptions through which a party has to be told.
func reached(list []*Subscription, about About, party place.Party, now time.Time) []*Subscription {
	raised := ledger.Announcement{
		Type: EventAlertRaised, Exercise: about.Exercise, Origin: about.Origin, Incident: about.Incident, Severity: about.Severity,
		Parties: []string{about.Origin, string(party)}, Level: about.Reads, Owner: string(party),
	}
	return slices.DeleteFunc(matching(list, raised, now), func(s *Subscription) bool {
		return s.Owner.All || s.Target == "" || !s.Owner.scope().ActsFor(party)
	})
}

func targetsOf(subscriptions []*Subscription) []Target {
	targets := make([]Target, len(subscriptions))
	for i, s := range subscriptions {
		targets[i] = Target{ID: s.ID, Channel: s.Channel}
	}
	return targets
}

// channelsOf counts different addresses: several subscriptions of one address are one.
func channelsOf(subscriptions []*Subscription) []ChannelReach {
	type address struct{ channel, target string }
	seen := map[address]bool{}
	count := map[string]int{}
	for _, s := range subscriptions {
		if at := (address{s.Channel, s.Target}); !seen[at] {
			seen[at] = true
			count[s.Channel]++
		}
	}
	channels := make([]ChannelReach, 0, len(count))
	for name, n := range count {
		channels = append(channels, ChannelReach{name, n})
	}
	slices.SortFunc(channels, func(a, b ChannelReach) int { return cmp.Compare(a.Channel, b.Channel) })
	return channels
}
