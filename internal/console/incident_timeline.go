package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
)

// timelineView is what happened, the newest first.
type timelineView struct {
	about
	Entries []entryLine
	Step    string // the step that it is about; "": all
	Older   string
}

// entryLine is one thing that happened, in words.
type entryLine struct {
	incident.Entry
	Sort, About string // "Step done", "HUR-05 Protocol activated"
	Href        string // of what it is about
	Tone        string
	Said        []string // what it says
	Flag        string   // what does not fit together
	Who         string
	By          string    // how it was passed on
	When        time.Time // on the clock of the incident; zero: as recorded
	Known       string    // the page of the incident as it was known then
}

// entriesPerPage bounds one page of the timeline; see incident.Desk.Latest.
const entriesPerPage = 40

// enteredLate is from when on what was recorded later than it happened shows both times.
const enteredLate = 2 * time.Minute

func (c *Console) incidentTimeline(v *visit) error {
	a, err := v.load("/timeline")
	if err != nil {
		return err
	}
	titles, err := v.stepTitles(a.I.ID)
	if err != nil {
		return err
	}
	subject, err := queried(v, "step", slices.Collect(maps.Keys(titles)))
	if err != nil {
		return err
	}
	view := timelineView{about: a, Step: titles[subject]}
	page, err := c.incident.Latest(v.ctx(), v.scope, a.I.ID, subject, incident.PageRequest{Limit: entriesPerPage, Cursor: v.QueryParam("cursor")})
	if err != nil {
		return err
	}
	for _, e := range page.Items {
		view.Entries = append(view.Entries, v.entryLine(a, e, titles))
	}
	if page.Next != "" {
		next := url.Values{"cursor": {page.Next}}
		if subject != "" {
			next.Set("step", subject)
		}
		view.Older = a.At("/timeline?" + next.Encode())
	}
	return v.part(http.StatusOK, "incident_timeline", a, view)
}

// entryLine puts an entry into words. titles names the steps by key.
func (v *visit) entryLine(a about, e incident.Entry, titles map[string]string) entryLine {
	l := entryLine{
		Entry: e, Sort: v.L.Page.Incidents.Event.Of(strings.TrimSuffix(e.Type, ".v1")), Tone: idle, Who: v.L.Page.Shell.Role.Of(string(e.Role)),
		When: e.OccurredAt, Known: a.At("/known?at=" + url.QueryEscape(e.RecordedAt.UTC().Format(time.RFC3339Nano))),
	}
	switch {
	case e.Party != "":
		l.Who = v.L.Party(e.Party) + ", " + l.Who
	case e.Role == access.System.Role:
		l.Who = "Landfall"
	}
	if e.Relay != nil {
		l.By = v.bare().Relayed(e.Word())
		if say := l.confirmation(v); say != "" {
			l.By += " · " + say
		}
	}
	if !a.I.Exercise && e.RecordedAt.Sub(l.When).Abs() < enteredLate {
		l.When = time.Time{}
	}
	if title := titles[e.Subject]; title != "" {
		l.About, l.Href = title, a.At("/steps/"+e.Subject)
	}
	v.tell(&l, a, e.Detail())
	return l
}

// tell adds what an event says beyond its sort.
func (v *visit) tell(l *entryLine, a about, d incident.Detail) {
	t, clock := v.L.Page.Incidents.Said, v.clock(a.Now, a.I.Origin)
	add := func(parts ...string) {
		var words []string
		for _, p := range parts {
			if p != "" {
				words = append(words, p)
			}
		}
		if len(words) > 0 {
			l.Said = append(l.Said, strings.Join(words, " · "))
		}
	}
	named := func(text locale.Text[locale.Name], name string) string {
		if name == "" {
			return ""
		}
		return text.Say(locale.Name{Name: name})
	}
	switch strings.TrimSuffix(l.Type, ".v1") {
	case "step.overdue":
		l.Tone = bad
		add(named(t.WasDue, clock.When(d.DueAt)))
	case "step.due_soon":
		l.Tone = soon
		add(named(t.IsDue, clock.When(d.DueAt)))
	case "step.completed", "movement.arrived":
		l.Tone = good
	case "incident.activated", "incident.opened":
		l.Tone = info
	}
	if d.Severity != "" {
		add(v.L.Codes.Severity.Of(string(d.Severity)), v.L.Parties(d.Receivers))
	}
	add(named(t.Named, v.L.Parties(d.Named)))
	add(named(t.Unnamed, v.L.Parties(d.Unnamed)))
	if d.Protocol != "" {
		add(v.L.Codes.Protocol.Of(d.Protocol))
	}
	for _, k := range d.Anchors {
		before := ""
		if !d.Before.IsZero() {
			before = clock.When(d.Before)
		}
		add(v.L.Joins.Colon.Say(locale.Pair{A: v.anchorWord(k.Name), B: clock.When(k.At) + ", " + v.L.Codes.AnchorKind.Of(string(k.Kind))}), named(t.Before, before))
	}
	if f := d.Figure; f != nil {
		line := v.figureLine(*f)
		l.Href = a.At("/figures")
		l.About = line.Number + " " + line.Category
		add(line.Place_, line.Source, v.clock(a.Now, f.Place.Party).When(f.AsOf))
		if line.Parts > 0 {
			l.Tone, l.Flag = soon, v.L.Page.Incidents.PartsMake.Say(locale.Name{Name: v.L.Number(line.Parts)})
		}
	}
	if n := d.Answer; n != nil {
		l.Href, l.Tone = a.At("/answers"), info
		l.About = v.L.Party(n.Party) + " " + v.L.Codes.Answer.Of(string(n.Kind))
		if n.Kind == incident.Accept {
			l.Tone = good
		}
		if n.Ceiling != nil {
			l.About += ", " + v.L.Page.Incidents.AtMost.Say(locale.Name{Name: v.L.Number(*n.Ceiling)})
		}
		add(append(append([]string{}, n.Conditions...), n.Text)...)
	}
	if m := d.Movement; m != nil {
		one := v.movementLine(&incident.Movement{ID: l.Subject, Voyage: *m})
		l.Href = a.At("/movements/" + l.Subject)
		l.About = one.From_ + " → " + one.To_
		add(v.L.Count(one.Shown, v.L.Counts.Persons), one.By, m.Carrier)
		if m.Difference != 0 {
			add(v.L.Joins.Colon.Say(locale.Pair{A: string(v.L.Page.Incidents.Difference), B: v.L.Number(m.Difference)}), m.Why)
		}
	}
	if d.Evidence != nil {
		add(v.L.Joins.Colon.Say(locale.Pair{A: v.L.Codes.Evidence.Of(string(d.Evidence.Type)), B: d.Evidence.Reference}))
	}
	add(d.Reason)
	add(l.Note)
}

// anchorWord names a key time; one of a single group or movement by what it is of, as in "STAY_END.ATG".
func (v *visit) anchorWord(name string) string {
	kind, of, single := strings.Cut(name, ".")
	word := v.L.Codes.Anchor.Of(kind)
	if single {
		if _, err := place.ParseParty(of); err == nil {
			word += ", " + v.L.Party(place.Party(of))
		}
	}
	return word
}
