package incident

import (
	"slices"

	"landfall/internal/check"
	"landfall/internal/fault"
)

// People is how many moved: a total, and what is known of whom it consists of. Counts only; there is no field for a name.
type People struct {
	Total int         `json:"total"`
	Sex   []SexCount  `json:"sex,omitempty"`
	Ages  []AgeBand   `json:"ages,omitempty"`
	Needs []NeedCount `json:"needs,omitempty"` // may overlap
}

// Sex is a row of a breakdown by sex.
type Sex string

// The closed list; Unstated is a row of its own and no gap.
const (
	Female   Sex = "f"
	Male     Sex = "m"
	OtherSex Sex = "other"
	Unstated Sex = "unknown"
)

// Sexes gives the closed list.
func Sexes() []Sex { return []Sex{Female, Male, OtherSex, Unstated} }

// SexCount is how many of one sex.
type SexCount struct {
	Sex   Sex `json:"sex"`
	Count int `json:"count"`
}

// AgeBand is how many are between two ages, both inclusive, in years. Bands are two numbers and no fixed list, since each source has
// its own; those of one count do not overlap. To is absent for "and older"; From and To are absent for "age unknown".
type AgeBand struct {
	From  *int `json:"age_from,omitempty"`
	To    *int `json:"age_to,omitempty"`
	Count int  `json:"count"`
}

// Assistance is what somebody on the way needs.
type Assistance string

// The closed list: enough to have the right people at the port.
const (
	Wheelchair         Assistance = "wheelchair"
	Stretcher          Assistance = "stretcher"
	MedicalCare        Assistance = "medical_care"
	LateTermPregnancy  Assistance = "late_pregnancy"
	Infant             Assistance = "infant"
	OlderPerson        Assistance = "older_person"
	SensoryImpairment  Assistance = "sensory_impairment"
	UnaccompaniedMinor Assistance = "unaccompanied_minor"
	OtherAssistance    Assistance = "other"
)

// AssistanceWords gives the closed list.
func AssistanceWords() []Assistance {
	return []Assistance{Wheelchair, Stretcher, MedicalCare, LateTermPregnancy, Infant, OlderPerson, SensoryImpairment, UnaccompaniedMinor, OtherAssistance}
}

// NeedCount is how many need one kind of assistance.
type NeedCount struct {
	Need  Assistance `json:"need"`
	Count int        `json:"count"`
}

const maxAge = 130

// check refuses counts that cannot be: a breakdown may leave people out, and never has more than there are.
func (p People) check(c *fault.Check, at string) {
	check.Count(c, at+"/total", p.Total)

	sum, seen := 0, map[Sex]bool{}
	for n, row := range p.Sex {
		here := at + "/sex/" + itoa(n)
		check.Word(c, here+"/sex", row.Sex, Sexes())
		check.Count(c, here+"/count", row.Count)
		c.That(!seen[row.Sex], here+"/sex", "is listed twice")
		seen[row.Sex] = true
		sum += min(max(row.Count, 0), check.MaxCount+1)
	}
	c.That(sum <= max(p.Total, 0), at+"/sex", "add up to more than the total")

	sum, meet := 0, false
	c.That(len(p.Ages) <= maxBands, at+"/ages", "has more than %d bands", maxBands)
	for n, band := range p.Ages {
		here := at + "/ages/" + itoa(n)
		check.Count(c, here+"/count", band.Count)
		checkBand(c, here, band.From, band.To)
		if slices.ContainsFunc(p.Ages[:min(n, maxBands)], band.meets) {
			c.Field(here+"/age_from", "overlaps another band; one person would be counted twice")
			meet = true
		}
		sum += min(max(band.Count, 0), check.MaxCount+1)
	}
	c.That(meet || sum <= max(p.Total, 0), at+"/ages", "add up to more than the total")

	needs := map[Assistance]bool{}
	for n, row := range p.Needs {
		here := at + "/needs/" + itoa(n)
		check.Word(c, here+"/need", row.Need, AssistanceWords())
		check.Count(c, here+"/count", row.Count)
		c.That(!needs[row.Need], here+"/need", "is listed twice")
		c.That(row.Count <= max(p.Total, 0), here+"/count", "is more than the total")
		needs[row.Need] = true
	}
}

func checkBand(c *fault.Check, at string, from, to *int) {
	for name, age := range map[string]*int{"/age_from": from, "/age_to": to} {
		c.That(age == nil || *age >= 0 && *age <= maxAge, at+name, "must be an age from 0 to %d", maxAge)
	}
	switch {
	case from == nil && to != nil:
		c.Field(at+"/age_from", "is required with age_to")
	case from != nil && to != nil && *from > *to:
		c.Field(at+"/age_to", "is below age_from")
	}
}

// meets reports whether one person can be in both bands. Whose age is unknown is in one band only.
func (b AgeBand) meets(other AgeBand) bool {
	if b.From == nil || other.From == nil {
		return b.From == nil && other.From == nil
	}
	return *b.From <= upper(other) && *other.From <= upper(b)
}

func upper(b AgeBand) int {
	if b.To == nil {
		return maxAge
	}
	return *b.To
}
