package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"landfall/internal/access"
	"landfall/internal/preparedness"
)

// capacityView is the form of what a property offers.
type capacityView struct {
	Unit *preparedness.Unit
	Form *form
}

func (c *Console) capacityPage(v *visit) error {
	u, err := v.unitFor(access.OfferCapacity)
	if err != nil {
		return err
	}
	f := newForm()
	if k := u.Capacity; k != nil {
		f.with("etag", c.prepared.ETag(k.Seq)).with("rate", k.Rate).with("currency", k.Currency).with("agreement", k.Agreement)
		for name, n := range map[string]int{
			"rooms": k.Rooms, "beds": k.Beds, "accessible_rooms": k.AccessibleRooms, "longest_stay_days": k.LongestStay,
			"rooms_free_tonight": k.FreeTonight, "water_days": k.WaterDays, "power_hours": k.PowerHours,
		} {
			if n > 0 {
				f.with(name, fmt.Sprint(n))
			}
		}
		if k.FloorArea > 0 {
			f.with("floor_area_m2", strconv.FormatFloat(k.FloorArea, 'f', -1, 64))
		}
	}
	return v.showCapacity(http.StatusOK, u, f)
}

func (v *visit) showCapacity(status int, u *preparedness.Unit, f *form) error {
	return v.show(status, "prepare_capacity", u.Name, capacityView{u, f}, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

func (c *Console) offerCapacity(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	v.need(f, "rooms", "beds")
	var in preparedness.OfferCapacity
	for name, to := range map[string]*int{
		"rooms": &in.Rooms, "beds": &in.Beds, "accessible_rooms": &in.AccessibleRooms, "longest_stay_days": &in.LongestStay,
		"rooms_free_tonight": &in.FreeTonight, "water_days": &in.WaterDays, "power_hours": &in.PowerHours,
	} {
		if n := v.number(f, name, 0, 1_000_000); n != nil {
			*to = *n
		}
	}
	v.decimal(f, "rate")
	in.FloorArea, in.Rate, in.Currency, in.Agreement = v.decimal(f, "floor_area_m2"), strings.Replace(f.Value("rate"), ",", ".", 1), strings.ToUpper(f.Value("currency")), f.Value("agreement")
	if !f.Failed() {
		_, err := c.prepared.OfferCapacity(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "capacity_offered")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Capacity.Seq))
	}
	return v.showCapacity(f.status(), u, f)
}

// moveCapacity confirms, uses or releases: the button that was pressed says which.
func (c *Console) moveCapacity(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	v.need(f, "rooms", "beds")
	var in preparedness.MoveCapacity
	for name, to := range map[string]*int{"rooms": &in.Rooms, "beds": &in.Beds} {
		if n := v.number(f, name, 0, 200_000); n != nil {
			*to = *n
		}
	}
	id := v.Param("id")
	if !f.Failed() {
		do := c.prepared.ConfirmCapacity
		switch f.Value("do") {
		case "use":
			do = c.prepared.UseCapacity
		case "release":
			do = c.prepared.ReleaseCapacity
		}
		_, err := do(v.ctx(), v.scope, v.write(f), id, in)
		if err == nil {
			return v.to("/preparedness/units/"+id, "capacity_moved")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	view, err := v.unitView(f)
	if err != nil {
		return err
	}
	if f.Stale && view.Unit.Capacity != nil {
		f.Values.Set("etag", c.prepared.ETag(view.Unit.Capacity.Seq))
	}
	return v.showUnit(f.status(), view)
}
