package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestAnAlertOfAMovementSaysWhoComesWhenAndTakesTheArrival(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	now := m.Clock.Now().Truncate(time.Minute)
	id := m.story.Post(m.story.Path+"/movements", harness.Object{
		"mode": "sea", "carrier": "Ferry Grenadines Star", "from": harness.Object{"party": "DMA", "port": "DMRSU"}, "to": harness.Object{"party": "ATG"},
		"departs_at": now.Add(time.Hour), "eta": now.Add(4 * time.Hour),
		"people": harness.Object{"total": 115, "sex": []harness.Object{{"sex": "f", "count": 70}, {"sex": "m", "count": 45}}, "needs": []harness.Object{{"need": "wheelchair", "count": 6}}},
	}).Want(http.StatusCreated).Str("id")
	at := "/alerts/" + fmt.Sprint(m.atg.AwaitAlert("movement", 1)[0]["id"])
	voyage := "/incidents/" + m.story.ID + "/movements/" + id
	visitor := m.atg.Visit("en")
	sheet := visitor.Get(at).Want(http.StatusOK).
		Says("MOVEMENT NOTICE: 115 persons, Roseau (Dominica) to Antigua and Barbuda", "Expected arrival 13:00 today, in 3 h 59 min",
			"To Antigua and Barbuda Carrier Ferry Grenadines Star People 115 persons",
			"women and girls: 70 · men and boys: 45 · wheelchair: 6", "It has arrived")
	if links := sheet.Links("The whole movement"); len(links) != 1 || links[0] != voyage {
		t.Errorf("the movement is linked as %q", links)
	}
	form := sheet.Form("/arrive")
	if people, when := form.Values.Get("people"), form.Values.Get("arrived_at"); people != "115" || when != "" {
		t.Errorf("the form holds %q people and the time %q", people, when)
	}
	for _, other := range []*harness.Client{m.dma, m.lca, m.Account("ATG", "auditor")} {
		if seen := other.Visit("en").Get(at); strings.Contains(seen.Raw, voyage+`/arrive"`) {
			t.Errorf("the arrival is offered to %s", seen.Text())
		}
	}
	m.Pass(5 * time.Hour)
	visitor.Get(at).Says("60 min overdue")
	visitor.Get(voyage).Says("60 min overdue").Silent("announced")
	m.lca.Visit("en").Get("/").Silent("60 min overdue") // it is for those who lead or receive
	for _, part := range []string{"timeline", "told"} { // the step of a movement is named without its id
		visitor.Get(page(m.story, part)).Says("HUR-").Silent("." + id)
	}
	sent := visitor.Get(at).Form("/arrive").Fill("people", "112").Send().Want(http.StatusOK).Says("The arrival is recorded", "Difference", "−3", "14:00 today")
	if sent.URL.Path != voyage {
		t.Errorf("it leads to %s", sent.URL)
	}
	visitor.Get(at).Says("Arrived 14:00 today").Silent("Record the arrival")
	visitor.Get("/").Says("3 people should have arrived by now.", "3 people not accounted for")
}
