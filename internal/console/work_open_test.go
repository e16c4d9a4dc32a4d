package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestAnIncidentIsOpenedAndActivatedWithSixTouches(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	lca := w.Account("LCA", "official")
	dma := w.Account("DMA", "coordinator")
	reachable(t, w, "LCA", "ATG")
	visitor := dma.Visit("en")

	count := touched{fields: map[string]bool{}}
	count.form = visitor.Get("/incidents/new").Want(http.StatusOK).Says("Is this real?", "OECS members, central islands").Form("/incidents/new")
	count.fill("exercise", "no").fill("hazard_type", "TC").fill("hazard_name", "Hurricane Maria").fill("severity", "extreme").fill("receivers", "LCA", "ATG")
	review := count.form.Send().Want(http.StatusOK).
		Says("Nothing is recorded and nobody is told yet", "Hurricane Maria: Dominica", "Saint Lucia", "Antigua and Barbuda", "This is REAL", "Open and tell 2 states", "Reached by Webhook (1 address)").
		Silent("NOBODY is")
	if n := len(dma.Get("/api/v1/incidents").Want(http.StatusOK).Items()); n != 0 {
		t.Fatalf("%d incidents exist before anybody pressed the button", n)
	}
	opened := press(review.Form("/incidents/new"), "yes")
	id := incidentOf(t, opened)
	wantAt(t, opened, "/incidents/"+id, "work_opened")
	i := dma.Get("/api/v1/incidents/" + id).Want(http.StatusOK)
	if i.Str("title") != "Hurricane Maria: Dominica" || i.Str("origin") != "DMA" || i.Str("status") != "monitoring" || i.Body["exercise"] != false {
		t.Fatalf("opened %s", i.Raw)
	}

	landfall := w.Clock.Now().Add(48 * time.Hour).Truncate(time.Minute)
	count.form = visitor.Get("/incidents/"+id+"/activate").Want(http.StatusOK).Says("Hurricane: cross-border evacuation", "37 steps", "A proposal").Form("/activate")
	count.fill("at_LANDFALL", local(landfall))
	review = count.form.Send().Want(http.StatusOK).
		Says("Send REAL alert to 2 states", "Saint Lucia is asked to reply within 30 min", "First deadlines", "56 steps for 5 parties", "(UTC-4)")
	if !strings.Contains(review.Raw, `class="danger"`) {
		t.Error("the button of a real alert does not look like one")
	}
	wantAt(t, press(review.Form("/activate"), "yes"), "/incidents/"+id, "work_activated")
	i = dma.Get("/api/v1/incidents/" + id).Want(http.StatusOK)
	if i.Str("status") != "active" {
		t.Fatalf("activated %s", i.Raw)
	}
	if n := len(dma.Get("/api/v1/incidents/" + id + "/steps?status=pending&limit=500").Items()); n != 56 {
		t.Errorf("%d steps came into being, and the review spoke of 56", n)
	}
	lca.AwaitAlert("activation", 1)
	if n := len(count.fields); n > 6 {
		t.Errorf("%d fields had to be touched: %v", n, count.fields)
	}
}

func TestAnIncidentSentTwiceIsOpenedOnceWithOneHazard(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	form := dma.Visit("en").Get("/incidents/new").Form("/incidents/new").
		Fill("exercise", "no").Fill("hazard_type", "VO").Fill("hazard_name", "Morne aux Diables").Fill("severity", "severe").Fill("receivers", "LCA")
	button := form.Send().Form("/incidents/new")
	first, second := press(button, "yes"), press(button, "yes")
	if incidentOf(t, first) != incidentOf(t, second) {
		t.Error("the same form opened two incidents")
	}
	if n := len(dma.Get("/api/v1/incidents").Items()); n != 1 {
		t.Errorf("%d incidents", n)
	}
	if n := len(dma.Get("/api/v1/hazards").Items()); n != 1 {
		t.Errorf("%d hazards", n)
	}
}

func TestAnIncidentThatIsRefusedKeepsWhatWasTypedAndSaysWhyInFrench(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	visitor := dma.Visit("fr")
	back := visitor.Get("/incidents/new").Says("Est-ce réel ?").Form("/incidents/new").
		Fill("hazard_name", "Ouragan Maria").Fill("title", "Appeler le +1 767 555 0100").Fill("receivers", "LCA", "MTQ").Fill("occurred_at", "hier").Send().
		Want(http.StatusBadRequest).
		Says("Gravité : doit être indiqué", "Est-ce réel ? : doit être indiqué", "Type d’aléa : doit être indiqué", "doit être une date et une heure",
			"semble contenir un numéro de téléphone", "Votre saisie est conservée").
		Silent("must ", "is required")
	if got := back.Kept("/incidents/new", "hazard_name"); got != "Ouragan Maria" {
		t.Errorf("the name came back as %q", got)
	}
	if got := back.Form("/incidents/new").Values["receivers"]; len(got) != 2 {
		t.Errorf("the receivers came back as %v", got)
	}
	if n := len(dma.Get("/api/v1/hazards").Items()); n != 0 {
		t.Errorf("%d hazards were recorded for a form that was refused", n)
	}
}

