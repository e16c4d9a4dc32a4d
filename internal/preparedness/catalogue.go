package preparedness

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"landfall/internal/fault"
	"landfall/internal/place"
)

// Catalogue is a list of indicators for one kind of unit. It is shared: read only.
type Catalogue struct {
	ID         string            `yaml:"id" json:"id"`
	Version    int               `yaml:"version" json:"version"`
	Status     string            `yaml:"status" json:"status"` // proposal or adopted
	Kind       UnitKind          `yaml:"kind" json:"kind"`
	Title      place.Text        `yaml:"title" json:"title"`
	Sources    map[string]string `yaml:"sources" json:"sources,omitempty"`
	Indicators []Indicator       `yaml:"indicators" json:"indicators"`
}

// Indicator is one thing that is met or not.
type Indicator struct {
	Code     string     `yaml:"code" json:"code"`
	Points   int        `yaml:"points" json:"points"`
	Critical bool       `yaml:"critical" json:"critical"` // not met, it caps the status at partial
	Share    bool       `yaml:"share" json:"share"`       // its points follow a share that Landfall works out
	Title    place.Text `yaml:"title" json:"title"`
	Basis    string     `yaml:"basis" json:"basis,omitempty"` // keys of Sources; "" is Landfall's proposal alone
}

// Indicator gives an indicator by its code.
func (c *Catalogue) Indicator(code string) (Indicator, bool) {
	i := slices.IndexFunc(c.Indicators, func(i Indicator) bool { return i.Code == code })
	if i < 0 {
		return Indicator{}, false
	}
	return c.Indicators[i], true
}

// Rules are the bounds and the times that hold for all units.
type Rules struct {
	Version          int    `yaml:"version"`
	Status           string `yaml:"status"`
	Ready            int    `yaml:"ready"`
	Partial          int    `yaml:"partial"`
	Limited          int    `yaml:"limited"`
	AssessmentMonths int    `yaml:"assessment_months"`
	Season           window `yaml:"season"`
	Confirmation     window `yaml:"confirmation"`
	Capacity         struct {
		OffSeasonDays   int `yaml:"off_season_days"`
		SeasonDays      int `yaml:"season_days"`
		ActivationHours int `yaml:"activation_hours"`
	} `yaml:"capacity"`
	Caseload struct {
		Days         int `yaml:"days"`
		WatchHours   int `yaml:"watch_hours"`
		WarningHours int `yaml:"warning_hours"`
	} `yaml:"caseload"`
	SphereM2     float64 `yaml:"sphere_m2"`
	SmallCell    int     `yaml:"small_cell"`
	ExpiringDays int     `yaml:"expiring_days"`
}

// window is a part of the year: month and day of its first and last day.
type window struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// holds reports whether an instant lies in the window, on the calendar of its zone.
func (w window) holds(t time.Time) bool {
	day := t.Format("01-02")
	return w.From <= day && day <= w.To
}

//go:embed catalogues/*.yaml
var embedded embed.FS

// shipped is the data of this build: part of the binary and covered by tests, so a fault in it is a broken build.
var shipped = sync.OnceValues(func() (map[UnitKind]*Catalogue, *Rules) {
	all := map[UnitKind]*Catalogue{}
	for _, kind := range UnitKinds() {
		text, err := embedded.ReadFile("catalogues/" + string(kind) + ".yaml")
		if err != nil {
			panic("preparedness: " + err.Error())
		}
		c, err := ParseCatalogue(text)
		if err != nil || c.Kind != kind {
			panic(fmt.Sprintf("preparedness: catalogue of %s: %v", kind, err))
		}
		all[kind] = c
	}
	text, err := embedded.ReadFile("catalogues/rules.yaml")
	if err != nil {
		panic("preparedness: " + err.Error())
	}
	r, err := parseRules(text)
	if err != nil {
		panic("preparedness: rules: " + err.Error())
	}
	return all, r
})

