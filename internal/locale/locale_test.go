package locale

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/place"
)

func TestEveryTextIsThereInEveryLanguage(t *testing.T) {
	for _, l := range Languages() {
		if got := For(string(l)); got == nil || got.Language != l || got.Catalogue == nil {
			t.Errorf("%s: %+v", l, got)
		}
	}
}

func TestALanguageIsChosenByItsTag(t *testing.T) {
	for tag, want := range map[string]Language{
		"en": EN, "fr": FR, "FR": FR, "fr-MQ": FR, "fr-GP": FR, "en-GB": EN, "": EN, "frr": EN, "es": EN, "acf": EN, "nonsense!": EN,
	} {
		if got := LanguageOf(tag); got != want {
			t.Errorf("%q: %s, want %s", tag, got, want)
		}
	}
}

func TestTextsThatAreNotWholeAreRefused(t *testing.T) {
	whole := func() fstest.MapFS {
		all := fstest.MapFS{}
		err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, path)
			all[path] = &fstest.MapFile{Data: text}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	const name = "catalogue/fr.json"
	fr := string(whole()[name].Data)
	for _, c := range []struct{ name, old, new, want string }{
		{"a key is missing", `"opened": "Nouvel incident",`, ``, "/notice/headline/opened is missing"},
		{"a text is empty", `"opened": "Nouvel incident"`, `"opened": ""`, "/notice/headline/opened is missing"},
		{"a key too many", `"opened": "Nouvel incident"`, `"opened": "x", "opend": "y"`, `unknown field "opend"`},
		{"a key twice", `"opened": "Nouvel incident"`, `"opened": "x", "opened": "y"`, "/notice/headline/opened stands there twice"},
		{"a blank that its type has not", `"Étape faite : {name}"`, `"Étape faite : {nom}"`, "{nom"},
		{"a blank is not filled", `"Étape faite : {name}"`, `"Étape faite"`, "does not say {name}"},
		{"a blank that does not end", `"Étape faite : {name}"`, `"Étape faite : {name"`, "{name"},
		{"a plural form that is none", `"one": "{n} ménage"`, `"single": "{n} ménage"`, "no plural form"},
		{"no form for most numbers", `"other": "{n} ménages"`, `"many": "{n} ménages"`, `"other" is not there`},
		{"a code in one language only", `"extreme": "extrême"`, `"extrem": "extrême"`, "/codes/severity: the codes differ"},
		{"a month too few", `"novembre", "décembre"`, `"novembre"`, "/times/months/11 is missing"},
		{"no JSON", `{`, ``, "catalogue/fr.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(fr, c.old) {
				t.Fatalf("%q is not in the catalogue any more: change the test", c.old)
			}
			broken := whole()
			broken[name].Data = []byte(strings.Replace(fr, c.old, c.new, 1))
			_, err := load(broken)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for what, change := range map[string]func(fstest.MapFS){
		"a language":              func(all fstest.MapFS) { delete(all, name) },
		"the texts of some pages": func(all fstest.MapFS) { delete(all, "catalogue/fr/shell.json") },
		"whose texts a file has":  func(all fstest.MapFS) { all["catalogue/fr/shall.json"] = &fstest.MapFile{Data: []byte(`{}`)} },
	} {
		broken := whole()
		change(broken)
		if _, err := load(broken); err == nil {
			t.Errorf("%s was not missed", what)
		}
	}
}

func TestACodeOfANewerVersionIsShownInWords(t *testing.T) {
	if got := For("en").Codes.Severity.Of("beyond_words"); got != "beyond words" {
		t.Errorf("%q", got)
	}
}

func TestNumbersAndCounts(t *testing.T) {
	en, fr := For("en"), For("fr")
	for got, want := range map[string]string{
		en.Number(13303): "13,303", fr.Number(13303): "13\u00a0303", en.Number(-5): "-5", en.Number(0): "0",
		en.Count(0, en.Counts.Persons): "0 persons", en.Count(1, en.Counts.Persons): "1 person", en.Count(7411, en.Counts.Persons): "7,411 persons",
		fr.Count(0, fr.Counts.Persons): "0 personne", fr.Count(1, fr.Counts.Persons): "1 personne", fr.Count(2, fr.Counts.Persons): "2 personnes",
		en.List(): "", en.List("A"): "A", en.List("A", "B"): "A and B", fr.List("A", "B", "C"): "A, B et C",
		en.Parties([]place.Party{"DMA", "ATG-BARBUDA"}): "Dominica; Barbuda", fr.Party("DMA"): "Dominique", fr.Party("XXX"): "XXX",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAMomentIsShownAsThoseReadItWhomItConcerns(t *testing.T) {
	at := time.Date(2017, 9, 18, 21, 0, 0, 0, time.UTC)
	en, fr := For("en"), For("fr")
	for _, c := range []struct{ got, want string }{
		{en.Moment(at, "DMA"), "18 September 2017, 17:00 (UTC-4), 21:00 UTC"},
		{en.Moment(at, "DMA", "ATG"), "18 September 2017, 17:00 (UTC-4), 21:00 UTC"},
		{en.Moment(at, "DMA", "JAM"), "18 September 2017, 17:00 (Dominica, UTC-4), 16:00 (Jamaica, UTC-5), 21:00 UTC"},
		{en.Moment(at, "DMA", "ATG-BARBUDA", "JAM"), "18 September 2017, 17:00 (Dominica; Antigua and Barbuda, UTC-4), 16:00 (Jamaica, UTC-5), 21:00 UTC"},
		{en.Moment(at.Add(5*time.Hour), "DMA"), "18 September 2017, 22:00 (UTC-4), 19 September 02:00 UTC"},
		{en.Moment(at.Add(7*time.Hour+30*time.Minute), "DMA", "JAM"), "19 September 2017, 00:30 (Dominica, UTC-4), 18 September 23:30 (Jamaica, UTC-5), 19 September 04:30 UTC"},
		{en.Moment(at), "18 September 2017, 21:00 UTC"},
		{en.Moment(at, "", "XXX"), "18 September 2017, 21:00 UTC"},
		{fr.Moment(at.AddDate(0, 0, 13), "MTQ"), "1er octobre 2017, 17:00 (UTC-4), 21:00 UTC"},
		{en.Brief(at, "DMA"), "18 Sep 17:00 (UTC-4)"},
		{fr.Brief(at, "JAM"), "18 sept. 16:00 (UTC-5)"},
		{Offset(at.In(time.FixedZone("", 19800))), "UTC+5:30"},
		{Offset(at.In(time.FixedZone("", -12600))), "UTC-3:30"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestAMomentNamesEveryClockOnce(t *testing.T) {
	states := place.States()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		var parties []place.Party
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(states)-1), 1, 6).Draw(t, "states") {
			parties = append(parties, states[i].Party())
		}
		got := For(rapid.SampledFrom([]string{"en", "fr"}).Draw(t, "language")).Moment(at, parties...)
		for _, p := range parties {
			local := at.In(place.Zone(p))
			if !strings.Contains(got, local.Format("15:04")) || !strings.Contains(got, Offset(local)) {
				t.Errorf("%s does not read its own time in %q", p, got)
			}
			if strings.Count(got, Offset(local)+")") != 1 {
				t.Errorf("%s is there more than once in %q", Offset(local), got)
			}
		}
		if !strings.HasSuffix(got, at.UTC().Format("15:04")+" UTC") {
			t.Errorf("%q does not end in UTC", got)
		}
	})
}

func TestTheStatesShareFewClocks(t *testing.T) {
	// The form with one local time is the common one: whoever adds a zone should look at messages again.
	offsets := map[string]int{}
	for _, s := range place.States() {
		offsets[Offset(time.Date(2017, 9, 18, 0, 0, 0, 0, time.UTC).In(place.Zone(s.Party())))]++
	}
	if offsets["UTC-4"] < len(place.States())-3 {
		t.Errorf("%v", offsets)
	}
}
