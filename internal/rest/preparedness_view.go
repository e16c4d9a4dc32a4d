package rest

import (
	"github.com/labstack/echo/v4"

	"landfall/internal/preparedness"
)

// unitShown gives the representation of units at the moment of the answer, as the caller may see them.
func (s *Server) unitShown(c echo.Context) func(*preparedness.Unit) Unit {
	now, scope := s.now().UTC(), callOf(c).scope
	return func(u *preparedness.Unit) Unit {
		v := Unit{
			ID: u.ID, Kind: UnitKind(u.Kind), Party: Party(u.Party), Name: u.Name, Town: u.Town, Setting: UnitSetting(u.Setting), Rooms: u.Rooms,
			DestinationID: u.Destination, Retired: u.Retired, Status: ReadinessStatus(u.StatusAt(now)), OpenedAt: u.OpenedAt, UpdatedAt: u.UpdatedAt,
			Version: u.Version, Etag: s.opt.ETag(u.Seq),
		}
		if u.Assessment != nil {
			v.Assessment = s.assessment(u.Assessment)
		}
		if k := u.Confirmation; k != nil {
			v.Confirmation = Confirmation{Season: k.Season, At: k.At}
		}
		if u.Capacity != nil {
			v.Capacity = s.capacityOf(u.Capacity)
		}
		if shown := s.prepared.Shown(scope, u); shown != nil {
			v.Caseload = s.caseload(*shown)
		}
		return v
	}
}

func (s *Server) assessment(a *preparedness.Assessment) Assessment {
	v := Assessment{
		ID: a.ID, Catalogue: a.Catalogue, CatalogueVersion: a.Revision, AssessedAt: a.AssessedAt, Answers: a.Answers, Points: a.Points,
		CriticalFailed: append([]string{}, a.Critical...), Status: ReadinessStatus(a.Status), ValidUntil: a.ValidUntil, Reference: a.Reference,
		Invalidated: AssessmentTrigger(a.Invalidated), RecordedAt: a.RecordedAt, Etag: s.opt.ETag(a.Seq),
	}
	if a.Share != nil {
		v.RoomsReadyShare = RoomShare{RoomsReady: a.Share.Ready, Rooms: a.Share.Rooms}
	}
	return v
}

func roomsAndBeds(a preparedness.Amount) RoomsAndBeds {
	return RoomsAndBeds{Rooms: a.Rooms, Beds: a.Beds}
}

func (s *Server) capacityOf(k *preparedness.Capacity) Capacity {
	return Capacity{
		Offered: roomsAndBeds(k.Amount), Confirmed: roomsAndBeds(k.Confirmed), InUse: roomsAndBeds(k.InUse), Released: roomsAndBeds(k.Released),
		FloorAreaM2: k.FloorArea, AccessibleRooms: k.AccessibleRooms, LongestStayDays: k.LongestStay, AvailableFrom: k.From, AvailableUntil: k.Until,
		WaterDays: k.WaterDays, PowerHours: k.PowerHours, Rate: k.Rate, Currency: k.Currency, Agreement: k.Agreement, RoomsFreeTonight: k.FreeTonight,
		SphereCeiling: k.Ceiling, OverSphere: k.OverSphere, AsOf: k.AsOf, ValidUntil: k.ValidUntil, ReportedBy: k.ReportedBy,
		RecordedAt: k.RecordedAt, Etag: s.opt.ETag(k.Seq),
	}
}