// Catalogues gives the catalogues of this build: property, destination, state.
func Catalogues() []*Catalogue {
	all, _ := shipped()
	var out []*Catalogue
	for _, kind := range UnitKinds() {
		out = append(out, all[kind])
	}
	return out
}

// CatalogueOf gives the catalogue for a kind of unit.
func CatalogueOf(kind UnitKind) *Catalogue {
	all, _ := shipped()
	return all[kind]
}

// TheRules gives the rules of this build.
func TheRules() *Rules {
	_, r := shipped()
	return r
}

var codeText = regexp.MustCompile(`^[A-Z]\d{2}$`)

// ParseCatalogue reads a catalogue from YAML and checks all of it. The error is a fault of kind Invalid with one field for everything that is
// wrong.
func ParseCatalogue(text []byte) (*Catalogue, error) {
	var k Catalogue
	if err := strictly(text, &k); err != nil {
		return nil, err
	}
	var c fault.Check
	c.That(k.ID != "", "/id", "must be given")
	c.That(k.Version >= 1, "/version", "must be 1 or more")
	c.That(k.Status == "proposal" || k.Status == "adopted", "/status", "must be proposal or adopted")
	c.That(slices.Contains(UnitKinds(), k.Kind), "/kind", "must be property, destination or state")
	c.That(k.Title.EN != "" && k.Title.FR != "", "/title", "must be given in English and French")
	sum, seen := 0, map[string]bool{}
	for n, i := range k.Indicators {
		at := fmt.Sprintf("/indicators/%d", n)
		c.That(codeText.MatchString(i.Code), at+"/code", "must be a letter and two digits, like P01")
		c.That(!seen[i.Code], at+"/code", "is taken by an indicator above")
		c.That(i.Points > 0, at+"/points", "must be 1 or more")
		c.That(!i.Share || !i.Critical, at+"/critical", "cannot be said of a share")
		c.That(!i.Share || k.Kind == Destination, at+"/share", "is for destinations, whose properties are known")
		c.That(i.Title.EN != "" && i.Title.FR != "", at+"/title", "must be given in English and French")
		seen[i.Code] = true
		sum += i.Points
	}
	c.That(sum == 100, "/indicators", "must have 100 points together")
	if err := c.Err(); err != nil {
		return nil, err
	}
	return &k, nil
}

var dayText = regexp.MustCompile(`^\d{2}-\d{2}$`)

func parseRules(text []byte) (*Rules, error) {
	var r Rules
	if err := strictly(text, &r); err != nil {
		return nil, err
	}
	var c fault.Check
	c.That(100 >= r.Ready && r.Ready > r.Partial && r.Partial > r.Limited && r.Limited > 0, "/ready", "must fall from ready to limited")
	c.That(r.AssessmentMonths > 0, "/assessment_months", "must be 1 or more")
	for at, w := range map[string]window{"/season": r.Season, "/confirmation": r.Confirmation} {
		c.That(dayText.MatchString(w.From) && dayText.MatchString(w.To) && w.From <= w.To, at, "must be two days of one year")
	}
	c.That(r.Capacity.OffSeasonDays > 0 && r.Capacity.SeasonDays > 0 && r.Capacity.ActivationHours > 0, "/capacity", "must hold for some time")
	c.That(r.Caseload.Days > 0 && r.Caseload.WatchHours > 0 && r.Caseload.WarningHours > 0, "/caseload", "must hold for some time")
	c.That(r.SphereM2 > 0 && r.SmallCell > 1 && r.ExpiringDays > 0, "/sphere_m2", "must be more than nothing")
	return &r, c.Err()
}

// strictly reads one YAML document without strangers.
func strictly(text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fault.Wrap(err, fault.Invalid, "malformed_catalogue", "The catalogue is not readable YAML of the expected form.")
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "malformed_catalogue", "The file must hold one catalogue.")
	}
	return nil
}
