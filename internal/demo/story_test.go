package demo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/harness"

	"github.com/google/go-cmp/cmp"
)

// seated gives a play whose offices sit at a service in this process, with nobody to read: it never pauses for breath.
func seated(t *testing.T) (*play, *harness.World, *harness.Log) {
	t.Helper()
	w := harness.NewOnFolder(t, func(o *app.Options) { o.Now, o.NoSchedule = time.Now, false })
	told := &harness.Log{}
	p := &play{
		tell: &narrator{now: time.Now, out: told}, now: time.Now, speed: FastestSpeed, names: names(), watch: map[string]clock{},
		public: newClient(w.App.URL(), clientsAtOnce), first: w.Admin.Token(),
	}
	t.Cleanup(p.public.http.CloseIdleConnections)
	var err error
	if p.receiver, err = listenForHooks(t.Context(), time.Now, p.heard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.receiver.close(context.WithoutCancel(t.Context())) })
	if err := p.seat(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, w, told
}

// perform plays scenes one after the other.
func perform(t *testing.T, p *play, scenes ...func(*play, context.Context) error) {
	t.Helper()
	for n, play := range scenes {
		if err := play(p, t.Context()); err != nil {
			t.Fatalf("scene %d: %v", n+1, err)
		}
	}
}

// says reports a text that was not told, however its lines are broken.
func says(t *testing.T, told *harness.Log, texts ...string) {
	t.Helper()
	all := strings.Join(strings.Fields(told.String()), " ")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("nobody says %q", text)
		}
	}
}

