package notify

import (
	"slices"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

func TestAPersonIsToldOfAFactOnce(t *testing.T) {
	t.Parallel()
	wish := func(id, party, channel string, role access.Role, kinds ...string) *Subscription {
		return &Subscription{
			ID: id, Owner: Owner{Account: id, Role: role, Party: place.Party(party)}, Channel: channel, Target: id,
			Filter: Filter{Kinds: kinds, Exercise: ExerciseExclude}, Status: SubscriptionActive,
		}
	}
	official, liaison := access.RoleOfficial, access.RoleLiaison
	list := []*Subscription{
		wish("owner's mail", "ATG", "email", official),
		wish("owner's mail of steps", "ATG", "email", official, "step.*"),
		wish("owner's mail of both", "ATG", "email", official, "step.*", "alert.*"),
		wish("owner's machine", "ATG", "webhook", official),
		wish("another's mail", "LCA", "email", official),
		wish("another's mail of steps", "LCA", "email", official, "step.overdue"),
		wish("another's machine", "LCA", "webhook", official),
		{
			ID: "owner's second wish", Owner: Owner{Account: "second", Role: official, Party: "ATG"}, Channel: "email", Target: "owner's mail",
			Filter: Filter{Kinds: []string{"step.*"}, Exercise: ExerciseExclude}, Status: SubscriptionActive,
		},
		wish("the liaison's mail of steps", "ATG", "email", liaison, "step.*", "alert.*"),
	}
	late := ledger.Announcement{
		Type: "step.overdue.v1", Origin: "DMA", Incident: "maria", Parties: []string{"DMA", "ATG", "LCA"}, Level: ledger.Inside,
		Alerts: []ledger.AlertCall{{Party: "ATG", Kind: "step_overdue"}},
	}
	done := late
	done.Type, done.Alerts = "step.completed.v1", nil
	asked := late
	asked.Type, asked.Alerts = "answer.asked.v1", []ledger.AlertCall{{Party: "ATG", Kind: "answer"}}
	now := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		event ledger.Announcement
		told  []string
	}{
		"a step is late":         {late, []string{"owner's mail of steps", "owner's machine", "another's mail of steps", "another's machine"}},
		"a step is done":         {done, []string{"owner's mail", "owner's mail of steps", "owner's mail of both", "owner's machine", "another's mail", "another's machine", "owner's second wish"}},
		"an alert is called for": {asked, []string{"owner's machine", "another's mail", "another's machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			for _, s := range onceEach(matching(list, c.event, now), list, c.event, now) {
				told = append(told, s.ID)
			}
			if !slices.Equal(told, c.told) {
				t.Errorf("told are %q, want %q", told, c.told)
			}
		})
	}
}
