package place_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/fault"
	"landfall/internal/place"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAPartyIsAStateAnIslandOrAnOrganisation(t *testing.T) {
	for _, c := range []struct {
		text, state, island string
		organisation        bool
	}{
		{"DMA", "DMA", "", false},
		{"ATG-BARBUDA", "ATG", "BARBUDA", false},
		{"GRD-PETITE-MARTINIQUE", "GRD", "PETITE-MARTINIQUE", false},
		{"ORG-CDEMA", "", "", true},
		{"ORG-IOM", "", "", true},
	} {
		p, err := place.ParseParty(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if p.State() != c.state || p.Island() != c.island || p.IsOrganisation() != c.organisation || p.IsState() == c.organisation {
			t.Errorf("%s reads as state %q, island %q, organisation %v", c.text, p.State(), p.Island(), p.IsOrganisation())
		}
	}
}

func TestAnUnknownPartyIsRefusedWithAReason(t *testing.T) {
	for text, code := range map[string]string{
		"":                       "malformed_party",
		"dma":                    "malformed_party",
		"DM":                     "malformed_party",
		"DMA-":                   "malformed_party",
		"ATG BARBUDA":            "malformed_party",
		"ATG-barbuda":            "malformed_party",
		"DMA\n":                  "malformed_party",
		"ORG-":                   "malformed_party",
		strings.Repeat("A", 400): "malformed_party",
		"XXX":                    "unknown_state",
		"ORG":                    "unknown_state",
		"ORG-NATO":               "unknown_organisation",
		"ATG-NEVIS":              "unknown_island",
		"DMA-DMA":                "unknown_island",
	} {
		_, err := place.ParseParty(text)
		if !fault.Is(err, fault.Invalid) || fault.CodeOf(err) != code {
			t.Errorf("%q: got %v, want %s", text, err, code)
		}
	}
	if _, err := place.ParseState("ATG-BARBUDA"); fault.CodeOf(err) != "not_a_state" {
		t.Errorf("a state with an island passed for a state: %v", err)
	}
}

func TestARecordedPartyReadsAgainEvenWhenTheListsHaveForgottenIt(t *testing.T) {
	var got struct{ A, B, C place.Party }
	if err := json.Unmarshal([]byte(`{"A":"XYZ-ATLANTIS","B":"ORG-GONE","C":""}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.A.Valid() || got.B.Valid() || got.C.Valid() {
		t.Error("a forgotten party is valid")
	}
	if err := json.Unmarshal([]byte(`{"A":"x"}`), &got); err == nil {
		t.Error("something without the form of a party was read")
	}
	text, err := json.Marshal(map[place.Party]place.Party{"DMA": "ATG-BARBUDA"})
	if err != nil || string(text) != `{"DMA":"ATG-BARBUDA"}` {
		t.Errorf("marshalled as %s, %v", text, err)
	}
}

func TestEveryStateIsComplete(t *testing.T) {
	var protocolStates []string
	for _, s := range place.States() {
		if len(s.Code) != 3 || len(s.Alpha2) != 2 || s.Name.EN == "" || s.Name.FR == "" || len(s.Languages) == 0 || s.Sovereign == "" || s.L4Channel == "" {
			t.Errorf("%s is incomplete: %+v", s.Code, s)
		}
		if !s.Party().Valid() {
			t.Errorf("%s is no valid party", s.Code)
		}
		if (s.SubRegion == place.NoSubRegion) != (s.SubRegion.Lead() == "") {
			t.Errorf("%s: sub-region %s has lead %q", s.Code, s.SubRegion, s.SubRegion.Lead())
		}
		if s.Sovereign == "FRA" && s.L4Channel != place.ChannelZonePrefecture {
			t.Errorf("%s is French; its last rung is %s", s.Code, s.L4Channel)
		}
		if s.FreeMovement {
			protocolStates = append(protocolStates, s.Code)
		}
	}
	slices.Sort(protocolStates)
	if diff := cmp.Diff([]string{"ATG", "DMA", "GRD", "KNA", "LCA", "MSR", "VCT"}, protocolStates); diff != "" {
		t.Errorf("Protocol Member States (-want +got):\n%s", diff)
	}
	if lead := place.Southern.Lead(); lead != "TTO" {
		t.Errorf("the southern lead is %s", lead)
	}
}

func TestWhatIsReturnedIsTheCallersOwn(t *testing.T) {
	s, _ := place.StateOf("DMA")
	s.Languages[0] = "xx"
	place.States()[0].Languages[0] = "xx"
	if again, _ := place.StateOf("DMA"); again.Languages[0] != "en" {
		t.Error("a caller changed the data")
	}
}

func TestEveryPlaceHasAZoneOfTheRegion(t *testing.T) {
	at := time.Date(2017, 9, 19, 1, 15, 0, 0, time.UTC)
	for _, s := range place.States() {
		want := -4 * 3600
		if s.Code == "JAM" {
			want = -5 * 3600
		}
		for _, month := range []time.Month{time.January, time.July} {
			if _, offset := time.Date(2026, month, 1, 12, 0, 0, 0, time.UTC).In(place.Zone(s.Party())).Zone(); offset != want {
				t.Errorf("%s is at %d s in %s", s.Code, offset, month)
			}
		}
	}
	for _, o := range place.Organisations() {
		if place.Zone(o.Code) == time.UTC {
			t.Errorf("%s has no zone", o.Code)
		}
	}
	if got := place.LocalTime(at, "DMA"); got != "2017-09-18 21:15 (UTC-04:00)" {
		t.Errorf("Dominica reads %q", got)
	}
	if got := place.LocalTime(at, "JAM"); got != "2017-09-18 20:15 (UTC-05:00)" {
		t.Errorf("Jamaica reads %q", got)
	}
	if got := place.LocalTime(at, ""); got != "2017-09-19 01:15 (UTC+00:00)" {
		t.Errorf("nobody reads %q", got)
	}
}

func TestTheRepeatedHourOfAnAutumnNightIsToldApartByItsOffset(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 11, 1, 5, 30, 0, 0, time.UTC)
	if got := place.LocalTimeIn(first, zone); got != "2026-11-01 01:30 (UTC-04:00)" {
		t.Error(got)
	}
	if got := place.LocalTimeIn(first.Add(time.Hour), zone); got != "2026-11-01 01:30 (UTC-05:00)" {
		t.Error(got)
	}
}

func TestIslandsHaveTheirParentSubdivision(t *testing.T) {
	for party, parent := range map[place.Party]string{"ATG-BARBUDA": "AG-10", "VCT-UNION": "VC-06", "VCT-BEQUIA": "VC-06",
		"GRD-CARRIACOU": "GD-10", "KNA-NEVIS": "KN-N", "TTO-TOBAGO": "TT-TOB"} {
		i, ok := place.IslandOf(party)
		if !ok || i.Subdivision != parent {
			t.Errorf("%s: %+v", party, i)
		}
	}
	for _, s := range place.States() {
		for _, i := range place.Islands(s.Code) {
			if i.Name.EN == "" || i.Name.FR == "" || (i.Subdivision != "" && i.Subdivision[:2] != s.Alpha2) {
				t.Errorf("%s is incomplete: %+v", i.Party(), i)
			}
		}
	}
	if place.Islands("DMA") != nil {
		t.Error("Dominica has one island")
	}
	if got := place.Party("VCT-UNION").Name().In("fr-MQ"); got != "Île Union" {
		t.Errorf("Union Island in French: %q", got)
	}
}

func TestTheBorderOfAMovementFollowsFromItsEnds(t *testing.T) {
	for _, c := range []struct {
		from, to place.Party
		relation place.Relation
		regime   place.Regime
	}{
		{"DMA", "ATG", place.CrossBorder, place.OECSProtocol},
		{"MSR", "ATG", place.CrossBorder, place.OECSProtocol},
		{"ATG-BARBUDA", "ATG", place.InterIslandSameState, ""},
		{"ATG-BARBUDA", "ATG-ANTIGUA", place.InterIslandSameState, ""},
		{"ATG-ANTIGUA", "ATG", place.InternalMovement, ""},
		{"ATG-BARBUDA", "ATG-BARBUDA", place.InternalMovement, ""},
		{"VCT-UNION", "VCT-SAINT-VINCENT", place.InterIslandSameState, ""},
		{"VCT-UNION", "GRD-CARRIACOU", place.CrossBorder, place.OECSProtocol},
		{"DMA", "DMA", place.InternalMovement, ""},
		{"MAF", "GLP", place.IntraSovereign, place.FrenchTerritory},
		{"MSR", "AIA", place.IntraSovereign, place.OECSAssociate},
		{"DMA", "MTQ", place.CrossBorder, place.FrenchTerritory},
		{"MTQ", "DMA", place.CrossBorder, place.OECSAssociate},
		{"VGB", "KNA", place.CrossBorder, place.OECSAssociate},
		{"LCA", "AIA", place.CrossBorder, place.OECSAssociate},
		{"MAF", "SXM", place.CrossBorder, place.DutchTerritory},
		{"DMA", "TTO", place.CrossBorder, place.CARICOM},
		{"JAM", "MSR", place.CrossBorder, place.CARICOM},
		{"SXM", "MSR", place.CrossBorder, place.UKTerritory},
		{"SXM", "DMA", place.CrossBorder, place.OtherRegime},
	} {
		relation, ok := place.RelationOf(c.from, c.to)
		if !ok || relation != c.relation {
			t.Errorf("%s to %s is %q, want %q", c.from, c.to, relation, c.relation)
		}
		if back, _ := place.RelationOf(c.to, c.from); back != relation {
			t.Errorf("%s to %s is %q, the way back %q", c.from, c.to, relation, back)
		}
		if regime, ok := place.RegimeOf(c.from, c.to); regime != c.regime || ok != (c.regime != "") {
			t.Errorf("%s to %s falls under %q, want %q", c.from, c.to, regime, c.regime)
		}
	}
	if _, ok := place.RelationOf("ORG-CDEMA", "DMA"); ok {
		t.Error("an organisation lies somewhere")
	}
	if _, ok := place.RelationOf("DMA", "XXX"); ok {
		t.Error("an unknown state lies somewhere")
	}
}

func TestPortsAreListedWithTheirLimits(t *testing.T) {
	barbuda := place.PortsOf("ATG-BARBUDA")
	if len(barbuda) != 1 || barbuda[0].Code != "BBQ" || !barbuda[0].DaylightOnly() {
		t.Errorf("Barbuda: %+v", barbuda)
	}
	if roseau, ok := place.PortOf("DMRSU"); !ok || roseau.Kind != place.SeaPort || roseau.Party() != "DMA" || roseau.DaylightOnly() {
		t.Errorf("Roseau: %+v", roseau)
	}
	if union, _ := place.PortOf("UNI"); union.Party() != "VCT-UNION" || union.RunwayFt != 2467 {
		t.Errorf("Union: %+v", union)
	}
	var unlit []string
	for _, p := range place.Ports() {
		if p.DaylightOnly() {
			unlit = append(unlit, p.Code)
		}
	}
	if diff := cmp.Diff([]string{"BBQ", "CRU", "MNI", "UNI", "VIJ", "SBH"}, unlit); diff != "" {
		t.Errorf("daylight-only strips (-want +got):\n%s", diff)
	}
}

func TestALandingPlaceWithoutACodeTakesAnOwnOne(t *testing.T) {
	for _, good := range []string{"ANU", "GDSTG", "DMA.PORTSMOUTH", "DMA.SCOTTS-HEAD", "LCA.BEACH-2"} {
		if got, err := place.ParsePortCode(good); err != nil || got != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "GDX", "DMXXX", "XXX.BEACH", "DMA.", "DMA.beach", "DMA.-A", "dma.A", "DMA.A\n", "DMA." + strings.Repeat("A", 99)} {
		if _, err := place.ParsePortCode(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestGLIDENumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string][]string{
		"TC-2017-000136-DMA":                    {"TC-2017-000136-DMA"},
		" tc-2017-000136-dma ":                  {"TC-2017-000136-DMA"},
		"TC-2017-000132-ATG/KNA":                {"TC-2017-000132-ATG", "TC-2017-000132-KNA"},
		"TC-2017-000132-ATG / KNA / AIA":        {"TC-2017-000132-ATG", "TC-2017-000132-KNA", "TC-2017-000132-AIA"},
		"OT-2015- 000157-CRI":                   {"OT-2015-000157-CRI"},
		"OT-2015000157-CRI":                     {"OT-2015-000157-CRI"},
		"VO–2021–000034–VCT":                    {"VO-2021-000034-VCT"},
		"TC-2024-000105-VCT/TC-2024-000105-GRD": {"TC-2024-000105-VCT", "TC-2024-000105-GRD"},
		"FL-2020-000001-USA-TX":                 {"FL-2020-000001-USA-TX"},
	} {
		numbers, err := place.ParseGLIDE(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, n := range numbers {
			got = append(got, n.String())
			if n.Original != text {
				t.Errorf("%q lost its original: %q", text, n.Original)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, bad := range []string{"", "/", "KNA", "XX-2017-000136-DMA", "TC-17-000136-DMA", "TC-2017-136-DMA", "TC-2017-000136", "TC-2017-000136-DMA/",
		"TC-2017-000136-DMA/1", strings.Repeat("TC-2017-000136-DMA/", 30)} {
		if _, err := place.ParseGLIDE(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAStormHasOneSerialInAllItsCountries(t *testing.T) {
	irma, err := place.ParseGLIDE("TC-2017-000132-ATG/KNA")
	if err != nil {
		t.Fatal(err)
	}
	maria, err := place.ParseGLIDE("TC-2017-000136-DMA")
	if err != nil {
		t.Fatal(err)
	}
	if !irma[0].SameEvent(irma[1]) || irma[0].SameEvent(maria[0]) {
		t.Error("events are told apart wrongly")
	}
}

func TestACanonicalGLIDENumberReadsAsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hazard := rapid.SampledFrom(place.Hazards()).Draw(t, "hazard")
		number := hazard.Code + "-" + rapid.StringMatching(`\d{4}-\d{6}-[A-Z]{3}(-[A-Z0-9]{1,5})?`).Draw(t, "rest")
		got, err := place.ParseGLIDE(number)
		if err != nil || len(got) != 1 || got[0].String() != number {
			t.Fatalf("%s reads as %v, %v", number, got, err)
		}
	})
}

func FuzzParseGLIDE(f *testing.F) {
	f.Add("TC-2017-000132-ATG/KNA")
	f.Add("\xff/−")
	f.Fuzz(func(t *testing.T, text string) {
		numbers, err := place.ParseGLIDE(text)
		if err != nil {
			return
		}
		for _, n := range numbers {
			again, err := place.ParseGLIDE(n.String())
			if err != nil || len(again) != 1 || again[0].String() != n.String() {
				t.Fatalf("%q gives %s, which reads as %v, %v", text, n, again, err)
			}
		}
	})
}
