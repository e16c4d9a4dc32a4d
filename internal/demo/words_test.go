package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestArrivalsAreToldInWords(t *testing.T) {
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	r := reader{
		name:  func(code string) string { return names()[code] },
		clock: clock{ScenarioStart: september(18, 20, 30), WallStart: start, Speed: 240},
	}
	for _, c := range []struct{ name, box, event, want string }{
		{
			"an alert with a time to answer by, on the exercise clock", antigua,
			`{"type":"landfall.alert.raised.v1","data":{"incident":{"version":9},"alert":{"party":"ATG","kind":"activation","version":3,
			  "raised_at":"2026-06-01T12:00:00.050Z","required_by":"2026-06-01T12:00:07.5Z"}}}`,
			"ALERT: the protocol is ACTIVATED; answer by 21:00 [v3, signature ok]",
		},
		{
			"an alert with time until the next day", antigua,
			`{"type":"landfall.alert.raised.v1","data":{"incident":{"version":9},"alert":{"party":"ATG","kind":"planning","version":2,
			  "raised_at":"2026-06-01T12:00:00.050Z","required_by":"2026-06-01T12:03:30Z"}}}`,
			"ALERT: planning has begun; answer by 10:30 tomorrow [v2, signature ok]",
		},
		{
			"an alert of a kind that came later", antigua,
			`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"ATG","kind":"stay_ends","version":2}}}`,
			"ALERT: stay ends [v2, signature ok]",
		},
		{
			"an overdue step", dominica,
			`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"DMA","kind":"step_overdue","subject":"HUR-05","version":12},
			  "step":{"key":"HUR-05","title":{"en":"Request sent"}}}}`,
			"ALERT: step HUR-05 is LATE: Request sent [v12, signature ok]",
		},
		{
			"the copy that the affected state gets of another's alert", dominica,
			`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"ATG","kind":"activation","version":3}}}`, "",
		},
		{
			"an acknowledgement", dominica,
			`{"type":"landfall.alert.acknowledged.v1","data":{"alert":{"party":"ATG","kind":"activation","version":3}}}`,
			"Antigua and Barbuda has acknowledged the alert [v3, signature ok]",
		},
		{
			"an answer", dominica,
			`{"type":"landfall.answer.given.v1","data":{"incident":{"version":7},"answer":{"party":"ATG","kind":"accept","ceiling":1250,"conditions":["a","b"]}}}`,
			"Antigua and Barbuda: accept, up to 1,250 people, 2 conditions [v7, signature ok]",
		},
		{
			"a figure", antigua,
			`{"type":"landfall.figure.reported.v1","data":{"incident":{"version":8},"figure":{"quantifier":"more_than","number":73000,"source":{"name":"a situation text"}}}}`,
			"figure: more than 73,000, a situation text [v8, signature ok]",
		},
		{
			"a figure whose parts do not make it", antigua,
			`{"type":"landfall.figure.reported.v1","data":{"incident":{"version":8},"figure":{"quantifier":"exact","number":7411,"source":{"name":"a newspaper"},
			  "parts":[{"number":4136},{"number":3718}],"parts_add_up":false}}}`,
			"figure: 7,411, a newspaper; DOES NOT ADD UP, its parts make 7,854 [v8, signature ok]",
		},
		{"something the story passes over", dominica, `{"type":"landfall.step.started.v1","data":{}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := arrival{box: c.box}
			if err := json.Unmarshal([]byte(c.event), &a.event); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.ReplaceAll(r.describe(a), noBreak, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARepeatedDeliverySaysSo(t *testing.T) {
	a := arrival{box: antigua, again: true, event: told("e", "f")}
	got := strings.ReplaceAll(reader{name: func(c string) string { return c }}.describe(a), noBreak, " ")
	if want := "figure: 0,  [v0, signature ok, again under the same id]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExerciseClockIsTheServers(t *testing.T) {
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c := clock{ScenarioStart: september(18, 20, 30), WallStart: start, Speed: 240}
	if got := c.at(start.Add(15 * time.Second)); !got.Equal(september(18, 21, 30)) {
		t.Errorf("15 s later it is %s", got)
	}
	if got := c.wall(september(18, 21, 15)); !got.Equal(start.Add(11250 * time.Millisecond)) {
		t.Errorf("21:15 is at %s", got)
	}
	if got := c.shows(start.Add(time.Minute)); got != "00:30" {
		t.Errorf("shows %s", got)
	}
}

func TestSpansAndNumbersReadAsPeopleWriteThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		15 * time.Second: "15 s", 30 * time.Minute: "30 min", 4 * time.Hour: "4 h", 80 * time.Minute: "1 h 20 min", 119*time.Minute + 59*time.Second: "2 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v reads %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_000_005: "1,000,005", -1500: "-1,500"} {
		if got := grouped(n); got != want {
			t.Errorf("%d reads %q, want %q", n, got, want)
		}
	}
}

func TestTheInboxNamesEveryArrivalInWords(t *testing.T) {
	for event, want := range map[string]string{
		`{"type":"landfall.answer.given.v1","data":{"answer":{"party":"ATG","kind":"accept","ceiling":250}}}`: "up to 250 people",
		`{"type":"landfall.step.marked_not_applicable.v1","data":{}}`:                                         "step marked not applicable",
	} {
		a := arrival{box: antigua}
		if err := json.Unmarshal([]byte(event), &a.event); err != nil {
			t.Fatal(err)
		}
		if got := (reader{name: func(code string) string { return names()[code] }}).headline(a); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", event, got, want)
		}
	}
}

func TestTheInboxSaysTheSameInFrench(t *testing.T) {
	w := wordsOf("fr")
	for _, c := range []struct{ event, want string }{
		{`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"ATG","kind":"activation"}}}`, "ALERTE : le protocole est ACTIVÉ"},
		{`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"LCA","kind":"named"}}}`, "Sainte-Lucie : désigné comme État d’accueil"},
		{`{"type":"landfall.alert.raised.v1","data":{"alert":{"party":"ATG","kind":"step_overdue"},"step":{"key":"HUR-07","title":{"fr":"Réponse donnée"}}}}`, "ALERTE : étape HUR-07 EN RETARD : Réponse donnée"},
		{`{"type":"landfall.answer.given.v1","data":{"answer":{"party":"LCA","kind":"accept","ceiling":1250}}}`, "Sainte-Lucie : accepte, jusqu’à 1\u202f250 personnes"},
		{`{"type":"landfall.figure.reported.v1","data":{"figure":{"quantifier":"exact","number":7411,"source":{"name":"x"},"parts":[{"number":7854}],"parts_add_up":false}}}`,
			"chiffre : 7\u202f411, x ; LA SOMME NE CORRESPOND PAS, ses parties font 7\u202f854"},
		{`{"type":"landfall.step.completed.v1","data":{"step":{"key":"HUR-04","title":{"fr":"Vigilance"}}}}`, "étape faite : HUR-04 Vigilance"},
		{`{"type":"landfall.something.new.v1","data":{}}`, "something.new"},
	} {
		a := arrival{box: antigua}
		if err := json.Unmarshal([]byte(c.event), &a.event); err != nil {
			t.Fatal(err)
		}
		if got := w.headline(a, names()); got != c.want {
			t.Errorf("%s is %q, want %q", c.event, got, c.want)
		}
	}
}
