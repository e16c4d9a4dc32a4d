package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

func TestAMovementBringsItsStepsAndAlertsItsReceiver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.announced()
	m := w.boat(i.ID, "ATG")
	heard := w.announced()
	if len(heard) != 1 || len(heard[0].Alerts) != 1 || heard[0].Alerts[0].Party != "ATG" || heard[0].Alerts[0].Kind != "movement" ||
		!heard[0].Alerts[0].RequiredBy.Equal(monday.Add(15*time.Minute)) {
		t.Errorf("announced %+v", heard)
	}
	steps := w.steps(i.ID)
	for _, gone := range []string{"HUR-16", "HUR-18.ATG", "HUR-19.ATG", "HUR-20.ATG"} {
		if _, ok := steps[gone]; ok {
			t.Errorf("%s still stands for what has come", gone)
		}
	}
	if _, ok := steps["HUR-18.LCA"]; !ok {
		t.Error("HUR-18.LCA is gone, and nobody comes there")
	}
	notice := steps["HUR-16."+m.ID] // DEPARTURE−60min: in an hour, which is just fair
	if notice.Party != "DMA" || !notice.DueAt.Equal(monday.Add(time.Hour)) || notice.Movement != m.ID {
		t.Errorf("HUR-16 of the movement: %s, due %s", notice.Party, notice.DueAt)
	}
	count := steps["HUR-18."+m.ID] // a boat that does not arrive: ETA+3h until it does
	if count.Party != "ATG" || !count.DueAt.Equal(m.ETA.Add(3*time.Hour)) {
		t.Errorf("HUR-18 of the movement: %s, due %s", count.Party, count.DueAt)
	}
	if s := steps["HUR-21.ATG"]; s.Plan.WaitingFor != "ARRIVAL" {
		t.Errorf("HUR-21.ATG is due %s before anybody came", s.DueAt)
	}
	_, err := w.desk.CompleteStep(ctx, lca, w.once(), i.ID, "HUR-18.LCA", incident.StepReport{})
	refused(t, err, fault.State, "step_waiting")
}

func TestTheFirstArrivalSetsTheReceiversClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	first, second := w.boat(i.ID, "ATG"), w.boat(i.ID, "ATG")
	w.pass(3 * time.Hour)
	left := must(w.desk.DepartMovement(ctx, dma, w.once(), i.ID, first.ID, incident.DepartMovement{People: &incident.People{Total: 118}}))(t).Value
	if left.Status != incident.Departed || !left.DepartedAt.Equal(w.clock()) || left.Left.Total != 118 {
		t.Errorf("departed %+v", left)
	}
	w.pass(6 * time.Hour)
	arrival := w.clock()
	came := w.arrive(i.ID, first.ID, atg, 117)
	if came.Difference != -1 || !came.Reconciled() || came.Came.Total != 117 {
		t.Errorf("arrived %+v", came)
	}
	steps := w.steps(i.ID)
	for key, due := range map[string]time.Time{
		"HUR-18." + first.ID: arrival.Add(3 * time.Hour), "HUR-19." + first.ID: arrival.Add(6 * time.Hour),
		"HUR-21.ATG": arrival.Add(12 * time.Hour), "HUR-27.ATG.1": arrival.Add(24 * time.Hour), "HUR-34.ATG": maria.Add(60 * 24 * time.Hour),
	} {
		if s := steps[key]; !s.DueAt.Equal(due) {
			t.Errorf("%s is due %s, want %s", key, s.DueAt, due)
		}
	}
	if s := steps["HUR-21.LCA"]; s.Plan.WaitingFor != "ARRIVAL" {
		t.Errorf("an arrival in ATG sets the clock of LCA: %s", s.DueAt)
	}
	w.pass(time.Hour)
	w.arrive(i.ID, second.ID, atg, 120)
	if s := w.step(i.ID, "HUR-21.ATG"); !s.DueAt.Equal(arrival.Add(12 * time.Hour)) {
		t.Errorf("the second arrival moves HUR-21.ATG to %s", s.DueAt)
	}
}

func TestACancelledMovementTakesItsStepsAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	m := w.boat(i.ID, "ATG")
	w.announced()
	done := must(w.desk.CancelMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CancelMovement{Reason: "sea state"}))(t)
	if done.Value.Status != incident.MovementCancelled || done.Value.Reason != "sea state" {
		t.Errorf("cancelled %+v", done.Value)
	}
	said := w.announced()
	if diff := cmp.Diff([]ledger.AlertCall{{Party: "ATG", Kind: "movement_cancelled", Subject: m.ID}}, said[0].Alerts); diff != "" {
		t.Errorf("it is alerted as if something were asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]ledger.AlertClose{{Subject: m.ID, Reason: "movement_cancelled"}}, said[0].Closes); diff != "" {
		t.Errorf("what is closed (-want +got):\n%s", diff)
	}
	steps := w.steps(i.ID)
	if s := steps["HUR-16."+m.ID]; s.Status != incident.StepCancelled || s.Reason != "movement_cancelled" {
		t.Errorf("HUR-16 of the movement is %s (%s)", s.Status, s.Reason)
	}
	if s, ok := steps["HUR-18.ATG"]; !ok || !s.Placeholder || !s.Open() {
		t.Error("nothing stands for the next movement")
	}
	for name, err := range map[string]error{
		"depart":  second(w.desk.DepartMovement(ctx, dma, w.once(), i.ID, m.ID, incident.DepartMovement{})),
		"arrive":  second(w.desk.ArriveMovement(ctx, atg, w.once(), i.ID, m.ID, incident.ArriveMovement{})),
		"cancel":  second(w.desk.CancelMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CancelMovement{Reason: "x"})),
		"correct": second(w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "x", Carrier: ptr("y")})),
	} {
		if fault.CodeOf(err) != "movement_cancelled" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACorrectionMovesDueTimesAndKeepsTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	m := w.boat(i.ID, "ATG")
	later := m.ETA.Add(4 * time.Hour)
	_, err := w.desk.CorrectMovement(ctx, atg, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "radio", ETA: &later})
	refused(t, err, fault.Forbidden, "origin_only")
	must(w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "head wind", ETA: &later}))(t)
	if s := w.step(i.ID, "HUR-18."+m.ID); !s.DueAt.Equal(later.Add(3 * time.Hour)) {
		t.Errorf("HUR-18 is due %s", s.DueAt)
	}
	_, err = w.desk.CorrectMovement(ctx, atg, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "x", Came: &incident.People{Total: 1}})
	names(t, err, "/arrived_at")
	w.arrive(i.ID, m.ID, atg, 119)
	fixed := must(w.desk.CorrectMovement(ctx, atg, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "counted again", Came: &incident.People{Total: 120}}))(t).Value
	if fixed.Difference != 0 || fixed.Why != "" || fixed.Reason != "counted again" {
		t.Errorf("corrected %+v", fixed)
	}
	history, err := w.desk.History(ctx, i.ID)
	if err != nil || !slices.ContainsFunc(history, func(e ledger.Recorded) bool { return e.Type == incident.EventMovementArrived }) {
		t.Errorf("the first count is gone: %v", err)
	}
	_, err = w.desk.CorrectMovement(ctx, dma, w.once(), i.ID, m.ID, incident.CorrectMovement{Reason: "nothing"})
	names(t, err, "")
}

func TestAMovementThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	good := incident.AnnounceMovement{
		Mode: incident.BySea, To: incident.Spot{Party: "ATG"}, DepartsAt: monday, ETA: monday.Add(time.Hour), People: incident.People{Total: 40},
	}
	for name, c := range map[string]struct {
		change   func(*incident.AnnounceMovement)
		pointers []string
	}{
		"eta before departure":    {func(m *incident.AnnounceMovement) { m.ETA = monday.Add(-time.Hour) }, []string{"/eta"}},
		"no times":                {func(m *incident.AnnounceMovement) { m.ETA, m.DepartsAt = time.Time{}, time.Time{} }, []string{"/eta", "/departs_at"}},
		"year 1":                  {func(m *incident.AnnounceMovement) { m.DepartsAt = time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC) }, []string{"/departs_at"}},
		"by submarine":            {func(m *incident.AnnounceMovement) { m.Mode = "submarine" }, []string{"/mode"}},
		"to nobody named":         {func(m *incident.AnnounceMovement) { m.To.Party = "VCT" }, []string{"/to/party"}},
		"to an organisation":      {func(m *incident.AnnounceMovement) { m.To.Party = "ORG-IOM" }, []string{"/to/party"}},
		"from elsewhere":          {func(m *incident.AnnounceMovement) { m.From.Party = "LCA" }, []string{"/from/party"}},
		"to nowhere":              {func(m *incident.AnnounceMovement) { m.To.Party = "" }, []string{"/to/party"}},
		"port of dreams":          {func(m *incident.AnnounceMovement) { m.To.Port = "ATLANTIS" }, []string{"/to/port"}},
		"minus one":               {func(m *incident.AnnounceMovement) { m.People.Total = -1 }, []string{"/people/total"}},
		"eleven million":          {func(m *incident.AnnounceMovement) { m.People.Total = 11_000_000 }, []string{"/people/total"}},
		"more parts than people":  {func(m *incident.AnnounceMovement) { m.People.Sex = []incident.SexCount{{"f", 30}, {"m", 11}} }, []string{"/people/sex"}},
		"a sex twice":             {func(m *incident.AnnounceMovement) { m.People.Sex = []incident.SexCount{{"f", 3}, {"f", 1}} }, []string{"/people/sex/1/sex"}},
		"an unknown need":         {func(m *incident.AnnounceMovement) { m.People.Needs = []incident.NeedCount{{"Mrs Smith", 1}} }, []string{"/people/needs/0/need"}},
		"a need of more than all": {func(m *incident.AnnounceMovement) { m.People.Needs = []incident.NeedCount{{incident.Infant, 41}} }, []string{"/people/needs/0/count"}},
		"ages upside down": {func(m *incident.AnnounceMovement) {
			m.People.Ages = []incident.AgeBand{{From: ptr(17), To: ptr(5), Count: 1}}
		}, []string{"/people/ages/0/age_to"}},
		"ages that add up to more": {func(m *incident.AnnounceMovement) {
			m.People.Ages = []incident.AgeBand{{From: ptr(0), To: ptr(17), Count: 30}, {From: ptr(18), Count: 11}}
		}, []string{"/people/ages"}},
		"ages that overlap": {func(m *incident.AnnounceMovement) {
			m.People.Ages = []incident.AgeBand{{From: ptr(0), To: ptr(17), Count: 3}, {From: ptr(17), Count: 2}, {Count: 1}, {Count: 1}}
		}, []string{"/people/ages/1/age_from", "/people/ages/3/age_from"}},
		"a plane to a sea port":   {func(m *incident.AnnounceMovement) { m.Mode, m.To.Port = incident.ByAir, "AGSJO" }, []string{"/to/port"}},
		"a plane to a jetty":      {func(m *incident.AnnounceMovement) { m.Mode, m.From.Port = incident.ByAir, "DMA.PORTSMOUTH" }, []string{"/from/port"}},
		"a boat to an airport":    {func(m *incident.AnnounceMovement) { m.Mode, m.To.Port = incident.BySea, "ANU" }, []string{"/to/port"}},
		"a port of another state": {func(m *incident.AnnounceMovement) { m.Mode, m.From.Port = incident.ByAir, "ANU" }, []string{"/from/port"}},
		"a port of another island": {func(m *incident.AnnounceMovement) {
			m.Mode, m.To.Party, m.To.Port = incident.ByAir, "ATG-BARBUDA", "ANU"
		}, []string{"/to/port"}},
		"a landing of another state": {func(m *incident.AnnounceMovement) { m.Mode, m.To.Port = incident.BySea, "LCA.PIGEON-POINT" }, []string{"/to/port"}},
		"leaving in 2071":            {func(m *incident.AnnounceMovement) { m.DepartsAt, m.ETA = in2071, in2071 }, []string{"/departs_at", "/eta"}},
		"names of passengers":        {func(m *incident.AnnounceMovement) { m.Carrier = "John Smith, Mary Jones, Peter Brown" }, []string{"/carrier"}},
		"a carrier with a bell":      {func(m *incident.AnnounceMovement) { m.Carrier = "LIAT\a" }, []string{"/carrier"}},
		"an id of its own kind":      {func(m *incident.AnnounceMovement) { m.ID = "boat-1" }, []string{"/id"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			c.change(&in)
			_, err := w.desk.AnnounceMovement(ctx, dma, w.once(), i.ID, in)
			names(t, err, c.pointers...)
		})
	}
	to := good
	to.To.Party = "ATG-BARBUDA"
	if m := must(w.desk.AnnounceMovement(ctx, dma, w.once(), i.ID, to))(t).Value; m.Receiver != "ATG" {
		t.Errorf("received by %s", m.Receiver)
	}
	_, err := w.desk.ArriveMovement(ctx, atg, w.once(), i.ID, "nowhere", incident.ArriveMovement{})
	refused(t, err, fault.NotFound, "movement_not_found")
}

func TestContradictingFiguresStandSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	report := func(by access.Scope, change func(*incident.Figure)) (incident.Figure, error) {
		done, err := w.desk.ReportFigure(ctx, by, w.once(), i.ID, figure(change))
		return done.Value, err
	}
	government := must(report(atg, func(f *incident.Figure) { f.Number = 120 }))(t)
	must(report(atg, func(f *incident.Figure) { f.Number, f.Role, f.Source.Kind = 140, incident.Triangulation, "red_cross" }))(t)
	must(report(cdema, func(f *incident.Figure) { f.Number, f.Role, f.Source.Kind = 90, incident.Triangulation, "media" }))(t)
	_, err := report(dma, func(f *incident.Figure) { f.Number = 130 })
	refused(t, err, fault.State, "recommended_exists")
	must(report(atg, func(f *incident.Figure) { f.AsOf = f.AsOf.Add(-24 * time.Hour) }))(t) // another day
	must(report(atg, func(f *incident.Figure) { f.Place.Name = "Parham" }))(t)              // another place
	better := must(report(atg, func(f *incident.Figure) { f.Number, f.Supersedes = 131, government.ID }))(t)
	_, err = report(atg, func(f *incident.Figure) { f.Supersedes = government.ID })
	refused(t, err, fault.State, "superseded")
	_, err = report(lca, func(f *incident.Figure) { f.Supersedes = better.ID })
	refused(t, err, fault.Forbidden, "not_your_figure")

	page := must(w.desk.Figures(ctx, lca, i.ID, "", incident.PageRequest{}))(t)
	numbers := map[int]string{}
	for _, f := range page.Items {
		numbers[f.Number] = f.SupersededBy
	}
	if len(page.Items) != 6 || numbers[120] != better.ID || numbers[131] != "" {
		t.Errorf("%d figures, superseded %v", len(page.Items), numbers)
	}
	recommended := must(w.desk.Figures(ctx, lca, i.ID, incident.Recommended, incident.PageRequest{Limit: 3}))(t)
	rest := must(w.desk.Figures(ctx, lca, i.ID, incident.Recommended, incident.PageRequest{Limit: 3, Cursor: recommended.Next}))(t)
	if len(recommended.Items) != 3 || len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("%d and %d recommended figures", len(recommended.Items), len(rest.Items))
	}
}

func TestFiguresSayWhetherTheirPartsAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	f := must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure(func(f *incident.Figure) {
		f.Unit, f.Number, f.HouseholdSize = incident.Households, 239, 3.1
		f.Parts = []incident.FigurePart{{Setting: "public_shelter", Number: 200}, {Setting: "host_family", Number: 38}}
		f.Coverage = &incident.Coverage{Covered: 78, Total: 143}
	})))(t).Value
	if f.PartsAddUp || f.Persons != 741 || f.Kind != incident.Stock || f.ReportedBy != "ATG" {
		t.Errorf("add up %t, %d persons, %s, by %s", f.PartsAddUp, f.Persons, f.Kind, f.ReportedBy)
	}
	for name, c := range map[string]struct {
		change   func(*incident.Figure)
		pointers []string
	}{
		"a flow without a start":   {func(f *incident.Figure) { f.Category = "new_displacement" }, []string{"/since"}},
		"a stock with a start":     {func(f *incident.Figure) { f.Since = monday.Add(-48 * time.Hour) }, []string{"/since"}},
		"of tomorrow":              {func(f *incident.Figure) { f.AsOf = monday.Add(24 * time.Hour) }, []string{"/as_of"}},
		"households without size":  {func(f *incident.Figure) { f.Unit = incident.Households }, []string{"/household_size"}},
		"persons with a size":      {func(f *incident.Figure) { f.HouseholdSize = 3 }, []string{"/household_size"}},
		"negative":                 {func(f *incident.Figure) { f.Number = -1 }, []string{"/number"}},
		"no source":                {func(f *incident.Figure) { f.Source = incident.FigureSource{} }, []string{"/source/name", "/source/kind"}},
		"of a place not in it":     {func(f *incident.Figure) { f.Place.Party = "VCT" }, []string{"/place/party"}},
		"superseding nothing":      {func(f *incident.Figure) { f.Supersedes = ledger.NewID() }, []string{"/supersedes"}},
		"more covered than exists": {func(f *incident.Figure) { f.Coverage = &incident.Coverage{Covered: 2, Total: 1} }, []string{"/coverage/covered"}},
		"words of its own": {func(f *incident.Figure) {
			f.Quantifier, f.Unit, f.Category, f.Term, f.Setting, f.Role = "some", "heads", "x", "y", "z", "best"
		}, []string{"/quantifier", "/unit", "/category", "/term", "/setting", "/role"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure(c.change))
			names(t, err, c.pointers...)
		})
	}
}

func TestReceiversAnswerForThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	give := func(by access.Scope, a incident.Answer, relay *ledger.Relay) (incident.Done[*incident.Answer], error) {
		write := w.once()
		write.Relay = relay
		return w.desk.GiveAnswer(ctx, by, write, i.ID, a)
	}
	accept := incident.Answer{Kind: incident.Accept, Ceiling: ptr(300), Conditions: []string{"screening at the port"}, ValidUntil: monday.Add(72 * time.Hour)}
	if a := must(give(atg, accept, nil))(t).Value; a.Party != "ATG" || *a.Ceiling != 300 || !a.OccurredAt.Equal(monday) {
		t.Errorf("answer %+v", a)
	}
	if s := w.step(i.ID, "HUR-07.ATG"); !s.Open() {
		t.Error("an answer closes a step")
	}
	_, err := give(dma, accept, nil)
	refused(t, err, fault.Forbidden, "receivers_only")
	_, err = give(atg, incident.Answer{Kind: incident.Decline, Party: "LCA"}, nil)
	refused(t, err, fault.Forbidden, "receiver_only")
	_, err = give(everyone, accept, nil)
	names(t, err, "/party")
	_, err = give(vct, accept, nil)
	refused(t, err, fault.NotFound, "incident_not_found")

	radio := &ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "radio"}
	relayed := must(give(atg, incident.Answer{Kind: incident.Question, Text: "How many need a doctor?"}, radio))(t)
	if relayed.Value.Party != "LCA" || relayed.Events[0].Relay == nil || relayed.Events[0].Actor.Party != "ATG" {
		t.Errorf("answer %+v of %+v", relayed.Value, relayed.Events[0].Actor)
	}
	for name, c := range map[string]struct {
		answer   incident.Answer
		pointers []string
	}{
		"of no kind":              {incident.Answer{Kind: "perhaps"}, []string{"/kind"}},
		"a question without text": {incident.Answer{Kind: incident.Question}, []string{"/text"}},
		"declined with a ceiling": {incident.Answer{Kind: incident.Decline, Ceiling: ptr(1)}, []string{"/ceiling"}},
		"valid until yesterday":   {incident.Answer{Kind: incident.Accept, ValidUntil: monday.Add(-24 * time.Hour)}, []string{"/valid_until"}},
		"an empty condition":      {incident.Answer{Kind: incident.Accept, Conditions: []string{" "}}, []string{"/conditions/0"}},
		"minus ten":               {incident.Answer{Kind: incident.Accept, Ceiling: ptr(-10)}, []string{"/ceiling"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := give(atg, c.answer, nil)
			names(t, err, c.pointers...)
		})
	}
	for name, c := range map[string]struct {
		relay    ledger.Relay
		pointers []string
	}{
		"for nobody":        {ledger.Relay{RelayedBy: "radio"}, []string{"/on_behalf_of"}},
		"for a stranger":    {ledger.Relay{OnBehalfOf: "VCT", RelayedBy: "radio"}, []string{"/on_behalf_of"}},
		"by pigeon":         {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "pigeon"}, []string{"/relayed_by"}},
		"said in year 9999": {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "phone", SaidAt: ptr(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))}, []string{"/said_at"}},
		"said tomorrow":     {ledger.Relay{OnBehalfOf: "LCA", RelayedBy: "phone", SaidAt: ptr(monday.Add(24 * time.Hour))}, []string{"/said_at"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := give(atg, accept, &c.relay)
			names(t, err, c.pointers...)
		})
	}
	if all := must(w.desk.Answers(ctx, dma, i.ID))(t); len(all) != 2 || all[1].Party != place.Party("LCA") {
		t.Errorf("answers %+v", all)
	}
}

func second[V any](_ V, err error) error { return err }
