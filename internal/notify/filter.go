package notify

import (
	"regexp"
	"slices"
	"strings"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Exercise says what a subscription wants of exercises.
type Exercise string

// What a subscription may want. Exclude is the default: an exercise never reaches whoever did not ask for it.
const (
	ExerciseExclude Exercise = "exclude"
	ExerciseInclude Exercise = "include"
	ExerciseOnly    Exercise = "only"
)

// wants reports whether an event with this exercise flag is wanted.
func (x Exercise) wants(exercise bool) bool {
	switch x {
	case ExerciseInclude:
		return true
	case ExerciseOnly:
		return exercise
	default:
		return !exercise
	}
}

// severities are the words of CAP 1.2, section 3.2.2, in rising order.
var severities = [...]string{"unknown", "minor", "moderate", "severe", "extreme"}

// rank orders severities; what has none ranks as unknown.
func rank(severity string) int { return max(0, slices.Index(severities[:], severity)) }

// Filter says which events a subscription wants. Empty members mean all.
type Filter struct {
	States      []string `json:"states"`                 // ISO 3166-1 alpha-3; the origin or one of the parties told is of such a state
	Kinds       []string `json:"kinds"`                  // "step.overdue" or "step.*"
	MinSeverity string   `json:"min_severity,omitempty"` // of the incident; one whose severity is unknown ranks lowest
	Exercise    Exercise `json:"exercise"`
}

const (
	maxFilterStates = 60
	maxFilterKinds  = 60
)

var kindPattern = regexp.MustCompile(`^([a-z][a-z_]{0,30})\.(\*|[a-z][a-z_]{0,40})$`)

// offBus lists the nouns whose events are nobody else's business.
var offBus = []string{"account", "token", "contact", "subscription", "journal", "replay", "ledger"}

// unasked lists the nouns whose events are sent only where a subscription names their kind.
var unasked = []string{"head"}

// normalised checks the filter of a request and gives it in its stored form. known lists the event types there are: a kind that
// matches none of them is refused, since it would never fire and nobody would notice.
func (f Filter) normalised(known []string, c *fault.Check) Filter {
	out := Filter{States: []string{}, Kinds: []string{}, MinSeverity: f.MinSeverity, Exercise: f.Exercise}
	c.That(len(f.States) <= maxFilterStates, "/filter/states", "must have at most %d members", maxFilterStates)
	for i, s := range f.States[:min(len(f.States), maxFilterStates)] {
		at := "/filter/states/" + itoa(i)
		if _, err := place.ParseState(s); err != nil {
			c.Field(at, "%s", detailOf(err))
		} else if slices.Contains(out.States, s) {
			c.Field(at, "is there twice")
		}
		out.States = append(out.States, s)
	}
	c.That(len(f.Kinds) <= maxFilterKinds, "/filter/kinds", "must have at most %d members", maxFilterKinds)
	for i, k := range f.Kinds[:min(len(f.Kinds), maxFilterKinds)] {
		at := "/filter/kinds/" + itoa(i)
		switch {
		case !kindPattern.MatchString(k):
			c.Field(at, "must look like step.overdue or step.*")
		case !slices.ContainsFunc(known, func(t string) bool { return published(t) && matchesKind(k, kindOf(t)) }):
			c.Field(at, "matches no kind of event there is")
		case slices.Contains(out.Kinds, k):
			c.Field(at, "is there twice")
		}
		out.Kinds = append(out.Kinds, k)
	}
	c.That(f.MinSeverity == "" || slices.Contains(severities[:], f.MinSeverity), "/filter/min_severity",
		"must be one of %s", strings.Join(severities[:], ", "))
	switch f.Exercise {
	case "":
		out.Exercise = ExerciseExclude
	case ExerciseExclude, ExerciseInclude, ExerciseOnly:
	default:
		c.Field("/filter/exercise", "must be one of exclude, include, only")
	}
	return out
}

// published reports whether events of the type reach the bus and subscriptions at all.
func published(eventType string) bool {
	noun, _, _ := strings.Cut(eventType, ".")
	return !slices.Contains(offBus, noun)
}

func matchesKind(pattern, kind string) bool {
	if prefix, all := strings.CutSuffix(pattern, "*"); all {
		return strings.HasPrefix(kind, prefix)
	}
	return pattern == kind
}

// matches reports whether the filter wants the event. Whether its owner may have it is another question.
func (f Filter) matches(a ledger.Announcement) bool {
	if !f.Exercise.wants(a.Exercise) || f.MinSeverity != "" && rank(a.Severity) < rank(f.MinSeverity) {
		return false
	}
	if noun, _, _ := strings.Cut(a.Type, "."); len(f.Kinds) == 0 && slices.Contains(unasked, noun) {
		return false
	}
	if len(f.Kinds) > 0 {
		kind := kindOf(a.Type)
		if !slices.ContainsFunc(f.Kinds, func(p string) bool { return matchesKind(p, kind) }) {
			return false
		}
	}
	return len(f.States) == 0 || slices.Contains(f.States, place.Party(a.Origin).State()) ||
		slices.ContainsFunc(a.Parties, func(p string) bool { return slices.Contains(f.States, place.Party(p).State()) })
}