func (s *Server) caseload(k preparedness.Shown) Caseload {
	group := func(g preparedness.Group) VisitorGroup { return VisitorGroup{Code: g.Code, Number: g.Number} }
	v := Caseload{
		ID: k.ID, AsOf: k.AsOf, Warning: WarningLevel(k.Warning), ByNationality: each(k.ByNationality, group), BySetting: each(k.BySetting, group),
		Suppressed: k.Suppressed, UnitsAnswered: k.Answered, UnitsAsked: k.Asked, ValidUntil: k.ValidUntil, RecordedAt: k.RecordedAt, Etag: s.opt.ETag(k.Seq),
		Counts: each(k.Counts, func(n preparedness.Count) VisitorCount {
			return VisitorCount{Nationality: n.Nationality, Setting: UnitSetting(n.Setting), Number: n.Number}
		}),
	}
	if k.Total >= 0 {
		v.Total = &k.Total
	}
	return v
}

func catalogue(k *preparedness.Catalogue) Catalogue {
	return Catalogue{
		ID: k.ID, Version: k.Version, Status: CatalogueStatus(k.Status), Kind: UnitKind(k.Kind), Title: Text{En: k.Title.EN, Fr: k.Title.FR},
		Indicators: each(k.Indicators, func(i preparedness.Indicator) Indicator {
			return Indicator{
				Code: i.Code, Points: i.Points, Critical: i.Critical, Share: i.Share, Title: Text{En: i.Title.EN, Fr: i.Title.FR}, Basis: i.Basis,
			}
		}),
	}
}

func stateBoard(b preparedness.StateBoard) StateBoard {
	v := StateBoard{
		State: State(b.State), Destinations: each(b.Destinations, boardSection), Properties: boardSection(b.Properties),
		Expiring: each(b.Expiring, unitLine), Activation: b.Activation,
	}
	if b.Itself != nil {
		v.Itself = unitLine(*b.Itself)
	}
	return v
}

func boardSection(b preparedness.Section) BoardSection {
	count := func(s preparedness.Status) int { return b.ByStatus[s] }
	v := BoardSection{
		ByStatus: StatusCounts{
			Ready: count(preparedness.Ready), Partial: count(preparedness.Partial), Limited: count(preparedness.Limited),
			NotReady: count(preparedness.NotReady), Unknown: count(preparedness.Unknown), Expired: count(preparedness.Expired),
		},
		Coverage: ReadinessCoverage{
			Units: b.Coverage.Units, UnitsAssessed: b.Coverage.UnitsAssessed, Rooms: b.Coverage.Rooms, RoomsAssessed: b.Coverage.RoomsAssessed,
		},
		RoomsReady: RoomShare{RoomsReady: b.RoomsReady.Ready, Rooms: b.RoomsReady.Rooms},
		Capacity: CapacitySum{
			Units: b.Capacity.Units, Offered: roomsAndBeds(b.Capacity.Offered), Confirmed: roomsAndBeds(b.Capacity.Confirmed),
			InUse: roomsAndBeds(b.Capacity.InUse), Released: roomsAndBeds(b.Capacity.Released), RoomsFreeTonight: b.Capacity.FreeTonight,
			UnitsOverSphere: b.Capacity.OverSphere, UnitsStale: b.Capacity.Stale,
		},
		Caseload: CaseloadSum{Units: b.Caseload.Units, OldestAsOf: b.Caseload.Oldest, UnitsExpired: b.Caseload.Expired},
	}
	if b.Unit != nil {
		v.Unit = unitLine(*b.Unit)
	}
	if b.Points != nil {
		v.Points = PointsSpread{Lowest: b.Points.Lowest, Median: b.Points.Median, Highest: b.Points.Highest}
	}
	if b.Caseload.Units > 0 && b.Caseload.Total >= 0 {
		v.Caseload.Total = &b.Caseload.Total
	}
	return v
}

func unitLine(l preparedness.Line) UnitLine {
	v := UnitLine{
		ID: l.ID, Kind: UnitKind(l.Kind), Party: Party(l.Party), Name: l.Name, Status: ReadinessStatus(l.Status), ValidUntil: l.ValidUntil,
		CriticalFailed: append([]string{}, l.Critical...),
	}
	if l.Status != preparedness.Unknown {
		v.Points = &l.Points
	}
	return v
}
