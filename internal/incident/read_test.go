package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

func TestListsShowWhatOneMaySeeNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	open := func(title string, change func(*incident.Open)) string {
		w.pass(time.Minute)
		return w.open(func(in *incident.Open) {
			in.Title = title
			change(in)
		}).ID
	}
	open("Ouragan à Roseau", func(in *incident.Open) {})
	open("Montserrat ash", func(in *incident.Open) { in.Origin, in.Receivers = "MSR", []place.Party{"ATG"} })
	open("Drill", func(in *incident.Open) { in.Exercise, in.Receivers = true, []place.Party{"LCA"} })
	stood := open("Turned north", func(in *incident.Open) {})
	open("Secret", func(in *incident.Open) { in.Draft = true })
	must(w.desk.StandDown(ctx, dma, w.once(), stood, "north"))(t)

	for _, c := range []struct {
		name   string
		scope  access.Scope
		filter incident.Filter
		want   []string
	}{
		{"first account", everyone, incident.Filter{}, []string{"Secret", "Turned north", "Drill", "Montserrat ash", "Ouragan à Roseau"}},
		{"origin", dma, incident.Filter{}, []string{"Secret", "Turned north", "Drill", "Ouragan à Roseau"}},
		{"receiver", atg, incident.Filter{}, []string{"Turned north", "Montserrat ash", "Ouragan à Roseau"}},
		{"stranger", vct, incident.Filter{}, []string{}},
		{"nobody", access.Scope{}, incident.Filter{}, []string{}},
		{"with Dominica", atg, incident.Filter{State: "DMA"}, []string{"Turned north", "Ouragan à Roseau"}},
		{"with Saint Vincent", atg, incident.Filter{State: "VCT"}, []string{}},
		{"stood down", dma, incident.Filter{Status: []incident.Status{incident.StoodDown}}, []string{"Turned north"}},
		{"two statuses", dma, incident.Filter{Status: []incident.Status{incident.StoodDown, incident.Draft}}, []string{"Secret", "Turned north"}},
		{"exercises", dma, incident.Filter{Exercise: ptr(true)}, []string{"Drill"}},
		{"no exercises", lca, incident.Filter{Exercise: ptr(false)}, []string{"Turned north", "Ouragan à Roseau"}},
		{"accents do not matter", atg, incident.Filter{Query: "A ROSEAU"}, []string{"Ouragan à Roseau"}},
		{"hidden titles are not found", atg, incident.Filter{Query: "secret"}, []string{}},
		{"by hazard", atg, incident.Filter{HazardType: "VO"}, []string{}},
		{"all at once", atg, incident.Filter{State: "MSR", HazardType: "TC", Status: []incident.Status{incident.Monitoring}, Exercise: ptr(false), Query: "ash"},
			[]string{"Montserrat ash"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, limit := range []int{1, 2, 500} {
				got := []string{}
				page := incident.PageRequest{Limit: limit}
				for {
					p := must(w.desk.List(ctx, c.scope, c.filter, page))(t)
					for _, i := range p.Items {
						got = append(got, i.Title)
					}
					if page.Cursor = p.Next; p.Next == "" {
						break
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("pages of %d: %s", limit, diff)
				}
			}
		})
	}
	code := must(w.desk.List(ctx, atg, incident.Filter{Query: "ouragan"}, incident.PageRequest{}))(t).Items[0].Code
	if found := must(w.desk.List(ctx, atg, incident.Filter{Query: strings.ToLower(code)}, incident.PageRequest{}))(t); len(found.Items) != 1 {
		t.Errorf("%s is not found by its code", code)
	}
	first := must(w.desk.List(ctx, dma, incident.Filter{}, incident.PageRequest{Limit: 1}))(t)
	if p, err := w.desk.List(ctx, atg, incident.Filter{}, incident.PageRequest{Cursor: first.Next}); err == nil {
		for _, i := range p.Items {
			if i.Title == "Secret" || i.Title == "Drill" {
				t.Errorf("another's cursor shows %q", i.Title)
			}
		}
	} else {
		refused(t, err, fault.Invalid, "bad_cursor")
	}
}

func TestHostileListRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	for name, c := range map[string]struct {
		err      error
		pointers []string
	}{
		"limit above":     {second(w.desk.List(ctx, dma, incident.Filter{}, incident.PageRequest{Limit: 501})), []string{"?limit"}},
		"limit below":     {second(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{}, incident.PageRequest{Limit: -1})), []string{"?limit"}},
		"cursor":          {second(w.desk.List(ctx, dma, incident.Filter{}, incident.PageRequest{Cursor: "'; drop"})), []string{"?cursor"}},
		"long cursor":     {second(w.desk.List(ctx, dma, incident.Filter{}, incident.PageRequest{Cursor: strings.Repeat("a", 5000)})), []string{"?cursor"}},
		"steps cursor":    {second(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{}, incident.PageRequest{Cursor: "%%%"})), []string{"?cursor"}},
		"timeline cursor": {second(w.desk.Timeline(ctx, dma, i.ID, incident.PageRequest{Cursor: "-1"})), []string{"?cursor"}},
		"figures cursor":  {second(w.desk.Figures(ctx, dma, i.ID, "", incident.PageRequest{Cursor: "x"})), []string{"?cursor"}},
		"status":          {second(w.desk.List(ctx, dma, incident.Filter{Status: []incident.Status{"gone"}}, incident.PageRequest{})), []string{"?status"}},
		"state":           {second(w.desk.List(ctx, dma, incident.Filter{State: "Dominica"}, incident.PageRequest{})), []string{"?state"}},
		"hazard type":     {second(w.desk.List(ctx, dma, incident.Filter{HazardType: "storm"}, incident.PageRequest{})), []string{"?hazard_type"}},
		"query":           {second(w.desk.List(ctx, dma, incident.Filter{Query: strings.Repeat("é", 201)}, incident.PageRequest{})), []string{"?q"}},
		"role":            {second(w.desk.Figures(ctx, dma, i.ID, "best", incident.PageRequest{})), []string{"?role"}},
		"step filter":     {second(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{Party: "x", Phase: "y", Side: "z"}, incident.PageRequest{})), []string{"?party", "?phase", "?side"}},
		"year 1":          {second(w.desk.GetAsKnownAt(ctx, dma, i.ID, time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC))), []string{"?as_known_at"}},
	} {
		t.Run(name, func(t *testing.T) { names(t, c.err, c.pointers...) })
	}
}

func TestStepsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	all := must(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{}, incident.PageRequest{}))(t).Items
	var paged []string
	page := incident.PageRequest{Limit: 7}
	for {
		p := must(w.desk.Steps(ctx, dma, i.ID, incident.StepFilter{}, page))(t)
		for _, s := range p.Items {
			paged = append(paged, s.Key)
		}
		if page.Cursor = p.Next; p.Next == "" {
			break
		}
	}
	var keys []string
	for _, s := range all {
		keys = append(keys, s.Key)
	}
	if diff := cmp.Diff(keys, paged); diff != "" {
		t.Error(diff)
	}
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{}))(t)
	for name, c := range map[string]struct {
		filter incident.StepFilter
		want   []string
	}{
		"of one party and phase": {incident.StepFilter{Party: "ATG", Phase: "activation"}, []string{"HUR-07.ATG", "HUR-08.ATG", "HUR-09.ATG"}},
		"done":                   {incident.StepFilter{Status: []incident.StepStatus{incident.StepDone}}, []string{"HUR-05"}},
		"of one code":            {incident.StepFilter{Code: "HUR-07"}, []string{"HUR-07.ATG", "HUR-07.LCA"}},
		"regional":               {incident.StepFilter{Side: "regional"}, []string{"HUR-06", "HUR-25", "HUR-37"}},
	} {
		var got []string
		for _, s := range must(w.desk.Steps(ctx, dma, i.ID, c.filter, incident.PageRequest{}))(t).Items {
			got = append(got, s.Key)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var mine []string
	for _, s := range must(w.desk.Steps(ctx, liaison("LCA"), i.ID, incident.StepFilter{}, incident.PageRequest{}))(t).Items {
		mine = append(mine, s.Key)
	}
	if diff := cmp.Diff([]string{"HUR-23.LCA", "HUR-32.LCA"}, mine); diff != "" {
		t.Errorf("a liaison sees %s", diff)
	}
	_, err := w.desk.Step(ctx, liaison("LCA"), i.ID, "HUR-05")
	refused(t, err, fault.NotFound, "step_not_found")
}

func TestTheTimelineTellsWhoAndWhenFromTheNamingOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	w.pass(time.Hour)
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{OccurredAt: monday.Add(20 * time.Minute)}))(t)
	named := must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"ATG", "LCA", "VCT"}))(t)
	must(w.desk.StartStep(ctx, vct, w.once(), i.ID, "HUR-07.VCT", incident.StepReport{}))(t)

	types := func(scope access.Scope, limit int) []string {
		var got []string
		page := incident.PageRequest{Limit: limit}
		for {
			p := must(w.desk.Timeline(ctx, scope, i.ID, page))(t)
			for _, e := range p.Items {
				got = append(got, e.Type+" "+e.Subject+" "+string(e.Party))
			}
			if page.Cursor = p.Next; p.Next == "" {
				return got
			}
		}
	}
	want := []string{"incident.opened.v1  DMA", "incident.activated.v1  DMA", "step.completed.v1 HUR-05 DMA", "incident.receivers_changed.v1  DMA", "step.started.v1 HUR-07.VCT VCT"}
	for _, limit := range []int{1, 2, 100} {
		if diff := cmp.Diff(want, types(dma, limit)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want[3:], types(vct, limit)); diff != "" {
			t.Errorf("named later: %s", diff)
		}
	}
	entries := must(w.desk.Timeline(ctx, dma, i.ID, incident.PageRequest{}))(t).Items
	if e := entries[2]; !e.OccurredAt.Equal(monday.Add(20*time.Minute)) || !e.RecordedAt.Equal(monday.Add(time.Hour)) || e.Role != access.RoleCoordinator {
		t.Errorf("entry %+v", e)
	}
	_, err := w.desk.GetAsKnownAt(ctx, vct, i.ID, monday.Add(time.Minute))
	refused(t, err, fault.NotFound, "incident_not_found")
	must(w.desk.GetAsKnownAt(ctx, vct, i.ID, named.Value.UpdatedAt))(t)
}

func TestAnIncidentAsItCouldBeKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.setClock(monday.Add(-time.Hour))
	i := w.open(func(in *incident.Open) { in.Receivers = nil })
	w.setClock(monday)
	second := must(w.desk.SetReceivers(ctx, dma, access.Write{IfMatch: w.desk.ETag(i.Seq)}, i.ID, []place.Party{"ATG"}))(t)
	w.setClock(monday.Add(time.Hour))
	must(w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria)))(t)

	for _, c := range []struct {
		at     time.Time
		seq    int64
		status incident.Status
	}{
		{monday.Add(-time.Minute), 1, incident.Monitoring},
		{monday, 2, incident.Monitoring},
		{monday.Add(time.Hour - time.Microsecond), 2, incident.Monitoring},
		{monday.Add(time.Hour), 3, incident.Active},
	} {
		k := must(w.desk.GetAsKnownAt(ctx, dma, i.ID, c.at))(t)
		want := map[string]int64{"incident/" + i.ID: c.seq, "hazard/" + i.HazardID: 1}
		if diff := cmp.Diff(want, k.Known); diff != "" || k.Incident.Status != c.status || k.Incident.Version != c.seq || k.Hazard.Name != "Maria" {
			t.Errorf("at %s: %s, version %d, %s", c.at, k.Incident.Status, k.Incident.Version, diff)
		}
		if provisional := c.at.After(w.clock().Add(-10 * time.Second)); k.Provisional != provisional {
			t.Errorf("at %s: provisional %t", c.at, k.Provisional)
		}
	}
	_, err := w.desk.GetAsKnownAt(ctx, dma, i.ID, monday.Add(-2*time.Hour))
	refused(t, err, fault.NotFound, "incident_not_found")
	_, err = w.desk.GetAsKnownAt(ctx, atg, i.ID, monday.Add(-time.Minute))
	refused(t, err, fault.NotFound, "incident_not_found")
	if k := must(w.desk.GetAsKnownAt(ctx, atg, i.ID, monday))(t); !slices.Equal(k.Incident.Receivers, second.Value.Receivers) {
		t.Errorf("known %v", k.Incident.Receivers)
	}
}

func TestIncidentsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	good := w.request()
	for name, c := range map[string]struct {
		change   func(*incident.Open)
		pointers []string
	}{
		"no title":              {func(in *incident.Open) { in.Title = " " }, []string{"/title"}},
		"201 letters":           {func(in *incident.Open) { in.Title = strings.Repeat("é", 201) }, []string{"/title"}},
		"a control character":   {func(in *incident.Open) { in.Title = "Maria\x00" }, []string{"/title"}},
		"a line break":          {func(in *incident.Open) { in.Title = "Maria\nagain" }, []string{"/title"}},
		"text turned round":     {func(in *incident.Open) { in.Title = "Maria \u202egnp" }, []string{"/title"}},
		"bad UTF-8":             {func(in *incident.Open) { in.Title = "Maria \xff" }, []string{"/title"}},
		"no hazard":             {func(in *incident.Open) { in.HazardID = "" }, []string{"/hazard_id"}},
		"another's hazard":      {func(in *incident.Open) { in.HazardID = ledger.NewID() }, []string{"/hazard_id"}},
		"unknown origin":        {func(in *incident.Open) { in.Origin = "ZZZ" }, []string{"/origin"}},
		"an organisation":       {func(in *incident.Open) { in.Origin = "ORG-IOM" }, []string{"/origin"}},
		"unknown island":        {func(in *incident.Open) { in.OriginIsland = "ATLANTIS" }, []string{"/origin_island"}},
		"unknown receiver":      {func(in *incident.Open) { in.Receivers = []place.Party{"ATG", "zzz"} }, []string{"/receivers/1"}},
		"a receiver twice":      {func(in *incident.Open) { in.Receivers = []place.Party{"ATG", "LCA", "ATG"} }, []string{"/receivers/2"}},
		"unknown severity":      {func(in *incident.Open) { in.Severity = "bad" }, []string{"/severity"}},
		"year 1":                {func(in *incident.Open) { in.OccurredAt = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC) }, []string{"/occurred_at"}},
		"year 9999":             {func(in *incident.Open) { in.OccurredAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"/occurred_at"}},
		"no time":               {func(in *incident.Open) { in.OccurredAt = time.Time{} }, []string{"/occurred_at"}},
		"speed in earnest":      {func(in *incident.Open) { in.ExerciseSpeed = 2 }, []string{"/exercise_speed"}},
		"speed of 241":          {func(in *incident.Open) { in.Exercise, in.ExerciseSpeed = true, 241 }, []string{"/exercise_speed"}},
		"an id of its own kind": {func(in *incident.Open) { in.ID = "1" }, []string{"/id"}},
		"a nil id":              {func(in *incident.Open) { in.ID = "00000000-0000-0000-0000-000000000000" }, []string{"/id"}},
		"an id in capitals":     {func(in *incident.Open) { in.ID = strings.ToUpper(ledger.NewID()) }, []string{"/id"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			c.change(&in)
			_, err := w.desk.Open(ctx, everyone, w.once(), in)
			names(t, err, c.pointers...)
		})
	}
	if list := must(w.desk.List(ctx, everyone, incident.Filter{}, incident.PageRequest{}))(t); len(list.Items) != 0 {
		t.Errorf("something was stored: %v", list.Items)
	}
	good.ID = ledger.NewID()
	must(w.desk.Open(ctx, dma, w.once(), good))(t)
	_, err := w.desk.Open(ctx, dma, w.once(), good)
	refused(t, err, fault.Conflict, "id_taken")
}

func TestProtocolsAreStartedWithAnchorsTheyKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.open()
	for name, c := range map[string]struct {
		change   func(*incident.Start)
		pointers []string
	}{
		"no protocol":          {func(s *incident.Start) { s.Protocol = "" }, []string{"/protocol"}},
		"a mode of its own":    {func(s *incident.Start) { s.Mode = "leisurely" }, []string{"/mode"}},
		"no such anchor":       {func(s *incident.Start) { s.Anchors["a/b~c"] = forecast(maria) }, []string{"/anchors/a~1b~0c"}},
		"an anchor of another": {func(s *incident.Start) { s.Anchors["RED"] = forecast(maria) }, []string{"/anchors/RED"}},
		"one that follows":     {func(s *incident.Start) { s.Anchors["ARRIVAL"] = forecast(maria) }, []string{"/anchors/ARRIVAL"}},
		"one of each receiver": {func(s *incident.Start) { s.Anchors["STAY_END"] = forecast(maria) }, []string{"/anchors/STAY_END"}},
		"no kind":              {func(s *incident.Start) { v := s.Anchors["LANDFALL"]; v.Kind = ""; s.Anchors["LANDFALL"] = v }, []string{"/anchors/LANDFALL/kind"}},
		"no time":              {func(s *incident.Start) { s.Anchors["LANDFALL"] = forecast(time.Time{}) }, []string{"/anchors/LANDFALL/at"}},
		"seen in advance":      {func(s *incident.Start) { s.Anchors["LANDFALL"] = observed(maria) }, []string{"/anchors/LANDFALL/at"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := landfall(maria)
			c.change(&in)
			_, err := w.desk.Activate(ctx, dma, w.once(), i.ID, in)
			names(t, err, c.pointers...)
		})
	}
}

func TestHazardsAreEverybodysAndClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	good := incident.OpenHazard{Name: "Maria", Type: "TC", GLIDE: []string{"tc-2017-000136-dma", "TC-2017-000132-ATG/KNA"}, StartedAt: monday}
	h := must(w.desk.OpenHazard(ctx, cdema, w.once(), good))(t).Value
	if !slices.Equal(h.GLIDE, []string{"TC-2017-000136-DMA", "TC-2017-000132-ATG", "TC-2017-000132-KNA"}) {
		t.Errorf("GLIDE %v", h.GLIDE)
	}
	if got := must(w.desk.GetHazard(ctx, vct, h.ID))(t); got.Name != "Maria" {
		t.Errorf("read %+v", got)
	}
	if list := must(w.desk.ListHazards(ctx, vct, incident.PageRequest{}))(t); len(list.Items) != 1 {
		t.Errorf("%d hazards", len(list.Items))
	}
	_, err := w.desk.GetHazard(ctx, access.Scope{}, h.ID)
	refused(t, err, fault.NotFound, "hazard_not_found")
	_, err = w.desk.OpenHazard(ctx, atg, w.once(), good)
	refused(t, err, fault.Forbidden, "role_not_allowed")
	for name, c := range map[string]struct {
		change   func(*incident.OpenHazard)
		pointers []string
	}{
		"nameless":      {func(h *incident.OpenHazard) { h.Name = "" }, []string{"/name"}},
		"of no type":    {func(h *incident.OpenHazard) { h.Type = "XX" }, []string{"/type"}},
		"bad GLIDE":     {func(h *incident.OpenHazard) { h.GLIDE = []string{"TC-2017-000136-DMA", "Maria"} }, []string{"/glide/1"}},
		"a GLIDE twice": {func(h *incident.OpenHazard) { h.GLIDE = []string{"TC-2017-000136-DMA", "TC 2017-000136-DMA"} }, []string{"/glide/1"}},
		"never":         {func(h *incident.OpenHazard) { h.StartedAt = time.Time{} }, []string{"/started_at"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			c.change(&in)
			_, err := w.desk.OpenHazard(ctx, dma, w.once(), in)
			names(t, err, c.pointers...)
		})
	}
}

func TestWhoMayBeToldFollowsTheNaming(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active(func(in *incident.Open) {
		in.Origin, in.OriginIsland = "ATG", "BARBUDA"
		in.Receivers = []place.Party{"LCA"}
	})
	for party, may := range map[place.Party]bool{"ATG": true, "ATG-BARBUDA": true, "LCA": true, "VCT": false, "ORG-CDEMA": true, "ORG-IOM": false, "": false} {
		if got := w.told(i.ID, party); got != may {
			t.Errorf("%q may be told: %t", party, got)
		}
	}
	if w.told(ledger.NewID(), "ATG") {
		t.Error("somebody may be told of what does not exist")
	}
}

func TestAClashingCodeGivesWayToTheNextCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	in := w.request()
	in.ID = ledger.NewID()
	w.claim(incident.CodeOf(in.ID, "DMA", monday, 0))
	w.claim(incident.CodeOf(in.ID, "DMA", monday, 1))
	if i := must(w.desk.Open(ctx, dma, w.once(), in))(t).Value; i.Code != incident.CodeOf(in.ID, "DMA", monday, 2) {
		t.Errorf("code %s", i.Code)
	}
}

func TestOpenIncidentsAreFoundAmongThoseThatAreOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var want []string
	for n := range 12 {
		w.pass(time.Minute)
		i := w.open(func(in *incident.Open) { in.Draft = n == 3 })
		switch n % 3 {
		case 0:
			want = append([]string{i.ID}, want...)
		case 1:
			must(w.desk.Activate(ctx, dma, w.once(), i.ID, landfall(maria)))(t)
			want = append([]string{i.ID}, want...)
		default:
			must(w.desk.StandDown(ctx, dma, w.once(), i.ID, "passed north"))(t)
		}
	}
	ids := func(scope access.Scope, most int) (got []string, more bool) {
		open, more, err := w.desk.ListOpen(ctx, scope, most)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range open {
			got = append(got, i.ID)
		}
		return got, more
	}
	for name, scope := range map[string]access.Scope{"the affected state": dma, "who sees all": everyone} {
		if got, more := ids(scope, 100); more || !slices.Equal(got, want) {
			t.Errorf("%s finds %v, more %t, want %v", name, got, more, want)
		}
		if got, more := ids(scope, 3); !more || !slices.Equal(got, want[:3]) {
			t.Errorf("%s finds first %v, more %t", name, got, more)
		}
	}
	if got, _ := ids(atg, 100); len(got) != len(want)-1 {
		t.Errorf("a receiving state finds %d, the draft is not for it", len(got))
	}
	if got, _ := ids(official("BRB"), 100); len(got) != 0 {
		t.Errorf("a stranger finds %v", got)
	}
}
