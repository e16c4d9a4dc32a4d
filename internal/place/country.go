package place

import (
	"strings"
	"sync"
)

// Country is a country or area of ISO 3166-1: whose nationals somebody counts. Most of them take no part in anything here; see State.
type Country struct {
	Code string `json:"code" yaml:"code"` // alpha-3
	Name Text   `json:"name" yaml:"name"`
}

// countries are read when they are first asked for: most of what Landfall does needs none of them.
var countries = sync.OnceValue(func() []Country {
	var file struct {
		Countries []Country `yaml:"countries"`
	}
	if err := read("countries.yaml", &file); err != nil {
		panic("place: embedded data: " + err.Error())
	}
	return file.Countries
})

// Countries gives all countries, by code. The list is shared: whoever gets it must not change it.
func Countries() []Country { return countries() }

// CountryOf gives the country with the alpha-3 code, in capitals.
func CountryOf(code string) (Country, bool) {
	for _, c := range countries() {
		if c.Code == code {
			return c, true
		}
	}
	return Country{}, false
}

// ParseCountry reads a country as people type it: its code in whatever letters, or its English or French name.
func ParseCountry(text string) (Country, bool) {
	for _, c := range countries() {
		if strings.EqualFold(c.Code, text) || strings.EqualFold(c.Name.EN, text) || strings.EqualFold(c.Name.FR, text) {
			return c, true
		}
	}
	return Country{}, false
}
