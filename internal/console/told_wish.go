package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/place"
)

// toldWish is the form of a subscription, new or to be changed.
type toldWish struct {
	ID         string // "" for a new one
	Form       *form
	Target     string // what stands now, masked
	TargetHint string
	Channels   []choice
	Bundles    []choice
	Ready      []choice // the bundles of preparedness
	Details    []toldDetail
	Regions    []toldDetail
	Now        []toldFact // what is on record, when somebody else changed it meanwhile
	Folded     bool       // no single kind and no state is chosen
}

// toldDetail is a part of a long list of boxes: never more than a dozen at once.
type toldDetail struct {
	Legend string
	Field  string
	Items  []choice
}

// Boxes gives the field of a part of a list.
func (d toldDetail) Boxes(f *form) *field { return f.Boxes(d.Field, d.Legend, d.Items) }

func (v *visit) toldWish(f *form, id string) toldWish {
	t := &v.L.Page.Told
	w := toldWish{ID: id, Form: f}
	for _, name := range v.console.notify.Channels() {
		w.Channels = append(w.Channels, choice{Value: name, Label: t.Channel.Of(name), Hint: t.ChannelHint[name]})
		if example, ok := t.Wish.Example[name]; ok {
			w.TargetHint += v.L.Joins.Colon.Say(locale.Pair{A: t.Channel.Of(name), B: example}) + ". "
		}
	}
	w.TargetHint += string(t.Wish.Office)
	kinds := v.console.notify.Kinds()
	var nouns []string
	for _, k := range kinds {
		if noun, _, _ := strings.Cut(k, "."); !slices.Contains(nouns, noun) {
			nouns = append(nouns, noun)
		}
	}
	slices.SortStableFunc(nouns, func(a, b string) int { return toldRank(a) - toldRank(b) })
	for _, noun := range nouns {
		bundle := choice{Value: noun + ".*", Label: t.Bundle.Of(noun), Hint: t.BundleHint[noun]}
		if toldBundle(noun) == "ready" {
			w.Ready = append(w.Ready, bundle)
		} else {
			w.Bundles = append(w.Bundles, bundle)
		}
		detail := toldDetail{Legend: t.Bundle.Of(noun), Field: "kind_" + noun}
		for _, k := range kinds {
			if strings.HasPrefix(k, noun+".") {
				detail.Items = append(detail.Items, choice{Value: k, Label: t.Kind.Of(k)})
			}
		}
		w.Details = append(w.Details, detail)
	}
	w.Regions = v.toldRegions()
	w.Folded = !slices.ContainsFunc(append(slices.Clone(w.Details), w.Regions...), func(d toldDetail) bool { return f.Value(d.Field) != "" })
	return w
}

// toldRank puts first what an office mostly wants.
func toldRank(noun string) int {
	order := []string{"alert", "answer", "incident", "anchor", "movement", "step", "figure", "hazard", "unit", "assessment", "season", "capacity", "caseload"}
	if n := slices.Index(order, noun); n >= 0 {
		return n
	}
	return len(order)
}

// toldBundle names the field that a noun's bundle stands in.
func toldBundle(noun string) string {
	if slices.Contains([]string{"unit", "assessment", "season", "capacity", "caseload"}, noun) {
		return "ready"
	}
	return "kinds"
}

// toldRegions gives all states, in the four groups in which the disaster agency knows them.
func (v *visit) toldRegions() []toldDetail {
	t := &v.L.Page.Told
	var list []toldDetail
	for _, region := range []place.SubRegion{place.Eastern, place.Central, place.Southern, place.NorthWestern, place.NoSubRegion} {
		d := toldDetail{Legend: t.Region.Of(string(region)), Field: "state_" + string(region)}
		for _, s := range place.States() {
			if s.SubRegion == region {
				d.Items = append(d.Items, choice{Value: s.Code, Label: v.bare().Text(s.Name)})
			}
		}
		if len(d.Items) > 0 {
			list = append(list, d)
		}
	}
	return list
}

