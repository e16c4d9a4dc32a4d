package console

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"landfall/internal/incident"
	"landfall/internal/locale"
)

// The fields of a count of people are its total, under the count's own name, and one for each row of a breakdown: people_sex_f,
// people_age_5_11, people_age_60_ (60 and older), people_age__ (age unknown), people_need_wheelchair.
const (
	sexField  = "_sex_"
	ageField  = "_age_"
	needField = "_need_"
)

// countMax is the largest count that a form takes; the rules of the desk are narrower.
const countMax = 10_000_000

// workBands are the age bands of an empty breakdown (domain: a proposal for entry forms).
func workBands() []incident.AgeBand {
	band := func(from, to int) incident.AgeBand { return incident.AgeBand{From: &from, To: &to} }
	sixty := 60
	return []incident.AgeBand{band(0, 4), band(5, 11), band(12, 17), band(18, 59), {From: &sixty}, {}}
}

// workPeopleFields give the total of a count, and folded what it consists of. Bands of a count that is on record are shown as they are there.
func (v *visit) workPeopleFields(f *form, name string, label any, held *incident.People) (total *field, breakdown workBlock) {
	t := v.L.Page.Work.People
	bands := workBands()
	if held != nil && len(held.Ages) > 0 {
		bands = held.Ages
	}
	block := workBlock{Heading: t.Breakdown.Say(locale.Name{Name: words(label)}), Text: string(t.BreakdownText), Fold: true, Grid: true}
	for _, s := range incident.Sexes() {
		block.Fields = append(block.Fields, workFields(f.Count(name+sexField+string(s), t.Sex.Of(string(s))))...)
	}
	for _, b := range bands {
		block.Fields = append(block.Fields, workFields(f.Count(workBandName(name, b), v.workBand(b)))...)
	}
	for _, n := range incident.AssistanceWords() {
		block.Fields = append(block.Fields, workFields(f.Count(name+needField+string(n), t.Need.Of(string(n))))...)
	}
	return f.Count(name, label), block
}

func workBandName(name string, b incident.AgeBand) string {
	return name + ageField + workAge(b.From) + "_" + workAge(b.To)
}

func workAge(age *int) string {
	if age == nil {
		return ""
	}
	return strconv.Itoa(*age)
}

// workBand puts an age band into words.
func (v *visit) workBand(b incident.AgeBand) string {
	t := v.L.Page.Work.People
	switch {
	case b.From == nil:
		return string(t.AgeUnknown)
	case b.To == nil:
		return t.AgeOver.Say(locale.Name{Name: workAge(b.From)})
	}
	return t.Age.Say(locale.Pair{A: workAge(b.From), B: workAge(b.To)})
}

// workPeopleFill fills a count that is on record into a form.
func workPeopleFill(f *form, name string, p *incident.People) {
	if p == nil {
		return
	}
	f.with(name, strconv.Itoa(p.Total))
	for _, row := range p.Sex {
		f.with(name+sexField+string(row.Sex), strconv.Itoa(row.Count))
	}
	for _, band := range p.Ages {
		f.with(workBandName(name, band), strconv.Itoa(band.Count))
	}
	for _, row := range p.Needs {
		f.with(name+needField+string(row.Need), strconv.Itoa(row.Count))
	}
}

// workPeople reads a count: nil when nothing of it is filled in. pointers learns which field each member comes from.
func (v *visit) workPeople(f *form, name string, pointers map[string]string) *incident.People {
	at := "/" + name
	p := &incident.People{}
	pointers[at+"/total"], pointers[at+"/sex"], pointers[at+"/ages"] = name, name, name
	rows := false
	for _, field := range workNamed(f, name+sexField) {
		if n := v.number(f, field, 0, countMax); n != nil {
			pointers[at+"/sex/"+strconv.Itoa(len(p.Sex))+"/count"] = field
			p.Sex, rows = append(p.Sex, incident.SexCount{Sex: incident.Sex(strings.TrimPrefix(field, name+sexField)), Count: *n}), true
		}
	}
	for _, field := range workNamed(f, name+ageField) {
		n := v.number(f, field, 0, countMax)
		from, to, ok := workAges(strings.TrimPrefix(field, name+ageField))
		if n != nil && ok {
			pointers[at+"/ages/"+strconv.Itoa(len(p.Ages))+"/count"] = field
			p.Ages, rows = append(p.Ages, incident.AgeBand{From: from, To: to, Count: *n}), true
		}
	}
	for _, field := range workNamed(f, name+needField) {
		if n := v.number(f, field, 0, countMax); n != nil {
			pointers[at+"/needs/"+strconv.Itoa(len(p.Needs))+"/count"] = field
			p.Needs, rows = append(p.Needs, incident.NeedCount{Need: incident.Assistance(strings.TrimPrefix(field, name+needField)), Count: *n}), true
		}
	}
	total := v.number(f, name, 0, countMax)
	switch {
	case total != nil:
		p.Total = *total
	case rows:
		v.need(f, name)
	default:
		return nil
	}
	return p
}

// workNamed gives the fields of a form that begin like this, in one order: closed lists in their own, ages rising.
func workNamed(f *form, prefix string) []string {
	var names []string
	for name := range f.Values {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	rank := func(name string) int {
		word := strings.TrimPrefix(name, prefix)
		if n := slices.Index(incident.Sexes(), incident.Sex(word)); n >= 0 {
			return n
		}
		if n := slices.Index(incident.AssistanceWords(), incident.Assistance(word)); n >= 0 {
			return n
		}
		if from, _, ok := workAges(word); ok && from != nil {
			return *from
		}
		return len(word) + 1000
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return names
}

// workAges reads the band that a field is named after: "5_11", "60_", "_".
func workAges(text string) (from, to *int, ok bool) {
	a, b, found := strings.Cut(text, "_")
	read := func(s string) *int {
		if s == "" {
			return nil
		}
		n, err := strconv.Atoi(s)
		found = found && err == nil
		return &n
	}
	from, to = read(a), read(b)
	return from, to, found
}

// samePeople reports whether two counts say the same, in whatever order of their rows.
func samePeople(a, b *incident.People) bool {
	if a == nil || b == nil {
		return a == b
	}
	one, other := newForm(), newForm()
	workPeopleFill(one, "p", a)
	workPeopleFill(other, "p", b)
	one.Values.Del("key")
	other.Values.Del("key")
	return reflect.DeepEqual(one.Values, other.Values)
}
