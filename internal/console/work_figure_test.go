package console_test

import (
	"net/http"
	"testing"
	"time"

	"landfall/internal/harness"
)

// shelters fills in the figure of a public shelter.
func shelters(f *harness.Form, number string) *harness.Form {
	return f.Fill("number", number).Fill("category", "people_displaced_across_borders").Fill("term", "sheltered").Fill("setting", "public_shelter").
		Fill("source", "Disaster office").Fill("source_kind", "government")
}

func TestAFigureIsReportedAndItsPartsNeedNotAddUp(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	lca := w.Account("LCA", "official")
	visitor := lca.Visit("en")
	form := shelters(visitor.Get(page(i, "figures/new")).Want(http.StatusOK).Says("One number of one source", "They need not add up").Form("/figures/new"), "1,203").
		Fill("part_0_number", "600").Fill("part_0_sex", "f").Fill("part_1_number", "500").Fill("part_1_sex", "m").Fill("part_1_age", "18_59")
	if got := form.Values.Get("place"); got != "LCA" {
		t.Errorf("the place is proposed as %q", got)
	}
	wantAt(t, form.Send(), page(i, "figures"), "work_figure_differs")
	wantAt(t, form.Send(), page(i, "figures"), "work_figure_differs")
	figures := lca.Get(i.Path + "/figures").Items()
	if len(figures) != 1 || figures[0]["number"] != 1203.0 || figures[0]["parts_add_up"] != false || len(figures[0]["parts"].([]any)) != 2 {
		t.Fatalf("figures: %v", figures)
	}

	older := figures[0]["id"].(string)
	newer := shelters(visitor.Get(page(i, "figures/new?supersedes="+older+"&final=yes")).Says("1,203 · people displaced across borders, present").Form("/figures/new"), "1190")
	if newer.Values.Get("supersedes") != older || newer.Values.Get("final") != "yes" {
		t.Errorf("proposed: %s", newer)
	}
	wantAt(t, newer.Send(), page(i, "figures"), "work_figure")
	shelters(visitor.Get(page(i, "figures/new")).Silent("1,203").Form("/figures/new"), "5")
}

func TestRowsForPartsAreAddedWithoutLosingWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	form := shelters(w.Account("LCA", "official").Visit("fr").Get(page(i, "figures/new")).Form("/figures/new"), "90").Fill("part_3_number", "12")
	more := press(form, "rows").Want(http.StatusOK).Form("/figures/new")
	if more.Values.Get("part_3_number") != "12" || more.Values.Get("number") != "90" {
		t.Errorf("typed: %s", more)
	}
	more.Fill("part_7_number", "3").Fill("part_6_sex", "m").Send().Want(http.StatusBadRequest).Says("Partie 7 : nombre : doit être indiqué")
}

func TestAFigureThatCannotBeIsRefusedInFrench(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("fr")
	visitor.Get(page(i, "figures/new")).Form("/figures/new").Send().Want(http.StatusBadRequest).
		Says("Nombre : doit être indiqué", "Comptées comme : doit être indiqué", "Source : doit être indiqué")
	back := shelters(visitor.Get(page(i, "figures/new")).Form("/figures/new"), "12").Fill("unit", "household").Fill("category", "new_displacement").
		Fill("source", "passport AB1234567").Fill("as_of", local(w.Clock.Now().Add(30*time.Hour))).Send().Want(http.StatusBadRequest).
		Says("doit être indiqué pour les ménages", "une période a un début et une fin", "semble contenir le numéro d’un document personnel")
	back.Form("/figures/new").Fill("household_size", "2,5").Fill("since", local(w.Clock.Now().Add(-time.Hour))).Fill("source", "NEPO").Send().
		Want(http.StatusBadRequest).Says("est dans le futur")
	wantAt(t, back.Form("/figures/new").Fill("household_size", "2,5").Fill("since", local(w.Clock.Now().Add(-time.Hour))).Fill("source", "NEPO").
		Fill("as_of", local(w.Clock.Now())).Send(), page(i, "figures"), "work_figure")
}

func TestASecondRecommendedFigureMustReplaceTheFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	visitor := w.Account("LCA", "official").Visit("fr")
	wantAt(t, shelters(visitor.Get(page(i, "figures/new")).Form("/figures/new"), "100").Fill("role", "recommended").Send(), page(i, "figures"), "work_figure")
	shelters(visitor.Get(page(i, "figures/new")).Form("/figures/new"), "110").Fill("role", "recommended").Send().
		Want(http.StatusConflict).Says("Un chiffre est déjà retenu pour ce lieu")
}

