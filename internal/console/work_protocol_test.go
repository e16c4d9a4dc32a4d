package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestMonitoringRunsThePlanningStepsAndLeavesTheProtocolToBeActivated(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	reachable(t, w, "LCA")
	visitor := dma.Visit("fr")
	landfall := w.Clock.Now().Add(60 * time.Hour).Truncate(time.Minute)
	review := visitor.Get(page(i, "monitor")).Says("Commencer le suivi", "Arrivée du cyclone").Form("/monitor").Fill("at_LANDFALL", local(landfall)).Send().
		Want(http.StatusOK).Says("Envoyer une alerte RÉELLE à 1 État", "Sainte-Lucie", "PERSONNE n’est prévenu ici : Antigua-et-Barbuda.")
	wantAt(t, press(review.Form("/monitor"), "yes"), "/incidents/"+i.ID, "work_monitoring")

	form := visitor.Get(page(i, "activate")).Want(http.StatusOK).Form("/activate")
	if got := form.Values.Get("at_LANDFALL"); got != local(landfall) {
		t.Errorf("the forecast of monitoring came as %q", got)
	}
	wantAt(t, press(form.Send().Form("/activate"), "yes"), "/incidents/"+i.ID, "work_activated")
	visitor.Get(page(i, "monitor")).Form("/monitor").Send().Want(http.StatusConflict)
}

func TestAReviewSaysWhatGoesOutOnlyWhereSomebodyIsReached(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	_, draft := workMaria(w, harness.Object{"draft": true})
	landfall := local(w.Clock.Now().Add(60 * time.Hour))
	visitor := dma.Visit("en")
	reviews := map[string]func(*harness.Form) *harness.Form{
		page(i, "monitor"):   func(f *harness.Form) *harness.Form { return f.Fill("at_LANDFALL", landfall) },
		page(i, "activate"):  func(f *harness.Form) *harness.Form { return f.Fill("at_LANDFALL", landfall) },
		page(i, "receivers"): func(f *harness.Form) *harness.Form { return f.Fill("receivers", "ATG", "LCA", "GRD") },
	}
	const goesOut = "Messages go out to those reached as soon as you press"
	for path, fill := range reviews {
		fill(visitor.Get(path).Form(path)).Send().Want(http.StatusOK).Says("NOBODY is told here").Silent("as soon as you press", "and tell it")
	}
	visitor.Get(page(draft, "open")).Says("NOBODY is told here").Silent("as soon as you press")
	reachable(t, w, "LCA", "GRD")
	for path, fill := range reviews {
		fill(visitor.Get(path).Form(path)).Send().Want(http.StatusOK).Says(goesOut)
	}
	visitor.Get(page(draft, "open")).Says(goesOut)
	press(reviews[page(i, "activate")](visitor.Get(page(i, "activate")).Form("/activate")).Send().Form("/activate"), "yes").
		Says("“Who was told” shows whom the alert has reached").Silent("every address")
}

func TestAProtocolAsksForItsKeyTimeAndNowIsOneTap(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, harness.Object{"exercise": true})
	reachable(t, w, "LCA", "ATG")
	form := dma.Visit("en").Get(page(i, "activate")).Says("EXERCISE: this is an exercise", "It has happened just now").Form("/activate")
	form.Send().Want(http.StatusBadRequest).Says("Landfall: is required: the due times count from it")
	review := form.Fill("kind_LANDFALL", "now").Send().Want(http.StatusOK).
		Says("Landfall: observed", "wait for a key time or a movement", "Send EXERCISE alert to 2 states")
	volcano := dma.Visit("fr").Get(page(i, "activate?protocol=volcano")).Form("/activate")
	volcano.Send().Want(http.StatusBadRequest).Says("est obligatoire, ou bien « niveau d’alerte orange »")
	volcano.Fill("kind_ORANGE", "now").Send().Want(http.StatusOK)
	if !strings.Contains(review.Raw, `class="rehearsal"`) {
		t.Error("the button of an exercise does not look like one")
	}
}

