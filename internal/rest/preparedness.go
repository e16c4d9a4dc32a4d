package rest

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

const unitsPath = "/api/v1/preparedness/units/"

// ListIndicators lists the catalogues.
func (s *Server) ListIndicators(c echo.Context) error {
	return c.JSON(http.StatusOK, CatalogueList{Items: each(preparedness.Catalogues(), catalogue)})
}

// ListUnits lists units.
func (s *Server) ListUnits(c echo.Context, p ListUnitsParams) error {
	page, err := s.prepared.Units(c.Request().Context(), callOf(c).scope, preparedness.Filter{
		State: place.Party(p.State), Kind: preparedness.UnitKind(p.Kind), Destination: p.DestinationID,
	}, preparedness.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, UnitPage{Items: each(page.Items, s.unitShown(c)), NextCursor: page.Next})
}

// RegisterUnit makes a unit.
func (s *Server) RegisterUnit(c echo.Context, _ RegisterUnitParams) error {
	b, err := read[NewUnit](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.prepared.Register(c.Request().Context(), k.scope, k.write, preparedness.Register{
		ID: b.ID, Kind: preparedness.UnitKind(b.Kind), Party: place.Party(b.Party), Name: b.Name, Town: b.Town,
		Setting: preparedness.Setting(b.Setting), Rooms: b.Rooms, Destination: b.DestinationID,
	})
	if err != nil {
		return asSent(err)
	}
	committed(c, done.Events)
	return s.created(c, unitsPath+done.Unit.ID, done.Unit.Seq, s.unitShown(c)(done.Unit))
}

// GetUnit shows a unit. What it is worth changes with the clock, so no answer is "not modified".
func (s *Server) GetUnit(c echo.Context, id string, _ GetUnitParams) error {
	u, err := s.prepared.Unit(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", s.opt.ETag(u.Seq))
	return c.JSON(http.StatusOK, s.unitShown(c)(u))
}

// ChangeUnit replaces the description of a unit.
func (s *Server) ChangeUnit(c echo.Context, id string, _ ChangeUnitParams) error {
	b, err := read[UnitChange](c)
	if err != nil {
		return err
	}
	return s.changeUnit(c, s.ofUnit, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return s.prepared.Change(ctx, scope, w, id, preparedness.Change{
			Name: b.Name, Town: b.Town, Setting: preparedness.Setting(b.Setting), Rooms: b.Rooms, Destination: b.DestinationID,
		})
	})
}

// RetireUnit takes a unit out of lists and boards.
func (s *Server) RetireUnit(c echo.Context, id string, _ RetireUnitParams) error {
	b, err := read[UnitRetirement](c)
	if err != nil {
		return err
	}
	return s.changeUnit(c, s.ofUnit, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return s.prepared.Retire(ctx, scope, w, id, b.Reason)
	})
}

// InvalidateAssessment sets an assessment aside.
func (s *Server) InvalidateAssessment(c echo.Context, id string, _ InvalidateAssessmentParams) error {
	b, err := read[Invalidation](c)
	if err != nil {
		return err
	}
	return s.changeUnit(c, s.ofUnit, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return s.prepared.Invalidate(ctx, scope, w, id, preparedness.Trigger(b.Trigger), b.Reason)
	})
}

// ConfirmSeason confirms a property before the season.
func (s *Server) ConfirmSeason(c echo.Context, id string, _ ConfirmSeasonParams) error {
	return s.changeUnit(c, s.ofUnit, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return s.prepared.ConfirmSeason(ctx, scope, w, id)
	})
}

// ListAssessments lists what a unit was assessed at.
func (s *Server) ListAssessments(c echo.Context, id string, p ListAssessmentsParams) error {
	page, err := s.prepared.Assessments(c.Request().Context(), callOf(c).scope, id, preparedness.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, AssessmentPage{Items: each(page.Items, s.assessment), NextCursor: page.Next})
}

