package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/incident"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

const incidentsPath = "/api/v1/incidents/"

// OpenHazard records a hazard.
func (s *Server) OpenHazard(c echo.Context, _ OpenHazardParams) error {
	body, err := read[NewHazard](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.OpenHazard(c.Request().Context(), k.scope, k.write, incident.OpenHazard{
		ID: body.ID, Name: body.Name, Type: body.Type, GLIDE: body.Glide, StartedAt: body.StartedAt, Exercise: body.Exercise,
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, "/api/v1/hazards/"+done.Value.ID, done.Seq, hazard(done.Value))
}

// ListHazards lists hazards.
func (s *Server) ListHazards(c echo.Context, p ListHazardsParams) error {
	page, err := s.incident.ListHazards(c.Request().Context(), callOf(c).scope, incident.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, HazardPage{Items: each(page.Items, hazard), NextCursor: page.Next})
}

// GetHazard shows one hazard.
func (s *Server) GetHazard(c echo.Context, id string, _ GetHazardParams) error {
	h, err := s.incident.GetHazard(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return s.show(c, h.Seq, hazard(h))
}

// OpenIncident opens an incident.
func (s *Server) OpenIncident(c echo.Context, _ OpenIncidentParams) error {
	body, err := read[NewIncident](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.Open(c.Request().Context(), k.scope, k.write, incident.Open{
		ID: body.ID, Title: body.Title, HazardID: body.HazardID, Origin: place.Party(body.Origin), OriginIsland: body.OriginIsland,
		Receivers: parties(body.Receivers), Severity: incident.Severity(body.Severity), OccurredAt: body.OccurredAt,
		Exercise: body.Exercise, ExerciseSpeed: body.ExerciseSpeed, Draft: body.Draft,
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, incidentsPath+done.Value.ID, done.Seq, s.incidentShown(k.scope, done.Value))
}

// ListIncidents lists the incidents that the caller may see.
func (s *Server) ListIncidents(c echo.Context, p ListIncidentsParams) error {
	scope := callOf(c).scope
	page, err := s.incident.List(c.Request().Context(), scope, incident.Filter{
		Status: each(p.Status, func(w IncidentStatus) incident.Status { return incident.Status(w) }),
		State:  place.Party(p.State), HazardType: p.HazardType, Exercise: p.Exercise, Query: p.Q,
	}, incident.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	items := each(page.Items, func(i incident.Incident) Incident { return s.incidentShown(scope, i) })
	return c.JSON(http.StatusOK, IncidentPage{Items: items, NextCursor: page.Next})
}

// GetIncident shows one incident, as it is or as it could be known at an instant.
func (s *Server) GetIncident(c echo.Context, id string, p GetIncidentParams) error {
	ctx, k := c.Request().Context(), callOf(c)
	if !p.AsKnownAt.IsZero() {
		known, err := s.incident.GetAsKnownAt(ctx, k.scope, id, p.AsKnownAt)
		if err != nil {
			return err
		}
		shown := s.incidentShown(k.scope, known.Incident)
		shown.Known, shown.Provisional = known.Known, known.Provisional
		if known.Hazard != nil {
			shown.Hazard = new(hazard(known.Hazard))
		}
		return c.JSON(http.StatusOK, shown)
	}
	i, err := s.incident.Get(ctx, k.scope, id)
	if err != nil {
		return err
	}
	return s.show(c, i.Seq, s.incidentShown(k.scope, i))
}

// ReleaseIncident releases a draft.
func (s *Server) ReleaseIncident(c echo.Context, id string, _ ReleaseIncidentParams) error {
	k := callOf(c)
	done, err := s.incident.Release(c.Request().Context(), k.scope, k.write, id)
	return s.incidentDone(c, done, err)
}

// NameReceivers replaces the list of receivers.
func (s *Server) NameReceivers(c echo.Context, id string, _ NameReceiversParams) error {
	body, err := read[Receivers](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.SetReceivers(c.Request().Context(), k.scope, k.write, id, parties(body.Receivers))
	return s.incidentDone(c, done, err)
}

// MonitorIncident starts the planning steps of a protocol.
func (s *Server) MonitorIncident(c echo.Context, id string, _ MonitorIncidentParams) error {
	body, err := read[Start](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.Monitor(c.Request().Context(), k.scope, k.write, id, startOf(body))
	return s.incidentDone(c, done, err)
}

// ActivateIncident activates a protocol.
func (s *Server) ActivateIncident(c echo.Context, id string, _ ActivateIncidentParams) error {
	body, err := read[Start](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.Activate(c.Request().Context(), k.scope, k.write, id, startOf(body))
	return s.incidentDone(c, done, err)
}

// StandDownIncident ends an incident that is not needed.
func (s *Server) StandDownIncident(c echo.Context, id string, _ StandDownIncidentParams) error {
	body, err := read[Ending](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.StandDown(c.Request().Context(), k.scope, k.write, id, body.Reason)
	return s.incidentDone(c, done, err)
}

// CloseIncident ends an incident whose work is done.
func (s *Server) CloseIncident(c echo.Context, id string, _ CloseIncidentParams) error {
	body, err := read[Ending](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.Close(c.Request().Context(), k.scope, k.write, id, body.Reason)
	return s.incidentDone(c, done, err)
}

// GetAnchor shows one anchor.
func (s *Server) GetAnchor(c echo.Context, id, name string, _ GetAnchorParams) error {
	a, err := s.incident.Anchor(c.Request().Context(), callOf(c).scope, id, name)
	if err != nil {
		return err
	}
	return s.show(c, a.Seq, s.anchor(a))
}

// MoveAnchor sets or moves an anchor.
func (s *Server) MoveAnchor(c echo.Context, id, name string, _ MoveAnchorParams) error {
	body, err := read[AnchorValue](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.MoveAnchor(c.Request().Context(), k.scope, k.write, id, name, protocol.Value{At: body.At, Kind: protocol.Kind(body.Kind)})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	if done.Proposed != nil {
		return s.proposed(c, id, done.Proposed)
	}
	return s.show(c, done.Seq, s.anchor(done.Value))
}

// GetTimeline shows what happened.
func (s *Server) GetTimeline(c echo.Context, id string, p GetTimelineParams) error {
	page, err := s.incident.Timeline(c.Request().Context(), callOf(c).scope, id, incident.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	items := make([]TimelineEntry, len(page.Items))
	for i, e := range page.Items {
		if items[i], err = timelineEntry(e); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, TimelinePage{Items: items, NextCursor: page.Next})
}

func (s *Server) incidentDone(c echo.Context, done incident.Done[incident.Incident], err error) error {
	if err != nil {
		return err
	}
	committed(c, done.Events)
	if done.Proposed != nil {
		return s.proposed(c, done.Value.ID, done.Proposed)
	}
	return s.show(c, done.Seq, s.incidentShown(callOf(c).scope, done.Value))
}

func startOf(b Start) incident.Start {
	start := incident.Start{Protocol: string(b.Protocol), Anchors: make(map[string]protocol.Value, len(b.Anchors))}
	for name, v := range b.Anchors {
		start.Anchors[name] = protocol.Value{At: v.At, Kind: protocol.Kind(v.Kind)}
	}
	return start
}

func parties(codes []string) []place.Party {
	return each(codes, func(c string) place.Party { return place.Party(c) })
}
