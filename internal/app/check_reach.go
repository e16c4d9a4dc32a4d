package app

import (
	"context"
	"slices"
	"strings"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/place"
	"landfall/internal/store"
)

// reach names every party of an open incident that nothing can reach.
func (c *checker) reach(ctx context.Context, st store.Store) {
	l := ledger.New(st, ledger.Options{Now: c.opt.Now, Logger: c.opt.Logger, Shared: true})
	defer func() {
		if err := l.Close(ctx); err != nil {
			c.serious("", "%s", plain(err))
		}
	}()
	incidents := incident.NewDesk(l, st, nil)
	desk, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: incidents, SealKey: make([]byte, 32), Logger: c.opt.Logger})
	if err != nil {
		c.serious("", "%s", plain(err))
		return
	}
	open := incident.Filter{Status: []incident.Status{incident.Monitoring, incident.Active}}
	for cursor := ""; ; {
		page, err := incidents.List(ctx, access.System, open, incident.PageRequest{Cursor: cursor})
		if err != nil {
			c.serious("", "It cannot be read whom alerts reach: %s", plain(err))
			return
		}
		for _, i := range page.Items {
			if err := c.reachOf(ctx, incidents, desk, i); err != nil {
				c.serious("", "It cannot be read whom alerts of %s reach: %s", i.Code, plain(err))
			}
		}
		if cursor = page.Next; cursor == "" {
			return
		}
	}
}

func (c *checker) reachOf(ctx context.Context, incidents *incident.Desk, desk *notify.Desk, i incident.Incident) error {
	parties := append([]place.Party{i.Origin}, i.Receivers...)
	for cursor := ""; ; {
		steps, err := incidents.Steps(ctx, access.System, i.ID, incident.StepFilter{}, incident.PageRequest{Cursor: cursor})
		if err != nil {
			return err
		}
		for _, s := range steps.Items {
			parties = append(parties, s.Party)
		}
		if cursor = steps.Next; cursor == "" {
			break
		}
	}
	slices.Sort(parties)
	reach, err := desk.Reaching(ctx, notify.About{
		Exercise: i.Exercise, Origin: i.Origin.State(), Incident: i.ID, Severity: string(i.Severity),
	}, slices.Compact(parties)...)
	if err != nil {
		return err
	}
	var nobody []string
	for _, r := range reach {
		if r.Nobody() {
			nobody = append(nobody, r.Party.Name().EN+" ("+string(r.Party)+")")
		}
	}
	if len(nobody) == 0 {
		return nil
	}
	say, what := c.serious, "incident"
	if i.Exercise {
		say, what = c.note, "exercise"
	}
	say("Give each an address that wants its alerts: page \"Where your alerts go\", or POST /api/v1/subscriptions.",
		"Nothing can reach %s in the open %s %s.", strings.Join(nobody, ", "), what, i.Code)
	return nil
}
