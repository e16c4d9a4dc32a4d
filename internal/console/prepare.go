package console

import (
	"net/http"
	"time"

	"landfall/internal/access"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

func (c *Console) preparednessRoutes() {
	c.get("/preparedness", c.board)
	c.get("/preparedness/units/new", c.newUnit)
	c.post("/preparedness/units/new", c.registerUnit)
	c.get("/preparedness/units/:id", c.unitPage)
	c.get("/preparedness/units/:id/assess", c.assessPage)
	c.post("/preparedness/units/:id/assess", c.assess)
	c.get("/preparedness/units/:id/capacity", c.capacityPage)
	c.post("/preparedness/units/:id/capacity", c.offerCapacity)
	c.post("/preparedness/units/:id/move", c.moveCapacity)
	c.get("/preparedness/units/:id/visitors", c.visitorsPage)
	c.post("/preparedness/units/:id/visitors", c.reportVisitors)
}

// boardView is who is ready.
type boardView struct {
	States  []stateView
	MayEdit bool
}

// stateView is the readiness of one state.
type stateView struct {
	preparedness.StateBoard
	Name     string
	Statuses []statusCount
	Rooms    string // "62 % of rooms assessed"
	Lines    []unitLine
	Sections []sectionView
}

type sectionView struct {
	preparedness.Section
	Line  unitLine
	Rooms string
	Ready string
}

// statusCount is how many units are of a status.
type statusCount struct {
	Word, Tone string
	N          int
}

// unitLine is a unit of a list.
type unitLine struct {
	ID, Name, Kind, Where string
	Word, Tone            string
	Points                int
	Known                 bool // it was ever assessed
	Until                 time.Time
	Party                 place.Party
	Critical              []string
}

var readinessTones = map[preparedness.Status]string{
	preparedness.Ready: good, preparedness.Partial: soon, preparedness.Limited: soon, preparedness.NotReady: bad,
	preparedness.Expired: idle, preparedness.Unknown: idle,
}

// unitsMost bounds the units that a board lists by name for each state; the others are counted.
const unitsMost = 100

func (c *Console) board(v *visit) error {
	b, err := c.prepared.Board(v.ctx(), v.scope, "")
	if err != nil {
		return err
	}
	units, err := c.prepared.Units(v.ctx(), v.scope, preparedness.Filter{}, preparedness.PageRequest{Limit: unitsMost})
	if err != nil {
		return err
	}
	view := boardView{MayEdit: c.prepared.May(v.scope, access.AssessUnit, v.scope.Party)}
	for _, s := range b.States {
		one := stateView{StateBoard: s, Name: v.L.Party(s.State), Rooms: v.share(v.L.Page.Prepare.RoomsAssessed, s.Properties.Coverage.RoomsAssessed, s.Properties.Coverage.Rooms)}
		for _, status := range preparedness.Statuses() {
			if n := s.Properties.ByStatus[status]; n > 0 {
				one.Statuses = append(one.Statuses, statusCount{v.L.Page.Prepare.Status.Of(string(status)), readinessTones[status], n})
			}
		}
		for _, d := range s.Destinations {
			one.Sections = append(one.Sections, sectionView{
				Section: d, Line: v.lineOf(*d.Unit), Rooms: v.share(v.L.Page.Prepare.RoomsAssessed, d.Coverage.RoomsAssessed, d.Coverage.Rooms),
				Ready: v.share(v.L.Page.Prepare.RoomsReady, d.RoomsReady.Ready, d.RoomsReady.Rooms),
			})
		}
		for _, u := range units.Items {
			if u.Party.StateParty() == s.State && u.Kind == preparedness.Property {
				one.Lines = append(one.Lines, v.unitLine(u, b.At))
			}
		}
		view.States = append(view.States, one)
	}
	return v.show(http.StatusOK, "prepare", string(v.L.Page.Prepare.Title), view, in("prepare"), following("unit"))
}

// share says a part of a whole in per cent; "" without a whole.
func (v *visit) share(text locale.Text[locale.Name], part, whole int) string {
	if whole == 0 {
		return ""
	}
	return text.Say(locale.Name{Name: v.L.Number(part * 100 / whole)})
}

func (v *visit) lineOf(l preparedness.Line) unitLine {
	return unitLine{
		ID: l.ID, Name: l.Name, Kind: v.L.Page.Prepare.UnitKind.Of(string(l.Kind)), Word: v.L.Page.Prepare.Status.Of(string(l.Status)),
		Tone: readinessTones[l.Status], Points: l.Points, Known: l.Status != preparedness.Unknown, Until: l.ValidUntil, Party: l.Party, Critical: l.Critical,
	}
}

func (v *visit) unitLine(u *preparedness.Unit, now time.Time) unitLine {
	status := u.StatusAt(now)
	l := unitLine{
		ID: u.ID, Name: u.Name, Kind: v.L.Page.Prepare.UnitKind.Of(string(u.Kind)), Where: u.Town, Word: v.L.Page.Prepare.Status.Of(string(status)),
		Tone: readinessTones[status], Party: u.Party,
	}
	if u.Setting != "" {
		l.Kind = v.L.Page.Prepare.Setting.Of(string(u.Setting))
	}
	if a := u.Assessment; a != nil {
		l.Known, l.Points, l.Until, l.Critical = true, a.Points, a.ValidUntil, a.Critical
	}
	return l
}