func TestAnObservedLandfallInTheFutureIsRefusedBeforeTheReviewInFrench(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	back := dma.Visit("fr").Get(page(i, "activate")).Form("/activate").
		Fill("at_LANDFALL", local(w.Clock.Now().Add(5*time.Hour))).Fill("kind_LANDFALL", "observed").Send().
		Want(http.StatusBadRequest).Says("est dans le futur ; n’indiquez que ce qui est arrivé")
	if got := back.Kept("/activate", "kind_LANDFALL"); got != "observed" {
		t.Errorf("the kind came back as %q", got)
	}
	dma.Visit("fr").Get(page(i, "activate")).Form("/activate").Fill("at_LANDFALL", "demain").Send().
		Want(http.StatusBadRequest).Says("Arrivée du cyclone : doit être une date et une heure")
}

func TestAProtocolThatWasNotMadeForTheHazardIsChosen(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	visitor := dma.Visit("en")
	form := visitor.Get("/incidents/new").Form("/incidents/new").
		Fill("exercise", "yes").Fill("hazard_type", "EQ").Fill("hazard_name", "Shaking").Fill("severity", "severe")
	id := incidentOf(t, press(form.Send().Form("/incidents/new"), "yes"))
	choose := visitor.Get("/incidents/" + id + "/activate").Want(http.StatusOK).Says("No protocol was made for this kind of hazard")
	choose.Follow("Hurricane").Want(http.StatusOK).Says("Landfall", "Forecast").Form("/activate").Fill("kind_LANDFALL", "now").Send().Says("Start; nobody is alerted", "No receiving state is named")
}

func TestWhoWasOvertakenSeesWhatIsOnRecordAndCanSendAllTheSame(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("en")
	review := visitor.Get(page(i, "activate")).Form("/activate").Fill("at_LANDFALL", local(w.Clock.Now().Add(48*time.Hour))).Send()
	etag := dma.Get(i.Path).ETag()
	dma.Put(i.Path+"/receivers", harness.Object{"receivers": []string{"LCA", "ATG", "GRD"}}, harness.IfMatch(etag)).Want(http.StatusOK)

	stale := press(review.Form("/activate"), "yes").Want(http.StatusPreconditionFailed).
		Says("Somebody changed this while you were writing", "Now on record", "Grenada", "Send mine all the same")
	if i := dma.Get(i.Path); i.Str("status") != "monitoring" {
		t.Fatalf("it was activated unseen: %s", i.Raw)
	}
	wantAt(t, press(stale.Form("/activate"), "yes"), "/incidents/"+i.ID, "work_activated")
	if n := len(dma.Get(i.Path).Body["receivers"].([]any)); n != 3 {
		t.Errorf("%d receivers", n)
	}
}

func TestReceiversAreNamedAndWithdrawnAfterAReview(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("en")
	form := visitor.Get(page(i, "receivers")).Want(http.StatusOK).Form("/receivers")
	if got := strings.Join(form.Values["receivers"], " "); !strings.Contains(got, "LCA") || !strings.Contains(got, "ATG") {
		t.Fatalf("ticked: %s", got)
	}
	form.Send().Want(http.StatusConflict).Says("there is nothing to change")
	review := form.Fill("receivers", "LCA", "GRD").Send().Want(http.StatusOK).
		Says("Antigua and Barbuda will no longer be named: from that moment the incident does not exist for it", "Grenada", "Name 1 state and withdraw 1")
	button := review.Form("/receivers")
	wantAt(t, press(button, "yes"), "/incidents/"+i.ID, "work_receivers")
	wantAt(t, press(button, "yes"), "/incidents/"+i.ID, "work_receivers")
	w.Account("ATG", "official").Get(i.Path).Want(http.StatusNotFound)
	w.Account("GRD", "official").Get(i.Path).Want(http.StatusOK)
}

