package check

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"landfall/internal/place"
)

// Names reports whether a text looks like a list of people's names: three in a row, or two after a word that announces them or with forms of
// address. Names of places, organisations, offices and storms are none.
func Names(text string) bool {
	announced := announcement.MatchString(text)
	text = label.ReplaceAllString(text, "\n")
	row, addressed := 0, 0
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' || r == '•' || r == '|' }) {
		items := conjunction.Split(line, -1)
		if surnameFirst.MatchString(strings.TrimSpace(line)) {
			items = []string{strings.ReplaceAll(line, ",", " ")}
		}
		for _, item := range items {
			person, address, goesOn := namesPerson(item)
			if !person {
				row = 0
				continue
			}
			row++
			if address {
				addressed++
			}
			if row >= 3 || row >= 2 && (announced || addressed >= 2) {
				return true
			}
			if goesOn {
				row = 0
			}
		}
	}
	return false
}

var (
	announcement = regexp.MustCompile(`(?i)(?:^|\PL)(passengers?|names?|manifest|evacuees?|survivors?|missing|dead|victims?|crew|families|on board|passagers?|noms?|manifeste|évacués?|survivants?|disparus?|victimes?|équipage|à bord)(?:\PL[^\n:]{0,30})?:`) //nolint:misspell // French
	label        = regexp.MustCompile(`[\p{L} ]{2,40}:`)
	conjunction  = regexp.MustCompile(`[,/&]|\s(?:and|et|with|avec)\s|\s[-–]\s`)
	surnameFirst = regexp.MustCompile(`^\p{Lu}[\p{L}'’-]+, ?\p{Lu}[\p{L}'’-]+( \p{Lu}[\p{L}'’.-]*)?$`)
	around       = regexp.MustCompile(`^[\s\d.)(*#-]+|[\s.]*(\(.*\)|,?\s*(aged?|âgée?)?\s*\d{1,3}(\s?(y|yrs|years|ans))?|\b[MF])?[\s.]*$`)
	address      = regexp.MustCompile(`^(?:Mr|Mrs|Ms|Miss|Dr|Rev|M|Mme|Mlle|Sr|Sra)\.?\s+(\p{Lu})`)
	namePart     = regexp.MustCompile(`^(?:\p{Lu}\.|\p{Lu}[\p{Ll}'’]+(?:[-'’]\p{Lu}?\p{Ll}+)*|(?:Mc|Mac|O['’]|D['’])\p{Lu}\p{Ll}+|\p{Lu}{3,})$`)
)

// namesPerson reports whether one item of a list looks like the name of a person, whether it has a form of address, and whether the sentence goes on
// behind it.
func namesPerson(item string) (person, addressed, goesOn bool) {
	item = around.ReplaceAllString(strings.TrimSpace(item), "")
	if address.MatchString(item) {
		item, addressed = address.ReplaceAllString(item, "$1"), true
	}
	if placeNames()[strings.ToLower(item)] {
		return false, false, false
	}
	least := 2
	if addressed {
		least = 1
	}
	parts, capitals := strings.Fields(item), 0
	for n, part := range parts {
		low := strings.ToLower(strings.TrimSuffix(part, "."))
		switch {
		case notOfPeople[low]:
			return false, false, false
		case n > 0 && n < len(parts)-1 && particles[part]:
		case namePart.MatchString(part):
			capitals++
		case capitals >= least && unicode.IsLower([]rune(part)[0]):
			return true, addressed, true
		default:
			return false, false, false
		}
	}
	return capitals >= least && len(parts) <= 5, addressed, false
}

// particles stand between the parts of a name.
var particles = map[string]bool{"de": true, "du": true, "des": true, "del": true, "la": true, "le": true, "van": true, "von": true, "der": true, "da": true, "dos": true}

// placeNames gives every name of a place or organisation that is known, in lower case.
var placeNames = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	add := func(names ...string) {
		for _, n := range names {
			all[strings.ToLower(n)] = true
		}
	}
	for _, s := range place.States() {
		add(s.Name.EN, s.Name.FR)
		for _, i := range place.Islands(s.Code) {
			add(i.Name.EN, i.Name.FR)
		}
	}
	for _, o := range place.Organisations() {
		add(o.Name.EN, o.Name.FR)
	}
	for _, p := range place.Ports() {
		add(p.Name)
	}
	for _, c := range place.Countries() {
		add(c.Name.EN, c.Name.FR)
	}
	return all
})

// notOfPeople are words of places, offices, hazards and days: what holds one of them names no person.
var notOfPeople = func() map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsFuncSeq(`
		saint st sainte ste island islands isle isles île îles bay baie point pointe port harbour harbor marina jetty pier dock beach anse rivière river ravine
		mount morne mont hill hills valley vallée village town ville city fort castle mon gros grosse grand grande petit petite vieux vieille old new nouveau
		nouvelle upper lower haut haute bas basse north south east west northern southern eastern western nord sud est ouest central centre leeward windward
		la le les the road street route avenue bridge estate gardens park hall house church cathedral school college university hospital clinic centre center
		hotel resort inn lodge villa villas suites guest guesthouse plaza tower palm sandy english french creole carib caribbean caraïbes atlantic british
		dutch american royal international regional national local public civil general airport aéroport airlines airways air ferry express queen king princess
		lady captain mv ms hms rfa motor vessel
		red cross croix rouge coast guard garde police fire service services defence force forces army navy ministry minister ministère ministre prime premier
		president secretary secrétaire permanent cabinet government gouvernement state states état office bureau department département agency agence authority
		commission committee council union association society bank group team unit board foreign affairs étrangères health santé tourism tourisme
		education immigration customs works transport social development planning finance agriculture information
		hurricane ouragan tropical storm tempête volcano volcan eruption éruption earthquake séisme flood landslide tsunami category warning watch alert zone
		red orange yellow green white black blue protocol exercise exercice
		monday tuesday wednesday thursday friday saturday sunday lundi mardi mercredi jeudi vendredi samedi dimanche january february march april may june july
		august september october november december janvier février mars avril mai juin juillet août septembre octobre novembre décembre
		unicef who iom oim un onu ocha ifrc cdema oecs oeco caricom nemo nema odm dem ndmo undp unhcr`, unicode.IsSpace) {
		all[word] = true
	}
	return all
}()