func TestTheReviewLeadsBackToTheFormWithEverythingTyped(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	reachable(t, w, "KNA") // Antigua has none
	visitor := w.Account("ATG", "coordinator").Visit("en")
	review := visitor.Get("/incidents/new").Says("All of Antigua and Barbuda", "Barbuda").Form("/incidents/new").Fill("origin", "ATG-BARBUDA").
		Fill("exercise", "yes").Fill("exercise_speed", "12").Fill("hazard_type", "TC").Fill("hazard_name", "Storm Delta").Fill("severity", "severe").
		Fill("receivers", "ATG", "KNA").Send().
		Says("EXERCISE: this is an exercise", "Open as EXERCISE and tell 1 state", "Reached by Webhook (1 address)",
			"NOBODY is reached: no address", "NOBODY is told here: Antigua and Barbuda. No address wants this. Call them.", "Storm Delta: Barbuda", "only to addresses that asked for exercises")
	if !strings.Contains(review.Raw, `class="rehearsal"`) {
		t.Error("the button of an exercise does not look like one")
	}
	form := press(review.Form("/incidents/new"), "change").Want(http.StatusOK).Form("/incidents/new")
	for name, want := range map[string]string{"origin": "ATG-BARBUDA", "exercise": "yes", "exercise_speed": "12", "hazard_name": "Storm Delta", "severity": "severe"} {
		if got := form.Values.Get(name); got != want {
			t.Errorf("%s came back as %q", name, got)
		}
	}
	opened := press(form.Send().Form("/incidents/new"), "yes")
	i := w.Admin.Get("/api/v1/incidents/" + incidentOf(t, opened)).Want(http.StatusOK)
	if i.Str("origin") != "ATG-BARBUDA" && i.Str("origin_island") != "BARBUDA" {
		t.Errorf("origin %s", i.Raw)
	}
	if i.Body["exercise"] != true {
		t.Errorf("no exercise: %s", i.Raw)
	}
}

func TestADraftIsTheOriginsOwnUntilItIsOpened(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	lca := w.Account("LCA", "official")
	dma := w.Account("DMA", "coordinator")
	visitor := dma.Visit("en")
	form := visitor.Get("/incidents/new").Form("/incidents/new").
		Fill("exercise", "no").Fill("hazard_type", "TC").Fill("hazard_name", "Hurricane Maria").Fill("severity", "severe").Fill("receivers", "LCA")
	saved := press(form, "draft")
	id := incidentOf(t, saved)
	wantAt(t, saved, "/incidents/"+id, "work_draft")
	lca.Get("/api/v1/incidents/" + id).Want(http.StatusNotFound)
	lca.Visit("fr").Get("/incidents/" + id + "/open").Want(http.StatusNotFound)

	release := visitor.Get("/incidents/"+id+"/open").Want(http.StatusOK).Says("Saint Lucia", "NOBODY is told here: Saint Lucia", "Open; nobody is told").Form("/open")
	wantAt(t, release.Send(), "/incidents/"+id, "work_released")
	lca.Get("/api/v1/incidents/" + id).Want(http.StatusOK)
	wantAt(t, release.Send(), "/incidents/"+id, "work_released") // the same form again
	visitor.Get("/incidents/" + id + "/open").Form("/open").Send().Want(http.StatusConflict).Says("The incident is open already.")
}

func TestARecentHazardIsTakenWithOneTouch(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, _ := workMaria(w, nil)
	hazard := dma.Get("/api/v1/hazards").Items()[0]["id"].(string)
	vct := w.Account("VCT", "coordinator").Visit("en")
	review := vct.Get("/incidents/new").Says("Hurricane Maria", "A new hazard").Form("/incidents/new").
		Fill("hazard", hazard).Fill("exercise", "no").Fill("severity", "severe").Fill("origin", "VCT").Send().Want(http.StatusOK).
		Says("Hurricane Maria: Saint Vincent and the Grenadines", "No state is named", "Open; nobody is told")
	press(review.Form("/incidents/new"), "yes")
	if n := len(dma.Get("/api/v1/hazards").Items()); n != 1 {
		t.Errorf("%d hazards", n)
	}
	vct.Get("/incidents/new").Form("/incidents/new").Fill("hazard", "0195e9e6-0000-7000-8000-000000000000").Fill("exercise", "no").Fill("severity", "severe").
		Send().Want(http.StatusBadRequest).Says("Hazard: must be one of the list")
}