func TestAStateThatPeopleAreOnTheirWayToIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	movement(w, i, "LCA")
	review := dma.Visit("fr").Get(page(i, "receivers")).Form("/receivers").Fill("receivers", "ATG").Send().Says("Sainte-Lucie ne sera plus désigné")
	press(review.Form("/receivers"), "yes").Want(http.StatusConflict).Says("Des personnes sont en route vers un État que vous voulez retirer")
}

func TestAListOfReceiversThatSomebodyElseChangedIsComparedFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	review := dma.Visit("fr").Get(page(i, "receivers")).Form("/receivers").Fill("receivers", "LCA", "ATG", "KNA").Send()
	dma.Put(i.Path+"/receivers", harness.Object{"receivers": []string{"LCA"}}, harness.IfMatch(dma.Get(i.Path).ETag())).Want(http.StatusOK)
	stale := press(review.Form("/receivers"), "yes").Want(http.StatusPreconditionFailed).Says("Enregistré à présent", "Envoyer quand même ma saisie", "Antigua-et-Barbuda")
	wantAt(t, press(stale.Form("/receivers"), "yes"), "/incidents/"+i.ID, "work_receivers")
	if n := len(dma.Get(i.Path).Body["receivers"].([]any)); n != 3 {
		t.Errorf("%d receivers", n)
	}
}

func TestAKeyTimeMovesWithItsHistory(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	landfall := w.Clock.Now().Add(48 * time.Hour).Truncate(time.Minute)
	i.Activate(landfall)
	visitor := dma.Visit("en")
	form := visitor.Get(page(i, "key-times/LANDFALL")).Want(http.StatusOK).Says("Now: forecast", "open steps count from it", "nobody is told").Form("/key-times/LANDFALL")
	moved := form.Fill("at", local(landfall.Add(-6*time.Hour))).Send()
	wantAt(t, moved, "/incidents/"+i.ID, "work_key_time")
	wantAt(t, form.Send(), "/incidents/"+i.ID, "work_key_time")
	visitor.Get(page(i, "key-times/LANDFALL")).Says("Before: forecast")
	small := visitor.Get(page(i, "key-times/LANDFALL")).Form("/key-times/LANDFALL").Fill("at", local(landfall.Add(-5*time.Hour)))
	wantAt(t, small.Send(), "/incidents/"+i.ID, "work_key_time_silent")

	dma.Visit("fr").Get(page(i, "key-times/LANDFALL")).Form("/key-times/LANDFALL").Fill("kind", "observed").Send().
		Want(http.StatusBadRequest).Says("est dans le futur")
	visitor.Get(page(i, "key-times/NOTHING")).Want(http.StatusNotFound)
	visitor.Get(page(i, "key-times/ACTIVATION")).Want(http.StatusNotFound)
	w.Account("LCA", "official").Visit("en").Get(page(i, "key-times/LANDFALL")).Want(http.StatusOK).Says("Dominica").Form("/key-times/LANDFALL").Send().
		Want(http.StatusBadRequest).Says("It came by: is required")
}

func TestAKeyTimeThatSomebodyElseMovedIsComparedFirst(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	landfall := w.Clock.Now().Add(48 * time.Hour).Truncate(time.Minute)
	i.Activate(landfall)
	visitor := dma.Visit("en")
	form := visitor.Get(page(i, "key-times/LANDFALL")).Form("/key-times/LANDFALL").Fill("at", local(landfall.Add(-9*time.Hour)))
	other := visitor.Get(page(i, "key-times/LANDFALL")).Form("/key-times/LANDFALL").Fill("at", local(landfall.Add(4*time.Hour)))
	wantAt(t, other.Send(), "/incidents/"+i.ID, "work_key_time")
	stale := form.Send().Want(http.StatusPreconditionFailed).Says("Now on record", "Send mine all the same")
	if got := stale.Kept("/key-times/LANDFALL", "at"); got != local(landfall.Add(-9*time.Hour)) {
		t.Errorf("what was typed came back as %q", got)
	}
	wantAt(t, stale.Form("/key-times/LANDFALL").Send(), "/incidents/"+i.ID, "work_key_time")
}

