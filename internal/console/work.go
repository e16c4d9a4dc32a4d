package console

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// The forms on an incident. Each is one address: GET shows it, POST sends it. What tells other states is reviewed first: such a form comes back
// as a page that says who will be told what, with everything that was typed in hidden fields, and only its button (go=yes) does it.
func (c *Console) workRoutes() {
	names := map[string][]string{ // what the addresses of some may ask for
		"/incidents/:id/monitor": {"protocol"}, "/incidents/:id/activate": {"protocol"}, "/incidents/:id/answers/new": {"party"},
		"/incidents/:id/figures/new": {"place", "final", "supersedes"},
	}
	for path, h := range map[string]handler{
		"/incidents/new":                             c.workOpen,
		"/incidents/:id/open":                        c.workRelease,
		"/incidents/:id/monitor":                     c.workMonitor,
		"/incidents/:id/activate":                    c.workActivate,
		"/incidents/:id/receivers":                   c.workReceivers,
		"/incidents/:id/key-times/:name":             c.workKeyTime,
		"/incidents/:id/stand-down":                  c.workStandDown,
		"/incidents/:id/close":                       c.workClose,
		"/incidents/:id/movements/new":               c.workAnnounce,
		"/incidents/:id/movements/:movement/depart":  c.workDepart,
		"/incidents/:id/movements/:movement/arrive":  c.workArrive,
		"/incidents/:id/movements/:movement/cancel":  c.workCancel,
		"/incidents/:id/movements/:movement/correct": c.workCorrect,
		"/incidents/:id/figures/new":                 c.workFigure,
		"/incidents/:id/answers/new":                 c.workAnswer,
	} {
		c.get(path, h, names[path]...)
		c.post(path, h)
	}
	c.get("/incidents/:id/movements/:movement", c.workMovement)
}

// What a button of a form asks for: the field "go".
const (
	goYes    = "yes"    // do it
	goDraft  = "draft"  // keep it without telling anybody
	goChange = "change" // back from the review to the form
	goRows   = "rows"   // more rows to fill in
)

// workPage is a page with one form, for templates/work.html; or the review of one, for templates/work_review.html.
type workPage struct {
	Title, Lead string
	Form        *form
	Action      string
	Draft       string // under which name the browser keeps what is typed; "" for none
	Notes       []workNote
	Facts       []workFact
	Record      []workFact // what is on record now, beside what was typed
	Left        []workLeft // what stands in the way
	Choose      []workChoice
	Blocks      []workBlock
	Buttons     []workButton

	// Of a review.
	Heading string      // of the list of who is told
	Told    []workTold  // who is told
	Quiet   string      // instead, when nobody is
	Firsts  []workFirst // the first deadlines
	FirstsTitle,
	FirstsNote string
}

type workNote struct{ Tone, Text string }

// workFact is one line of what is known. Text is a string, or HTML of a moment.
type workFact struct {
	Label string
	Text  any
}

// workLeft is one thing that is to be done first.
type workLeft struct {
	Text, Reason, Href string
	rank               int
}

// workChoice is another way to fill in the page.
type workChoice struct {
	Text, Hint, Href string
	Mark             string // why it is proposed
	Current          bool
}

type workButton struct{ Value, Text, Class string }

// workTold is one state, what it will be told and what that goes to.
type workTold struct {
	Name, Text string
	Reach      string
	Nobody     bool // no address
}

// workFirst is one of the first deadlines.
type workFirst struct {
	Due         template.HTML
	Party, Step string
	LifeSafety  bool
}

// workBlock is a group of fields. A folded one opens by itself when something in it is filled in or wrong.
type workBlock struct {
	Heading, Text string
	Fields        []workField
	Fold, Opened  bool
	Grid          bool     // fields beside each other, where there is room
	Preset        []string // fields that hold something from the start
	Button        *workButton
}

// Open reports whether a folded block is shown open.
func (b workBlock) Open() bool {
	for _, f := range b.Fields {
		if f.Error() != "" || f.Value() != "" && !slices.Contains(b.Preset, f.Name) {
			return true
		}
	}
	return b.Opened
}

// workField is a field whose choices may come in groups.
type workField struct {
	*field
	Groups []workGroup
}

type workGroup struct {
	Label   string
	Choices []choice
	Fold    bool
}

// Open reports whether a folded group is shown open: one of its choices is taken.
func (w workField) Open(g workGroup) bool {
	for _, one := range g.Choices {
		if w.Has(one.Value) {
			return true
		}
	}
	return !g.Fold
}

// fields puts plain fields into a block.
func workFields(fields ...*field) []workField {
	out := make([]workField, len(fields))
	for i, f := range fields {
		out[i] = workField{field: f}
	}
	return out
}

// Hidden gives everything that a form holds besides its button and what the page asks itself, for a review that sends it again.
func (p workPage) Hidden() []workFact {
	asked := map[string]bool{"go": true}
	for _, b := range p.Blocks {
		for _, f := range b.Fields {
			asked[f.Name] = true
		}
	}
	var out []workFact
	for _, name := range slices.Sorted(maps.Keys(p.Form.Values)) {
		if asked[name] {
			continue
		}
		for _, value := range p.Form.Values[name] {
			out = append(out, workFact{name, value})
		}
	}
	return out
}

