package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"landfall/internal/console"
	"landfall/internal/harness"
)

// ask sends one request as a stranger would, and gives status and header of the answer without following it.
func ask(t *testing.T, w *harness.World, method, path, body string, headers ...string) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.App.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, res.Header
}

func TestSigningInHasTheBrakeOfTheAPI(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	status := 0
	for n := range 120 {
		var header http.Header
		status, header = ask(t, w, http.MethodPost, "/sign-in", url.Values{"token": {"lf_" + strings.Repeat("x", n+1)}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
		if status == http.StatusTooManyRequests {
			if header.Get("Retry-After") == "" {
				t.Error("does not say when to come back")
			}
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Fatalf("the 120th bad token is answered with %d", status)
	}
	if status, _ := ask(t, w, http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer another-bad-one"); status != http.StatusTooManyRequests {
		t.Errorf("the API answers %d to the same address", status)
	}
}

func TestPagesAnswerHeadAndTheHeadersOfAllLanguages(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	for _, path := range []string{"/sign-in", "/favicon.ico"} {
		if status, _ := ask(t, w, http.MethodHead, path, ""); status != http.StatusOK {
			t.Errorf("HEAD %s answers %d", path, status)
		}
	}
	if status, _ := ask(t, w, http.MethodHead, "/", ""); status != http.StatusSeeOther {
		t.Errorf("HEAD / answers %d", status)
	}
	for header, language := range map[string]string{
		"fr": "fr", "fr-MQ": "fr", "fr, -BE;q=0.4": "fr", "en;q=0.4, fr;q=0.6": "fr", "de, fr-GP;q=0.8, en;q=0.7": "fr", "fr;q=0, en": "en", "fr;q=0": "en",
		"en-AG, fr": "en", "de": "en", "": "en", "*": "en", "xx-not-a-tag-at-all-really, fr;q=0.1": "fr",
	} {
		_, answer := ask(t, w, http.MethodGet, "/sign-in", "", "Accept-Language", header)
		if got := answer.Get("Content-Language"); got != language {
			t.Errorf("Accept-Language %q is answered in %q", header, got)
		}
	}
	_, answer := ask(t, w, http.MethodGet, "/sign-in", "", "Accept-Encoding", "gzip;q=0")
	if got := answer.Get("Content-Encoding"); got != "" {
		t.Errorf("who takes no gzip gets %s", got)
	}
}

func TestAnAddressThatIsNotUnderstoodShowsNothingWider(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("en")
	for _, path := range []string{
		"/incidents?status=closed;exercise=yes", "/incidents?status=%zz", "/incidents?status=dramatic", "/incidents?exercise=maybe", "/alerts?status=loud",
		"/deliveries?status=lost", page(i, "steps?only=mine"), page(i, "timeline?step=HUR-99"), "/incidents?q=%E2%80%8B",
		"/incidents?state=ZZZ", "/incidents?status=closed&status=active", "/alerts?party=ATG", "/deliveries?state=dead",
		page(i, "steps?status=done"), page(i, "timeline?steps=HUR-07"), page(i, "told?all=no"), page(i, "known?steps=HUR-07"),
	} {
		visitor.Get(path).Want(http.StatusBadRequest)
	}
	visitor.Get("/incidents/" + strings.ToUpper(i.ID)).Want(http.StatusOK).Says("Hurricane Maria")
}

func TestEveryPageRefusesWhatItsAddressMayNotAskFor(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	visitor := w.Admin.Visit("en")
	for _, route := range console.Pages() {
		path := strings.NewReplacer(":id", "0198c0de-0000-7000-8000-000000000001").Replace(route)
		for _, query := range []string{"?nothing=1", "?done=saved&done=saved", "?cursor=1&cursor=2", "?%zz"} {
			if got := visitor.Get(path + query); got.Status != http.StatusBadRequest {
				t.Errorf("GET %s%s answers %d", route, query, got.Status)
			}
		}
	}
}

func TestATimeThatHardlyCanBeIsConfirmedWithABox(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("fr")
	review := visitor.Get(page(i, "activate")).Form("/activate").Fill("at_LANDFALL", "2071-01-01T08:00").Send().Want(http.StatusOK)
	asked := press(review.Form("/activate"), "yes").Want(http.StatusBadRequest).Says("est très loin dans l’avenir", "Oui, c’est bien ce que je veux dire")
	form := asked.Form("/activate")
	if form.Values.Has("confirm") {
		t.Error("the box is ticked beforehand")
	}
	again := form.Fill("confirm", "/anchors/LANDFALL/at").Send().Want(http.StatusOK)
	wantAt(t, press(again.Form("/activate"), "yes"), "/incidents/"+i.ID, "work_activated")
}

func TestWhatIsConfirmedGoesOnWithTheForm(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	_, i := workMaria(w, nil)
	visitor := w.Account("ATG", "official").Visit("en")
	form := visitor.Get(page(i, "answers/new")).Form("/answers/new").Fill("kind", "accept").Fill("valid_until", "2071-01-01T08:00")
	form = form.Send().Want(http.StatusBadRequest).Says("lies far ahead", "Yes, this is meant").Form("/answers/new")
	back := form.Fill("confirm", "/valid_until").Fill("ceiling", "0").Send().Want(http.StatusBadRequest).Says("Decline if nobody can be taken in").Silent("lies far ahead")
	wantAt(t, back.Form("/answers/new").Fill("ceiling", "20").Send(), page(i, "answers"), "work_answer")
}

func TestFieldsTakeNumbersAndTimesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma, i := workMaria(w, nil)
	visitor := dma.Visit("en")
	now := w.Clock.Now()
	form := visitor.Get(page(i, "movements/new")).Form("/movements/new").Fill("mode", "sea").Fill("to", "LCA").
		Fill("departs_at", local(now.Add(time.Hour))).Fill("eta", local(now.Add(4*time.Hour)))
	for _, typed := range []string{"12.5", "1,23", "1,2345", "1.234,5", "-4", "1e3", "twelve"} {
		form.Fill("people", typed).Send().Want(http.StatusBadRequest).Says("People: must be a whole number")
	}
	form.Fill("people", "1,234").Fill("eta", "2026-09-16T9:00").Send().Want(http.StatusBadRequest).Says("must be a date and a time")
	form.Fill("eta", local(now.Add(4*time.Hour))).Send().Want(http.StatusOK).Says("1,234 persons")
}

func TestANationalityIsACountry(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	liaison := w.Account("LCA", "liaison").Visit("en")
	unit := register(liaison, "Bay hotel A")
	sheet := unit.Follow("Count visitors")
	if !strings.Contains(sheet.Raw, `<option value="USA">United States</option>`) {
		t.Error("countries are not proposed")
	}
	form := sheet.Form("/visitors").Fill("nationality_0", "American").Fill("number_0", "20").Fill("nationality_1", "united states").Fill("number_1", "10")
	back := form.Send().Want(http.StatusBadRequest).Says("must be a country of the list")
	if got := back.Kept("/visitors", "nationality_0"); got != "American" {
		t.Errorf("came back as %q", got)
	}
	back.Form("/visitors").Fill("nationality_0", "oth").Send().Want(http.StatusOK).Says("30 in all", "USA: 10")
}
