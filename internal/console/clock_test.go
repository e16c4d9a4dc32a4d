package console_test

import (
	"net/http"
	"testing"
	"time"
)

func TestTimesAreSaidInOneLineAndInUTCOnDemand(t *testing.T) {
	t.Parallel()
	m := alerted(t, nil)
	m.atg.AwaitAlert("activation", 1)
	m.Pass(26 * time.Hour)
	visitor := m.Account("ATG", "official").Visit("en")
	page := visitor.Get("/alerts").Want(http.StatusOK).Says("yesterday 09:00, 26 h ago", "Times are those of Antigua and Barbuda (UTC-4).").Silent("13:00 UTC")
	page.Form("/utc").Send().Want(http.StatusOK).Says("yesterday 09:00 (13:00 UTC), 26 h ago", "Hide UTC").
		Form("/utc").Send().Want(http.StatusOK).Says("yesterday 09:00, 26 h ago").Silent("13:00 UTC")
	visitor.Get("/incidents").Says("yesterday 09:00, 26 h ago")
	m.Admin.Visit("fr").Get("/alerts").Says("hier 09:00 (UTC-4)").Silent("Heures :")
}
