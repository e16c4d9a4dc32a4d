package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// ListProtocols lists the templates of this build. They are nobody's secret.
func (s *Server) ListProtocols(c echo.Context) error {
	return c.JSON(http.StatusOK, ProtocolPage{Items: each(protocol.Templates(), func(t *protocol.Template) ProtocolHead {
		return ProtocolHead{
			Name: t.ID, Version: t.Version, Status: ProtocolHeadStatus(t.Status), Title: text(t.Title), Anchors: anchorNames(t.Anchors()), StepCount: len(t.Steps),
		}
	})})
}

// GetProtocol shows one template with its steps.
func (s *Server) GetProtocol(c echo.Context, name string) error {
	t, ok := protocol.Lookup(name)
	if !ok {
		return fault.New(fault.NotFound, "protocol_not_found", "There is no such protocol.")
	}
	return c.JSON(http.StatusOK, Protocol{
		Name: t.ID, Version: t.Version, Status: ProtocolStatus(t.Status), Title: text(t.Title), Note: text(t.Note),
		Anchors: anchorNames(t.Anchors()), Leading: anchorNames(t.Leading), Steps: each(t.Steps, protocolStep), Sources: t.Sources,
	})
}

func protocolStep(s *protocol.Step) ProtocolStep {
	v := ProtocolStep{
		Code: s.Code, Title: text(s.Title), Phase: Phase(s.Phase), Side: Side(s.Side), PartyRule: ProtocolStepPartyRule(s.Party),
		Organisation: Party(s.Organisation), Repeat: ProtocolStepRepeat(s.Repeat), LifeSafety: s.LifeSafety, Agency: s.Agency,
		Needs:    each(s.Needs, func(n protocol.Need) ProtocolNeed { return ProtocolNeed{Code: n.Code, Hard: n.Hard} }),
		Deadline: s.Deadline.String(), EvidenceType: EvidenceType(s.Evidence.Type), Evidence: s.Evidence.Text,
		Escalation: append([]string{}, s.Escalation...), Basis: s.Basis,
	}
	if !s.Slow.IsZero() {
		v.DeadlineSlow = s.Slow.String()
	}
	return v
}

func anchorNames(anchors []protocol.Anchor) []string {
	return each(anchors, func(a protocol.Anchor) string { return string(a) })
}

func text(t place.Text) Text { return Text{En: t.EN, Fr: t.FR} }
