package place

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"landfall/internal/fault"
)

// Hazard is a kind of hazard, by its GLIDE code.
type Hazard struct {
	Code string `json:"code" yaml:"code"` // two letters, like TC
	Name Text   `json:"name" yaml:"name"`
}

// Hazards gives all hazard codes of the GLIDE scheme.
func Hazards() []Hazard {
	g := gazetteer()
	return list(g.hazardCodes, g.hazards, same)
}

// HazardOf gives the hazard with the GLIDE code.
func HazardOf(code string) (Hazard, bool) {
	h, ok := gazetteer().hazards[code]
	return h, ok
}

// GLIDE is a GLobal IDEntifier number of an event in one country: TC-2017-000136-DMA.
type GLIDE struct {
	Hazard   string // GLIDE hazard code
	Year     string // four digits, year of start
	Serial   string // six digits, shared by all countries of one event
	Country  string // ISO 3166-1 alpha-3; any country, not only those of this region
	Suffix   string // state or province, usually ""
	Original string // the text it was read from, as written
}

// String gives the canonical form, without the original.
func (g GLIDE) String() string {
	s := g.Hazard + "-" + g.Year + "-" + g.Serial + "-" + g.Country
	if g.Suffix != "" {
		s += "-" + g.Suffix
	}
	return s
}

// SameEvent reports whether two numbers name one event, as seen from two countries or from one.
func (g GLIDE) SameEvent(other GLIDE) bool {
	return g.Hazard == other.Hazard && g.Year == other.Year && g.Serial == other.Serial
}

var (
	// glideNumber forgives missing hyphens between the parts: OT-2015000157-CRI is found in the field.
	glideNumber = regexp.MustCompile(`^([A-Z]{2})-?(\d{4})-?(\d{6})-?([A-Z]{3})(?:-([A-Z0-9]{1,5}))?$`)
	glidePlace  = regexp.MustCompile(`^([A-Z]{3})(?:-([A-Z0-9]{1,5}))?$`)
)

const (
	longestGLIDE = 200
	mostGLIDEs   = 20
)

// ParseGLIDE reads what people write in place of a GLIDE number: spaces, small letters, other dashes and missing hyphens
// are forgiven, and countries joined by a slash (TC-2017-000132-ATG/KNA) give one number each. Every number keeps the whole
// original text. The error is a fault of kind Invalid.
func ParseGLIDE(text string) ([]GLIDE, error) {
	if len(text) > longestGLIDE {
		return nil, fault.New(fault.Invalid, "malformed_glide", "is longer than %d characters", longestGLIDE)
	}
	malformed := fault.New(fault.Invalid, "malformed_glide", "must be a GLIDE number like TC-2017-000136-DMA")
	parts := strings.Split(normaliseGLIDE(text), "/")
	if len(parts) > mostGLIDEs {
		return nil, malformed
	}
	numbers := make([]GLIDE, 0, len(parts))
	for i, part := range parts {
		next := GLIDE{Original: text}
		if m := glideNumber.FindStringSubmatch(part); m != nil {
			next.Hazard, next.Year, next.Serial, next.Country, next.Suffix = m[1], m[2], m[3], m[4], m[5]
		} else if m := glidePlace.FindStringSubmatch(part); m != nil && i > 0 {
			next = numbers[i-1]
			next.Country, next.Suffix = m[1], m[2]
		} else {
			return nil, malformed
		}
		if _, known := HazardOf(next.Hazard); !known {
			return nil, fault.New(fault.Invalid, "unknown_hazard", "begins with a hazard code that GLIDE does not have")
		}
		numbers = append(numbers, next)
	}
	return numbers, nil
}

// normaliseGLIDE drops white space, raises letters and turns every dash into a hyphen.
func normaliseGLIDE(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		default:
			return unicode.ToUpper(r)
		}
	}, text)
}

func (a *atlas) loadHazards() error {
	var file struct {
		Hazards []Hazard `yaml:"hazards"`
	}
	if err := read("hazards.yaml", &file); err != nil {
		return err
	}
	for _, h := range file.Hazards {
		if _, taken := a.hazards[h.Code]; taken || len(h.Code) != 2 {
			return fmt.Errorf("hazard %q is listed twice or is no code", h.Code)
		}
		a.hazards[h.Code] = h
		a.hazardCodes = append(a.hazardCodes, h.Code)
	}
	return nil
}
