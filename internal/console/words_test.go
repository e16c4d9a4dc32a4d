package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"landfall/internal/access"
	"landfall/internal/check"
	"landfall/internal/harness"
	"landfall/internal/incident"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/preparedness"
	"landfall/internal/protocol"
)

// rawKey finds a code that nobody put into words: "answer.given", "step_overdue".
var rawKey = regexp.MustCompile(`\b[a-z]+(?:_[a-z]+)+\b|\b(?:hazard|incident|anchor|step|movement|figure|answer|alert|subscription|unit|assessment|season|capacity|caseload)\.[a-z_]+\b`)

// speaksInWords fails the test when a page shows a code. Names of files and of headers, which are to be typed as they are, are none.
func speaksInWords(t *testing.T, page *harness.Sheet) {
	t.Helper()
	text := page.Text()
	if doc := page.URL.Path; strings.HasPrefix(doc, "/style") {
		return
	}
	for _, found := range rawKey.FindAllString(text, -1) {
		t.Errorf("%s shows the code %q:\n%s", page.URL, found, text)
	}
}

// constants gives the texts of the constants of a package whose names begin like this.
func constants(t *testing.T, folder, prefix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				value, _ := strconv.Unquote(lit.Value)
				found = append(found, value)
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s has no constants %s…", folder, prefix)
	}
	return found
}

// texts makes a list of words one of texts.
func texts[W ~string](list []W) []string {
	all := make([]string, len(list))
	for n, w := range list {
		all[n] = string(w)
	}
	return all
}

// unversioned gives types of events without their versions.
func unversioned(types []string) []string {
	all := make([]string, len(types))
	for n, one := range types {
		all[n] = strings.TrimSuffix(one, one[strings.LastIndex(one, ".v"):])
	}
	return all
}

// quietEvents are events that no page lists and no subscription names: what is done to a subscription is shown on its own page.
var quietEvents = []string{"subscription.created", "subscription.changed", "subscription.deleted", "subscription.expired", "subscription.enabled",
	"subscription.secret_rotated", "subscription.secret_resealed", "hazard.opened"}

func TestEveryCodeHasWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	of := unversioned(constants(t, "../incident", "Event"))
	events := slices.Concat(of, unversioned(constants(t, "../preparedness", "Event")), []string{"alert.raised", "alert.acknowledged", "alert.closed", "subscription.disabled", "subscription.tested"})
	var agencies, closes []string
	for _, template := range protocol.Templates() {
		for _, s := range template.Steps {
			agencies, closes = append(agencies, s.Agency), append(closes, string(s.Evidence.Type))
		}
	}
	for _, language := range locale.Languages() {
		l := locale.For(string(language))
		codes, told := &l.Codes, &l.Page.Told
		for name, list := range map[string]struct {
			words locale.Words
			codes []string
		}{
			"event, told":      {told.Kind, events},
			"event, timeline":  {l.Page.Incidents.Event, slices.DeleteFunc(slices.Clone(of), func(one string) bool { return slices.Contains(quietEvents, one) })},
			"alert kind":       {codes.AlertKind, slices.Concat(constants(t, "../incident", "alert"), []string{"delivery_dead", "subscription_disabled"})},
			"alert tab":        {l.Page.Alerts.Tab, []string{string(notify.AlertOpen), string(notify.AlertAcknowledged), string(notify.AlertClosed)}},
			"incident status":  {codes.IncidentStatus, texts(incident.Statuses())},
			"step status":      {codes.StepStatus, texts(incident.StepStatuses())},
			"movement status":  {codes.MovementStatus, []string{string(incident.Announced), string(incident.Departed), string(incident.Arrived), string(incident.MovementCancelled)}},
			"delivery status":  {told.Status, texts(notify.Statuses())},
			"readiness":        {l.Page.Prepare.Status, texts(preparedness.Statuses())},
			"readiness, home":  {l.Page.Home.Status, texts(preparedness.Statuses())},
			"severity":         {codes.Severity, texts(incident.Severities())},
			"outcome":          {codes.Acknowledged, []string{string(notify.AckReceived), string(notify.AckCannotAct), string(notify.AckQuestion)}},
			"answer":           {codes.Answer, texts(incident.AnswerKinds())},
			"role":             {l.Page.Shell.Role, slices.DeleteFunc(constants(t, "../access", "Role"), func(role string) bool { return role == string(access.RolePartner) })},
			"channel":          {told.Channel, []string{"webhook", "email", "logfile"}},
			"relay":            {codes.RelayedBy, check.Relays()},
			"relay, alert":     {l.Page.Alerts.Via, check.Relays()},
			"evidence":         {codes.Evidence, closes},
			"agency":           {codes.Agency, agencies},
			"anchor":           {codes.Anchor, constants(t, "../protocol", "Anchor")},
			"phase":            {l.Page.Incidents.Phase, texts(protocol.Phases())},
			"mode":             {codes.Mode, texts(incident.Modes())},
			"category":         {codes.Category, texts(incident.FigureCategories())},
			"term":             {codes.Term, texts(incident.Terms())},
			"setting":          {codes.Setting, texts(incident.Settings())},
			"source":           {codes.SourceKind, texts(incident.SourceKinds())},
			"sex":              {l.Page.Work.People.Sex, texts(incident.Sexes())},
			"need":             {l.Page.Work.People.Need, texts(incident.AssistanceWords())},
			"kind of unit":     {l.Page.Prepare.UnitKind, texts(preparedness.UnitKinds())},
			"warning":          {l.Page.Prepare.Warning, texts(preparedness.Warnings())},
			"setting of units": {l.Page.Prepare.Setting, texts(preparedness.Settings())},
		} {
			for _, code := range list.codes {
				if word, ok := list.words[code]; code != "" && (!ok || rawKey.MatchString(word)) {
					t.Errorf("%s, %s: %q is said as %q, of %q", language, name, code, word, slices.Sorted(maps.Keys(list.words)))
				}
			}
		}
	}
	if got := locale.For("en").Codes.AlertKind.Of("step.newer_than_this"); got != "step newer than this" {
		t.Errorf("a code of a newer version is shown as %q", got)
	}
}