// toldFilled gives the form as a subscription stands.
func (v *visit) toldFilled(s *notify.Subscription, etag string) *form {
	f := newForm().with("etag", etag).with("language", string(locale.LanguageOf(s.Language))).with("exercise", string(s.Filter.Exercise)).
		with("min_severity", s.Filter.MinSeverity)
	for _, k := range s.Filter.Kinds {
		noun, verb, _ := strings.Cut(k, ".")
		field := toldBundle(noun)
		if verb != "*" {
			field = "kind_" + noun
		}
		f.Values.Add(field, k)
	}
	for _, code := range s.Filter.States {
		region := place.NoSubRegion
		if known, ok := place.StateOf(code); ok {
			region = known.SubRegion
		}
		f.Values.Add("state_"+string(region), code)
	}
	if s.ExpiresAt != nil {
		f.with("expires_at", v.local(*s.ExpiresAt, s.Owner.Party))
	}
	return f
}

// toldRequest reads the form. A bundle that is ticked holds its single kinds.
func (v *visit) toldRequest(f *form, owner place.Party) notify.SubscriptionRequest {
	in := notify.SubscriptionRequest{
		Channel: f.Value("channel"), Target: f.Value("target"), Language: f.Value("language"),
		Filter: notify.Filter{Kinds: slices.Concat(f.Values["kinds"], f.Values["ready"]), MinSeverity: f.Value("min_severity"), Exercise: notify.Exercise(f.Value("exercise"))},
	}
	for name, values := range f.Values {
		if noun, ok := strings.CutPrefix(name, "kind_"); ok && !slices.Contains(in.Filter.Kinds, noun+".*") {
			in.Filter.Kinds = append(in.Filter.Kinds, values...)
		}
		if strings.HasPrefix(name, "state_") {
			in.Filter.States = append(in.Filter.States, values...)
		}
	}
	slices.Sort(in.Filter.Kinds)
	slices.Sort(in.Filter.States)
	if at := v.moment(f, "expires_at", owner); !at.IsZero() {
		in.ExpiresAt = &at
	}
	return in
}

var toldFields = map[string]string{
	"/filter/kinds": "kinds", "/filter/states": "state_eastern", "/filter/min_severity": "min_severity", "/filter/exercise": "exercise",
}

// Severities gives the choices of how bad it must be.
func (w toldWish) Severities(l *locale.Locale) []choice {
	var list []choice
	for _, s := range incident.Severities()[1:] {
		list = append(list, choice{Value: string(s), Label: l.Page.Told.SeverityFrom.Say(locale.Name{Name: l.Codes.Severity.Of(string(s))})})
	}
	return list
}

// Exercises gives the choices of what an address wants of exercises.
func (w toldWish) Exercises(l *locale.Locale) []choice {
	var list []choice
	for _, x := range []notify.Exercise{notify.ExerciseExclude, notify.ExerciseInclude, notify.ExerciseOnly} {
		list = append(list, choice{Value: string(x), Label: l.Page.Told.Exercise.Of(string(x)), Hint: l.Page.Told.ExerciseHint.Of(string(x))})
	}
	return list
}

// Languages gives the choices of a language.
func (w toldWish) Languages(l *locale.Locale) []choice {
	var list []choice
	for _, one := range locale.Languages() {
		list = append(list, choice{Value: string(one), Label: l.Page.Told.LanguageName.Of(string(one))})
	}
	return list
}

func (c *Console) toldNew(v *visit) error {
	if _, err := v.scope.Judge(access.Subscribe, access.Thing{Owner: v.scope.Party}, nil); err != nil {
		return err
	}
	f := newForm().with("channel", c.toldFirstChannel()).with("language", string(v.L.Language)).with("exercise", string(notify.ExerciseExclude))
	return c.showWish(v, http.StatusOK, v.toldWish(f, ""))
}

