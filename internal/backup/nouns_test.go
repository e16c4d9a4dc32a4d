package backup_test

import (
	"path/filepath"
	"slices"
	"testing"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// The second walk must know what refers to what: a noun that is added has to be put in its place.
func TestEveryNounHasItsPlaceInTheSecondWalk(t *testing.T) {
	t.Parallel()
	kinds := slices.Concat(ledger.Kinds(), access.Kinds(), incident.Kinds(), notify.Kinds(), backup.Kinds())
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "landfall.db"), kinds, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	w := &world{clock: newClock()}
	l := ledger.New(st, ledger.Options{Now: w.now})
	defer l.Close(t.Context())
	access.NewDesk(l, st, access.Options{Now: w.now})
	incidents := incident.NewDesk(l, st, nil)
	if _, err := notify.NewDesk(l, st, notify.DeskOptions{Visibility: incidents, SealKey: make([]byte, 32)}); err != nil {
		t.Fatal(err)
	}
	nouns := l.Nouns()
	if len(nouns) < 6 {
		t.Fatalf("the nouns are %v: the test sees too few", nouns)
	}
	for _, noun := range nouns {
		if backup.WalkedIn(noun) < 0 {
			t.Errorf("%s has no place: write it before those that its records refer to", noun)
		}
	}
	for _, refers := range [][2]string{
		{notify.NounAlert, notify.NounJournal}, {notify.NounAlert, incident.Noun}, {notify.NounAlert, notify.NounSubscription},
		{notify.NounJournal, notify.NounSubscription}, {incident.Noun, incident.NounHazard}, {notify.NounSubscription, "account"},
	} {
		if backup.WalkedIn(refers[0]) >= backup.WalkedIn(refers[1]) {
			t.Errorf("%s refers to %s and is walked after it", refers[0], refers[1])
		}
	}
}

// Waiting asks about the notifier's documents by name: they must be those that it keeps.
func TestTheNotifierKeepsDeliveriesAsTheyAreCounted(t *testing.T) {
	t.Parallel()
	found := 0
	for _, k := range notify.Kinds() {
		if k.Name != "delivery" {
			continue
		}
		fields := map[string]store.FieldType{}
		for _, f := range k.Fields {
			fields[f.Name] = f.Type
		}
		if typ, ok := fields["status"]; !ok || typ != store.String {
			t.Errorf("%s: no status", k.Name)
		}
		for _, ix := range k.Indexes {
			if ix.Name == "waiting" && len(ix.Fields) > 0 && fields[ix.Fields[0]] == store.Time {
				found++
			}
		}
	}
	if found != 1 {
		t.Errorf("%d kinds of delivery have an index of those that wait, want 1", found)
	}
}
