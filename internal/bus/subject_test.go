package bus

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"
)

func TestSubjectNamesBranchOriginIncidentNounAndVerb(t *testing.T) {
	for _, c := range []struct {
		exercise                    bool
		origin, incident, eventType string
		want                        string
	}{
		{false, "DMA", "0199-a", "step.overdue.v1", "landfall.actual.DMA.0199-a.step.overdue"},
		{true, "DMA", "0199-a", "step.due_soon.v12", "landfall.exercise.DMA.0199-a.step.due_soon"},
		{false, "", "", "hazard.opened.v1", "landfall.actual._._.hazard.opened"},
		{true, "", "", "hazard.opened.v1", "landfall.exercise._._.hazard.opened"},
		{false, "D.A", "a b", "no*un.ve>rb.v1", "landfall.actual.D_A.a_b.no_un.ve_rb"},
		{false, ">", "*", "", "landfall.actual._._._._"},
		{false, "é\n", "\x00", "noun", "landfall.actual.__._.noun._"},
	} {
		if got := Subject(c.exercise, c.origin, c.incident, c.eventType); got != c.want {
			t.Errorf("Subject(%v, %q, %q, %q) = %q, want %q", c.exercise, c.origin, c.incident, c.eventType, got, c.want)
		}
	}
}

func TestNoPartCanBreakOutOfItsToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subject := Subject(rapid.Bool().Draw(t, "exercise"), rapid.String().Draw(t, "origin"), rapid.String().Draw(t, "incident"),
			rapid.String().Draw(t, "type"))
		if !concrete(subject) || !server.IsValidLiteralSubject(subject) || strings.Count(subject, ".") != 5 {
			t.Fatalf("%q is not a subject of six tokens", subject)
		}
	})
}

func TestPatternsMatchAsTheServerMatches(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "landfall", "_"})
	rapid.Check(t, func(t *rapid.T) {
		subject := strings.Join(rapid.SliceOfN(token, 1, 5).Draw(t, "subject"), ".")
		tokens := rapid.SliceOfN(rapid.OneOf(token, rapid.Just("*")), 1, 5).Draw(t, "pattern")
		if rapid.Bool().Draw(t, "open") {
			tokens = append(tokens, ">")
		}
		pattern := strings.Join(tokens, ".")
		if !wellFormed(pattern) {
			t.Fatalf("%q is refused", pattern)
		}
		if got, want := matches(pattern, subject), server.SubjectMatchesFilter(subject, pattern); got != want {
			t.Fatalf("matches(%q, %q) = %v, the server says %v", pattern, subject, got, want)
		}
	})
}

func TestOnlySubjectsOfLandfallArePublishable(t *testing.T) {
	for _, subject := range []string{"", "landfall", "landfall.actual", "landfall.actual.", "landfall.actual.>", "landfall.actual.*.x",
		"landfall.actual..x", "landfall.actual.a b", "landfall.actual.a\r\nPUB x 0", "landfall.other.x", "$JS.API.STREAM.DELETE.LANDFALL",
		"landfall.actual." + strings.Repeat("x", 2000)} {
		if concrete(subject) {
			t.Errorf("%.60q is accepted", subject)
		}
	}
	for _, pattern := range []string{"", ".", "a..b", ">.a", "a*", "a>b", "a b", "a\t"} {
		if wellFormed(pattern) {
			t.Errorf("pattern %q is accepted", pattern)
		}
	}
}