func read[V any](t *testing.T, o office, path string) V {
	t.Helper()
	var v V
	if err := o.get(t.Context(), path, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func list[V any](t *testing.T, o office, path string) []V {
	t.Helper()
	items, err := all[V](t.Context(), o.client, path)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func TestLaSoufriereLeavesWorkForWhoeverOpensABrowser(t *testing.T) {
	p, w, told := seated(t)
	perform(t, p, (*play).order, (*play).fourAreAsked, (*play).addUp, (*play).offered, (*play).leave)

	saint := p.at(stVincent)
	i := read[struct {
		Status  string `json:"status"`
		Running struct {
			Protocol string `json:"protocol"`
		} `json:"running"`
		Exercise bool `json:"exercise"`
	}](t, saint, "/api/v1/incidents/"+p.eruption.ID)
	if i.Status != "active" || i.Running.Protocol != "volcano" || !i.Exercise {
		t.Errorf("the eruption is %+v", i)
	}
	for name, at := range map[string]time.Time{"ORANGE": orangeSince(), "RED": april(8, 16, 0)} {
		if a := read[anchor](t, saint, p.eruption.path("anchors", name)); !a.At.Equal(at) || a.Kind != "observed" {
			t.Errorf("%s is %+v", name, a)
		}
	}
	steps := list[step](t, saint, p.eruption.path("steps"))
	if c := tally(steps); c.done != 7 || c.open < 10 || c.waiting < 10 {
		t.Errorf("the steps stand at %+v", c)
	}
	for _, s := range steps {
		if slices.Contains([]string{fallsDue, "VOL-05.1"}, s.Key) && !s.open() {
			t.Errorf("%s is %s", s.Key, s.Status)
		}
	}
	for code, open := range map[string]bool{antigua: false, grenada: true, saintLucia: false, dominica: true} {
		alerts := list[alert](t, p.at(code), "/api/v1/alerts?status=open&incident_id="+p.eruption.ID)
		if got := slices.ContainsFunc(alerts, func(a alert) bool { return a.Kind == "activation" }); got != open {
			t.Errorf("%s has an open activation: %v, want %v", code, got, open)
		}
		if got := slices.ContainsFunc(alerts, func(a alert) bool { return !a.RequiredBy.IsZero() }); got != open {
			t.Errorf("%s has something to acknowledge: %v, want %v", code, got, open)
		}
	}
	if got := list[answer](t, saint, p.eruption.path("answers")); len(got) != 1 || got[0].Party != saintLucia || *got[0].Ceiling != 300 {
		t.Errorf("answers of the day: %+v", got)
	}
	says(t, told,
		"16:00: red.", "ALERT: the protocol is ACTIVATED", "to the last of the 4 webhooks", "Grenada and Dominica are silent",
		"figure: 7,411, thecaribbeannewsnow.com; DOES NOT ADD UP, its parts make 7,854", "(parts_add_up: false)",
		"offered 300 Dominica: accept", "interested 21 Dominica", "superseded, and kept",
	)
	figuresOfTheWeeks(t, p)
	w.Verify()
}

// figuresOfTheWeeks holds what was published in the weeks after against what was printed: kept as it was, and flagged where it does not add up.
func figuresOfTheWeeks(t *testing.T, p *play) {
	t.Helper()
	numbers := map[int]string{}
	for _, f := range list[figure](t, p.at(saintLucia), p.weeks.path("figures")) {
		numbers[f.Number] = f.Source.Name
		if f.short() != (f.Number == 7411) {
			t.Errorf("%d: its parts do not add up: %v", f.Number, f.short())
		}
		if f.Number == 7411 && f.sum() != 7854 {
			t.Errorf("the parts of 7,411 make %d", f.sum())
		}
		if (f.Category == interested) != (f.Number == 21 || f.Number == 50) || (f.SupersededBy != "") != (f.Number == 21) {
			t.Errorf("%d is %s, superseded by %q", f.Number, f.Category, f.SupersededBy)
		}
	}
	want := []int{21, 50, 2000, 3200, 3500, 4021, 7000, 7411, 13303, 16000, 20000}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(numbers))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := list[answer](t, p.at(stVincent), p.weeks.path("answers")); len(got) != 1 || got[0].Party != dominica || *got[0].Ceiling != 300 {
		t.Errorf("answers: %+v", got)
	}
}

func TestMariaEndsClosedAsTheRulesAsk(t *testing.T) {
	p, w, told := seated(t)
	perform(t, p, (*play).watchTheStorm, (*play).activate, (*play).answer)
	if err := p.complete(t.Context(), p.evening, dominica, "HUR-05", "note_verbale"); err != nil { // scene 4 lets an hour pass first
		t.Fatal(err)
	}
	perform(t, p, (*play).move, (*play).disagree, (*play).end)
	for _, i := range []incident{p.evening, p.week} {
		if got := read[struct {
			Status string `json:"status"`
		}](t, p.at(dominica), "/api/v1/incidents/"+i.ID); got.Status != "closed" {
			t.Errorf("%s is %s", i.Code, got.Status)
		}
	}
	done, waived := 0, 0
	for _, s := range list[step](t, p.at(dominica), p.evening.path("steps")) {
		switch s.Status {
		case "done":
			done++
		case "not_applicable":
			waived++
		default:
			t.Errorf("%s is %s", s.Key, s.Status)
		}
	}
	if done != 10 || waived != 46 {
		t.Errorf("%d done, %d not applicable", done, waived)
	}
	says(t, told, "says of 46 steps that they do not apply", "closes both exercises")
	w.Verify()
}

func TestSaintLuciasHotelsAreReadyPartlyRunOutAndUnknown(t *testing.T) {
	p, w, _ := seated(t)
	desk := p.at(saintLucia + "/" + liaison)
	got := map[string]string{}
	for _, u := range list[struct {
		Name   string `json:"name"`
		Kind   string `json:"kind"`
		Status string `json:"status"`
	}](t, desk, "/api/v1/preparedness/units?state=LCA") {
		if u.Kind == "property" {
			got[u.Name] = u.Status
		}
	}
	want := map[string]string{"Bay hotel A": "ready", "Bay hotel B": "partial", "Marina C": "expired", "Guest house D": "unknown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.Verify()
}

func TestEveryPostHasATokenThatSignsItIn(t *testing.T) {
	p, _, _ := seated(t)
	tokens := p.tokens()
	if len(tokens) != len(cast()) {
		t.Errorf("%d tokens for %d posts", len(tokens), len(cast()))
	}
	for _, seat := range []string{"VCT/coordinator", "LCA/official", "DMA/official", "LCA/liaison"} {
		var me struct {
			Party string `json:"party"`
			Role  string `json:"role"`
		}
		if err := p.public.as(tokens[seat]).get(t.Context(), "/api/v1/me", &me); err != nil {
			t.Errorf("%s: %v", seat, err)
		}
		if got := me.Party + "/" + me.Role; got != seat {
			t.Errorf("the token of %s is %s's", seat, got)
		}
	}
	if got := (&play{}).tokens(); len(got) != 0 {
		t.Errorf("before anybody is seated there are %v", got)
	}
}

func TestAScenarioIsToldInLessThanAMinuteAtFullSpeed(t *testing.T) {
	if least := Least(FastestSpeed); least > time.Minute-forStopping/2 {
		t.Errorf("at full speed the story needs %s", least)
	}
}
