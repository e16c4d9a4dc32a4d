package place

import (
	"fmt"
	"slices"
)

// Membership says how a state stands to the Organisation of Eastern Caribbean States.
type Membership string

// The ways to stand to the OECS. Unconfirmed: an associate membership is spoken of, but no source was found.
const (
	Member      Membership = "member"
	Associate   Membership = "associate"
	Unconfirmed Membership = "unconfirmed"
	NoMember    Membership = "none"
)

// SubRegion is one of CDEMA's four sub-regions. They cut the OECS in three, so one incident may span several leads.
type SubRegion string

// The sub-regions; NoSubRegion marks what is not a CDEMA participating state.
const (
	Eastern      SubRegion = "eastern"
	Central      SubRegion = "central"
	Southern     SubRegion = "southern"
	NorthWestern SubRegion = "north_western"
	NoSubRegion  SubRegion = "none"
)

// Lead gives the state that leads the sub-region, or "" when there is none.
func (r SubRegion) Lead() Party { return Party(gazetteer().subRegions[r]) }

// Channel is who is called on the last rung of a ladder, where the state's own chain has not answered. A proposal.
type Channel string

// The last-rung channels. Unsettled: no source says, an administrator must.
const (
	ChannelCDEMA          Channel = "cdema"
	ChannelZonePrefecture Channel = "zone_prefecture"
	ChannelUnsettled      Channel = "unsettled"
)

// State is a state or territory that moves or receives people.
type State struct {
	Code         string     `json:"code" yaml:"code"`     // ISO 3166-1 alpha-3
	Alpha2       string     `json:"alpha2" yaml:"alpha2"` // ISO 3166-1 alpha-2
	Name         Text       `json:"name" yaml:"name"`
	Sovereign    string     `json:"sovereign" yaml:"sovereign"` // ISO 3166-1 alpha-3 of the sovereign; its own code when independent
	OECS         Membership `json:"oecs" yaml:"oecs"`
	FreeMovement bool       `json:"free_movement" yaml:"free_movement"` // Protocol Member State of the OECS free movement of persons
	CARICOM      bool       `json:"caricom" yaml:"caricom"`             // full member; associates are false
	SubRegion    SubRegion  `json:"sub_region" yaml:"sub_region"`
	Office       string     `json:"office" yaml:"office"`       // the disaster office as it calls itself; "" when not sourced
	Languages    []string   `json:"languages" yaml:"languages"` // BCP 47, most used first
	Zone         string     `json:"zone" yaml:"zone"`           // IANA name
	MainIsland   string     `json:"main_island,omitempty" yaml:"main_island"`
	L4Channel    Channel    `json:"l4_channel" yaml:"l4_channel"`
}

// Party gives the state as a party.
func (s State) Party() Party { return Party(s.Code) }

func (s State) clone() State {
	s.Languages = slices.Clone(s.Languages)
	return s
}

// Island is an island as a place level between state and parish.
type Island struct {
	State       string `json:"state" yaml:"state"`
	Code        string `json:"code" yaml:"code"` // unique within the state
	Name        Text   `json:"name" yaml:"name"`
	Subdivision string `json:"subdivision,omitempty" yaml:"subdivision"` // ISO 3166-2 parent; "" when it spans several or there is none
}

// Party gives the island as a party.
func (i Island) Party() Party { return PartyOf(i.State, i.Code) }

// Organisation is a regional body that owns steps.
type Organisation struct {
	Code Party  `json:"code" yaml:"code"`
	Name Text   `json:"name" yaml:"name"`
	Zone string `json:"zone" yaml:"zone"` // IANA name
}

// same copies what holds no reference.
func same[V any](v V) V { return v }

// States gives all states, in the order of the data file: OECS members, associates, neighbours.
func States() []State {
	g := gazetteer()
	return list(g.stateCodes, g.states, State.clone)
}

// StateOf gives the state with the ISO 3166-1 alpha-3 code.
func StateOf(code string) (State, bool) {
	s, ok := gazetteer().states[code]
	return s.clone(), ok
}

// Islands gives the listed islands of a state, or nil when the state has one island or is unknown.
func Islands(state string) []Island {
	g := gazetteer()
	var out []Island
	for _, p := range g.islandCodes {
		if i := g.islands[p]; i.State == state {
			out = append(out, i)
		}
	}
	return out
}

// IslandOf gives the island a party names.
func IslandOf(p Party) (Island, bool) {
	i, ok := gazetteer().islands[p]
	return i, ok
}

// Organisations gives all organisations.
func Organisations() []Organisation {
	g := gazetteer()
	return list(g.organisationCodes, g.organisations, same)
}

// OrganisationOf gives the organisation a party names.
func OrganisationOf(p Party) (Organisation, bool) {
	o, ok := gazetteer().organisations[p]
	return o, ok
}

func (a *atlas) loadStates() error {
	var file struct {
		Proposals  []string `yaml:"proposals"`
		SubRegions []struct {
			Code SubRegion `yaml:"code"`
			Lead string    `yaml:"lead"`
		} `yaml:"sub_regions"`
		States []State `yaml:"states"`
	}
	if err := read("states.yaml", &file); err != nil {
		return err
	}
	for _, r := range file.SubRegions {
		a.subRegions[r.Code] = r.Lead
	}
	for _, s := range file.States {
		if _, taken := a.states[s.Code]; taken {
			return fmt.Errorf("state %s is listed twice", s.Code)
		}
		if err := a.addZone(s.Zone); err != nil {
			return fmt.Errorf("state %s: %w", s.Code, err)
		}
		a.states[s.Code] = s
		a.stateCodes = append(a.stateCodes, s.Code)
	}
	return nil
}

func (a *atlas) loadIslands() error {
	var file struct {
		Proposals []string `yaml:"proposals"`
		Islands   []Island `yaml:"islands"`
	}
	if err := read("islands.yaml", &file); err != nil {
		return err
	}
	for _, i := range file.Islands {
		if _, known := a.states[i.State]; !known || !wellFormed(string(i.Party())) {
			return fmt.Errorf("island %s has no state or no usable code", i.Party())
		}
		if _, taken := a.islands[i.Party()]; taken {
			return fmt.Errorf("island %s is listed twice", i.Party())
		}
		a.islands[i.Party()] = i
		a.islandCodes = append(a.islandCodes, i.Party())
	}
	for _, s := range a.states {
		if s.MainIsland == "" {
			continue
		}
		if _, ok := a.islands[PartyOf(s.Code, s.MainIsland)]; !ok {
			return fmt.Errorf("state %s: main island %s is not listed", s.Code, s.MainIsland)
		}
	}
	return nil
}

func (a *atlas) loadOrganisations() error {
	var file struct {
		Proposals     []string       `yaml:"proposals"`
		Organisations []Organisation `yaml:"organisations"`
	}
	if err := read("organisations.yaml", &file); err != nil {
		return err
	}
	for _, o := range file.Organisations {
		if err := a.addZone(o.Zone); err != nil {
			return fmt.Errorf("organisation %s: %w", o.Code, err)
		}
		a.organisations[o.Code] = o
		a.organisationCodes = append(a.organisationCodes, o.Code)
	}
	return nil
}
