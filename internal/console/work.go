package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

func (c *Console) workRoutes() {
	c.get("/incidents/new", c.newIncident)
	c.post("/incidents/new", c.openIncident)
	c.get("/incidents/:id/release", c.releasePage)
	c.post("/incidents/:id/release", c.release)
	c.get("/incidents/:id/activate", c.activatePage)
	c.post("/incidents/:id/activate", c.activate)
	c.get("/incidents/:id/answers/new", c.answerPage)
	c.post("/incidents/:id/answers/new", c.giveAnswer)
}

// openView is the form that opens an incident, and the page that says what it will do before it does.
type openView struct {
	Form       *form
	Hazards    []choice // on record already, and "new"
	Types      []choice
	Origins    []choice // for who acts for every party
	Islands    []choice
	Severities []choice
	Kinds      []choice // exercise or not
	Near, Far  []choice // states that may receive
	Review     bool
	Names      []string // of the states that will be told
	Button     string
	Title      string
	Origin     place.Party
	Exercise   bool
	Draft      bool
}

// commonHazards are the hazards that the form offers: those of the region.
var commonHazards = []string{"TC", "VO", "FL", "EQ", "TS", "LS", "DR", "OT"}

func (c *Console) newIncident(v *visit) error {
	if !v.mayOpen() {
		return fault.New(fault.Forbidden, "role_not_allowed", "Coordinators open incidents.")
	}
	f := newForm().with("hazard", "new").with("type", "TC").with("severity", string(incident.Severe))
	if v.scope.Party != "" {
		f.with("origin", string(v.scope.Party.StateParty()))
	}
	view, err := v.openView(f)
	if err != nil {
		return err
	}
	if len(view.Hazards) > 1 {
		f.with("hazard", view.Hazards[0].Value)
	}
	return v.showOpen(http.StatusOK, view)
}

func (v *visit) showOpen(status int, view openView) error {
	return v.show(status, "work_open", string(v.L.Page.Work.Title), view, in("incidents"), during(view.Exercise), backTo("/incidents", string(v.L.Page.Incidents.Title)))
}

func (v *visit) openView(f *form) (openView, error) {
	w, lang := v.L.Page.Work, string(v.L.Language)
	view := openView{
		Form: f, Origin: place.Party(f.Value("origin")), Exercise: f.Value("exercise") == "yes", Draft: f.Has("draft", "yes"),
		Kinds: []choice{{Value: "no", Label: string(w.Real), Hint: string(w.RealMeans)}, {Value: "yes", Label: string(w.Exercise), Hint: string(w.ExerciseMeans)}},
	}
	recent, err := v.console.incident.ListHazards(v.ctx(), v.scope, incident.PageRequest{Limit: 5})
	if err != nil {
		return view, err
	}
	for _, h := range recent.Items {
		view.Hazards = append(view.Hazards, choice{Value: h.ID, Label: h.Name, Hint: v.L.Date(h.StartedAt.In(place.Zone(v.zone(view.Origin))))})
	}
	view.Hazards = append(view.Hazards, choice{Value: "new", Label: string(w.NewHazard)})
	for _, code := range commonHazards {
		if h, ok := place.HazardOf(code); ok {
			view.Types = append(view.Types, choice{Value: code, Label: h.Name.In(lang)})
		}
	}
	for _, s := range incident.Severities() {
		view.Severities = append(view.Severities, choice{Value: string(s), Label: v.L.Codes.Severity.Of(string(s))})
	}
	if i := slices.IndexFunc(view.Severities, func(c choice) bool { return c.Value == string(incident.Unknown) }); i >= 0 {
		view.Severities = append(slices.Delete(slices.Clone(view.Severities), i, i+1), view.Severities[i])
	}
	for _, i := range place.Islands(view.Origin.State()) {
		view.Islands = append(view.Islands, choice{Value: i.Code, Label: i.Name.In(lang)})
	}
	own, _ := place.StateOf(view.Origin.State())
	for _, s := range place.States() {
		k := choice{Value: s.Code, Label: s.Name.In(lang)}
		view.Origins = append(view.Origins, k)
		switch {
		case s.OECS != "" || s.SubRegion == own.SubRegion:
			view.Near = append(view.Near, k)
		default:
			view.Far = append(view.Far, k)
		}
	}
	for _, list := range [][]choice{view.Origins, view.Near, view.Far} {
		slices.SortFunc(list, func(a, b choice) int { return cmp.Compare(a.Label, b.Label) })
	}
	return view, nil
}

