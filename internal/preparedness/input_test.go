package preparedness_test

import (
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

// refusedAt requires that a fault names these members.
func refusedAt(t *testing.T, err error, pointers ...string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Kind != fault.Invalid {
		t.Errorf("refused with %v, want %v", err, pointers)
		return
	}
	var got []string
	for _, field := range f.Fields {
		got = append(got, field.Pointer)
	}
	if strings.Join(got, " ") != strings.Join(pointers, " ") {
		t.Errorf("the fault names %v, want %v", got, pointers)
	}
}

func TestAUnitOffersNoMoreThanItHas(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel", 10, "")
	offer := func(change func(*preparedness.OfferCapacity)) error {
		in := preparedness.OfferCapacity{Offer: preparedness.Offer{Amount: amount(8, 16)}}
		change(&in)
		_, err := w.desk.OfferCapacity(ctx, liaison, access.Write{}, u.ID, in)
		return err
	}
	refusedAt(t, offer(func(in *preparedness.OfferCapacity) { in.Rooms = 50 }), "/rooms")
	refusedAt(t, offer(func(in *preparedness.OfferCapacity) { in.FreeTonight = 11 }), "/rooms_free_tonight")
	refusedAt(t, offer(func(in *preparedness.OfferCapacity) { in.Beds = 81 }), "/beds")
	refusedAt(t, offer(func(in *preparedness.OfferCapacity) { in.Rate, in.Currency = "85.00", "XYZ" }), "/currency")
	refusedAt(t, offer(func(in *preparedness.OfferCapacity) { in.Until = w.clock().AddDate(2, 0, 0) }), "/available_until")
	if err := offer(func(in *preparedness.OfferCapacity) { in.Rate, in.Currency = "85.00", "XCD" }); err != nil {
		t.Error(err)
	}
	held := must[*preparedness.Unit](t)(w.desk.Unit(ctx, liaison, u.ID))
	_, err := w.desk.Change(ctx, liaison, access.Write{IfMatch: w.desk.ETag(held.Seq)}, u.ID, preparedness.Change{Name: "Bay hotel", Rooms: 7})
	if fault.CodeOf(err) != "below_offered" {
		t.Errorf("fewer rooms than are offered: %v", err)
	}
}

func TestVisitorsAreOfCountriesThatThereAre(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel", 10, "")
	report := func(nationality string) error {
		_, err := w.desk.ReportCaseload(ctx, liaison, access.Write{}, u.ID, preparedness.ReportCaseload{
			Counts: []preparedness.Count{{Nationality: nationality, Setting: preparedness.Hotel, Number: 7}},
		})
		return err
	}
	for _, none := range []string{"AME", "XXX", "usa", "US", "YUG", ""} {
		refusedAt(t, report(none), "/counts/0/nationality")
	}
	for _, one := range []string{"USA", "OTH", "HTI"} {
		if err := report(one); err != nil {
			t.Errorf("%s: %v", one, err)
		}
	}
	if n := len(place.Countries()); n != 249 {
		t.Errorf("%d countries", n)
	}
}

func TestAnIDDoesNotTellOfAUnitThatOneMayNotSee(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel", 10, "")
	other := access.Scope{Account: liaison.Account + "x", Role: access.RoleLiaison, Party: "DMA"}
	_, err := w.desk.Register(ctx, other, access.Write{}, preparedness.Register{ID: u.ID, Kind: preparedness.Property, Party: "DMA", Name: "Fort hotel"})
	refusedAt(t, err, "/id")
}

func TestAnAssessmentOfYearsAgoIsConfirmed(t *testing.T) {
	w := newWorld(t)
	u := w.property("Bay hotel", 10, "")
	at := w.clock().Add(-14 * 30 * 24 * time.Hour)
	in := preparedness.Assess{AssessedAt: at, Answers: map[string]bool{}}
	_, err := w.desk.Assess(ctx, liaison, access.Write{}, u.ID, in)
	refusedAt(t, err, "/assessed_at")
	if _, err := w.desk.Assess(ctx, liaison, access.Write{Confirm: []string{"/assessed_at"}}, u.ID, in); fault.CodeOf(err) == fault.Unconfirmed {
		t.Error("it is asked again")
	}
}
