package protocol

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"landfall/internal/fault"
	"landfall/internal/place"

	"go.yaml.in/yaml/v4"
)

//go:embed templates/*.yaml
var embedded embed.FS

// catalogue is what the binary ships, by id. It is part of the binary and covered by tests, so a fault in it is a broken build.
var catalogue = sync.OnceValue(func() map[string]*Template {
	all := map[string]*Template{}
	entries, err := embedded.ReadDir("templates")
	if err != nil {
		panic("protocol: embedded templates: " + err.Error())
	}
	for _, e := range entries {
		text, err := embedded.ReadFile("templates/" + e.Name())
		if err != nil {
			panic("protocol: embedded templates: " + err.Error())
		}
		t, err := Parse(text)
		if err != nil {
			panic("protocol: embedded template " + e.Name() + ": " + err.Error())
		}
		all[t.ID] = t
	}
	return all
})

// Templates gives the templates that ship with this build, by id.
func Templates() []*Template {
	var out []*Template
	for _, t := range catalogue() {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *Template) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Lookup gives the shipped template with the id.
func Lookup(id string) (*Template, bool) {
	t, ok := catalogue()[id]
	return t, ok
}

// The YAML form of a template. It is a type of its own, so that refactoring cannot change what administrators write.
type (
	templateFile struct {
		ID         string            `yaml:"id"`
		Version    int               `yaml:"version"`
		Status     Status            `yaml:"status"`
		Title      place.Text        `yaml:"title"`
		Note       place.Text        `yaml:"note"`
		Leading    []Anchor          `yaml:"leading"`
		ReturnFrom string            `yaml:"return_from"`
		Sources    map[string]string `yaml:"sources"`
		Steps      []stepFile        `yaml:"steps"`
	}
	stepFile struct {
		Code         string        `yaml:"code"`
		Title        place.Text    `yaml:"title"`
		Phase        Phase         `yaml:"phase"`
		Side         Side          `yaml:"side"`
		Party        PartyRule     `yaml:"party"`
		Repeat       Repeat        `yaml:"repeat"`
		LifeSafety   bool          `yaml:"life_safety"`
		Agency       string        `yaml:"agency"`
		Organisation place.Party   `yaml:"organisation"`
		Needs        []string      `yaml:"needs"`
		HardNeeds    []string      `yaml:"hard_needs"`
		Deadline     deadlineFile  `yaml:"deadline"`
		Slow         *deadlineFile `yaml:"deadline_slow"`
		Applies      *struct {
			If struct {
				Anchor Anchor `yaml:"anchor"`
				Before Anchor `yaml:"before"`
			} `yaml:"if"`
			Otherwise place.Text `yaml:"otherwise"`
		} `yaml:"applies"`
		Evidence struct {
			Type EvidenceType `yaml:"type"`
			Text string       `yaml:"text"`
		} `yaml:"evidence"`
		Escalation []string `yaml:"escalation"`
		Basis      string   `yaml:"basis"`
	}
	termFile struct {
		Anchor   Anchor `yaml:"anchor"`
		Offset   Span   `yaml:"offset"`
		Each     bool   `yaml:"each"`
		First    bool   `yaml:"first"`
		Expected bool   `yaml:"expected"`
	}
	deadlineFile struct {
		termFile   `yaml:",inline"`
		EarliestOf []termFile `yaml:"earliest_of"`
		Every      Span       `yaml:"every"`
		While      Anchor     `yaml:"while"`
		Note       string     `yaml:"note"`
	}
)

// Parse reads a template from YAML and checks all of it. The error is a fault of kind Invalid with one field for everything
// that is wrong.
func Parse(text []byte) (*Template, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var f templateFile
	if err := d.Decode(&f); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "malformed_template", "The template is not readable YAML of the expected form.")
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "malformed_template", "The file must hold one template.")
	}
	return New(f.template())
}

func (f templateFile) template() Template {
	t := Template{ID: f.ID, Version: f.Version, Status: f.Status, Title: f.Title, Note: f.Note, Leading: f.Leading, ReturnFrom: f.ReturnFrom, Sources: f.Sources}
	for _, s := range f.Steps {
		step := &Step{Code: s.Code, Title: s.Title, Phase: s.Phase, Side: s.Side, Party: s.Party, Repeat: s.Repeat, LifeSafety: s.LifeSafety,
			Agency: s.Agency, Organisation: s.Organisation, Deadline: s.Deadline.deadline(), Evidence: Evidence(s.Evidence),
			Escalation: s.Escalation, Basis: s.Basis}
		for _, code := range s.Needs {
			step.Needs = append(step.Needs, Need{Code: code})
		}
		for _, code := range s.HardNeeds {
			step.Needs = append(step.Needs, Need{Code: code, Hard: true})
		}
		if s.Slow != nil {
			step.Slow = s.Slow.deadline()
		}
		if s.Applies != nil {
			step.Applies = &Condition{Anchor: s.Applies.If.Anchor, Before: s.Applies.If.Before, Otherwise: s.Applies.Otherwise}
		}
		t.Steps = append(t.Steps, step)
	}
	return t
}

func (f deadlineFile) deadline() Deadline {
	d := Deadline{Every: Every{Period: f.Every, While: f.While}, Note: f.Note}
	if f.termFile != (termFile{}) {
		d.Terms = append(d.Terms, Term(f.termFile))
	}
	for _, t := range f.EarliestOf {
		d.Terms = append(d.Terms, Term(t))
	}
	return d
}

