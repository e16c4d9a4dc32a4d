package access

import (
	"encoding/json"
	"slices"

	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Reading is how much of an incident a scope may read.
type Reading uint8

// The readings, from the least.
const (
	Nothing      Reading = iota // there is no such incident
	HeadlineOnly                // that it is there, and the tourism steps of the scope's own party
	Everything
)

// Reading gives how much of an incident the scope may read now.
func (s Scope) Reading(t Thing) Reading {
	switch {
	case s.May(ReadInside, t):
		return Everything
	case s.May(ReadHeadline, t):
		return HeadlineOnly
	}
	return Nothing
}

// Read says what the scope may read of an event that it is about to be told, by whatever way: the data to show, and whether it may be told at
// all. t is the incident of the event as it stands now, the zero Thing for an event of none. The scope must act for one of the parties that
// could know of the event when it happened, and may read as much of the incident now as the event's level asks for. Readers of headlines get
// the headline of an event.
func (s Scope) Read(a ledger.Announcement, t Thing) (json.RawMessage, bool) {
	acts := func(p string) bool { return s.ActsFor(place.Party(p)) }
	owns := acts(a.Owner)
	switch {
	case s.All, a.Level == ledger.Public && s.Role != "", a.Level == ledger.Party && owns:
		return a.Data, true
	case a.Level == ledger.Operation:
		return a.Data, s.May(ReadOperation, Thing{Owner: place.Party(a.Owner)})
	case !slices.ContainsFunc(a.Parties, acts):
		return nil, false
	case a.Incident == "":
		return a.Data, s.Role != ""
	}
	switch s.Reading(t) {
	case Everything:
		return a.Data, true
	case HeadlineOnly:
		switch {
		case a.Level == ledger.Headline:
			return headlineOf(a.Data), true
		case a.Level == ledger.Tourism && s.May(ReadTourism, Thing{Owner: place.Party(a.Owner)}):
			return headlineOf(a.Data, "step"), true
		}
	case Nothing:
	}
	return nil, false
}

// ThingOf gives the incident of an event as far as the event itself tells: those who could know of it then.
func ThingOf(a ledger.Announcement) Thing {
	t := Thing{}
	for _, p := range a.Parties {
		if party := place.Party(p); party.IsOrganisation() {
			t.Regional = append(t.Regional, party)
		} else {
			t.Named = append(t.Named, party)
		}
	}
	return t
}

// headlineMembers are what readers of headlines get of an event's data: what the incident itself shows them.
var headlineMembers = []string{
	"incident", "relay", "named", "unnamed", "protocol", "anchor", "anchors", "proposal", "alert", "acknowledgement", "hazard",
}

// headlineOf cuts an event's data down to its headline and the members named.
func headlineOf(data json.RawMessage, also ...string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return json.RawMessage(`{}`)
	}
	for name := range members {
		if !slices.Contains(headlineMembers, name) && !slices.Contains(also, name) {
			delete(members, name)
		}
	}
	cut, err := json.Marshal(members)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return cut
}
