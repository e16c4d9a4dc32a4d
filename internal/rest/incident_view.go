package rest

import (
	"encoding/json"
	"fmt"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/place"
)

// incidentShown gives the representation of an incident. What waits to be confirmed is for whoever reads its inside.
func (s *Server) incidentShown(scope access.Scope, i incident.Incident) Incident {
	v := Incident{
		ID: i.ID, Code: i.Code, Title: i.Title, Status: IncidentStatus(i.Status), HazardID: i.HazardID, HazardType: i.HazardType,
		Origin: i.Origin.State(), OriginIsland: i.Origin.Island(), Severity: Severity(i.Severity), Exercise: i.Exercise,
		Receivers:  each(i.Receivers, func(p place.Party) State { return State(p) }),
		OccurredAt: i.OccurredAt, OpenedAt: i.OpenedAt, UpdatedAt: i.UpdatedAt,
		Anchors: make(map[string]Anchor, len(i.Anchors)), Version: i.Version, Etag: s.opt.ETag(i.Seq),
	}
	for _, a := range i.Anchors {
		v.Anchors[a.Name] = s.anchor(a)
	}
	if len(i.Proposals) > 0 && scope.May(access.ReadInside, i.Thing("")) {
		v.Proposals = each(i.Proposals, s.proposal)
	}
	if len(i.Unconfirmed) > 0 {
		v.Unconfirmed = each(i.Unconfirmed, relayedEntry)
	}
	if len(i.Near) > 0 && scope.May(access.ReadInside, i.Thing("")) {
		v.NearLimits = each(i.Near, func(l incident.Limit) NearLimit {
			return NearLimit{Bound: NearLimitBound(l.Bound), Subject: l.Subject, Holds: int64(l.Holds), Most: int64(l.Most)}
		})
	}
	if i.Exercise {
		v.Clock = &Clock{ScenarioStart: i.Clock.ScenarioStart, WallStart: i.Clock.WallStart, Speed: max(1, i.Clock.Speed)}
	}
	if r := i.Running; r != nil {
		v.Running = &Running{
			Protocol: r.Protocol, Version: r.Version, Part: RunningPart(r.Part), MonitoredAt: r.MonitoredAt, ActivatedAt: r.ActivatedAt,
		}
	}
	return v
}

func (s *Server) anchor(a *incident.Anchor) Anchor {
	return Anchor{
		Name: a.Name, At: a.At, Kind: AnchorKind(a.Kind), SetBy: Party(a.SetBy), SetAt: a.SetAt, Relay: relay(a.Relayed), Etag: s.opt.ETag(a.Seq),
		History: each(a.History, func(p incident.AnchorValue) AnchorPast {
			return AnchorPast{At: p.At, Kind: AnchorKind(p.Kind), SetBy: Party(p.SetBy), SetAt: p.SetAt, Relay: relay(p.Relayed)}
		}),
	}
}

func hazard(h *incident.Hazard) Hazard {
	return Hazard{
		ID: h.ID, Name: h.Name, Type: h.Type, Glide: append([]string{}, h.GLIDE...), StartedAt: h.StartedAt, Exercise: h.Exercise, Version: h.Seq,
	}
}

// relay shows how a word came that somebody else entered; nil when a party spoke for itself.
func relay(r *incident.Word) *Relay {
	if r == nil {
		return nil
	}
	v := &Relay{
		OnBehalfOf: Party(r.OnBehalfOf), RelayedBy: RelayedBy(r.RelayedBy), SaidAt: orZero(r.SaidAt),
		EnteredBy: EnteredBy{Role: string(r.EnteredBy.Role), Party: Party(r.EnteredBy.Party)},
	}
	if by := r.ConfirmedBy; by != nil {
		v.ConfirmedBy = &EnteredBy{Role: string(by.Role), Party: Party(by.Party)}
	}
	return v
}

func timelineEntry(e incident.Entry) (TimelineEntry, error) {
	v := TimelineEntry{
		ID: e.ID, Type: e.Type, Version: e.Seq, RecordedAt: e.RecordedAt, OccurredAt: e.OccurredAt, Role: string(e.Role), Party: Party(e.Party),
		Subject: e.Subject, Note: e.Note,
	}
	if e.Relay != nil {
		v.Relay, v.RelayConfirmed, v.RelayCorrected = relay(e.Word()), e.Confirmed(), e.Corrected()
	}
	if err := json.Unmarshal(e.Data, &v.Data); err != nil {
		return v, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return v, nil
}
