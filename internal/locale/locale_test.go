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

func TestAnInstantIsSaidInOneLineAsSeenFromNow(t *testing.T) {
	t.Parallel()
	at := func(day, hour, minute int) time.Time { return time.Date(2021, 4, day, hour+4, minute, 0, 0, time.UTC) } // of Saint Vincent
	now := at(15, 17, 42)
	en, fr := Clock{L: For("en"), Now: now, Of: "VCT"}, Clock{L: For("fr"), Now: now, Of: "VCT"}
	beside, foreign := en, en
	beside.UTC, foreign.Offset = true, true
	for _, c := range []struct{ got, want string }{
		{en.When(at(15, 17, 38)), "17:38 today, 4 min ago"},
		{en.When(now), "17:42 today, now"},
		{en.When(at(15, 18, 55)), "18:55 today, in 73 min"},
		{en.When(at(14, 15, 20)), "yesterday 15:20, 26 h ago"},
		{en.When(at(14, 23, 50)), "yesterday 23:50, 17 h 52 min ago"},
		{en.When(at(16, 7, 30)), "tomorrow 07:30, in 13 h 48 min"},
		{en.When(at(12, 11, 20)), "12 Apr 11:20"},
		{en.When(at(12, 11, 20).AddDate(-1, 0, 0)), "12 Apr 2020 11:20"},
		{en.Due(at(15, 16, 0)), "16:00 today, 1 h 42 min late"},
		{en.Due(at(13, 16, 0)), "13 Apr 16:00, 2 days late"},
		{en.Due(at(18, 16, 0)), "18 Apr 16:00, in 2 days"},
		{en.When(at(15, 17, 38), "ATG", "JAM"), "17:38 today (16:38 Jamaica), 4 min ago"},
		{beside.When(at(15, 17, 38)), "17:38 today (21:38 UTC), 4 min ago"},
		{beside.At(at(15, 22, 38)), "22:38 today (16 Apr 02:38 UTC)"},
		{foreign.When(at(15, 17, 38)), "17:38 today (UTC-4), 4 min ago"},
		{Clock{L: For("en"), Now: now}.At(now), "21:42 today"},
		{fr.When(at(15, 17, 38)), "aujourd’hui 17:38, il y a 4 min"},
		{fr.When(at(14, 15, 20)), "hier 15:20, il y a 26 h"},
		{fr.When(at(1, 11, 20)), "1er avr. 11:20"},
		{fr.Due(at(15, 16, 0)), "aujourd’hui 16:00, en retard de 1 h 42 min"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 min", 99*time.Minute + 59*time.Second: "99 min", 100 * time.Minute: "1 h 40 min", 2 * time.Hour: "2 h", 47*time.Hour + 59*time.Minute: "47 h 59 min",
		48 * time.Hour: "2 days", 71 * time.Hour: "2 days", 400 * 24 * time.Hour: "400 days",
	} {
		if got := For("en").Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