func TestAReceivingStateAnswersWithACeilingAndConditions(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	lca := w.Account("LCA", "official")
	visitor := lca.Visit("en")
	form := visitor.Get(page(i, "answers/new")).Want(http.StatusOK).Says("Answer for Saint Lucia", "An offer counts nobody").Form("/answers/new").
		Fill("kind", "accept").Fill("ceiling", "300").Fill("conditions", "By sea only\n\nNo later than Friday\n").Fill("valid_until", local(w.Clock.Now().Add(72*time.Hour)))
	wantAt(t, form.Send(), page(i, "answers"), "work_answer")
	wantAt(t, form.Send(), page(i, "answers"), "work_answer")
	answers := lca.Get(i.Path + "/answers").Items()
	if len(answers) != 1 || answers[0]["ceiling"] != 300.0 || len(answers[0]["conditions"].([]any)) != 2 {
		t.Fatalf("answers: %v", answers)
	}
	visitor.Get(page(i, "answers/new")).Says("Last answer of Saint Lucia", "Accepts, At most: 300 persons")
}

func TestWhoHasAnsweredChangesTheAnswer(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	lca := w.Account("LCA", "official")
	for language, words := range map[string][]string{
		"en": {"Answer the request", "Give this EXERCISE answer", "Change the answer", "Change the answer of the EXERCISE", "the alert itself is not acknowledged"},
		"fr": {"Répondre à la demande", "Donner cette réponse d’EXERCICE", "Modifier la réponse", "Modifier la réponse de l’EXERCICE", "l’alerte elle-même reste sans accusé de réception"},
	} {
		_, i := workMaria(w, harness.Object{"exercise": true})
		visitor := lca.Visit(language)
		form := visitor.Get("/incidents/" + i.ID).Says(words[0]).Silent(words[2]).Follow(words[0]).Says(words[1]).Form("/answers/new")
		form.Fill("kind", "accept").Fill("ceiling", "300").Fill("conditions", "By sea only\nNo later than Friday").
			Fill("valid_until", local(w.Clock.Now().Add(72*time.Hour))).Send().Says(words[2], words[4]).Silent(words[0])
		again := visitor.Get("/incidents/" + i.ID).Says(words[2]).Silent(words[0]).Follow(words[2]).Says(words[3]).Form("/answers/new")
		if got := again.Values.Get("conditions"); again.Values.Get("ceiling") != "300" || got != "By sea only\nNo later than Friday" {
			t.Errorf("begins with %v", again.Values)
		}
		wantAt(t, again.Fill("kind", "decline").Fill("text", "No rooms left.").Send(), page(i, "answers"), "work_answer")
		all := lca.Get(i.Path + "/answers").Items()
		if got := all[len(all)-1]; got["kind"] != "decline" || got["ceiling"] != nil || got["conditions"] != nil || got["text"] != "No rooms left." {
			t.Errorf("the answer is now %v", got)
		}
		visitor.Get("/incidents/"+i.ID).Follow(words[2]).Form("/answers/new").Fill("kind", "accept").Send()
		all = lca.Get(i.Path + "/answers").Items()
		if got := all[len(all)-1]; got["kind"] != "accept" || got["text"] != nil {
			t.Errorf("after the decline the answer is %v", got)
		}
	}
}

func TestAnAnswerThatContradictsItselfIsRefusedInFrench(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	visitor := w.Account("ATG", "official").Visit("fr")
	form := visitor.Get(page(i, "answers/new")).Form("/answers/new")
	form.Send().Want(http.StatusBadRequest).Says("Réponse : doit être indiqué")
	form.Fill("kind", "question").Send().Want(http.StatusBadRequest).Says("La question, ou la raison du refus : doit être indiqué")
	back := form.Fill("kind", "decline").Fill("ceiling", "20").Fill("conditions", "Appeler le (767) 555-0100").Fill("valid_until", local(w.Clock.Now().Add(-time.Hour))).
		Send().Want(http.StatusBadRequest).Says("Au plus, en personnes : ne vaut que pour une acceptation", "ne valent que pour une acceptation")
	if got := back.Kept("/answers/new", "conditions"); got != "Appeler le (767) 555-0100" {
		t.Errorf("conditions came back as %q", got)
	}
	back.Form("/answers/new").Fill("kind", "accept").Send().Want(http.StatusBadRequest).Says("semble contenir un numéro de téléphone")
	back.Form("/answers/new").Fill("kind", "accept").Fill("conditions", "").Send().Want(http.StatusBadRequest).Says("est déjà passé")
}

func TestTheOriginPassesOnTheWordOfAReceivingStateWithoutAnAccount(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("en")
	form := visitor.Get(page(i, "answers/new?party=ATG")).Want(http.StatusOK).Form("/answers/new").Fill("kind", "accept").Fill("ceiling", "50")
	form.Send().Want(http.StatusBadRequest).Says("It came by: is required")
	wantAt(t, form.Fill("relayed_by", "radio").Fill("said_at", local(w.Clock.Now().Add(-time.Hour))).Send(), page(i, "answers"), "work_answer")
	if a := dma.Get(i.Path + "/answers").Items()[0]; a["party"] != "ATG" {
		t.Errorf("answer %v", a)
	}
	form.Fill("on_behalf_of", "LCA").Fill("said_at", local(w.Clock.Now().Add(5*time.Hour))).Send().Want(http.StatusBadRequest).Says("It was said at: lies in the future")
}
