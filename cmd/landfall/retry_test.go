package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/access"
	"landfall/internal/app"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

// Another process has set a stream aside: whoever operates the service sees it, and has it tried
// again.
func TestWhatIsSetAsideIsListedAndTakenUpAgain(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	var log bytes.Buffer // to be read when the process has stopped
	a, err := app.Start(t.Context(), app.Options{
		Records: app.Records{Data: data}, Listen: "127.0.0.1:0", Now: time.Now, Version: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.OpenBeside(t.Context(), filepath.Join(data, "landfall.db"), app.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	body, err := json.Marshal(ledger.Aside{
		Stream: "incident/bad", Work: ledger.Notices, Since: now, Again: now.Add(time.Minute), Seq: 7, Tries: 9, Reason: "It is poison.", Process: "two",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Bulk(t.Context(), []store.Op{{Do: store.OpPut, Kind: ledger.KindAside, Doc: store.Doc{ID: "notices/incident/bad", Version: 7, Body: body}}}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	command := func(want int, says string, args ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := run(t.Context(), args, &out, &errOut); code != want || !strings.Contains(out.String()+errOut.String(), says) {
			t.Errorf("%s: exit status %d, want %d and %q\n%s%s", args, code, want, says, &out, &errOut)
		}
	}
	command(0, "incident/bad  notices  7", "retry", "--data", data)
	command(0, "two      It is poison.", "retry", "--data", data)
	command(1, "1 in all: notices of incident/bad", "check", "--data", data)
	command(1, `There is no stream "incident/good"`, "retry", "--data", data, "incident/good")
	command(1, "/stream", "retry", "--data", data, "bad")
	command(2, "unexpected argument", "retry", "--data", data, "incident/bad", "incident/good")
	command(0, "incident/bad is tried again within seconds", "retry", "--data", data, "incident/bad")
	command(0, "Nothing is set aside.", "retry", "--data", data)
	// A repeat after an answer that was lost: the stream is there, and nothing of it is set aside.
	command(0, "is tried again within seconds", "retry", "--data", data, "account/"+access.FirstAccount())
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "stream=incident/bad account="+access.FirstAccount()) {
		t.Errorf("the log does not say who took it up:\n%s", &log)
	}
	command(1, "no service answers", "retry", "--data", data)
}
