package console

import (
	"net/http"

	"landfall/internal/access"
	"landfall/internal/preparedness"
)

// assessView is the form of an assessment: every indicator with yes and no.
type assessView struct {
	Unit      *preparedness.Unit
	Form      *form
	Questions []question
	Title     string
	Proposal  bool
}

type question struct {
	Field    *field
	Points   string
	Critical bool
}

func (c *Console) assessPage(v *visit) error {
	u, err := v.unitFor(access.AssessUnit)
	if err != nil {
		return err
	}
	f := newForm()
	if a := u.Assessment; a != nil {
		f.with("etag", c.prepared.ETag(a.Seq))
		for code, met := range a.Answers {
			f.with(code, yesNo(met))
		}
	}
	return v.showAssess(http.StatusOK, u, f)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (v *visit) showAssess(status int, u *preparedness.Unit, f *form) error {
	k, words := preparedness.CatalogueOf(u.Kind), v.L.Page.Prepare
	view := assessView{Unit: u, Form: f, Title: k.Title.In(string(v.L.Language)), Proposal: k.Status != "adopted"}
	both := []choice{{Value: "yes", Label: string(words.Met)}, {Value: "no", Label: string(words.NotMet)}}
	for _, i := range k.Indicators {
		if i.Share {
			continue
		}
		view.Questions = append(view.Questions, question{f.Radios(i.Code, i.Title.In(string(v.L.Language)), both).Need(), v.L.Count(i.Points, words.Points), i.Critical})
	}
	return v.show(status, "prepare_assess", u.Name, view, in("prepare"), backTo("/preparedness/units/"+u.ID, u.Name))
}

func (c *Console) assess(v *visit) error {
	u, f, err := v.unitSent()
	if err != nil {
		return err
	}
	in := preparedness.Assess{Answers: map[string]bool{}, Reference: f.Value("reference"), AssessedAt: v.moment(f, "assessed_at", u.Party), ValidUntil: v.moment(f, "valid_until", u.Party)}
	for _, i := range preparedness.CatalogueOf(u.Kind).Indicators {
		switch answer := f.Value(i.Code); {
		case i.Share:
		case answer == "yes" || answer == "no":
			in.Answers[i.Code] = answer == "yes"
		default:
			f.wrong(i.Code, string(v.L.Page.Form.Required))
		}
	}
	if !f.Failed() {
		_, err := c.prepared.Assess(v.ctx(), v.scope, v.write(f), u.ID, in)
		if err == nil {
			return v.to("/preparedness/units/"+u.ID, "unit_assessed")
		}
		if !v.refused(f, err, nil) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.prepared.ETag(u.Assessment.Seq))
	}
	return v.showAssess(f.status(), u, f)
}
