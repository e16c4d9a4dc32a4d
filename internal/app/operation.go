package app

import (
	"context"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/rest"
)

// operation tells operators how the service is, through the edges.
type operation struct{ a *App }

// Status implements rest.Operation.
func (o operation) Status(ctx context.Context) (rest.OperationStatus, error) {
	a := o.a
	state, err := backup.ReadState(ctx, a.store)
	if err != nil {
		return rest.OperationStatus{}, err
	}
	all, err := processes(ctx, a.store)
	if err != nil {
		return rest.OperationStatus{}, err
	}
	first, err := a.access.FirstTokenLives(ctx)
	if err != nil {
		return rest.OperationStatus{}, err
	}
	status := rest.OperationStatus{
		Version: a.opt.Version, Roles: roleWords(a.opt.Roles), Engine: rest.OperationStatusEngineSqlite, Bus: rest.OperationStatusBusEmbedded,
		Held: state.Held, Epoch: state.Epoch, FirstTokenLives: first,
	}
	if a.opt.onServer() {
		status.Engine = rest.OperationStatusEngineMongodb
	}
	if a.opt.NATSURL != "" {
		status.Bus = rest.OperationStatusBusExternal
	}
	for _, p := range all {
		status.Processes = append(status.Processes, rest.RunningProcess{
			Process: p.ID, Name: p.Name, Roles: roleWords(p.Roles), Version: p.Version, Since: p.Since, LastSeen: p.LastSeen,
		})
	}
	for _, alarm := range a.alarms.list() {
		status.Alarms = append(status.Alarms, rest.OperatorAlarm{Code: alarm.Code, Since: alarm.Since, Text: alarm.Text, Runbook: alarm.Runbook})
	}
	asides, err := ledger.ListAside(ctx, a.store)
	if err != nil {
		return status, err
	}
	for _, s := range asides {
		status.SetAside = append(status.SetAside, rest.StreamAside{
			Stream: string(s.Stream), Work: rest.StreamAsideWork(s.Work), Since: s.Since, Again: s.Again, Version: s.Seq,
			Tries: int64(s.Tries), Reason: s.Reason, Process: s.Process,
		})
	}
	if state.Held {
		fire, err := backup.Waiting(ctx, a.store, a.opt.Now())
		if err != nil {
			return status, err
		}
		status.WouldFire = &rest.WouldFire{OverdueSteps: fire.Wakes, Deliveries: fire.Deliveries}
	}
	return status, nil
}

// Release implements rest.Operation: a held service begins to send and to chase again, in every process within a moment.
func (o operation) Release(ctx context.Context, scope access.Scope, _ access.Write) error {
	return o.a.Release(ctx, scope.Account)
}

// Retry implements rest.Operation: every process tries the stream again within seconds.
func (o operation) Retry(ctx context.Context, scope access.Scope, stream string) error {
	found, err := o.a.ledger.Asides().Retry(ctx, ledger.Stream(stream))
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.NotFound, "no_such_stream", "There is no stream %q.", stream)
	}
	o.a.log.Info("an operator has a stream tried again", "stream", stream, "account", scope.Account)
	return nil
}

func roleWords(roles []Role) []rest.ProcessRole {
	out := make([]rest.ProcessRole, len(roles))
	for i, r := range roles {
		out[i] = rest.ProcessRole(r)
	}
	return out
}