// toldFirstChannel gives what most offices read, of what is offered.
func (c *Console) toldFirstChannel() string {
	channels := c.notify.Channels()
	if slices.Contains(channels, "email") {
		return "email"
	}
	if len(channels) > 0 {
		return channels[0]
	}
	return ""
}

func (c *Console) showWish(v *visit, status int, w toldWish) error {
	t := &v.L.Page.Told
	if w.ID == "" {
		return v.show(status, "told_wish", string(t.New), w, in("told"), backTo("/subscriptions", string(t.Title)))
	}
	return v.show(status, "told_wish", string(t.Change), w, in("told"), backTo("/subscriptions/"+w.ID, w.Target))
}

// toldCreate makes a subscription. Its secret is shown in the answer itself and nowhere else, ever.
func (c *Console) toldCreate(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	in := v.toldRequest(f, v.scope.Party)
	v.need(f, "target")
	if !f.Failed() {
		out, err := c.notify.Subscribe(v.ctx(), v.scope, v.write(f), in)
		switch {
		case err == nil && (out.Secret != "" || out.Value.SealedSecret != ""):
			return c.showSecret(v, out, false)
		case err == nil:
			return v.to("/subscriptions/"+out.Value.ID, "told_created")
		case !v.refused(f, err, toldFields):
			return err
		}
	}
	return c.showWish(v, f.status(), v.toldWish(f, ""))
}

func (c *Console) toldChange(v *visit) error {
	held, err := c.notify.Subscription(v.ctx(), v.scope, v.Param("id"))
	if err != nil {
		return err
	}
	if _, err := v.scope.Judge(access.ChangeSubscription, held.Value.Owner.Thing(), nil); err != nil {
		return err
	}
	w := v.toldWish(v.toldFilled(held.Value, c.incident.ETag(held.Seq)), held.Value.ID)
	w.Target = c.notify.Masked(held.Value)
	return c.showWish(v, http.StatusOK, w)
}

// toldChanged records a change. When somebody else was first, both are shown, and nothing that was typed is lost.
func (c *Console) toldChanged(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	id := v.Param("id")
	held, err := c.notify.Subscription(v.ctx(), v.scope, id)
	if err != nil {
		return err
	}
	in := v.toldRequest(f, held.Value.Owner.Party)
	in.Channel = ""
	if !f.Failed() {
		_, err := c.notify.ChangeSubscription(v.ctx(), v.scope, v.write(f), id, in)
		if err == nil {
			return v.to("/subscriptions/"+id, "told_changed")
		}
		if !v.refused(f, err, toldFields) {
			return err
		}
	}
	w := v.toldWish(f, id)
	w.Target = c.notify.Masked(held.Value)
	if f.Stale {
		if held, err = c.notify.Subscription(v.ctx(), v.scope, id); err != nil {
			return err
		}
		w.Now = append(v.toldWants(held.Value), toldFact{Label: string(v.L.Page.Told.Target), Text: c.notify.Masked(held.Value)})
		f.Values.Set("etag", c.incident.ETag(held.Seq))
	}
	return c.showWish(v, f.status(), w)
}

// toldSecret is the page that shows a secret once.
type toldSecret struct {
	ID, Target, Secret string
	Rotated            bool
	Until              time.Time // until when the secret before signs too
	Form               *form
	Zone               place.Party
}

func (c *Console) showSecret(v *visit, out notify.Subscribed, rotated bool) error {
	s := out.Value
	if out.Secret == "" { // pressed twice: the first answer showed it
		return v.to("/subscriptions/"+s.ID, "told_secret_shown")
	}
	view := toldSecret{ID: s.ID, Target: c.notify.Masked(s), Secret: out.Secret, Rotated: rotated, Form: newForm(), Zone: v.zone(s.Owner.Party)}
	if rotated && s.PreviousSecretUntil != nil {
		view.Until = *s.PreviousSecretUntil
	}
	return v.show(http.StatusOK, "told_secret", string(v.L.Page.Told.Secret.Title), view, in("told"))
}