// openIncident opens an incident in two steps: what was typed is shown with whom it will be told to, and only then sent.
func (c *Console) openIncident(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	if !v.mayOpen() {
		return fault.New(fault.Forbidden, "role_not_allowed", "Coordinators open incidents.")
	}
	if v.scope.Party != "" {
		f.with("origin", string(v.scope.Party.StateParty()))
	}
	view, err := v.openView(f)
	if err != nil {
		return err
	}
	v.need(f, "origin", "severity", "exercise", "hazard")
	if f.Value("hazard") == "new" {
		v.need(f, "hazard_name", "type")
	}
	occurred := v.moment(f, "occurred_at", view.Origin)
	if occurred.IsZero() {
		occurred = c.now()
	}
	view.Title = f.Value("title")
	if view.Title == "" {
		name := f.Value("hazard_name")
		for _, h := range view.Hazards {
			if h.Value == f.Value("hazard") && h.Value != "new" {
				name = h.Label
			}
		}
		view.Title = v.L.Joins.Colon.Say(locale.Pair{A: name, B: v.L.Party(view.Origin)})
	}
	for _, code := range f.Values["receivers"] {
		view.Names = append(view.Names, v.L.Party(place.Party(code)))
	}
	view.Button = v.sendWords(view.Draft, view.Exercise, len(view.Names))
	if f.Failed() || f.Value("do") == "change" {
		status := http.StatusOK
		if f.Failed() {
			status = f.status()
		}
		return v.showOpen(status, view)
	}
	if f.Value("do") != "send" {
		view.Review = true
		return v.showOpen(http.StatusOK, view)
	}
	id, err := v.open(f, view, occurred)
	if err == nil {
		return v.to("/incidents/"+id, "opened")
	}
	if !v.refused(f, err, map[string]string{"/hazard_id": "hazard", "/name": "hazard_name", "/origin_island": "island"}) {
		return err
	}
	return v.showOpen(f.status(), view)
}

// sendWords says what the button does.
func (v *visit) sendWords(draft, exercise bool, states int) string {
	w := v.L.Page.Work
	switch {
	case draft:
		return string(w.SaveDraft)
	case states == 0:
		return string(w.OpenAlone)
	case exercise:
		return v.L.Count(states, w.SendExercise)
	}
	return v.L.Count(states, w.SendReal)
}

// open records the hazard, unless it is on record, and the incident. Both follow from the form's key, so a repeat makes neither twice.
func (v *visit) open(f *form, view openView, occurred time.Time) (string, error) {
	w := v.write(f)
	w.IfMatch = ""
	hazard := f.Value("hazard")
	if hazard == "new" {
		first := w
		first.Key += "/hazard"
		done, err := v.console.incident.OpenHazard(v.ctx(), v.scope, first, incident.OpenHazard{
			Name: f.Value("hazard_name"), Type: f.Value("type"), GLIDE: strings.Fields(f.Value("glide")), StartedAt: occurred,
		})
		if err != nil {
			return "", err
		}
		hazard = done.Value.ID
	}
	var receivers []place.Party
	for _, code := range f.Values["receivers"] {
		receivers = append(receivers, place.Party(code))
	}
	done, err := v.console.incident.Open(v.ctx(), v.scope, w, incident.Open{
		Title: view.Title, HazardID: hazard, Origin: view.Origin, OriginIsland: f.Value("island"), Receivers: receivers,
		Severity: incident.Severity(f.Value("severity")), OccurredAt: occurred, Exercise: view.Exercise, Draft: view.Draft,
	})
	return done.Value.ID, err
}

// releaseView asks whether a draft is to be told to those it names.
type releaseView struct {
	about
	Form   *form
	Button string
}

func (c *Console) releasePage(v *visit) error {
	a, err := v.leading()
	if err != nil {
		return err
	}
	f := newForm().with("etag", c.incident.ETag(a.I.Seq))
	return v.part(http.StatusOK, "work_release", a, releaseView{a, f, v.sendWords(false, a.I.Exercise, len(a.I.Receivers))})
}

// leading loads an incident for who leads it.
func (v *visit) leading() (about, error) {
	a, err := v.load("")
	if err == nil && !a.Leads {
		err = fault.New(fault.Forbidden, "origin_only", "Only the coordinator of the affected state does this.")
	}
	return a, err
}

