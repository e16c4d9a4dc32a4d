package place

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"landfall/internal/fault"
)

// PortKind says what a port of entry is.
type PortKind string

// The kinds of port. A landing is a place without a UN/LOCODE: a jetty, a beach, an anchorage.
const (
	Airport PortKind = "airport"
	SeaPort PortKind = "sea_port"
	Landing PortKind = "landing"
)

// Port is a place where people leave or arrive.
type Port struct {
	Code     string   `json:"code" yaml:"code"` // IATA for airports, UN/LOCODE for sea ports, own code (DMA.PORTSMOUTH) for landings
	Kind     PortKind `json:"kind" yaml:"-"`
	ICAO     string   `json:"icao,omitempty" yaml:"icao"` // airports only
	State    string   `json:"state" yaml:"state"`
	Island   string   `json:"island,omitempty" yaml:"island"`
	Name     string   `json:"name" yaml:"name"`
	RunwayFt int      `json:"runway_ft,omitempty" yaml:"runway_ft"` // longest runway, feet
	Surface  string   `json:"surface,omitempty" yaml:"surface"`     // only where it is not paved
	Lit      bool     `json:"lit,omitempty" yaml:"lit"`             // an unlit strip is for daylight only
	Note     string   `json:"note,omitempty" yaml:"note"`
}

// Party gives where the port lies: its state, with the island where there are several.
func (p Port) Party() Party { return PartyOf(p.State, p.Island) }

// DaylightOnly reports whether a movement window cannot cross sunset here.
func (p Port) DaylightOnly() bool { return p.Kind == Airport && !p.Lit }

// Ports gives all listed ports: airports, sea ports, landings.
func Ports() []Port {
	g := gazetteer()
	return list(g.portCodes, g.ports, same)
}

// PortsOf gives the listed ports of a party: of the whole state, or of the one island it names.
func PortsOf(p Party) []Port {
	var out []Port
	for _, port := range Ports() {
		if port.State == p.State() && (p.Island() == "" || port.Island == p.Island()) {
			out = append(out, port)
		}
	}
	return out
}

// PortOf gives the listed port with the code.
func PortOf(code string) (Port, bool) {
	p, ok := gazetteer().ports[code]
	return p, ok
}

var (
	locode  = regexp.MustCompile(`^[A-Z]{2}[A-Z2-9]{3}$`)
	ownCode = regexp.MustCompile(`^([A-Z]{3})\.[A-Z0-9]+(-[A-Z0-9]+)*$`)
)

const longestPortCode = 40

// ParsePortCode checks a code for a port of entry: a listed one, or an own code for a landing place that no table has
// (spontaneous arrivals use beaches and private jetties): a known state, a dot and a name, like DMA.SCOTTS-HEAD. The error is a
// fault of kind Invalid.
func ParsePortCode(code string) (string, error) {
	if _, listed := PortOf(code); listed {
		return code, nil
	}
	if own := ownCode.FindStringSubmatch(code); own != nil && len(code) <= longestPortCode && Party(own[1]).Valid() {
		return code, nil
	}
	return "", fault.New(fault.Invalid, "unknown_port",
		"must be a listed port (ANU, DMRSU), or a state, a dot and a name for a landing place without a code (DMA.SCOTTS-HEAD)")
}

// PortIn reports whether the port with the code, as ParsePortCode takes it, lies in a party: in the state, or on the island that it names.
func PortIn(code string, p Party) bool {
	if port, listed := PortOf(code); listed {
		return port.State == p.State() && (p.Island() == "" || port.Island == p.Island())
	}
	state, _, _ := strings.Cut(code, ".")
	return state == p.State()
}

func (a *atlas) loadPorts() error {
	var file struct {
		Proposals []string `yaml:"proposals"`
		Airports  []Port   `yaml:"airports"`
		SeaPorts  []Port   `yaml:"sea_ports"`
		Landings  []Port   `yaml:"landings"`
	}
	if err := read("ports.yaml", &file); err != nil {
		return err
	}
	add := func(kind PortKind, rows []Port) error {
		for _, p := range rows {
			p.Kind = kind
			if err := a.checkPort(p); err != nil {
				return fmt.Errorf("port %s: %w", p.Code, err)
			}
			a.ports[p.Code] = p
			a.portCodes = append(a.portCodes, p.Code)
		}
		return nil
	}
	if err := add(Airport, file.Airports); err != nil {
		return err
	}
	if err := add(SeaPort, file.SeaPorts); err != nil {
		return err
	}
	return add(Landing, file.Landings)
}

// gustavia keeps a code from when its island was listed under Guadeloupe.
const gustavia = "GPGUS"

func (a *atlas) checkPort(p Port) error {
	state, known := a.states[p.State]
	_, twice := a.ports[p.Code]
	switch {
	case twice:
		return errors.New("is listed twice")
	case !known:
		return fmt.Errorf("lies in an unknown state %q", p.State)
	case state.MainIsland == "" != (p.Island == ""):
		return errors.New("must name an island exactly where the state has several")
	case p.Kind == Airport && (len(p.Code) != 3 || len(p.ICAO) != 4 || p.RunwayFt <= 0):
		return errors.New("needs an IATA code, an ICAO code and a runway")
	case p.Kind == SeaPort && (!locode.MatchString(p.Code) || p.Code[:2] != state.Alpha2 && p.Code != gustavia):
		return errors.New("needs a UN/LOCODE of its state")
	case p.Kind == Landing && (!ownCode.MatchString(p.Code) || !strings.HasPrefix(p.Code, p.State+".")):
		return errors.New("needs an own code of its state")
	}
	if p.Island != "" {
		if _, ok := a.islands[p.Party()]; !ok {
			return fmt.Errorf("lies on an unlisted island %q", p.Island)
		}
	}
	return nil
}
