package wording_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/locale"
	"landfall/internal/notify"
	"landfall/internal/notify/wording"
	"landfall/internal/protocol"
	"landfall/internal/store/sqlite"
)

// untold are the events that are recorded and announced to nobody, or to machines of their owner only: nobody reads a message about them.
var untold = map[string]string{
	"step.due_soon":                "shown, not sent",
	"step.noted":                   "notes may have to be erased",
	"subscription.created":         "its owner did it",
	"subscription.changed":         "its owner did it",
	"subscription.deleted":         "its owner did it",
	"subscription.enabled":         "its owner did it",
	"subscription.secret_rotated":  "its owner did it",
	"subscription.secret_resealed": "its owner sees no difference",
	"subscription.expired":         "its owner set the date",
	"subscription.disabled":        "an alert tells its owner",
}

type seesAll struct{}

func (seesAll) Thing(context.Context, string) (access.Thing, error) { return access.Thing{}, nil }

func (seesAll) ReadEvent(_ context.Context, _ access.Scope, a ledger.Announcement) (json.RawMessage, bool, error) {
	return a.Data, true, nil
}

func (seesAll) Clock(context.Context, string) (protocol.Clock, error) { return protocol.Clock{}, nil }

// eventTypes gives every event that the nouns people are told about can record.
func eventTypes(t *testing.T) []string {
	t.Helper()
	kinds := slices.Concat(ledger.Kinds(), incident.Kinds(), notify.Kinds())
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), kinds, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(st, ledger.Options{Now: time.Now, Epoch: 1})
	t.Cleanup(func() {
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	incident.NewDesk(l, st, nil)
	if _, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: seesAll{}, SealKey: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	return l.EventTypes()
}

func TestThereAreWordsForEveryEventThatPeopleAreToldOf(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range said {
		covered[c.kind] = !strings.HasPrefix(c.name, "unknown-")
	}
	for _, eventType := range eventTypes(t) {
		kind, _, _ := strings.Cut(eventType, ".v")
		noun, _, _ := strings.Cut(kind, ".")
		if noun == "journal" || noun == "replay" || noun == "ledger" {
			continue // what the service notes for itself
		}
		if _, ok := untold[kind]; ok {
			continue
		}
		if !covered[kind] {
			t.Errorf("%s: there are no words, or no example, for it", kind)
		}
		body := render(kind, false, object{})
		if n := wording.Of("", body, "en", reachable); n.Headline == "" {
			t.Errorf("%s: nothing is said", kind)
		}
	}
}

// announced reads what package incident keeps as an example of everything it announces.
func announced(t *testing.T) (all []struct {
	Type     string          `json:"type"`
	Stream   ledger.Stream   `json:"stream"`
	Seq      int64           `json:"seq"`
	At       time.Time       `json:"at"`
	Exercise bool            `json:"exercise"`
	Origin   string          `json:"origin"`
	Data     json.RawMessage `json:"data"`
	Alerts   []struct {
		Party      string          `json:"party"`
		Kind       string          `json:"kind"`
		Data       json.RawMessage `json:"data"`
		RequiredBy time.Time       `json:"required_by"`
	} `json:"alerts"`
}) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "incident", "testdata", "announcements.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("%d examples: the test sees too little", len(all))
	}
	return all
}

func TestWhatIncidentsAnnounceIsTold(t *testing.T) {
	for _, a := range announced(t) {
		for _, language := range []string{"en", "fr"} {
			body := notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
				EventID: "e1", Type: a.Type, Stream: a.Stream, Seq: a.Seq, At: a.At, Exercise: a.Exercise, Origin: a.Origin, Data: a.Data,
			})
			whole(t, a.Type, wording.Of("", body, language, reachable), language)
			for _, c := range a.Alerts {
				data := c.Data
				if len(data) == 0 || string(data) == "null" {
					data = a.Data
				}
				var members map[string]json.RawMessage
				if err := json.Unmarshal(data, &members); err != nil {
					t.Fatal(err)
				}
				cause := object{"id": "e1", "type": "landfall." + a.Type}
				shown, err := json.Marshal(with(alert(c.Kind, c.Party, c.RequiredBy.Format(time.RFC3339)), "event", cause))
				if err != nil {
					t.Fatal(err)
				}
				members["alert"] = shown
				if data, err = json.Marshal(members); err != nil {
					t.Fatal(err)
				}
				body := notify.RenderEvent(notify.DefaultSource, ledger.Announcement{
					EventID: "e1", Type: "alert.raised.v1", Stream: "alert/a1", Seq: 1, At: a.At, Exercise: a.Exercise, Origin: a.Origin, Data: data,
				})
				n := wording.Of("", body, language, reachable)
				whole(t, "alert "+c.Kind, n, language)
				if len(n.Asked) == 0 {
					t.Errorf("alert %s: nothing is asked of anybody", c.Kind)
				}
			}
		}
	}
}