// AssessUnit records an assessment.
func (s *Server) AssessUnit(c echo.Context, id string, _ AssessUnitParams) error {
	b, err := read[NewAssessment](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.prepared.Assess(c.Request().Context(), k.scope, k.write, id, preparedness.Assess{
		ID: b.ID, AssessedAt: b.AssessedAt, Answers: b.Answers, ValidUntil: b.ValidUntil, Reference: b.Reference,
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, unitsPath+id+"/assessments", done.Unit.Assessment.Seq, s.assessment(done.Unit.Assessment))
}

// GetCapacity shows what a unit offers.
func (s *Server) GetCapacity(c echo.Context, id string, _ GetCapacityParams) error {
	u, err := s.prepared.Unit(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	if u.Capacity == nil {
		return fault.New(fault.NotFound, "capacity_not_found", "The unit offers nothing yet.")
	}
	return s.show(c, u.Capacity.Seq, s.capacityOf(u.Capacity))
}

// OfferCapacity records what a property offers.
func (s *Server) OfferCapacity(c echo.Context, id string, _ OfferCapacityParams) error {
	b, err := read[NewCapacity](c)
	if err != nil {
		return err
	}
	return s.changeUnit(c, s.ofCapacity, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return s.prepared.OfferCapacity(ctx, scope, w, id, preparedness.OfferCapacity{AsOf: b.AsOf, Offer: preparedness.Offer{
			Amount: preparedness.Amount{Rooms: b.Rooms, Beds: b.Beds}, FloorArea: b.FloorAreaM2, AccessibleRooms: b.AccessibleRooms,
			LongestStay: b.LongestStayDays, From: b.AvailableFrom, Until: b.AvailableUntil, WaterDays: b.WaterDays, PowerHours: b.PowerHours,
			Rate: b.Rate, Currency: b.Currency, Agreement: b.Agreement, FreeTonight: b.RoomsFreeTonight,
		}})
	})
}

// ConfirmCapacity says how much of an offer is agreed.
func (s *Server) ConfirmCapacity(c echo.Context, id string, _ ConfirmCapacityParams) error {
	return s.moveCapacity(c, id, s.prepared.ConfirmCapacity)
}

// UseCapacity says how much is in use.
func (s *Server) UseCapacity(c echo.Context, id string, _ UseCapacityParams) error {
	return s.moveCapacity(c, id, s.prepared.UseCapacity)
}

// ReleaseCapacity says how much is given back.
func (s *Server) ReleaseCapacity(c echo.Context, id string, _ ReleaseCapacityParams) error {
	return s.moveCapacity(c, id, s.prepared.ReleaseCapacity)
}

type capacityMove func(context.Context, access.Scope, access.Write, string, preparedness.MoveCapacity) (preparedness.Done, error)

func (s *Server) moveCapacity(c echo.Context, id string, do capacityMove) error {
	b, err := read[CapacityMove](c)
	if err != nil {
		return err
	}
	return s.changeUnit(c, s.ofCapacity, func(ctx context.Context, scope access.Scope, w access.Write) (preparedness.Done, error) {
		return do(ctx, scope, w, id, preparedness.MoveCapacity{
			Amount: preparedness.Amount{Rooms: b.Rooms, Beds: b.Beds}, Agreement: b.Agreement, AsOf: b.AsOf,
		})
	})
}

// ListCaseloads lists the visitor counts of a unit.
func (s *Server) ListCaseloads(c echo.Context, id string, p ListCaseloadsParams) error {
	page, err := s.prepared.Caseloads(c.Request().Context(), callOf(c).scope, id, preparedness.PageRequest{Limit: limitOr(p.Limit, pageSize), Cursor: p.Cursor})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, CaseloadPage{Items: each(page.Items, s.caseload), NextCursor: page.Next})
}

// ReportCaseload records a count of visitors.
func (s *Server) ReportCaseload(c echo.Context, id string, _ ReportCaseloadParams) error {
	b, err := read[NewCaseload](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	done, err := s.prepared.ReportCaseload(c.Request().Context(), k.scope, k.write, id, preparedness.ReportCaseload{
		ID: b.ID, AsOf: b.AsOf, Warning: preparedness.Warning(b.Warning), Answered: b.UnitsAnswered, Asked: b.UnitsAsked,
		Counts: each(b.Counts, func(v VisitorCount) preparedness.Count {
			return preparedness.Count{Nationality: v.Nationality, Setting: preparedness.Setting(v.Setting), Number: v.Number}
		}),
	})
	if err != nil {
		return err
	}
	committed(c, done.Events)
	return s.created(c, unitsPath+id+"/caseload", done.Unit.Caseload.Seq, s.caseload(*s.prepared.Shown(k.scope, done.Unit)))
}

// GetBoard shows who is ready.
func (s *Server) GetBoard(c echo.Context, p GetBoardParams) error {
	b, err := s.prepared.Board(c.Request().Context(), callOf(c).scope, place.Party(p.State))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, Board{At: b.At, States: each(b.States, stateBoard)})
}

// part gives the representation of what a change was about, and its version.
type part func(echo.Context, *preparedness.Unit) (int64, any)

// changeUnit carries out a change of a unit and answers with the part it was about.
func (s *Server) changeUnit(c echo.Context, of part, do func(context.Context, access.Scope, access.Write) (preparedness.Done, error)) error {
	k := callOf(c)
	done, err := do(c.Request().Context(), k.scope, k.write)
	if err != nil {
		return asSent(err)
	}
	committed(c, done.Events)
	seq, v := of(c, done.Unit)
	return s.show(c, seq, v)
}

func (s *Server) ofUnit(c echo.Context, u *preparedness.Unit) (int64, any) {
	return u.Seq, s.unitShown(c)(u)
}

func (s *Server) ofCapacity(_ echo.Context, u *preparedness.Unit) (int64, any) {
	return u.Capacity.Seq, s.capacityOf(u.Capacity)
}

// asSent names the member that requests call destination_id as they do.
func asSent(err error) error {
	if f, ok := fault.As(err); ok {
		for i := range f.Fields {
			if f.Fields[i].Pointer == "/destination" {
				f.Fields[i].Pointer = "/destination_id"
			}
		}
	}
	return err
}
