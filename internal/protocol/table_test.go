package protocol_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"landfall/internal/place"
	"landfall/internal/protocol"

	"github.com/google/go-cmp/cmp"
)

// row is one line of testdata/templates.csv by column name: the three templates as the field wrote them down.
type row map[string]string

func table(t *testing.T) map[string][]row {
	t.Helper()
	f, err := os.Open("testdata/templates.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]row{}
	for _, line := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		rows[r["template"]] = append(rows[r["template"]], r)
	}
	return rows
}

func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ", ")
}

var rungs = regexp.MustCompile(` → |, then |; `)

func TestEveryShippedTemplateIsTheTableFieldByField(t *testing.T) {
	for name, steps := range map[string]int{"hurricane": 37, "volcano": 30} {
		t.Run(name, func(t *testing.T) { isTheTable(t, shipped(t, name), table(t)[name], steps) })
	}
}

func isTheTable(t *testing.T, h *protocol.Template, rows []row, steps int) {
	t.Helper()
	if len(rows) != steps || len(h.Steps) != steps {
		t.Fatalf("%d rows and %d steps, want %d of each", len(rows), len(h.Steps), steps)
	}
	for i, r := range rows {
		s := h.Steps[i]
		var needs []string
		for _, n := range s.Needs {
			needs = append(needs, n.Code)
			if n.Hard {
				t.Errorf("%s: need %s is hard; the table's are soft", s.Code, n.Code)
			}
		}
		got := row{
			"template": h.ID, "code": s.Code, "title": s.Title.EN, "phase": string(s.Phase), "side": string(s.Side), "party": string(s.Party),
			"repeat": string(s.Repeat), "life_safety": map[bool]string{true: "yes", false: "no"}[s.LifeSafety], "agency": s.Agency,
			"depends_on": strings.Join(needs, ", "), "deadline": s.Deadline.String(), "deadline_slow": "", "evidence": s.Evidence.Text,
			"escalation": strings.Join(s.Escalation, " → "), "basis": s.Basis,
		}
		r["escalation"] = rungs.ReplaceAllString(r["escalation"], " → ")
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s (-table +template):\n%s", s.Code, diff)
		}
		parsed := parseDeadline(t, r["deadline"])
		for n := range parsed.Terms {
			parsed.Terms[n].Expected = s.Deadline.Terms[n].Expected // the table has no word for it
		}
		if diff := cmp.Diff(parsed, s.Deadline); diff != "" {
			t.Errorf("%s: deadline (-parsed from the table +template):\n%s", s.Code, diff)
		}
		if s.Party == protocol.ByRegional && s.Organisation != organisationOf(s.Agency) {
			t.Errorf("%s belongs to %s, its agency is %q", s.Code, s.Organisation, s.Agency)
		}
	}
}

func TestTheTypesCarryEveryDeadlineOfAllThreeTables(t *testing.T) {
	total := 0
	for name, rows := range table(t) {
		for _, r := range rows {
			total++
			for _, column := range []string{"deadline", "deadline_slow"} {
				text := r[column]
				if text == "" && column == "deadline_slow" {
					continue
				}
				if got := parseDeadline(t, text).String(); got != text {
					t.Errorf("%s %s: %q comes back as %q", name, r["code"], text, got)
				}
			}
		}
	}
	if total != 88 {
		t.Errorf("%d rows, want 88", total)
	}
}

func TestAllThreeTablesPassTheChecksOfATemplate(t *testing.T) {
	for name := range table(t) {
		tmpl := fromTable(t, name)
		if len(tmpl.Anchors()) == 0 {
			t.Errorf("%s counts from nothing", name)
		}
	}
}

func organisationOf(agency string) place.Party {
	for _, o := range []string{"CDEMA", "OECS", "IOM"} {
		if strings.HasPrefix(agency, o) {
			return place.Party("ORG-" + o)
		}
	}
	return ""
}

// fromTable builds a template out of the table alone: also one that does not ship yet.
func fromTable(t *testing.T, name string) *protocol.Template {
	t.Helper()
	both := func(text string) place.Text { return place.Text{EN: text, FR: text} }
	tmpl := protocol.Template{ID: name, Version: 1, Status: protocol.Proposal, Title: both(name)}
	tmpl.ReturnFrom = map[string]string{"hurricane": "HUR-33", "volcano": "VOL-26", "spontaneous": "SPN-20"}[name]
	for _, r := range table(t)[name] {
		s := &protocol.Step{Code: r["code"], Title: both(r["title"]), Phase: protocol.Phase(r["phase"]), Side: protocol.Side(r["side"]),
			Party: protocol.PartyRule(r["party"]), Repeat: protocol.Repeat(r["repeat"]), LifeSafety: r["life_safety"] == "yes", Agency: r["agency"],
			Deadline: parseDeadline(t, r["deadline"]), Evidence: protocol.Evidence{Type: protocol.Notice, Text: r["evidence"]},
			Escalation: rungs.Split(r["escalation"], -1), Basis: r["basis"]}
		if r["deadline_slow"] != "" {
			s.Slow = parseDeadline(t, r["deadline_slow"])
		}
		if s.Party == protocol.ByRegional {
			s.Organisation = organisationOf(s.Agency)
		}
		for _, code := range words(r["depends_on"]) {
			s.Needs = append(s.Needs, protocol.Need{Code: code})
		}
		tmpl.Steps = append(tmpl.Steps, s)
	}
	ready, err := protocol.New(tmpl)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return ready
}

