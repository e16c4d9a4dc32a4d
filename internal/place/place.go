// Package place knows the Eastern Caribbean: states, their islands, regional organisations, ports of entry, borders, time
// zones and the hazard codes of GLIDE numbers.
//
// It promises facts with their source, embedded in the binary: the files under data say where each field comes from, and
// list under "proposals" what is Landfall's own suggestion and for an administrator to settle. It reads nothing at run time: no
// file, clock, environment or network; the IANA data of the zones it names is part of the binary too, so that every machine agrees.
//
// It refuses to decide anything about an incident. Everything above fault may call it, from any goroutine; what it returns
// is the caller's own copy.
package place

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"
)

//go:embed data/*.yaml data/zones
var data embed.FS

// Text is a short text in the two official languages of the region.
type Text struct {
	EN string `json:"en" yaml:"en"`
	FR string `json:"fr" yaml:"fr"`
}

// In gives the text in a language by its BCP 47 tag; English for any but French.
func (t Text) In(language string) string {
	if len(language) >= 2 && language[:2] == "fr" && t.FR != "" {
		return t.FR
	}
	return t.EN
}

// atlas is the embedded data, indexed. It is built once and never changed.
type atlas struct {
	states        map[string]State
	islands       map[Party]Island
	organisations map[Party]Organisation
	ports         map[string]Port
	hazards       map[string]Hazard
	subRegions    map[SubRegion]string
	regimes       []regimeRule
	zones         map[string]*time.Location

	stateCodes, portCodes, hazardCodes []string // in the order of the files
	islandCodes, organisationCodes     []Party
}

// gazetteer gives the atlas. The data is part of the binary and covered by tests, so a fault in it is a broken build.
var gazetteer = sync.OnceValue(func() *atlas {
	a, err := load()
	if err != nil {
		panic("place: embedded data: " + err.Error())
	}
	return a
})

func load() (*atlas, error) {
	a := &atlas{
		states: map[string]State{}, islands: map[Party]Island{}, organisations: map[Party]Organisation{},
		ports: map[string]Port{}, hazards: map[string]Hazard{}, subRegions: map[SubRegion]string{}, zones: map[string]*time.Location{},
	}
	for _, part := range []func() error{a.loadStates, a.loadIslands, a.loadOrganisations, a.loadPorts, a.loadRegimes, a.loadHazards} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// read decodes one embedded file and refuses members it does not know. Files say under "proposals" which of their fields are
// suggestions and not facts; that is for people, and read only to be allowed.
func read(name string, into any) error {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// addZone reads a zone from data/zones, never from the machine: the whole of the database is 0.4 MB, our zones are 3 KB.
func (a *atlas) addZone(name string) error {
	text, err := data.ReadFile("data/zones/" + name)
	if err != nil {
		return fmt.Errorf("zone %q: %w", name, err)
	}
	if a.zones[name], err = time.LoadLocationFromTZData(name, text); err != nil {
		return fmt.Errorf("zone %q: %w", name, err)
	}
	return nil
}

// list gives the values of m in the order of keys, as the caller's own slice.
func list[K comparable, V any](keys []K, m map[K]V, copyOf func(V) V) []V {
	out := make([]V, 0, len(keys))
	for _, k := range keys {
		out = append(out, copyOf(m[k]))
	}
	return slices.Clip(out)
}