func (c *Console) release(v *visit) error {
	a, err := v.leading()
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	if _, err = c.incident.Release(v.ctx(), v.scope, v.write(f), a.I.ID); err == nil {
		return v.to(a.At(""), "opened")
	}
	if !v.refused(f, err, nil) {
		return err
	}
	f.Values.Set("etag", c.incident.ETag(a.I.Seq))
	return v.part(f.status(), "work_release", a, releaseView{a, f, v.sendWords(false, a.I.Exercise, len(a.I.Receivers))})
}

// activateView is the form that puts a protocol in force.
type activateView struct {
	about
	Form      *form
	Protocols []choice
	Keys      []*field
	Button    string
	Names     []string
	Effect    string // what comes into being
	Proposal  bool
}

func (c *Console) activatePage(v *visit) error {
	a, err := v.leading()
	if err != nil {
		return err
	}
	f := newForm().with("etag", c.incident.ETag(a.I.Seq)).with("protocol", v.proposed(a))
	if asked := v.QueryParam("protocol"); asked != "" {
		if _, ok := protocol.Lookup(asked); ok && a.I.Running == nil {
			f.with("protocol", asked)
		}
	}
	for _, k := range a.I.Anchors {
		f.with("at_"+k.Name, v.local(k.At, a.I.Origin)).with("kind_"+k.Name, string(k.Kind))
	}
	return v.part(http.StatusOK, "work_activate", a, v.activateView(a, f))
}

// proposed gives the protocol for the hazard, or the one that runs already.
func (v *visit) proposed(a about) string {
	if a.I.Running != nil {
		return a.I.Running.Protocol
	}
	if _, ok := protocol.Lookup("volcano"); ok && a.I.HazardType == "VO" {
		return "volcano"
	}
	return "hurricane"
}

// awaited gives the key times that a person sets when a protocol is activated.
func awaited(t *protocol.Template) []protocol.Anchor {
	return slices.DeleteFunc(slices.Clone(t.Anchors()), func(a protocol.Anchor) bool {
		return !a.Settable() || a == protocol.AnchorStayEnd || a == protocol.AnchorAllClear
	})
}

func (v *visit) activateView(a about, f *form) activateView {
	w := v.L.Page.Work
	view := activateView{about: a, Form: f, Button: v.sendWords(false, a.I.Exercise, len(a.I.Receivers))}
	for _, p := range a.I.Receivers {
		view.Names = append(view.Names, v.L.Party(p))
	}
	for _, t := range protocol.Templates() {
		if a.I.Running == nil || a.I.Running.Protocol == t.ID {
			view.Protocols = append(view.Protocols, choice{Value: t.ID, Label: t.Title.In(string(v.L.Language))})
		}
	}
	t, ok := protocol.Lookup(f.Value("protocol"))
	if !ok {
		return view
	}
	view.Proposal = t.Status == protocol.Proposal
	parties, steps := map[place.Party]bool{}, 0
	for _, i := range t.Instances(protocol.Setting{Origin: a.I.Origin, Receivers: a.I.Receivers, Anchors: protocol.Anchors{}}) {
		parties[i.Party] = true
		steps++
	}
	view.Effect = w.Effect.Say(locale.Pair{A: v.L.Count(steps, w.StepsCount), B: v.L.Count(len(parties), w.PartiesCount)})
	for _, name := range awaited(t) {
		k := f.When("at_"+string(name), v.L.Codes.Anchor.Of(string(name)))
		k.Hint = string(w.KeyHint)
		view.Keys = append(view.Keys, k)
	}
	return view
}

