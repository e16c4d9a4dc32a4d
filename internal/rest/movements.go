package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/incident"
	"landfall/internal/place"
)

// AnnounceMovement records a movement notice.
func (s *Server) AnnounceMovement(c echo.Context, id string, _ AnnounceMovementParams) error {
	body, err := read[NewMovement](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.AnnounceMovement(c.Request().Context(), k.scope, k.write, id, incident.AnnounceMovement{
		ID: body.ID, Mode: incident.Mode(body.Mode), Carrier: body.Carrier, From: orNowhere(body.From), To: spotOf(body.To),
		DepartsAt: body.DepartsAt, ETA: body.Eta, People: peopleOf(body.People),
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, incidentsPath+id+"/movements/"+done.Value.ID, done.Seq, s.movement(done.Value))
}

// ListMovements lists the movements of an incident.
func (s *Server) ListMovements(c echo.Context, id string, p ListMovementsParams) error {
	all, err := s.incident.Movements(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	items, next, err := pageOf(all, limitOr(p.Limit, pageSize), p.Cursor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, MovementPage{Items: each(items, s.movement), NextCursor: next})
}

// GetMovement shows one movement.
func (s *Server) GetMovement(c echo.Context, id, movement string, _ GetMovementParams) error {
	m, err := s.incident.Movement(c.Request().Context(), callOf(c).scope, id, movement)
	if err != nil {
		return err
	}
	return s.show(c, m.Seq, s.movement(m))
}

// DepartMovement records a departure.
func (s *Server) DepartMovement(c echo.Context, id, movement string, _ DepartMovementParams) error {
	body, err := read[Departure](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.DepartMovement(c.Request().Context(), k.scope, k.write, id, movement, incident.DepartMovement{
		DepartedAt: body.DepartedAt, ETA: body.Eta, People: counted(body.People),
	})
	return s.movementDone(c, done, err)
}

// ArriveMovement records an arrival.
func (s *Server) ArriveMovement(c echo.Context, id, movement string, _ ArriveMovementParams) error {
	body, err := read[Arrival](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.ArriveMovement(c.Request().Context(), k.scope, k.write, id, movement, incident.ArriveMovement{
		ArrivedAt: body.ArrivedAt, People: peopleOf(body.People), Reason: body.Reason,
	})
	return s.movementDone(c, done, err)
}

// CancelMovement takes a movement back.
func (s *Server) CancelMovement(c echo.Context, id, movement string, _ CancelMovementParams) error {
	body, err := read[Cancellation](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.CancelMovement(c.Request().Context(), k.scope, k.write, id, movement, incident.CancelMovement{Reason: body.Reason})
	return s.movementDone(c, done, err)
}

// CorrectMovement replaces what was reported by what is right.
func (s *Server) CorrectMovement(c echo.Context, id, movement string, _ CorrectMovementParams) error {
	body, err := read[Correction](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.incident.CorrectMovement(c.Request().Context(), k.scope, k.write, id, movement, incident.CorrectMovement{
		Reason: body.Reason, Carrier: said(body.Carrier), Why: said(body.DifferenceReason),
		DepartsAt: orNil(body.DepartsAt), ETA: orNil(body.Eta), DepartedAt: orNil(body.DepartedAt), ArrivedAt: orNil(body.ArrivedAt),
		People: counted(body.People), Left: counted(body.Left), Came: counted(body.Came),
	})
	return s.movementDone(c, done, err)
}

func (s *Server) movementDone(c echo.Context, done incident.Done[*incident.Movement], err error) error {
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.show(c, done.Seq, s.movement(done.Value))
}

func (s *Server) movement(m *incident.Movement) Movement {
	v := Movement{
		ID: m.ID, Status: MovementStatus(m.Status), Mode: MovementMode(m.Mode), Carrier: m.Carrier, From: spot(m.From), To: spot(m.To),
		Receiver: Party(m.Receiver), DepartsAt: m.DepartsAt, Eta: m.ETA, People: people(m.People), DepartedAt: m.DepartedAt, ArrivedAt: m.ArrivedAt,
		DifferenceReason: m.Why, Reason: m.Reason, AnnouncedAt: m.AnnouncedAt, RecordedAt: m.RecordedAt, Relay: relay(m.Relayed), LeftRelay: relay(m.LeftRelayed), CameRelay: relay(m.CameRelayed), Etag: s.opt.ETag(m.Seq),
	}
	if m.Left != nil {
		v.Left = new(people(*m.Left))
	}
	if m.Came != nil {
		v.Came, v.Difference = new(people(*m.Came)), new(m.Difference)
	}
	return v
}

func spot(s incident.Spot) Spot { return Spot{Party: Party(s.Party), Name: s.Name, Port: s.Port} }

func spotOf(s Spot) incident.Spot {
	return incident.Spot{Party: place.Party(s.Party), Name: s.Name, Port: s.Port}
}

// orNowhere gives a place that the body may leave out.
func orNowhere(s *Spot) incident.Spot {
	if s == nil {
		return incident.Spot{}
	}
	return spotOf(*s)
}

// counted gives a count that the body may leave out.
func counted(p *People) *incident.People {
	if p == nil {
		return nil
	}
	return new(peopleOf(*p))
}

func people(p incident.People) People {
	return People{
		Total: p.Total,
		Sex:   each(p.Sex, func(n incident.SexCount) SexCount { return SexCount{Sex: Sex(n.Sex), Count: n.Count} }),
		Ages:  each(p.Ages, func(n incident.AgeBand) AgeBand { return AgeBand{AgeFrom: n.From, AgeTo: n.To, Count: n.Count} }),
		Needs: each(p.Needs, func(n incident.NeedCount) NeedCount { return NeedCount{Need: Assistance(n.Need), Count: n.Count} }),
	}
}

func peopleOf(p People) incident.People {
	return incident.People{
		Total: p.Total,
		Sex:   each(p.Sex, func(n SexCount) incident.SexCount { return incident.SexCount{Sex: incident.Sex(n.Sex), Count: n.Count} }),
		Ages: each(p.Ages, func(n AgeBand) incident.AgeBand {
			return incident.AgeBand{From: n.AgeFrom, To: n.AgeTo, Count: n.Count}
		}),
		Needs: each(p.Needs, func(n NeedCount) incident.NeedCount {
			return incident.NeedCount{Need: incident.Assistance(n.Need), Count: n.Count}
		}),
	}
}

// said gives a text that the body may leave out: an empty one is not accepted by the contract, so it was left out.
func said(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
