package place

import "fmt"

// Relation says what border, if any, a movement crosses. Only CrossBorder is displacement across borders for IDMC and
// EGRISS; the work of coordination is nearly the same for all four. A proposal of Landfall.
type Relation string

// The relations of origin and destination.
const (
	InternalMovement     Relation = "internal"
	InterIslandSameState Relation = "inter_island_same_state" // Barbuda to Antigua
	IntraSovereign       Relation = "intra_sovereign"         // Saint-Martin to Guadeloupe
	CrossBorder          Relation = "cross_border"            // Montserrat to Antigua
)

// RelationOf gives the relation of a movement from one party to another; false when either is not a place this build
// knows. A state of several islands named without one is read as its main island.
func RelationOf(from, to Party) (Relation, bool) {
	if !from.IsState() || !to.IsState() || !from.Valid() || !to.Valid() {
		return "", false
	}
	g := gazetteer()
	a, b := g.states[from.State()], g.states[to.State()]
	switch {
	case a.Code == b.Code && islandOrMain(from, a) == islandOrMain(to, b):
		return InternalMovement, true
	case a.Code == b.Code:
		return InterIslandSameState, true
	case a.Sovereign == b.Sovereign:
		return IntraSovereign, true
	default:
		return CrossBorder, true
	}
}

func islandOrMain(p Party, s State) string {
	if p.Island() != "" {
		return p.Island()
	}
	return s.MainIsland
}

// Regime is the kind of law under which people of one party are admitted by another. A proposal of Landfall.
type Regime string

// The seven regimes.
const (
	OECSProtocol    Regime = "oecs_protocol"    // both are Protocol Member States: free movement
	OECSAssociate   Regime = "oecs_associate"   // an associate is involved: the receiver's own immigration law
	CARICOM         Regime = "caricom"          // both are members: six months
	FrenchTerritory Regime = "french_territory" // EU law, Schengen area excluded
	DutchTerritory  Regime = "dutch_territory"
	UKTerritory     Regime = "uk_territory"
	OtherRegime     Regime = "other"
)

var regimes = map[Regime]bool{OECSProtocol: true, OECSAssociate: true, CARICOM: true, FrenchTerritory: true,
	DutchTerritory: true, UKTerritory: true, OtherRegime: true}

// RegimeOf gives the regime under which people of one party enter another; false when they stay inside one state, where
// nobody is admitted, or when either is not a place this build knows.
func RegimeOf(from, to Party) (Regime, bool) {
	relation, ok := RelationOf(from, to)
	if !ok || relation == InternalMovement || relation == InterIslandSameState {
		return "", false
	}
	g := gazetteer()
	a, b := g.states[from.State()], g.states[to.State()]
	for _, rule := range g.regimes {
		if selectors[rule.From](a) && selectors[rule.To](b) {
			return rule.Regime, true
		}
	}
	return OtherRegime, true
}

type regimeRule struct {
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	Regime Regime `yaml:"regime"`
}

// selectors are the words a rule in regimes.yaml may use for a side.
var selectors = map[string]func(State) bool{
	"any":       func(State) bool { return true },
	"protocol":  func(s State) bool { return s.FreeMovement },
	"oecs":      func(s State) bool { return s.OECS == Member || s.OECS == Associate },
	"associate": func(s State) bool { return s.OECS == Associate },
	"caricom":   func(s State) bool { return s.CARICOM },
	"french":    func(s State) bool { return s.Sovereign == "FRA" },
	"dutch":     func(s State) bool { return s.Sovereign == "NLD" },
	"british":   func(s State) bool { return s.Sovereign == "GBR" },
}

func (a *atlas) loadRegimes() error {
	var file struct {
		Proposals []string     `yaml:"proposals"`
		Rules     []regimeRule `yaml:"rules"`
	}
	if err := read("regimes.yaml", &file); err != nil {
		return err
	}
	for i, r := range file.Rules {
		if selectors[r.From] == nil || selectors[r.To] == nil || !regimes[r.Regime] {
			return fmt.Errorf("regimes.yaml: rule %d uses an unknown word", i+1)
		}
	}
	a.regimes = file.Rules
	return nil
}
