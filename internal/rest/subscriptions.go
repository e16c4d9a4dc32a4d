package rest

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/notify"
)

// Subscribe makes a subscription and shows its secret.
func (s *Server) Subscribe(c echo.Context, _ SubscribeParams) error {
	body, err := read[NewSubscription](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	made, err := s.notify.Subscribe(c.Request().Context(), k.scope, k.write, notify.SubscriptionRequest{
		ID: body.ID, Channel: string(body.Channel), Target: body.Target, Filter: filterOf(body.Filter), Language: body.Language,
		ExpiresAt: orNil(body.ExpiresAt),
	})
	if err != nil {
		return err
	}
	k.commit = made.CommitID
	shown := s.subscription(made.Value, made.Seq)
	shown.Secret = made.Secret
	return s.created(c, "/api/v1/subscriptions/"+made.Value.ID, made.Seq, shown)
}

// ListSubscriptions lists those of the caller's party.
func (s *Server) ListSubscriptions(c echo.Context, p ListSubscriptionsParams) error {
	page, err := s.notify.Subscriptions(c.Request().Context(), callOf(c).scope, notify.Paging{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	ids := each(page.Items, func(l notify.Listed[*notify.Subscription]) string { return l.Value.ID })
	health, err := s.notify.Health(c.Request().Context(), callOf(c).scope, ids...)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, SubscriptionPage{NextCursor: page.Next, Items: each(page.Items, func(l notify.Listed[*notify.Subscription]) Subscription {
		shown := s.subscription(l.Value, l.Seq)
		shown.Health = targetHealth(health, l.Value.ID)
		return shown
	})})
}

// GetSubscription shows one subscription.
func (s *Server) GetSubscription(c echo.Context, id string, _ GetSubscriptionParams) error {
	ctx, k := c.Request().Context(), callOf(c)
	held, err := s.notify.Subscription(ctx, k.scope, id)
	if err != nil {
		return err
	}
	health, err := s.notify.Health(ctx, k.scope, id)
	if err != nil {
		return err
	}
	shown := s.subscription(held.Value, held.Seq)
	shown.Health = targetHealth(health, id)
	return s.show(c, held.Seq, shown)
}

// ChangeSubscription replaces what a subscription wants.
func (s *Server) ChangeSubscription(c echo.Context, id string, _ ChangeSubscriptionParams) error {
	body, err := read[SubscriptionChange](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	out, err := s.notify.ChangeSubscription(c.Request().Context(), k.scope, k.write, id, notify.SubscriptionRequest{
		Target: body.Target, Filter: filterOf(body.Filter), Language: body.Language, ExpiresAt: orNil(body.ExpiresAt),
	})
	if err != nil {
		return err
	}
	committed(c, out.Events)
	return s.show(c, out.Seq, s.subscription(out.Value, out.Seq))
}

// Unsubscribe ends a subscription.
func (s *Server) Unsubscribe(c echo.Context, id string, _ UnsubscribeParams) error {
	k := callOf(c)
	if err := s.notify.Unsubscribe(c.Request().Context(), k.scope, k.write, id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// RotateSecret makes a new secret and shows it.
func (s *Server) RotateSecret(c echo.Context, id string, _ RotateSecretParams) error {
	k := callOf(c)
	made, err := s.notify.RotateSecret(c.Request().Context(), k.scope, k.write, id)
	if err != nil {
		return err
	}
	k.commit = made.CommitID
	shown := s.subscription(made.Value, made.Seq)
	shown.Secret = made.Secret
	return s.show(c, made.Seq, shown)
}

// EnableSubscription has a disabled subscription send again.
func (s *Server) EnableSubscription(c echo.Context, id string, _ EnableSubscriptionParams) error {
	k := callOf(c)
	out, err := s.notify.Enable(c.Request().Context(), k.scope, k.write, id)
	if err != nil {
		return err
	}
	committed(c, out.Events)
	return s.show(c, out.Seq, s.subscription(out.Value, out.Seq))
}

// TestSubscription queues a test message.
func (s *Server) TestSubscription(c echo.Context, id string, _ TestSubscriptionParams) error {
	k := callOf(c)
	d, err := s.notify.Test(c.Request().Context(), k.scope, k.write, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, delivery(d))
}

// ListDeliveries lists what is or was sent to the caller's party.
func (s *Server) ListDeliveries(c echo.Context, p ListDeliveriesParams) error {
	page, err := s.notify.Deliveries(c.Request().Context(), callOf(c).scope,
		notify.DeliveryQuery{Status: notify.Status(p.Status), Channel: string(p.Channel), Incident: p.IncidentID, Subscription: p.SubscriptionID},
		notify.Paging{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, DeliveryPage{NextCursor: page.Next, Items: each(page.Items, func(l notify.Listed[*notify.Delivery]) Delivery {
		return delivery(l.Value)
	})})
}

// GetDelivery shows one delivery.
func (s *Server) GetDelivery(c echo.Context, id string) error {
	d, err := s.notify.Delivery(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, delivery(d))
}

// ReplayDelivery queues a delivery once more.
func (s *Server) ReplayDelivery(c echo.Context, id string, _ ReplayDeliveryParams) error {
	k := callOf(c)
	d, err := s.notify.Replay(c.Request().Context(), k.scope, k.write, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, delivery(d))
}

// ReplayDeliveries queues every delivery that a filter names once more.
func (s *Server) ReplayDeliveries(c echo.Context, _ ReplayDeliveriesParams) error {
	body, err := read[ReplayRequest](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	n, err := s.notify.ReplayMatching(c.Request().Context(), k.scope, k.write, notify.ReplayQuery{
		Status:  each(body.Status, func(w DeliveryStatus) notify.Status { return notify.Status(w) }),
		Channel: string(body.Channel), Subscription: body.SubscriptionID, Incident: body.IncidentID, Since: body.Since, Until: body.Until,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Replayed{Replayed: n})
}

func filterOf(f *Filter) notify.Filter {
	if f == nil {
		return notify.Filter{}
	}
	return notify.Filter{
		States: f.States, Kinds: f.Kinds, MinSeverity: string(f.MinSeverity), Exercise: notify.Exercise(f.Exercise),
	}
}

func (s *Server) subscription(v *notify.Subscription, seq int64) Subscription {
	shown := Subscription{
		ID: v.ID, Party: Party(v.Owner.Party), Channel: ChannelName(v.Channel), Target: v.Target, Language: v.Language,
		Filter: Filter{
			States: v.Filter.States, Kinds: v.Filter.Kinds, MinSeverity: Severity(v.Filter.MinSeverity), Exercise: ExerciseWish(v.Filter.Exercise),
		},
		ExpiresAt: orZero(v.ExpiresAt), Status: SubscriptionStatus(v.Status), CreatedAt: v.CreatedAt, ChangedAt: v.ChangedAt, Etag: s.opt.ETag(seq),
	}
	if until := orZero(v.PreviousSecretUntil); until.After(s.now()) {
		shown.PreviousSecretUntil = until
	}
	if v.Disabled != nil && v.Status == notify.SubscriptionDisabled {
		shown.DisabledAt = v.Disabled.At
	}
	return shown
}

// targetHealth shows how sending to a subscription's target goes; nil when nobody knows.
func targetHealth(all map[string]notify.TargetHealth, id string) *TargetHealth {
	h, ok := all[id]
	if !ok {
		return nil
	}
	return &TargetHealth{
		Circuit: Circuit(h.Circuit), Waiting: h.Waiting, OldestWaitingAt: orZero(h.OldestWaitingAt), EstimateSeconds: h.EstimateSeconds,
		FailingSince: orZero(h.FailingSince), NextProbeAt: orZero(h.NextProbeAt), LastSuccessAt: orZero(h.LastSuccessAt), LastCode: h.LastCode,
	}
}

func delivery(d *notify.Delivery) Delivery {
	return Delivery{
		ID: d.ID, EventID: d.EventID, EventType: d.EventType, IncidentID: d.Incident, AlertID: d.AlertID, SubscriptionID: d.Subscription,
		Party: Party(d.Party), Channel: ChannelName(d.Channel), Target: d.Target, Exercise: d.Exercise, Status: DeliveryStatus(d.Status),
		CreatedAt: d.CreatedAt, NextAttemptAt: orZero(d.NextAttemptAt),
		Attempts: each(d.Attempts, func(a notify.Attempt) Attempt { return Attempt{At: a.At, Code: a.Code, Detail: a.Detail} }),
	}
}

// orNil and orZero say "not given" the way nouns and representations do.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
