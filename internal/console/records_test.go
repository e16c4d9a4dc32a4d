package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/harness"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestWhatIsSetAsideIsShownToWhoLooksAfterTheService(t *testing.T) {
	t.Parallel()
	w := harness.NewOnFolder(t)
	words := map[string][3]string{
		"en": {"set aside", "nobody is told of its last changes", "and 5 more records"},
		"fr": {"mis de côté", "personne n’est informé de ses dernières modifications", "et 5 autres dossiers"},
	}
	for language, said := range words {
		w.Admin.Visit(language).Get("/records").Want(http.StatusOK).Silent(said[0])
	}
	st, err := sqlite.OpenBeside(t.Context(), filepath.Join(w.Dir, "landfall.db"), app.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ops []store.Op
	for n := range 25 {
		a := ledger.Aside{
			Stream: ledger.Stream(fmt.Sprint("incident/bad-", n)), Work: ledger.Notices, Since: w.Clock.Now().Add(time.Duration(n) * time.Second), Again: w.Clock.Now(), Seq: 7, Tries: 9, Process: "second",
		}
		body, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, store.Op{Do: store.OpPut, Kind: ledger.KindAside, Doc: store.Doc{ID: fmt.Sprint(a.Work, "/", a.Stream), Version: 7, Body: body}})
	}
	if _, err := st.Bulk(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for language, said := range words {
		v := w.Admin.Visit(language)
		v.Get("/").Want(http.StatusOK).Says(said[0])
		v.Get("/records").Want(http.StatusOK).Says(said[0], "incident/bad-0", "incident/bad-19", said[1], "second", said[2]).Silent("incident/bad-20")
	}
	w.Account("DMA", "coordinator").Visit("en").Get("/").Want(http.StatusOK).Silent("set aside")
}
