package incident

// The words of figures are closed lists after IDMC Helix, which sources know; what a source says outside of them goes into its
// reference.

// Quantifier says how exact a number is.
type Quantifier string

// The quantifiers.
const (
	Exact         Quantifier = "exact"
	Approximately Quantifier = "approximately"
	MoreThan      Quantifier = "more_than"
	LessThan      Quantifier = "less_than"
)

// Quantifiers gives the closed list.
func Quantifiers() []Quantifier { return []Quantifier{Exact, Approximately, MoreThan, LessThan} }

// Unit says what is counted.
type Unit string

// The units.
const (
	Persons    Unit = "person"
	Households Unit = "household"
)

// FigureRole says whether a figure is the one to use.
type FigureRole string

// The roles. A triangulation is kept to compare with.
const (
	Recommended   FigureRole = "recommended"
	Triangulation FigureRole = "triangulation"
)

// FigureKind says whether a figure is how many there are, or how many came to be.
type FigureKind string

// The kinds. The two are never added, and stocks are never summed over dates.
const (
	Stock FigureKind = "stock"
	Flow  FigureKind = "flow"
)

// FigureCategory says what those counted are; it settles the kind.
type FigureCategory string

var categories = map[FigureCategory]FigureKind{
	"idps": Stock, "returnees": Stock, "locally_integrated_idps": Stock, "idps_settled_elsewhere": Stock,
	"people_displaced_across_borders": Stock, "partial_stock": Stock, "unverified_stock": Stock,
	"interested_in_going": Stock, // ours: who said that they want to go to the place. An offer is no arrival, and a wish is neither

	"new_displacement": Flow, "multiple_displacement": Flow, "partial_flow": Flow, "cross_border_flight": Flow, "cross_border_return": Flow,
	"return": Flow, "relocation_elsewhere": Flow, "provisional_solutions": Flow, "local_integration": Flow, "births": Flow, "deaths": Flow,
	"people_displaced_across_borders_flow": Flow, "unverified_flow": Flow,
}

// FigureCategories gives the closed list, sorted.
func FigureCategories() []FigureCategory { return sortedKeys(categories) }

// Kind gives the kind that a category settles; "" for one that is not of the list.
func (c FigureCategory) Kind() FigureKind { return categories[c] }

// Term is the word that the source used.
type Term string

// Terms gives the closed list.
func Terms() []Term {
	return []Term{
		"evacuated", "displaced", "forced_to_flee", "relocated", "sheltered", "in_relief_camp", "destroyed_housing",
		"partially_destroyed_housing", "uninhabitable_housing", "homeless", "affected", "returns", "multiple_or_other",
	}
}

// Setting is where those counted sleep.
type Setting string

// Settings gives the closed list.
func Settings() []Setting {
	return []Setting{"public_shelter", "hotel", "host_family", "onward_travel", "own_home", "other", "unknown"}
}

// SourceKind says what a source is.
type SourceKind string

// SourceKinds gives the closed list.
func SourceKinds() []SourceKind {
	return []SourceKind{"government", "red_cross", "united_nations", "regional_body", "media", "other"}
}

// Reliability says how far a source has been right.
type Reliability string

// Reliabilities gives the closed list, rising.
func Reliabilities() []Reliability {
	return []Reliability{"low", "low_to_medium", "medium", "medium_to_high", "high"}
}
