package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/incident"
)

// ListProposals shows what waits to be confirmed in an incident.
func (s *Server) ListProposals(c echo.Context, id string) error {
	all, err := s.incident.Proposals(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Proposals{Items: each(all, s.proposal)})
}

// ConfirmProposal carries out what waited.
func (s *Server) ConfirmProposal(c echo.Context, id, proposal string, _ ConfirmProposalParams) error {
	k := callOf(c)
	done, err := s.incident.Confirm(c.Request().Context(), k.scope, k.write, id, proposal)
	return s.incidentDone(c, done, err)
}

// WithdrawProposal takes back, or declines, what waited.
func (s *Server) WithdrawProposal(c echo.Context, id, proposal string, _ WithdrawProposalParams) error {
	body, err := read[Withdrawal](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.Withdraw(c.Request().Context(), k.scope, k.write, id, proposal, body.Reason)
	return s.incidentDone(c, done, err)
}

// ListRelays shows what was entered on the word of others in an incident.
func (s *Server) ListRelays(c echo.Context, id string) error {
	all, err := s.incident.Relays(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, RelayedEntries{Items: each(all, relayedEntry)})
}

// ConfirmRelay confirms what was entered for the caller's party.
func (s *Server) ConfirmRelay(c echo.Context, id string, version int64, _ ConfirmRelayParams) error {
	k := callOf(c)
	done, err := s.incident.ConfirmRelay(c.Request().Context(), k.scope, k.write, id, version)
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return c.JSON(http.StatusOK, relayedEntry(done.Value))
}

// proposed answers a command that waits to be confirmed.
func (s *Server) proposed(c echo.Context, id string, p *incident.Proposal) error {
	c.Response().Header().Set(echo.HeaderLocation, incidentsPath+id+"/proposals/"+p.ID)
	return c.JSON(http.StatusAccepted, s.proposal(p))
}

func (s *Server) proposal(p *incident.Proposal) Proposal {
	asked := p.Asked()
	v := Proposal{
		ID: p.ID, Kind: ProposalKind(p.Kind), Ends: p.Ends, Protocol: asked.Protocol, Reason: asked.Reason, Relay: *relay(incident.WordOf(p.Relay, incident.EnteredBy{Role: p.ByRole, Party: p.By})),
		ByRole: Role(p.ByRole), ByParty: Party(p.By), ProposedAt: p.ProposedAt, ExpiresAt: p.ExpiresAt, Version: p.Seq, Etag: s.opt.ETag(p.Seq),
	}
	for _, r := range asked.Named {
		v.Named = append(v.Named, State(r))
	}
	for _, r := range asked.Unnamed {
		v.Unnamed = append(v.Unnamed, State(r))
	}
	for _, a := range asked.Anchors {
		if v.Anchors == nil {
			v.Anchors = AnchorStarts{}
		}
		v.Anchors[a.Name] = AnchorStart{At: a.At, Kind: AnchorKind(a.Kind)}
	}
	return v
}

func relayedEntry(r *incident.Relayed) RelayedEntry {
	return RelayedEntry{
		Version: r.Seq, Type: r.Type, Subject: r.Subject, Relay: *relay(r.Word()), ByRole: Role(r.ByRole), ByParty: Party(r.By),
		RecordedAt: r.RecordedAt, Confirmed: r.Confirmed(), ConfirmedAt: r.ConfirmedAt, ConfirmedBy: Role(r.ConfirmedBy),
		CorrectedAt: r.CorrectedAt, CorrectedBy: Role(r.CorrectedBy),
	}
}