func TestAHazardOfAnExerciseIsMarkedAndNotOfferedForARealIncident(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	visitor := dma.Visit("en")
	form := visitor.Get("/incidents/new").Silent("takes for real").Form("/incidents/new").
		Fill("exercise", "yes").Fill("hazard_type", "TC").Fill("hazard_name", "Storm Delta").Fill("severity", "severe").Fill("receivers", "LCA")
	press(form.Send().Form("/incidents/new"), "yes")
	made := dma.Get("/api/v1/hazards").Items()
	if len(made) != 1 || made[0]["exercise"] != true {
		t.Fatalf("the exercise made the hazards %v", made)
	}
	delta := made[0]["id"].(string)
	dma.Post("/api/v1/hazards", harness.Object{"name": "Hurricane Maria", "type": "TC", "started_at": w.Clock.Now()}).Want(http.StatusCreated)

	fresh := visitor.Get("/incidents/new").Says("EXERCISE Storm Delta", "Hurricane Maria").Silent("EXERCISE Hurricane Maria")
	visitor.Get("/incidents/new").Form("/incidents/new").Fill("hazard", delta).Fill("exercise", "yes").Fill("severity", "severe").Send().
		Want(http.StatusOK).Says("Storm Delta: Dominica", "Open; nobody is told")
	fresh.Form("/incidents/new").Fill("hazard", delta).Fill("exercise", "no").Fill("severity", "severe").Send().
		Want(http.StatusBadRequest).Says("Hazard: was made for an EXERCISE; a real incident needs a real one", "Hurricane Maria").Silent("Storm Delta")
	dma.Visit("fr").Get("/incidents/new").Says("EXERCICE Storm Delta").Form("/incidents/new").Fill("hazard", delta).Fill("exercise", "no").Fill("severity", "severe").Send().
		Want(http.StatusBadRequest).Says("Aléa : a été créé pour un EXERCICE ; un incident réel demande un aléa réel").Silent("Storm Delta")
	if n := len(dma.Get("/api/v1/incidents").Items()); n != 1 {
		t.Errorf("%d incidents", n)
	}
}

func TestExercisesCrowdNoActualHazardOutOfTheChoice(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	dma.Post("/api/v1/hazards", harness.Object{"name": "Hurricane Maria", "type": "TC", "started_at": w.Clock.Now()}).Want(http.StatusCreated)
	for range 8 {
		w.Pass(time.Minute)
		dma.Post("/api/v1/hazards", harness.Object{"name": "Storm Delta", "type": "TC", "started_at": w.Clock.Now(), "exercise": true}).Want(http.StatusCreated)
	}
	shown := dma.Visit("en").Get("/incidents/new").Says("Hurricane Maria")
	if n := strings.Count(shown.Text(), "EXERCISE Storm Delta"); n != 6 {
		t.Errorf("%d hazards of exercises are offered", n)
	}
}

func TestAReceiverOpensOnTheWordOfAStateThatCannot(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, _ := workMaria(w, nil)
	hazard := dma.Get("/api/v1/hazards").Items()[0]["id"].(string)
	grd := w.Account("GRD", "official")
	visitor := grd.Visit("fr")
	form := visitor.Get("/incidents/new").Want(http.StatusOK).Says("Je transmets ce que quelqu’un d’autre a dit").Form("/incidents/new").
		Fill("hazard", hazard).Fill("exercise", "no").Fill("severity", "severe").Fill("receivers", "GRD")
	form.Send().Want(http.StatusBadRequest).Says("Qui l’a dit : doit être indiqué")
	review := form.Fill("on_behalf_of", "VCT").Fill("relayed_by", "satellite").Send().Want(http.StatusOK).Says("Saint-Vincent-et-les-Grenadines, par téléphone satellite")
	i := grd.Get("/api/v1/incidents/" + incidentOf(t, press(review.Form("/incidents/new"), "yes"))).Want(http.StatusOK)
	if i.Str("origin") != "VCT" {
		t.Errorf("opened %s", i.Raw)
	}
}

func TestWhoDoesNotLeadIsNotShownTheForms(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	liaison, auditor := w.Account("LCA", "liaison").Visit("fr"), w.Account("DMA", "auditor").Visit("en")
	stranger := w.Account("JAM", "coordinator").Visit("en")
	for _, form := range []string{"activate", "monitor", "open", "receivers", "stand-down", "close", "movements/new", "key-times/LANDFALL", "answers/new", "figures/new"} {
		liaison.Get(page(i, form)).Want(http.StatusForbidden)
		auditor.Get(page(i, form)).Want(http.StatusForbidden)
		stranger.Get(page(i, form)).Want(http.StatusNotFound)
	}
	liaison.Get("/incidents/new").Want(http.StatusForbidden).Says("Seule la coordination de l’État touché")
	auditor.Get("/incidents/new").Want(http.StatusForbidden)
	w.Account("LCA", "official").Visit("en").Get(page(i, "activate")).Want(http.StatusOK).Says("I pass on what somebody else said")
}
