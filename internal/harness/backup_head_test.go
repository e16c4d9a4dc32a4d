package harness_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/fault"
	. "landfall/internal/harness"
	"landfall/internal/ledger"
	"landfall/internal/proof"
)

// guarded is a service whose heads and key are where tests find them, on either engine.
type guarded struct {
	*World
	records    app.Records
	key        string
	restoredAt time.Time
}

func newGuarded(t *testing.T, records app.Records) *guarded {
	t.Helper()
	g := &guarded{key: strings.Repeat("5e", 32)}
	g.World = NewOnFolder(t, func(o *app.Options) {
		records.Data, records.Heads = o.Data, filepath.Join(t.TempDir(), "heads")
		o.Records, o.SecretKey, g.records = records, g.key, records
	})
	return g
}

// backup takes a backup beside the service and gives its file.
func (g *guarded) backup() (string, app.Backed) {
	g.T.Helper()
	file := filepath.Join(g.T.TempDir(), "today.backup")
	out, err := app.Backup(g.T.Context(), g.records, g.key, file, Backup(g.World), Quiet())
	if err != nil {
		g.T.Fatal(err)
	}
	return file, out
}

// restore restores a backup into a folder of its own.
func (g *guarded) restore(file string) app.Records {
	g.T.Helper()
	f, err := os.Open(file)
	if err != nil {
		g.T.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	g.restoredAt = g.Clock.Now()
	into := app.Records{Data: filepath.Join(g.T.TempDir(), "data")}
	if _, err := app.Restore(g.T.Context(), into, g.key, f, Backup(g.World), Quiet()); err != nil {
		g.T.Fatal(err)
	}
	return into
}

// serve starts the service on restored records, records something, and gives the head of the start.
func (g *guarded) serve(records app.Records) (first proof.Signed) {
	g.T.Helper()
	a, err := app.Start(g.T.Context(), app.Options{
		Records: records, SecretKey: g.key, Listen: "127.0.0.1:0", Now: g.Clock.Now, NoSchedule: true, Logger: Quiet(), Version: "test",
	})
	if err != nil {
		g.T.Fatal(err)
	}
	c := NewClient(g.T, a.URL, g.Admin.Token())
	first = newest(g.T, c)
	account := c.Get("/api/v1/accounts").Want(http.StatusOK).Items()[0]
	c.Post("/api/v1/tokens", Object{"account_id": account["id"], "label": "since"}).Want(http.StatusCreated)
	if err := a.Stop(g.T.Context()); err != nil {
		g.T.Error(err)
	}
	return first
}

// proven verifies records and gives up to where they are proven; any finding fails the test.
func (g *guarded) proven(records app.Records, heads string) app.Proven {
	g.T.Helper()
	report, err := app.Verify(g.T.Context(), records, app.Against{Heads: heads, SecretKey: g.key}, g.Clock.Now, Quiet())
	if err != nil {
		g.T.Fatal(err)
	}
	for _, f := range report.Findings {
		g.T.Errorf("verify: %s", f)
	}
	return report.Proven
}

// newest gives the newest head that the service shows, as it was signed.
func newest(t testing.TB, c *Client) proof.Signed {
	t.Helper()
	s, err := proof.Parse([]byte(c.Get("/api/v1/heads?limit=1").Want(http.StatusOK).Items()[0]["text"].(string)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestABackupBesideAServiceIsProvenUpToTheHeadThatItSigns(t *testing.T) {
	t.Parallel()
	for name, records := range map[string]func(t *testing.T) app.Records{
		"in a folder": func(*testing.T) app.Records { return app.Records{} },
		"on a server": func(t *testing.T) app.Records { return Database(t, MongoDB(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, records(t))
			maria := g.Maria(g.Account("DMA", "coordinator"), []string{"ATG"}, nil)
			figure := func(n int) {
				maria.Post(maria.Path+"/figures", Figure("DMA", n, g.Clock.Now())).Want(http.StatusCreated)
			}
			idle(g.World)
			g.Pass(61 * time.Minute)
			figure(100)
			before := newest(t, g.Admin)
			g.Clock.Advance(time.Minute)
			file, out := g.backup()
			if h := out.Head; out.Unsigned != nil || h.Number != before.Head.Number+1 || h.Prev != before.Hash() || h.Why != proof.WhyBackup {
				t.Fatalf("behind head %d the backup signs %+v, %v", before.Head.Number, h, out.Unsigned)
			}
			shown := newest(t, g.Admin)
			into := g.restore(file)
			for of, p := range map[string]app.Proven{
				"the service": g.proven(g.records, ""), "the restored archive": g.proven(into, g.records.Heads),
			} {
				if p.Head != out.Head.Number || p.Grown != 0 || len(p.Notes) > 0 {
					t.Errorf("%s is proven up to %+v, want head %d", of, p, out.Head.Number)
				}
			}
			// The service goes on behind that head, though it was signed elsewhere.
			figure(200)
			idle(g.World)
			g.Pass(61 * time.Minute)
			g.Run("heads")
			figure(300)
			g.Halt()
			if p := g.proven(g.records, ""); p.Head != out.Head.Number+2 || p.Grown != 0 {
				t.Errorf("after an hour and a stop it is proven up to %+v", p)
			}
			// The restored one signs what it went back to.
			restored := g.serve(into)
			back := restored.Head.WentBack
			if restored.Head.Why != proof.WhyRestore || back == nil || back.Number != shown.Head.Number || back.Head != shown.Hash() ||
				!back.TakenAt.Equal(out.TakenAt) || restored.Head.Lost != nil {
				t.Errorf("the first head after the restore says %+v, %+v", restored.Head, back)
			}
			if at := back.RestoredAt; at.Sub(g.restoredAt).Abs() > time.Second {
				t.Errorf("restored at %s, and it says %s", g.restoredAt, at)
			}
			if p := g.proven(into, ""); p.Head != restored.Head.Number+1 || p.Grown != 0 {
				t.Errorf("the restored service is proven up to %+v", p)
			}
		})
	}
}

// What a start must say of the records, a backup before it does not sign away.
func TestABackupOfRecordsThatAreNotInOrderIsTakenWithoutAHead(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, app.Records{})
	maria := g.Maria(g.Account("DMA", "coordinator"), []string{"ATG"}, nil)
	file, _ := g.backup()
	idle(g.World)
	g.Pass(61 * time.Minute) // what is lost below is older than the last head by more than what heads overlap
	g.Halt()
	without := func(records app.Records, key, code string) {
		t.Helper()
		out, err := app.Backup(t.Context(), records, key, filepath.Join(t.TempDir(), "one.backup"), Backup(g.World), Quiet())
		if err != nil || fault.CodeOf(out.Unsigned) != code || out.Head.Number != 0 || out.Commits == 0 {
			t.Errorf("want %s: %+v, %v", code, out, err)
		}
	}
	without(g.records, strings.Repeat("5f", 32), "secret_key")
	without(g.restore(file), g.key, "never_started")
	x := &tampering{t: t, at: g.records}
	x.exec("DELETE FROM commits WHERE stream = 'incident/' || ? AND seq = (SELECT max(seq) FROM commits WHERE stream = 'incident/' || ?)",
		maria.ID, maria.ID)
	without(g.records, g.key, "records_lost")
}

// Held against the heads of the service that was lost, restored records are shorter on purpose: which
// is named, and told from what somebody altered.
func TestWhatARestoreDidNotBringBackIsToldFromWhatIsDamaged(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, app.Records{})
	dominica := g.Account("DMA", "coordinator")
	maria := g.Maria(dominica, []string{"ATG"}, nil)
	figure := func(n int) {
		maria.Post(maria.Path+"/figures", Figure("DMA", n, g.Clock.Now())).Want(http.StatusCreated)
	}
	figure(100)
	g.Clock.Advance(time.Minute)
	file, out := g.backup()
	g.Clock.Advance(time.Minute)
	figure(200)
	figure(300)
	irma := g.Maria(dominica, []string{"ATG"}, nil)
	idle(g.World)
	g.Pass(61 * time.Minute)
	g.Halt()
	g.Clock.Advance(time.Minute)
	into := g.restore(file)
	compare := func(signed bool) {
		t.Helper()
		p := g.proven(into, g.records.Heads)
		if p.Back == nil || p.Head != out.Head.Number || p.Back.To != p.Head || p.Back.RestoredAt.Sub(g.restoredAt).Abs() > time.Second ||
			p.Back.Signed > 0 != signed {
			t.Fatalf("%+v, %+v", p, p.Back)
		}
		shorter := map[string]proof.Loss{}
		for _, s := range p.Back.Streams {
			shorter[s.Stream] = s
		}
		if one, two := shorter["incident/"+maria.ID], shorter["incident/"+irma.ID]; one.Had-one.Has != 2 || two.Has != 0 || two.Had == 0 {
			t.Errorf("of what is shorter it says %+v", p.Back.Streams)
		}
	}
	compare(false)
	g.Clock.Advance(time.Minute)
	g.serve(into)
	compare(true)
	if p := g.proven(into, ""); p.Back != nil {
		t.Errorf("against its own heads: %+v", p.Back)
	}
	// What the backup held is held against the lost service's heads as before.
	x := &tampering{t: t, at: into, p: past{clock: g.Clock}}
	x.edit("incident/"+maria.ID, 0)
	report, err := app.Verify(t.Context(), into, app.Against{Heads: g.records.Heads, SecretKey: g.key}, g.Clock.Now, Quiet())
	if err != nil || !slices.ContainsFunc(report.Findings, func(f ledger.Finding) bool { return strings.Contains(f.What, "is altered") }) {
		t.Errorf("an edited commit: %v, %v", report.Findings, err)
	}
	x.exec("DELETE FROM commits WHERE stream = 'incident/' || ?", maria.ID)
	report, err = app.Verify(t.Context(), into, app.Against{Heads: g.records.Heads, SecretKey: g.key}, g.Clock.Now, Quiet())
	if err != nil || !slices.ContainsFunc(report.Findings, func(f ledger.Finding) bool { return strings.Contains(f.What, "is missing") }) {
		t.Errorf("a stream that the common head covers is gone: %v, %v", report.Findings, err)
	}
}
