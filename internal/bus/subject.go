package bus

import (
	"strings"

	"landfall/internal/fault"
)

// The two branches of every subject. An exercise never shares a subject with what is real, so a partner's filter keeps
// them apart without reading a body.
const (
	actualBranch   = "landfall.actual"
	exerciseBranch = "landfall.exercise"
	copiesBranch   = "landfall.for" // then the state, then the subject of the original without "landfall"
	root           = "landfall"
)

// Subject builds landfall.<actual|exercise>.<origin>.<incident>.<noun>.<verb> from an event type `noun.verb.v1`. An empty
// part is "_", and so is each character that is not an ASCII letter, digit, '-' or '_': no part can add a token or a wildcard.
func Subject(exercise bool, origin, incident, eventType string) string {
	branch := actualBranch
	if exercise {
		branch = exerciseBranch
	}
	noun, rest, _ := strings.Cut(eventType, ".")
	verb, _, _ := strings.Cut(rest, ".")
	var b strings.Builder
	b.Grow(len(branch) + len(origin) + len(incident) + len(noun) + len(verb) + 8)
	b.WriteString(branch)
	for _, part := range [...]string{origin, incident, noun, verb} {
		b.WriteByte('.')
		writeToken(&b, part)
	}
	return b.String()
}

func writeToken(b *strings.Builder, part string) {
	if part == "" {
		b.WriteByte('_')
		return
	}
	for _, r := range part {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
}

// concrete reports whether the subject is one that Publish accepts: below one of the branches, without empty tokens,
// wildcards, spaces or control characters.
func concrete(subject string) bool {
	return (strings.HasPrefix(subject, actualBranch+".") || strings.HasPrefix(subject, exerciseBranch+".")) &&
		wellFormed(subject) && !strings.ContainsAny(subject, "*>")
}

// wellFormed reports whether the subject or pattern has only tokens NATS accepts: '*' alone in its token, '>' alone and last.
func wellFormed(pattern string) bool {
	if len(pattern) > 1024 {
		return false
	}
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		switch {
		case token == "":
			return false
		case token == ">" && more:
			return false
		case len(token) > 1 && strings.ContainsAny(token, "*>"):
			return false
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			return false
		}
	}
	return true
}

// matches reports whether the pattern, with '*' for one token and a last '>' for one or more, covers the subject.
func matches(pattern, subject string) bool {
	for {
		want, restWant, moreWant := strings.Cut(pattern, ".")
		got, restGot, moreGot := strings.Cut(subject, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != got:
			return false
		case !moreWant || !moreGot:
			return moreWant == moreGot
		}
		pattern, subject = restWant, restGot
	}
}

func matchesAny(patterns []string, subject string) bool {
	for _, p := range patterns {
		if matches(p, subject) {
			return true
		}
	}
	return len(patterns) == 0
}

// checkPatterns refuses a filter with a pattern NATS would not accept.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if !wellFormed(p) {
			return fault.New(fault.Invalid, "bad_subject", "A subject of the filter is not a valid pattern.")
		}
	}
	return nil
}
