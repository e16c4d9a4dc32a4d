package place

import (
	"regexp"
	"strings"

	"landfall/internal/fault"
)

// Party is who acts, receives or is told: a state (`DMA`), an island of a state (`ATG-BARBUDA`) or an organisation
// (`ORG-CDEMA`). The zero value is nobody.
//
// Two parties are the same when the strings are: `ATG` and `ATG-BARBUDA` are different parties of one state.
type Party string

const organisationPrefix = "ORG-"

// shape is the grammar of a party: ISO 3166-1 alpha-3 with an optional island, or ORG- and a name. It never narrows, since
// parties written years ago must read for ever.
var shape = regexp.MustCompile(`^(ORG-[A-Z]{2,12}|[A-Z]{3}(-[A-Z]+)*)$`)

const longestParty = 32

func wellFormed(s string) bool { return len(s) <= longestParty && shape.MatchString(s) }

// ParseParty reads a party and requires that this build knows it. The error is a fault of kind Invalid whose detail says,
// in words fit for the sender, what is wrong.
func ParseParty(s string) (Party, error) {
	if !wellFormed(s) {
		return "", fault.New(fault.Invalid, "malformed_party",
			"must be a state (ISO 3166-1 alpha-3, like DMA), a state with an island (ATG-BARBUDA) or an organisation (ORG-CDEMA)")
	}
	p := Party(s)
	switch {
	case p.Valid():
		return p, nil
	case p.IsOrganisation():
		return "", fault.New(fault.Invalid, "unknown_organisation", "must be one of the known organisations: ORG-CDEMA, ORG-OECS, ORG-IOM")
	case p.Island() != "" && p.StateParty().Valid():
		return "", fault.New(fault.Invalid, "unknown_island", "names an island that is not known in %s", p.State())
	default:
		return "", fault.New(fault.Invalid, "unknown_state", "names a state that is not known here")
	}
}

// ParseState reads the ISO 3166-1 alpha-3 code of a known state, without an island. Errors as ParseParty's.
func ParseState(s string) (Party, error) {
	p, err := ParseParty(s)
	if err != nil {
		return "", err
	}
	if !p.IsState() || p.Island() != "" {
		return "", fault.New(fault.Invalid, "not_a_state", "must be a state by its ISO 3166-1 alpha-3 code, like DMA")
	}
	return p, nil
}

// PartyOf joins a state and an island code into a party; an empty island gives the state. It does not check that they exist.
func PartyOf(state, island string) Party {
	if island == "" {
		return Party(state)
	}
	return Party(state + "-" + island)
}

// IsOrganisation reports whether p has the form of an organisation.
func (p Party) IsOrganisation() bool { return strings.HasPrefix(string(p), organisationPrefix) }

// IsState reports whether p has the form of a state, with or without an island.
func (p Party) IsState() bool { return p != "" && !p.IsOrganisation() }

// State gives the ISO 3166-1 alpha-3 code of the party's state, or "" for an organisation and for nobody.
func (p Party) State() string {
	if !p.IsState() {
		return ""
	}
	state, _, _ := strings.Cut(string(p), "-")
	return state
}

// StateParty gives the party's state without its island; an organisation gives itself.
func (p Party) StateParty() Party {
	if !p.IsState() {
		return p
	}
	return Party(p.State())
}

// Island gives the island's code within the state, or "" when the party has none.
func (p Party) Island() string {
	if !p.IsState() {
		return ""
	}
	_, island, _ := strings.Cut(string(p), "-")
	return island
}

// Valid reports whether this build knows the party: a listed state, a listed island of it, or a listed organisation.
func (p Party) Valid() bool {
	g := gazetteer()
	if p.IsOrganisation() {
		_, ok := g.organisations[p]
		return ok
	}
	if _, ok := g.states[p.State()]; !ok {
		return false
	}
	if p.Island() == "" {
		return p == Party(p.State())
	}
	_, ok := g.islands[p]
	return ok
}

// Name gives the party's name in English and French; an unknown party is named by its code.
func (p Party) Name() Text {
	g := gazetteer()
	if o, ok := g.organisations[p]; ok {
		return o.Name
	}
	if i, ok := g.islands[p]; ok {
		return i.Name
	}
	if s, ok := g.states[string(p)]; ok {
		return s.Name
	}
	return Text{EN: string(p), FR: string(p)}
}

// String gives the code.
func (p Party) String() string { return string(p) }

// MarshalText gives the code.
func (p Party) MarshalText() ([]byte, error) { return []byte(p), nil }

// UnmarshalText accepts anything that has the form of a party, and "" for nobody. It asks no list: what was recorded once
// must read again whatever the lists say by then. Requests go through ParseParty.
func (p *Party) UnmarshalText(text []byte) error {
	if len(text) > 0 && !wellFormed(string(text)) {
		return fault.New(fault.Invalid, "malformed_party", "must be a state, a state with an island, or an organisation")
	}
	*p = Party(text)
	return nil
}