// whole checks that an event was told in its own words.
func whole(t *testing.T, what string, n wording.Notice, language string) {
	t.Helper()
	l := locale.For(language)
	if slices.Contains(n.Said, string(l.Notice.Say.Unknown)) {
		t.Errorf("%s: there are no words for it:\n%s", what, n.Text())
	}
	if !strings.HasPrefix(what, "hazard") && !strings.Contains(n.Text(), "Hurricane Maria, Dominica") {
		t.Errorf("%s: the incident is not named:\n%s", what, n.Text())
	}
	for _, f := range n.Facts {
		if f.Label == "" || f.Value == "" || strings.Contains(f.Value, "_") {
			t.Errorf("%s: %q: %q", what, f.Label, f.Value)
		}
	}
	if strings.Contains(n.Text(), "0001") && strings.Contains(n.Text(), "UTC") && strings.Contains(n.Text(), " 1, ") {
		t.Errorf("%s: a time that is none is shown:\n%s", what, n.Text())
	}
}

func TestEveryWordOfAClosedListIsSaidInBothLanguages(t *testing.T) {
	for _, language := range locale.Languages() {
		c := locale.For(string(language)).Codes
		for name, list := range map[string]struct {
			words locale.Words
			codes []string
		}{
			"severities":        {c.Severity, codes(incident.Severities())},
			"statuses":          {c.IncidentStatus, codes(incident.Statuses())},
			"step statuses":     {c.StepStatus, codes(incident.StepStatuses())},
			"modes":             {c.Mode, codes(incident.Modes())},
			"movement statuses": {c.MovementStatus, codes([]incident.MovementStatus{incident.Announced, incident.Departed, incident.Arrived, incident.MovementCancelled})},
			"answers":           {c.Answer, codes(incident.AnswerKinds())},
			"categories":        {c.Category, codes(incident.FigureCategories())},
			"terms":             {c.Term, codes(incident.Terms())},
			"settings":          {c.Setting, codes(incident.Settings())},
			"roles":             {c.FigureRole, codes([]incident.FigureRole{incident.Recommended, incident.Triangulation})},
			"sources":           {c.SourceKind, codes(incident.SourceKinds())},
			"anchor kinds":      {c.AnchorKind, codes([]protocol.Kind{protocol.Forecast, protocol.Observed})},
			"outcomes":          {c.Acknowledged, codes([]notify.AckOutcome{notify.AckReceived, notify.AckCannotAct, notify.AckQuestion})},
			"anchors": {c.Anchor, codes([]protocol.Anchor{
				protocol.AnchorLandfall, protocol.AnchorActivation, protocol.AnchorDeparture, protocol.AnchorArrival, protocol.AnchorStayEnd, protocol.AnchorReturn,
				protocol.AnchorOrange, protocol.AnchorRed, protocol.AnchorAllClear, protocol.AnchorReport, protocol.AnchorStandDown,
			})},
			"evidence": {c.Evidence, codes([]protocol.EvidenceType{
				protocol.Bulletin, protocol.Notice, protocol.NoteVerbale, protocol.Figure, protocol.Capacity, protocol.Survey, protocol.Decision, protocol.Receipt,
			})},
		} {
			for _, code := range list.codes {
				if list.words[code] == "" {
					t.Errorf("%s, %s: %q has no word", language, name, code)
				}
			}
			if len(list.words) != len(list.codes) {
				t.Errorf("%s, %s: %d words for %d codes", language, name, len(list.words), len(list.codes))
			}
		}
	}
}

func codes[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