func (c *Console) activate(v *visit) error {
	a, err := v.leading()
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	start := incident.Start{Protocol: f.Value("protocol"), Anchors: map[string]protocol.Value{}}
	if t, ok := protocol.Lookup(start.Protocol); !ok {
		f.wrong("protocol", string(v.L.Page.Form.Listed))
	} else {
		known := map[string]protocol.Value{}
		for _, k := range a.I.Anchors {
			known[k.Name] = protocol.Value{At: k.At.Truncate(time.Minute), Kind: k.Kind}
		}
		for _, name := range awaited(t) {
			at := v.moment(f, "at_"+string(name), a.I.Origin)
			if at.IsZero() || known[string(name)].At.Equal(at) {
				continue
			}
			kind := protocol.Forecast
			if !at.After(a.Now) {
				kind = protocol.Observed
			}
			start.Anchors[string(name)] = protocol.Value{At: at, Kind: kind}
		}
	}
	if !f.Failed() {
		_, err := c.incident.Activate(v.ctx(), v.scope, v.write(f), a.I.ID, start)
		if err == nil {
			return v.to(a.At(""), "activated")
		}
		names := map[string]string{}
		for name := range start.Anchors {
			names["/anchors/"+name+"/at"], names["/anchors/"+name] = "at_"+name, "at_"+name
		}
		if !v.refused(f, err, names) {
			return err
		}
	}
	if f.Stale {
		f.Values.Set("etag", c.incident.ETag(a.I.Seq))
	}
	return v.part(f.status(), "work_activate", a, v.activateView(a, f))
}

// answerView is the form with which a receiving state answers.
type answerView struct {
	about
	Form    *form
	Kinds   []choice
	Parties []choice // when the account acts for several
	Last    *incident.Answer
	Word    string
}

func (c *Console) answerPage(v *visit) error {
	a, err := v.load("/answers")
	if err != nil {
		return err
	}
	f := newForm()
	if own := v.ownReceivers(a); len(own) == 1 {
		f.with("party", string(own[0]))
	}
	view, err := v.answerView(a, f)
	if err != nil {
		return err
	}
	return v.part(http.StatusOK, "work_answer", a, view)
}

// ownReceivers gives the receiving states that the account answers for.
func (v *visit) ownReceivers(a about) []place.Party {
	if !v.scope.All && v.scope.Role != access.RoleOfficial && v.scope.Role != access.RoleCoordinator {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.I.Receivers), func(p place.Party) bool { return !v.scope.ActsFor(p) })
}

func (v *visit) answerView(a about, f *form) (answerView, error) {
	w := v.L.Page.Work
	view := answerView{about: a, Form: f, Kinds: []choice{
		{Value: string(incident.Accept), Label: string(w.Accept), Hint: string(w.AcceptMeans)},
		{Value: string(incident.Question), Label: string(w.Ask), Hint: string(w.AskMeans)},
		{Value: string(incident.Decline), Label: string(w.Decline), Hint: string(w.DeclineMeans)},
	}}
	own := v.ownReceivers(a)
	if len(own) == 0 {
		return view, fault.New(fault.Forbidden, "receivers_only", "Receiving states answer.")
	}
	for _, p := range own {
		view.Parties = append(view.Parties, choice{Value: string(p), Label: v.L.Party(p)})
	}
	all, err := v.console.incident.Answers(v.ctx(), v.scope, a.I.ID)
	for _, n := range all {
		if string(n.Party) == f.Value("party") {
			view.Last, view.Word = n, v.L.Codes.Answer.Of(string(n.Kind))
		}
	}
	return view, err
}

func (c *Console) giveAnswer(v *visit) error {
	a, err := v.load("/answers")
	if err != nil {
		return err
	}
	f, err := v.form()
	if err != nil {
		return err
	}
	v.need(f, "kind", "party")
	in := incident.Answer{
		Party: place.Party(f.Value("party")), Kind: incident.AnswerKind(f.Value("kind")), Reference: f.Value("reference"),
		ValidUntil: v.moment(f, "valid_until", place.Party(f.Value("party"))),
	}
	switch in.Kind {
	case incident.Accept:
		in.Ceiling = v.number(f, "ceiling", 0, 1_000_000)
		for line := range strings.Lines(f.Value("conditions")) {
			if line = strings.TrimSpace(line); line != "" {
				in.Conditions = append(in.Conditions, line)
			}
		}
	case incident.Question:
		v.need(f, "text")
		in.Text = f.Value("text")
	default:
		in.Text = f.Value("text")
	}
	if !f.Failed() {
		_, err := c.incident.GiveAnswer(v.ctx(), v.scope, v.write(f), a.I.ID, in)
		if err == nil {
			return v.to(a.At("/answers"), "answered")
		}
		names := map[string]string{}
		for n := range in.Conditions {
			names["/conditions/"+strconv.Itoa(n)] = "conditions"
		}
		if !v.refused(f, err, names) {
			return err
		}
	}
	view, err := v.answerView(a, f)
	if err != nil {
		return err
	}
	return v.part(f.status(), "work_answer", a, view)
}