// New checks a template, works out its return part and makes it ready for use. The error is as Parse's.
func New(t Template) (*Template, error) {
	var c fault.Check
	c.That(idText.MatchString(t.ID), "/id", "must be a lower-case word")
	c.That(t.Version >= 1, "/version", "must be 1 or more")
	c.That(t.Status == Proposal || t.Status == Adopted, "/status", "must be proposal or adopted")
	c.That(t.Title.EN != "" && t.Title.FR != "", "/title", "must be given in English and French")
	c.That(len(t.Steps) > 0, "/steps", "must have at least one step")

	t.byCode = map[string]*Step{}
	for i, s := range t.Steps {
		checkStep(&c, fmt.Sprintf("/steps/%d", i), s, t.byCode)
		t.byCode[s.Code] = s
	}
	if _, ok := t.byCode[t.ReturnFrom]; t.ReturnFrom != "" && !ok {
		c.Field("/return_from", "must be the code of a step")
	}
	for i, a := range t.Leading {
		c.That(a.Settable() && slices.Contains(t.Anchors(), a), fmt.Sprintf("/leading/%d", i), "must be an anchor of the steps that a person sets")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	t.markReturnPart()
	return &t, nil
}

// markReturnPart marks the steps that need ReturnFrom, directly or not. Needs point upwards, so one pass will do.
func (t *Template) markReturnPart() {
	for _, s := range t.Steps {
		s.ReturnPart = slices.ContainsFunc(s.Needs, func(n Need) bool {
			return n.Code == t.ReturnFrom || t.byCode[n.Code].ReturnPart
		})
	}
}

var (
	idText   = regexp.MustCompile(`^[a-z][a-z_]{0,30}$`)
	codeText = regexp.MustCompile(`^[A-Z]{3}-\d{2}$`)
)

func checkStep(c *fault.Check, at string, s *Step, above map[string]*Step) {
	c.That(codeText.MatchString(s.Code), at+"/code", "must be three letters, a hyphen and two digits, like HUR-05")
	_, twice := above[s.Code]
	c.That(!twice, at+"/code", "is taken by a step above")
	c.That(s.Title.EN != "" && s.Title.FR != "", at+"/title", "must be given in English and French")
	c.That(slices.Contains(Phases(), s.Phase), at+"/phase", "must be one of the six phases")
	side, known := sideOf[s.Party]
	c.That(known, at+"/party", "must be origin, each_receiving, origin_tourism, receiving_tourism or regional")
	c.That(!known || side == s.Side, at+"/side", "must be the side of the party")
	c.That(s.Repeat == Once || s.Repeat == PerMovement || s.Repeat == PerPeriod, at+"/repeat", "must be once, per_movement or per_period")
	c.That(s.Agency != "", at+"/agency", "must be given")
	c.That((s.Party == ByRegional) == s.Organisation.IsOrganisation(), at+"/organisation", "must be given exactly for regional steps")
	c.That(s.Organisation == "" || s.Organisation.Valid(), at+"/organisation", "must be a known organisation")
	for i, n := range s.Needs {
		_, ok := above[n.Code]
		c.That(ok, fmt.Sprintf("%s/needs/%d", at, i), "must be the code of a step above")
	}
	checkDeadline(c, at+"/deadline", s, s.Deadline)
	if !s.Slow.IsZero() {
		checkDeadline(c, at+"/deadline_slow", s, s.Slow)
	}
	if a := s.Applies; a != nil {
		c.That(a.Anchor.Valid() && a.Before.Valid() && a.Anchor != a.Before, at+"/applies/if", "must name two anchors")
		c.That(a.Otherwise.EN != "" && a.Otherwise.FR != "", at+"/applies/otherwise", "must be given in English and French")
	}
	c.That(s.Evidence.Type.Valid(), at+"/evidence/type", "must be one of the evidence types")
	c.That(s.Evidence.Text != "", at+"/evidence/text", "must be given")
	c.That(len(s.Escalation) > 0, at+"/escalation", "must name at least one rung")
}

func checkDeadline(c *fault.Check, at string, s *Step, d Deadline) {
	c.That(len(d.Terms) > 0, at, "must have an anchor and an offset, or earliest_of several")
	for _, t := range d.Terms {
		c.That(t.Anchor.Valid(), at, "must count from a known anchor")
		_, fixed := t.Offset.Duration()
		c.That(fixed && t.Offset.Unit != "", at, "must have an offset in min, h, d or w")
		c.That(!t.Each || s.Repeat == PerMovement && t.Anchor.PerMovement(), at, "can say each only of movements, for a step per movement")
		c.That(s.Repeat != PerMovement || t.Anchor.PerMovement(), at, "must count from a movement, for a step per movement")
		c.That(!t.First || t.Anchor.PerMovement(), at, "can say first only of movements")
		c.That(!t.Expected || t.Anchor == AnchorArrival || t.Anchor == AnchorReturn, at, "can be expected only of arrivals")
	}
	c.That((s.Repeat == PerPeriod) == d.Every.Recurs(), at+"/every", "must be given exactly for steps per period")
	c.That(d.Every.While == "" || d.Every.While.Valid() && d.Every.Recurs(), at+"/while", "must be an anchor, beside every")
}