var (
	deadlineText = regexp.MustCompile(`^(earliest of )?(.+?)(?:, then ([^,()]+))?(?: \((.+)\))?$`)
	termText     = regexp.MustCompile(`^(each |first )?([A-Z_]+|stand-down)([+−])(\d+(?:min|h|d))$`)
	everyText    = regexp.MustCompile(`^every (\d+[hd])(?: of ([A-Z]+))?$`)
	everyWords   = map[string]string{"daily": "1d", "weekly": "1w", "monthly": "1mo", "quarterly": "3mo"}
)

// parseDeadline reads the deadline column of the table.
func parseDeadline(t *testing.T, text string) protocol.Deadline {
	t.Helper()
	m := deadlineText.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("deadline %q is not understood", text)
	}
	d := protocol.Deadline{Note: m[4]}
	terms := []string{m[2]}
	if m[1] != "" {
		terms = strings.Split(m[2], ", ")
	}
	for _, term := range terms {
		p := termText.FindStringSubmatch(term)
		if p == nil {
			t.Fatalf("deadline %q: term %q is not understood", text, term)
		}
		anchor := protocol.Anchor(p[2])
		if p[2] == "stand-down" {
			anchor = protocol.AnchorStandDown
		}
		d.Terms = append(d.Terms, protocol.Term{Anchor: anchor, Offset: span(t, strings.Replace(p[3], "−", "-", 1)+p[4]),
			Each: p[1] == "each ", First: p[1] == "first "})
	}
	if m[3] == "" {
		return d
	}
	if word, ok := everyWords[m[3]]; ok {
		d.Every.Period = span(t, word)
		return d
	}
	p := everyText.FindStringSubmatch(m[3])
	if p == nil {
		t.Fatalf("deadline %q: recurrence %q is not understood", text, m[3])
	}
	d.Every = protocol.Every{Period: span(t, p[1]), While: protocol.Anchor(p[2])}
	return d
}

func span(t *testing.T, text string) protocol.Span {
	t.Helper()
	s, err := protocol.ParseSpan(text)
	if err != nil {
		t.Fatalf("span %q: %v", text, err)
	}
	return s
}

// shipped gives a template of this build.
func shipped(t interface{ Fatalf(string, ...any) }, id string) *protocol.Template {
	tmpl, ok := protocol.Lookup(id)
	if !ok {
		t.Fatalf("there is no %s template", id)
	}
	return tmpl
}

func hurricane(t interface{ Fatalf(string, ...any) }) *protocol.Template {
	return shipped(t, "hurricane")
}

func TestAShippedTemplateSaysWhatItIs(t *testing.T) {
	for _, c := range []struct {
		id      string
		returns []string
		anchors []protocol.Anchor
	}{
		{
			"hurricane", []string{"HUR-35", "HUR-36", "HUR-37"},
			[]protocol.Anchor{"LANDFALL", "ACTIVATION", "DEPARTURE", "ARRIVAL", "STAY_END", "RETURN", "STAND_DOWN"},
		},
		{
			"volcano", []string{"VOL-27", "VOL-28", "VOL-29", "VOL-30"},
			[]protocol.Anchor{"ORANGE", "RED", "DEPARTURE", "ARRIVAL", "ALLCLEAR", "RETURN", "STAY_END", "STAND_DOWN", "ACTIVATION"},
		},
	} {
		tmpl := shipped(t, c.id)
		if tmpl.Status != protocol.Proposal || tmpl.Version < 1 || tmpl.Note.EN == "" || tmpl.Note.FR == "" {
			t.Errorf("%s: status %q, version %d, note %q", c.id, tmpl.Status, tmpl.Version, tmpl.Note.EN)
		}
		var returns []string
		for _, s := range tmpl.Steps {
			if s.Title.FR == s.Title.EN {
				t.Errorf("%s has no French title", s.Code)
			}
			if s.ReturnPart {
				returns = append(returns, s.Code)
			}
		}
		if diff := cmp.Diff(c.returns, returns); diff != "" {
			t.Errorf("%s: return part (-want +got):\n%s", c.id, diff)
		}
		if diff := cmp.Diff(c.anchors, tmpl.Anchors()); diff != "" {
			t.Errorf("%s: anchors (-want +got):\n%s", c.id, diff)
		}
	}
	if got := protocol.Templates(); len(got) != 2 || got[0].ID != "hurricane" || got[1].ID != "volcano" {
		t.Errorf("%d templates ship", len(got))
	}
}

func TestEverySourceThatAStepNamesIsListedAndNoOther(t *testing.T) {
	key := regexp.MustCompile(`S\d+[a-z]?`)
	span := regexp.MustCompile(`S(\d+)–S(\d+)`)
	for _, tmpl := range protocol.Templates() {
		used := map[string]bool{}
		for _, s := range tmpl.Steps {
			for _, k := range key.FindAllString(s.Basis, -1) {
				used[k] = true
				if tmpl.Sources[k] == "" {
					t.Errorf("%s names %s, which is not listed", s.Code, k)
				}
			}
			for _, m := range span.FindAllStringSubmatch(s.Basis, -1) {
				first, _ := strconv.Atoi(m[1])
				last, _ := strconv.Atoi(m[2])
				for n := first; n <= last; n++ {
					used[fmt.Sprintf("S%02d", n)] = true
				}
			}
		}
		for k := range tmpl.Sources {
			if !used[k] {
				t.Errorf("%s lists %s, which no step names", tmpl.ID, k)
			}
		}
		if len(used) < 20 {
			t.Errorf("%s: only %d sources are used", tmpl.ID, len(used))
		}
	}
}
