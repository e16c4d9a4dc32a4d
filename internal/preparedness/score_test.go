package preparedness_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"landfall/internal/preparedness"
)

func answers(t *rapid.T, c *preparedness.Catalogue) map[string]bool {
	out := map[string]bool{}
	for _, i := range c.Indicators {
		if !i.Share {
			out[i.Code] = rapid.Bool().Draw(t, i.Code)
		}
	}
	return out
}

func TestScoresKeepTheirBoundsAndNeverFallByMeetingMore(t *testing.T) {
	rank := func(s preparedness.Status) int { return -slices.Index(preparedness.Statuses(), s) }
	rapid.Check(t, func(t *rapid.T) {
		c := preparedness.CatalogueOf(rapid.SampledFrom(preparedness.UnitKinds()).Draw(t, "kind"))
		met, share := answers(t, c), rapid.Float64Range(0, 1).Draw(t, "share")
		before, err := c.Score(met, share, preparedness.TheRules())
		if err != nil || before.Points < 0 || before.Points > 100 {
			t.Fatalf("%+v, %v", before, err)
		}
		more := maps.Clone(met)
		more[rapid.SampledFrom(slices.Sorted(maps.Keys(met))).Draw(t, "one more")] = true
		after, err := c.Score(more, rapid.Float64Range(share, 1).Draw(t, "more rooms"), preparedness.TheRules())
		if err != nil || after.Points < before.Points || rank(after.Status) < rank(before.Status) {
			t.Fatalf("%+v after %+v, %v", after, before, err)
		}
		if len(before.Critical) > 0 && before.Status == preparedness.Ready {
			t.Fatalf("ready although %v failed", before.Critical)
		}
		for _, code := range before.Critical {
			if i, ok := c.Indicator(code); !ok || !i.Critical || met[code] {
				t.Fatalf("%s is called a critical failure", code)
			}
		}
	})
}

func TestStatusesBeginWhereTheRulesSay(t *testing.T) {
	r := preparedness.TheRules()
	for _, c := range []struct {
		points   int
		critical bool
		want     preparedness.Status
	}{
		{100, false, preparedness.Ready}, {85, false, preparedness.Ready}, {84, false, preparedness.Partial}, {60, false, preparedness.Partial},
		{59, false, preparedness.Limited}, {40, false, preparedness.Limited}, {39, false, preparedness.NotReady}, {0, false, preparedness.NotReady},
		{92, true, preparedness.Partial}, {85, true, preparedness.Partial}, {60, true, preparedness.Partial}, {59, true, preparedness.Limited}, {39, true, preparedness.NotReady},
	} {
		t.Run(fmt.Sprint(c.points, c.critical), func(t *testing.T) {
			if got := r.StatusFor(c.points, c.critical); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestCataloguesAreWhatTheDomainSays(t *testing.T) {
	want := map[preparedness.UnitKind]struct {
		n        int
		critical []string
	}{
		preparedness.Property:    {12, []string{"P01", "P06", "P07", "P09"}},
		preparedness.Destination: {8, []string{"D02", "D03", "D04"}},
		preparedness.State:       {9, []string{"N01", "N08"}},
	}
	for kind, w := range want {
		c := preparedness.CatalogueOf(kind)
		var critical []string
		for _, i := range c.Indicators {
			if i.Critical {
				critical = append(critical, i.Code)
			}
		}
		if len(c.Indicators) != w.n || !slices.Equal(critical, w.critical) || c.Status != "proposal" {
			t.Errorf("%s: %d indicators, critical %v, %s", kind, len(c.Indicators), critical, c.Status)
		}
	}
}

func TestACatalogueThatIsNotWholeIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":        "{",
		"a stranger":     "id: x\nversion: 1\nstatus: proposal\nkind: state\ncolour: red\n",
		"99 points":      "id: x\nversion: 1\nstatus: proposal\nkind: state\ntitle: {en: a, fr: b}\nindicators:\n  - {code: N01, points: 99, title: {en: a, fr: b}}\n",
		"no French":      "id: x\nversion: 1\nstatus: proposal\nkind: state\ntitle: {en: a, fr: b}\nindicators:\n  - {code: N01, points: 100, title: {en: a}}\n",
		"twice":          "id: x\nversion: 1\nstatus: proposal\nkind: state\ntitle: {en: a, fr: b}\nindicators:\n  - {code: N01, points: 50, title: {en: a, fr: b}}\n  - {code: N01, points: 50, title: {en: a, fr: b}}\n",
		"share of state": "id: x\nversion: 1\nstatus: proposal\nkind: state\ntitle: {en: a, fr: b}\nindicators:\n  - {code: N01, points: 100, share: true, title: {en: a, fr: b}}\n",
	} {
		if _, err := preparedness.ParseCatalogue([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestNoSmallGroupCanBeWorkedOut(t *testing.T) {
	const least = 5
	rapid.Check(t, func(t *rapid.T) {
		var c preparedness.Caseload
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"USA", "CAN", "GBR", "FRA", "DEU", "ISL", "JPN", "OTH"}), 1, 8, rapid.ID).Draw(t, "nationalities") {
			for _, s := range rapid.SliceOfNDistinct(rapid.SampledFrom(preparedness.Settings()), 1, 3, rapid.ID).Draw(t, "settings") {
				k := preparedness.Count{Nationality: n, Setting: s, Number: rapid.OneOf(rapid.IntRange(1, 6), rapid.IntRange(1, 300)).Draw(t, "number")}
				c.Counts, c.Total = append(c.Counts, k), c.Total+k.Number
			}
		}
		shown := c.For(false, least)
		if len(shown.Counts) != 0 || !shown.Suppressed {
			t.Fatal("the whole table is shown")
		}
		if c.Total < least {
			if shown.Total != -1 || len(shown.ByNationality)+len(shown.BySetting) > 0 {
				t.Fatalf("%d in all are shown: %+v", c.Total, shown)
			}
			return
		}
		for other, list := range map[string][]preparedness.Group{preparedness.OtherNationalities: shown.ByNationality, preparedness.OtherSettings: shown.BySetting} {
			sum := 0
			for _, g := range list {
				sum += g.Number
				if g.Number < least {
					t.Fatalf("%+v is shown in %+v of %+v", g, list, c.Counts)
				}
				if g.Code == other {
					continue
				}
			}
			if sum != c.Total {
				t.Fatalf("%+v makes %d of %d", list, sum, c.Total)
			}
		}
	})
}
