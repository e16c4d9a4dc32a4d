package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"landfall/internal/access"
	"landfall/internal/place"
	"landfall/internal/preparedness"
)

// visitorsView is the form of a visitor count: one line for each nationality and setting.
type visitorsView struct {
	Unit     *preparedness.Unit
	Form     *form
	Warnings []choice
	Settings []choice

	Countries []choice // whose nationals can be counted
	Rows      []int
}

// visitorRows is how many lines the form has.
const visitorRows = 8

func (c *Console) visitorsPage(v *visit) error {
	u, err := v.unitFor(access.CountVisitors)
	if err != nil {
		return err
	}
	f := newForm().with("warning", string(preparedness.NoWarning))
	if k := u.Caseload; k != nil {
		f.with("etag", c.prepared.ETag(k.Seq))
		for n, row := range k.Counts[:min(len(k.Counts), visitorRows)] {
			f.with(fmt.Sprintf("nationality_%d", n), row.Nationality).with(fmt.Sprintf("setting_%d", n), string(row.Setting)).with(fmt.Sprintf("number_%d", n), fmt.Sprint(row.Number))
		}
	}
	return v.showVisitors(http.StatusOK, u, f)
}

func (v *visit) showVisitors(status int, u *preparedness.Unit, f *form) error {
	words := v.L.Page.Prepare
	view := visitorsView{Unit: u, Form: f, Warnings: choicesOf(preparedness.Warnings(), words.Warning), Settings: choicesOf(preparedness.Settings(), words.Setting)}
	for n := range visitorRows {
		view.Rows = append(view.Rows, n)
	}
	for _, c := range place.Countries() {
		view.Countries = append(view.Countries, choice{Value: c.Code, Label: c.Name.In(string(v.L.Language))})
	}
	slices.SortFunc(view.Countries, func(a, b choice) int { return cmp.Compare(a.Label, b.Label) })
	return v.show(status, "prepare_visitors", u.Name, view, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

// country reads a country by its code or its name, or OTH for others. What is none is wrong, which is said.
func (v *visit) country(f *form, name string) string {
	text := f.Value(name)
	if country, ok := place.ParseCountry(text); ok {
		return country.Code
	}
	if text != "" && !strings.EqualFold(text, preparedness.OtherNationalities) {
		f.wrong(name, v.reason("must be a country of ISO 3166-1 (alpha-3), or OTH"))
	}
	return strings.ToUpper(text)
}

func (c *Console) reportVisitors(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	in := preparedness.ReportCaseload{Warning: preparedness.Warning(f.Value("warning"))}
	fields := map[string]string{"/counts": "nationality_0"}
	for n := range visitorRows {
		nation, number := fmt.Sprintf("nationality_%d", n), fmt.Sprintf("number_%d", n)
		if f.Value(nation) == "" && f.Value(number) == "" {
			continue
		}
		v.need(f, nation, number)
		k := preparedness.Count{Nationality: v.country(f, nation), Setting: preparedness.Setting(f.Value(fmt.Sprintf("setting_%d", n)))}
		if count := v.number(f, number, 0, 1_000_000); count != nil {
			k.Number = *count
		}
		at := fmt.Sprintf("/counts/%d", len(in.Counts))
		fields[at], fields[at+"/nationality"], fields[at+"/number"], fields[at+"/setting"] = nation, nation, number, nation
		in.Counts = append(in.Counts, k)
	}
	for name, to := range map[string]*int{"units_answered": &in.Answered, "units_asked": &in.Asked} {
		if n := v.number(f, name, 0, 100_000); n != nil {
			*to = *n
		}
	}
	if !f.Failed() {
		_, err := c.prepared.ReportCaseload(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "visitors_counted")
		}
		if !v.refused(f, err, fields) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Caseload.Seq))
	}
	return v.showVisitors(f.status(), u, f)
}