// WorkWrongs heads a form of ours that was refused.
func (p *page) WorkWrongs(w workPage) wrongs {
	head := p.Wrongs(w.Form)
	for _, b := range w.Blocks {
		for _, f := range b.Fields {
			if f.Label != "" {
				head.labels[f.Name] = f.Label
			}
		}
	}
	return head
}

// workSent reads the form of a POST, or gives the fresh one of a GET.
func (v *visit) workSent(fresh func() *form) (f *form, sent bool, err error) {
	if v.Request().Method != http.MethodPost {
		return fresh(), false, nil
	}
	f, err = v.form()
	return f, err == nil, err
}

// workShow shows a form, or with template "work_review" its review.
func (v *visit) workShow(name string, p workPage, i *incident.Incident) error {
	status := http.StatusOK
	if p.Form.Failed() {
		status = p.Form.status()
	}
	if p.Form.Stale && len(p.Buttons) > 0 {
		p.Buttons[0].Text = string(v.L.Page.Form.SendAnyway)
	}
	options := []option{in("incidents"), backTo("/incidents", string(v.L.Page.Shell.Incidents))}
	switch {
	case i != nil && i.ID == "":
		options = append(options, during(i.Exercise))
	case i != nil:
		options = []option{in("incidents"), during(i.Exercise), backTo("/incidents/"+i.ID, i.Code+" · "+i.Title)}
	}
	return v.show(status, name, p.Title, p, options...)
}

// workTab gives where the parts of an incident are seen.
func workTab(id, part string) string { return "/incidents/" + id + "/" + part }

// orProposed gives the code of what was done, or that it waits to be confirmed.
func orProposed(p *incident.Proposal, done string) string {
	if p != nil {
		return "work_proposed"
	}
	return done
}

// workLed gives an incident to whoever may do an act of the affected state, in its own name (own) or on that state's word; others are told that it
// is not theirs to do.
func (c *Console) workLed(v *visit, act access.Act) (i *incident.Incident, own bool, err error) {
	found, err := c.incident.Get(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return nil, false, err
	}
	own = v.scope.May(act, found.Thing(""))
	if !own && !v.scope.MayRelay(act, found.Thing(""), found.Origin) {
		return nil, false, access.Refusal(act, found.Thing(""))
	}
	return &found, own, nil
}

// leftShown is how many things that stand in the way are shown at once.
const leftShown = 8

// LeftFirst and LeftMore part what stands in the way.
func (p workPage) LeftFirst() []workLeft { return p.Left[:min(len(p.Left), leftShown)] }

// LeftMore gives what LeftFirst leaves out.
func (p workPage) LeftMore() []workLeft { return p.Left[min(len(p.Left), leftShown):] }

// workNow gives the time of an incident, which is that of an exercise's own clock.
func (c *Console) workNow(i *incident.Incident) time.Time { return i.Clock.Scenario(c.now()) }

// workZone says whose clock the times of a form are of.
func (v *visit) workZone(fallback place.Party, exercise bool) string {
	name := v.L.Party(v.zone(fallback).StateParty())
	if name == "" {
		name = "UTC"
	}
	if exercise {
		return v.L.Page.Work.ZoneExercise.Say(locale.Name{Name: name})
	}
	return v.L.Page.Form.Zone.Say(locale.Name{Name: name})
}

// workRecord says what is on record of an incident, for whoever was overtaken.
func (v *visit) workRecord(i *incident.Incident) []workFact {
	label, codes := v.L.Notice.Label, v.L.Codes
	facts := []workFact{
		{string(label.Status), codes.IncidentStatus.Of(string(i.Status))},
		{string(label.Receivers), v.workNames(i.Receivers)},
		{string(label.Severity), codes.Severity.Of(string(i.Severity))},
	}
	if i.Running != nil {
		facts = append(facts, workFact{string(label.Protocol), codes.Protocol.Of(i.Running.Protocol)})
	}
	return facts
}

func (v *visit) workNames(parties []place.Party) string {
	if len(parties) == 0 {
		return string(v.L.Page.Shell.None)
	}
	return v.L.Parties(parties)
}

// workMeet takes a refusal into the form of an incident. When somebody was faster it puts the version that is on record now into the
// form and gives what stands there.
func (c *Console) workMeet(v *visit, f *form, i *incident.Incident, err error, fields map[string]string) (again bool, record []workFact, failed error) {
	if !v.refused(f, err, fields) {
		return false, nil, err
	}
	if !f.Stale {
		return true, nil, nil
	}
	now, err := c.incident.Get(v.ctx(), v.scope, i.ID)
	if err != nil {
		return false, nil, err
	}
	*i = now
	f.Values.Set("etag", c.incident.ETag(i.Seq))
	return true, v.workRecord(i), nil
}

// workToChoices gives a closed list as choices that begin with a capital letter, as they stand in a form of work.
func workToChoices[W ~string](list []W, words locale.Words) []choice {
	out := choicesOf(list, words)
	for n := range out {
		out[n].Label = workCapital(out[n].Label)
	}
	return out
}

// workCapital begins a text with a capital letter.
func workCapital(s string) string {
	for n := range s {
		if n > 0 {
			return strings.ToUpper(s[:n]) + s[n:]
		}
	}
	return strings.ToUpper(s)
}
