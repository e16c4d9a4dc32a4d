package rest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"landfall/internal/notify"
)

// ListAlerts lists the inbox of the caller's party.
func (s *Server) ListAlerts(c echo.Context, p ListAlertsParams) error {
	page, err := s.notify.Alerts(c.Request().Context(), callOf(c).scope,
		notify.AlertQuery{Status: notify.AlertStatus(p.Status), Incident: p.IncidentID},
		notify.Paging{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, AlertPage{NextCursor: page.Next, Items: each(page.Items, func(l notify.Listed[*notify.Alert]) Alert {
		return s.alert(l.Value, l.Seq)
	})})
}

// GetAlert shows one alert.
func (s *Server) GetAlert(c echo.Context, id string, _ GetAlertParams) error {
	held, err := s.notify.Alert(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return s.show(c, held.Seq, s.alert(held.Value, held.Seq))
}

// AcknowledgeAlert records what the party says to an alert.
func (s *Server) AcknowledgeAlert(c echo.Context, id string, _ AcknowledgeAlertParams) error {
	body, err := read[Acknowledgement](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	out, err := s.notify.Acknowledge(c.Request().Context(), k.scope, k.write, id, notify.AcknowledgeRequest{
		Outcome: notify.AckOutcome(body.Outcome), Version: body.Version, Note: body.Note,
	})
	if err != nil {
		return err
	}
	committed(c, out.Events)
	return s.show(c, out.Seq, s.alert(out.Value, out.Seq))
}

// CorrectAcknowledgement puts another acknowledgement in the place of the one that stands.
func (s *Server) CorrectAcknowledgement(c echo.Context, id string, _ CorrectAcknowledgementParams) error {
	body, err := read[AcknowledgementCorrection](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	out, err := s.notify.Correct(c.Request().Context(), k.scope, k.write, id, notify.AcknowledgeRequest{
		Outcome: notify.AckOutcome(body.Outcome), Version: body.Version, Note: body.Note,
	}, body.Reason)
	if err != nil {
		return err
	}
	committed(c, out.Events)
	return s.show(c, out.Seq, s.alert(out.Value, out.Seq))
}

// ListAcknowledgements shows who was told of an incident and who answered.
func (s *Server) ListAcknowledgements(c echo.Context, id string) error {
	told, err := s.notify.ForIncident(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	reach, err := s.notify.ReachingTold(c.Request().Context(), told)
	if err != nil {
		return err
	}
	items := make([]PartyTold, len(told))
	for i, t := range told {
		items[i] = PartyTold{Party: Party(t.Party), Alerts: each(t.Alerts, s.alertTold), ReachedBy: each(reach[i].Channels, func(c notify.ChannelReach) ChannelReach {
			return ChannelReach{Channel: ChannelName(c.Channel), Addresses: c.Addresses}
		})}
	}
	return c.JSON(http.StatusOK, Acknowledgements{Items: items})
}

func (s *Server) alertTold(t notify.ToldAlert) AlertTold {
	return AlertTold{
		Alert: s.alert(t.Alert, t.Seq), NoAddress: t.NoAddress,
		Deliveries: each(t.Deliveries, func(d notify.ToldDelivery) AlertDelivery {
			return AlertDelivery{
				ID: d.ID, Channel: ChannelName(d.Channel), Target: d.Target, Status: DeliveryStatus(d.Status), Attempts: d.Attempts,
				LastAttemptAt: d.LastAt, LastCode: d.LastCode, DeliveredAt: d.DeliveredAt,
			}
		}),
	}
}

func (s *Server) alert(a *notify.Alert, seq int64) Alert {
	v := Alert{
		ID: a.ID, EventID: a.Cause.ID, Incident: alertIncident(a), Party: Party(a.Party), Kind: AlertKind(a.Kind),
		Severity: Severity(a.Severity), Exercise: a.Exercise, Version: a.Version(), RaisedAt: a.RaisedAt, RequiredBy: orZero(a.RequiredBy),
		Level: a.Level, Status: AlertStatus(a.Status), Etag: s.opt.ETag(seq),
	}
	if v.Severity == "" {
		v.Severity = SeverityUnknown
	}
	switch v.Kind {
	case AlertKindStepOverdue:
		v.StepKey = a.Subject
	case AlertKindDeliveryDead:
		v.DeliveryID, _, _ = strings.Cut(a.Subject, "/") // with a number, once it was replayed
		v.SubscriptionID = deadSubscription(a)
	case AlertKindSubscriptionDisabled:
		v.SubscriptionID = a.Subject
	case AlertKindMovement, AlertKindDeparture, AlertKindMovementCorrected, AlertKindMovementCancelled:
		v.MovementID = a.Subject
	case AlertKindNamed, AlertKindPlanning, AlertKindActivation, AlertKindStoodDown, AlertKindClosed, AlertKindWithdrawn,
		AlertKindProposed, AlertKindRelayed:
		// about the incident
	}
	if a.Acknowledged != nil {
		v.Acknowledged = new(acknowledged(*a.Acknowledged))
	}
	if len(a.Corrected) > 0 {
		v.Corrected = each(a.Corrected, acknowledged)
	}
	if len(a.Further) > 0 {
		v.Further = each(a.Further, acknowledged)
	}
	if a.Closed != nil {
		v.ClosedAt, v.ClosedReason = a.Closed.At, a.Closed.Reason
	}
	return v
}

// deadSubscription gives the subscription of the delivery that an alert is about.
func deadSubscription(a *notify.Alert) string {
	var shown struct {
		Delivery struct {
			Subscription string `json:"subscription_id"`
		} `json:"delivery"`
	}
	_ = json.Unmarshal(a.Data, &shown) // an alert that shows nothing any more names its delivery
	return shown.Delivery.Subscription
}

// alertIncident gives the incident as the event showed it; of an alert that is about none, nothing.
func alertIncident(a *notify.Alert) AlertIncident {
	if a.IncidentID == "" {
		return AlertIncident{}
	}
	h := a.Header()
	return AlertIncident{ID: a.IncidentID, Code: h.Code, Title: h.Title, Origin: h.Origin.State(), OriginIsland: h.Origin.Island()}
}

func acknowledged(a notify.Acknowledgement) Acknowledged {
	v := Acknowledged{
		At: a.At, ByRole: Role(a.Role), ByParty: Party(a.ByParty), Channel: a.Channel, Outcome: AcknowledgementOutcome(a.Outcome), Version: a.Version, Note: a.Note,
		OnBehalfOf: a.OnBehalfOf, RelayedBy: RelayedBy(a.RelayedBy), SaidAt: orZero(a.SaidAt), Reason: a.Reason,
	}
	if c := a.Confirmed; c != nil {
		v.ConfirmedAt, v.ConfirmedByRole, v.ConfirmedByParty = c.At, Role(c.ByRole), Party(c.ByParty)
	}
	return v
}
