package incident

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
)

// The documents of this package.
const (
	KindIncident = "incident"      // id: incident; one line of a list
	KindFigure   = "figure"        // id: figure
	KindHazard   = "hazard"        // id: hazard
	KindCode     = "incident_code" // id: code; claims it for an incident
)

// Kinds declares the documents of this package; the engine must be opened with them.
func Kinds() []store.Kind {
	return []store.Kind{
		{
			Name: KindIncident, Derived: true,
			Fields: []store.Field{
				{Name: "audience", Type: store.Strings}, // who may see it: parties, and the states of islands among them
				{Name: "opened_at", Type: store.Time},
				{Name: "status", Type: store.String},
				{Name: "hazard_type", Type: store.String},
				{Name: "exercise", Type: store.Bool},
				{Name: "states", Type: store.String}, // " DMA ATG ", each between spaces
				{Name: "text", Type: store.String},   // folded title and code
			},
			Indexes: []store.Index{
				{Name: "opened_at", Fields: []string{"opened_at"}},
				{Name: "audience", Fields: []string{"audience", "opened_at"}},
				{Name: "status", Fields: []string{"status", "opened_at"}},
				{Name: "audience_status", Fields: []string{"audience", "status", "opened_at"}},
			},
		},
		{
			Name: KindFigure, Derived: true,
			Fields: []store.Field{
				{Name: "incident", Type: store.String},
				{Name: "as_of", Type: store.Time},
				{Name: "role", Type: store.String},
				{Name: "category", Type: store.String},
				{Name: "party", Type: store.String},
			},
			Indexes: []store.Index{{Name: "incident", Fields: []string{"incident", "as_of"}}},
		},
		{
			Name: KindHazard, Derived: true,
			Fields:  []store.Field{{Name: "opened_at", Type: store.Time}},
			Indexes: []store.Index{{Name: "opened_at", Fields: []string{"opened_at"}}},
		},
		{Name: KindCode},
	}
}

// project gives the documents that follow from an incident: its line in lists, and each figure.
func project(s *state, head ledger.Head, events []ledger.Recorded) []store.Op {
	ops := putDoc(KindIncident, s.ID, head.Seq, incidentOf(s), map[string]any{
		"audience": s.told(), "opened_at": s.OpenedAt, "status": string(s.Status), "hazard_type": s.HazardType, "exercise": s.Exercise,
		"states": s.states(), "text": foldText(s.Title + " " + s.Code),
	})
	for _, e := range events {
		if e.Type != EventFigureReported {
			continue
		}
		var d figureReported
		if e.Into(&d) != nil {
			continue // it did not fold either; Evolve has said so
		}
		doc := figureDoc{Figure: d.Figure, Seq: e.Seq, RecordedAt: e.RecordedAt, Relayed: wordOf(e)}
		ops = append(ops, putDoc(KindFigure, d.ID, e.Seq, doc, map[string]any{
			"incident": s.ID, "as_of": d.AsOf, "role": string(d.Role), "category": string(d.Category), "party": string(d.Place.Party),
		})...)
	}
	return ops
}

// states gives the states that take part, each between spaces, so that one is found by containing " DMA ".
func (s *state) states() string {
	text := " "
	for _, p := range s.parties() {
		if code := " " + p.State() + " "; p.IsState() && !strings.Contains(text, code) {
			text += code[1:]
		}
	}
	return text
}

func stateToken(p place.Party) string { return " " + string(p) + " " }

// foldText brings a text to the form in which it is searched: lower case, without accents.
func foldText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
}

// putDoc writes one document. What it holds is of this package and always has a JSON form.
func putDoc(kind, id string, version int64, body any, index map[string]any) []store.Op {
	data, err := json.Marshal(body)
	if err != nil {
		panic("incident: " + kind + ": " + err.Error())
	}
	return []store.Op{{Do: store.OpPut, Kind: kind, Doc: store.Doc{ID: id, Version: version, Body: data, Index: index}}}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