func TestAReceivingStateSaysWhenItsStayEnds(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	i.Activate(w.Clock.Now().Add(48 * time.Hour))
	lca := w.Account("LCA", "official")
	sent := lca.Visit("fr").Get(page(i, "key-times/STAY_END.LCA")).Want(http.StatusOK).Says("Fin du séjour (Sainte-Lucie)", "pas encore de valeur").
		Form("/key-times/STAY_END.LCA").Fill("at", local(w.Clock.Now().Add(2400*time.Hour))).Send()
	wantAt(t, sent, "/incidents/"+i.ID, "work_key_time")
	lca.Get(i.Path + "/anchors/STAY_END.LCA").Want(http.StatusOK)
}

func TestAnIncidentIsStoodDownWithAReason(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	i.Activate(w.Clock.Now().Add(48 * time.Hour))
	visitor := dma.Visit("fr")
	form := visitor.Get(page(i, "stand-down")).Want(http.StatusOK).Says("étapes ouvertes sont annulées", "Lever le dispositif réel").Form("/stand-down")
	form.Send().Want(http.StatusBadRequest).Says("Raison : doit être indiqué")
	wantAt(t, form.Fill("reason", "Maria est passée au nord").Send(), "/incidents/"+i.ID, "work_stood_down")
	visitor.Get(page(i, "stand-down")).Form("/stand-down").Fill("reason", "encore").Send().Want(http.StatusConflict).Says("Cet incident est terminé")
}

func TestClosingSaysExactlyWhatIsLeftAndWhere(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	i.Activate(w.Clock.Now().Add(48 * time.Hour))
	m := movement(w, i, "LCA")
	gone := movement(w, i, "ATG")
	atg := w.Account("ATG", "official")
	atg.Post(i.Path+"/movements/"+gone+"/arrive", harness.Object{"people": harness.Object{"total": 120}}).Want(http.StatusOK)
	left := dma.Visit("fr").Get(page(i, "close")).Want(http.StatusOK).Says("rien n’est clos").Form("/close").Send().
		Want(http.StatusConflict).Says("Pas clos : il reste", "est ouverte", "est annoncé et n’est pas parti", "le chiffre final manque (Antigua-et-Barbuda)").
		Silent("is open", "is announced")
	links := strings.Join(left.Links(""), " ")
	for _, want := range []string{page(i, "steps/HUR-01"), page(i, "movements/"+m), page(i, "figures/new?final=yes&place=ATG")} {
		if !strings.Contains(links, want) {
			t.Errorf("no link to %s in %s", want, links)
		}
	}
}

func TestAnIncidentWithoutWorkIsClosed(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	form := dma.Visit("en").Get(page(i, "close")).Form("/close")
	wantAt(t, form.Send(), "/incidents/"+i.ID, "work_closed")
	wantAt(t, form.Send(), "/incidents/"+i.ID, "work_closed")
}

func TestAVolcanoIsProposedTheProtocolOfVolcanoes(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	visitor := w.Account("VCT", "coordinator").Visit("fr")
	reachable(t, w, "LCA")
	form := visitor.Get("/incidents/new").Form("/incidents/new").
		Fill("exercise", "no").Fill("hazard_type", "VO").Fill("hazard_name", "La Soufrière").Fill("severity", "severe").Fill("receivers", "LCA")
	id := incidentOf(t, press(form.Send().Form("/incidents/new"), "yes"))
	red := local(w.Clock.Now().Add(24 * time.Hour))
	review := visitor.Get("/incidents/"+id+"/activate").Says("proposé pour cet aléa", "Niveau d’alerte orange").Form("/activate").Fill("at_RED", red).Send().
		Want(http.StatusOK).Says("Envoyer une alerte RÉELLE à 1 État")
	wantAt(t, press(review.Form("/activate"), "yes"), "/incidents/"+id, "work_activated")
	if code := fmt.Sprint(w.Admin.Get("/api/v1/incidents/" + id + "/steps").Items()[0]["code"]); !strings.HasPrefix(code, "VOL-") {
		t.Errorf("the first step is %s", code)
	}
}
