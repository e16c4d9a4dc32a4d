package app

import (
	"context"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/place"
)

// situation tells the preparedness desk, which does not know what an incident is, how things stand in a state.
type situation struct{ incidents *incident.Desk }

// Activated implements preparedness.Situation.
func (s situation) Activated(ctx context.Context, state place.Party) (bool, error) {
	actual := false
	page, err := s.incidents.List(ctx, access.System, incident.Filter{
		Status: []incident.Status{incident.Active}, State: state, Exercise: &actual,
	}, incident.PageRequest{Limit: 1})
	return len(page.Items) > 0, err
}
