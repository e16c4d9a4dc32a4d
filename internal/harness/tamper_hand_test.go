package harness_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
	. "landfall/internal/harness"
	"landfall/internal/proof"
)

// past is a service that has run for some hours and was stopped, and what its folder was earlier.
type past struct {
	clock         *Clock
	folder, older string
	maria, irma   string // streams of two incidents
	secret        []byte
}

func newPast(t *testing.T) past {
	t.Helper()
	w := NewOnFolder(t)
	dominica := w.Account("DMA", "coordinator")
	w.Account("ATG", "official")
	maria := w.Maria(dominica, []string{"ATG"}, nil)
	report := func(i *Incident, n int) {
		i.Post(i.Path+"/figures", Figure("DMA", n, w.Clock.Now())).Want(http.StatusCreated)
	}
	report(maria, 100)
	idle(w)
	w.Pass(61 * time.Minute)
	w.Halt()
	p := past{clock: w.Clock, folder: w.Dir, older: filepath.Join(t.TempDir(), "older"), maria: "incident/" + maria.ID}
	copyFolder(t, p.older, w.Dir)
	w.Boot()
	maria.Activate(w.Clock.Now().Add(54 * hour))
	irma := w.Maria(dominica, []string{"ATG"}, nil)
	p.irma = "incident/" + irma.ID
	for n := range 4 {
		report(maria, n)
		report(irma, n)
	}
	idle(w)
	w.Pass(61 * time.Minute)
	report(maria, 300)
	idle(w)
	w.Pass(61 * time.Minute)
	w.Pass(0)
	w.Halt()
	text, err := os.ReadFile(filepath.Join(w.Dir, "secret.key"))
	if err == nil {
		p.secret, err = hex.DecodeString(strings.TrimSpace(string(text)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// tampering is a copy of the records of a stopped service that somebody has access to.
type tampering struct {
	t  *testing.T
	p  past
	at app.Records
}

func (x *tampering) sql(do func(*sql.DB)) {
	x.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(x.at.Data, "landfall.db"))
	if err != nil {
		x.t.Fatal(err)
	}
	do(db)
	if err := db.Close(); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tampering) exec(statement string, args ...any) {
	x.t.Helper()
	x.sql(func(db *sql.DB) {
		if _, err := db.Exec(statement, args...); err != nil {
			x.t.Fatal(err)
		}
	})
}

func (x *tampering) rebuild() {
	x.t.Helper()
	if _, err := app.Rebuild(x.t.Context(), x.at, backup.Options{Now: x.p.clock.Now}, Quiet()); err != nil {
		x.t.Fatal(err)
	}
}

// edit changes a word of a commit, counted from the end of its stream, and makes its hash and
// everything behind it fit again.
func (x *tampering) edit(stream string, fromEnd int) {
	x.t.Helper()
	x.sql(func(db *sql.DB) {
		rows, err := db.Query("SELECT seq, body FROM commits WHERE stream = ? ORDER BY seq", stream)
		if err != nil {
			x.t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var bodies []string
		for rows.Next() {
			var seq int
			var body string
			if err := rows.Scan(&seq, &body); err != nil {
				x.t.Fatal(err)
			}
			bodies = append(bodies, body)
		}
		if err := rows.Err(); err != nil {
			x.t.Fatal(err)
		}
		first := len(bodies) - 1 - fromEnd
		edited := strings.Replace(bodies[first], `"exercise":false`, `"exercise":true`, 1)
		if edited == bodies[first] {
			x.t.Fatalf("nothing to edit in %s", edited)
		}
		bodies[first] = edited
		x.write(db, stream, first+1, edited)
		for i := first + 1; i < len(bodies); i++ {
			x.relink(bodies, i, db, stream)
		}
	})
}

// relink makes the commit at i name the one before it as it is now.
func (x *tampering) relink(bodies []string, i int, db *sql.DB, stream string) {
	x.t.Helper()
	at := strings.LastIndex(bodies[i], `"prev":"`)
	sum := sha256.Sum256([]byte(bodies[i-1]))
	bodies[i] = bodies[i][:at] + `"prev":"` + hex.EncodeToString(sum[:]) + bodies[i][at+len(`"prev":"`)+64:]
	x.write(db, stream, i+1, bodies[i])
	if _, err := db.Exec("UPDATE commits SET prev = ? WHERE stream = ? AND seq = ?", sum[:], stream, i+1); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tampering) write(db *sql.DB, stream string, seq int, body string) {
	x.t.Helper()
	sum := sha256.Sum256([]byte(body))
	if _, err := db.Exec("UPDATE commits SET body = ?, hash = ? WHERE stream = ? AND seq = ?", body, sum[:], stream, seq); err != nil {
		x.t.Fatal(err)
	}
}

// replay puts a stream back to what it was in the older copy.
func (x *tampering) replay(stream string) {
	x.t.Helper()
	older := filepath.Join(x.t.TempDir(), "older") // opening it changes its folder, which others copy
	copyFolder(x.t, older, x.p.older)
	x.sql(func(db *sql.DB) {
		db.SetMaxOpenConns(1)
		for _, do := range [][]any{
			{"DELETE FROM commits WHERE stream = ?", stream}, {"ATTACH ? AS old", filepath.Join(older, "landfall.db")},
			{"INSERT INTO commits SELECT * FROM old.commits WHERE stream = ?", stream},
		} {
			if _, err := db.Exec(fmt.Sprint(do[0]), do[1:]...); err != nil {
				x.t.Fatal(err)
			}
		}
	})
}

// slipIn appends a commit to a stream that says it was recorded at the time.
func (x *tampering) slipIn(from, stream string, at time.Time) {
	x.t.Helper()
	x.sql(func(db *sql.DB) {
		var body, id string
		var last int
		var prev []byte
		err := db.QueryRow("SELECT body, id FROM commits WHERE stream = ? AND seq = 1", from).Scan(&body, &id)
		if err == nil {
			err = db.QueryRow("SELECT coalesce(max(seq), 0) FROM commits WHERE stream = ?", stream).Scan(&last)
		}
		if err == nil && last > 0 {
			err = db.QueryRow("SELECT hash FROM commits WHERE stream = ? AND seq = ?", stream, last).Scan(&prev)
		}
		if err != nil {
			x.t.Fatal(err)
		}
		const form = "2006-01-02T15:04:05.000000Z"
		body = fmt.Sprintf(`{"stream":%q,"seq":%d,"id":%q,"recorded_at":%q,"actor":{"account":"system"},"exercise":false,"events":[]`, stream, last+1, id, at.Format(time.RFC3339Nano))
		if prev != nil {
			body += fmt.Sprintf(`,"prev":%q`, hex.EncodeToString(prev))
		}
		body += "}"
		sum := sha256.Sum256([]byte(body))
		_, err = db.Exec("INSERT INTO commits (stream, seq, id, recorded_at, pending, prev, hash, body) VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
			stream, last+1, id, at.UTC().Format(form), prev, sum[:], body)
		if err != nil {
			x.t.Fatal(err)
		}
	})
}

// heads changes the newest file of heads.
func (x *tampering) heads(change func(lines []string) []string) {
	x.t.Helper()
	files, err := proof.Files(filepath.Join(x.at.Data, "heads"))
	if err != nil || len(files) == 0 {
		x.t.Fatal(files, err)
	}
	path := files[len(files)-1]
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Join(change(strings.SplitAfter(string(text), "\n")), "")), 0o600)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *tampering) verify() (string, app.Proven) {
	x.t.Helper()
	report, err := app.Verify(x.t.Context(), x.at, app.Against{}, x.p.clock.Now, Quiet())
	if err != nil {
		return err.Error(), report.Proven
	}
	var all strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintln(&all, f)
	}
	return all.String(), report.Proven
}

// start starts the service on the records and stops it again; it gives the alarms, and the epoch.
func (x *tampering) start() (alarms []string, epoch string) {
	x.t.Helper()
	a, err := app.Start(context.Background(), app.Options{
		Records: x.at, Listen: "127.0.0.1:0", Now: x.p.clock.Now, NoSchedule: true, Logger: Quiet(), Version: "test",
	})
	if err != nil {
		x.t.Fatal(err)
	}
	if err := a.RunOnce(context.Background(), "presence"); err != nil {
		x.t.Error(err)
	}
	for _, alarm := range a.Alarms() {
		alarms = append(alarms, alarm.Code+" "+alarm.Text)
	}
	token, err := os.ReadFile(filepath.Join(x.at.Data, "admin.token"))
	if err != nil {
		x.t.Fatal(err)
	}
	admin := NewClient(x.t, a.URL, strings.TrimSpace(string(token)))
	x.shown(admin, alarms)
	epoch = fmt.Sprint(admin.Get("/api/v1/operation").Want(http.StatusOK).Body["epoch"])
	if err := a.Stop(context.Background()); err != nil {
		x.t.Error(err)
	}
	return alarms, epoch
}

// forge puts in the place of the heads a chain that somebody else has signed over the records as
// they are.
func (x *tampering) forge() {
	x.t.Helper()
	dir := filepath.Join(x.at.Data, "heads")
	if err := os.RemoveAll(dir); err != nil {
		x.t.Fatal(err)
	}
	key, err := proof.KeyFrom(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		x.t.Fatal(err)
	}
	log, err := proof.OpenLog(dir)
	if err != nil {
		x.t.Fatal(err)
	}
	var tree proof.Tree
	signed, err := proof.Sign(proof.Head{Number: 9, At: x.p.clock.Now(), Why: proof.WhyHour, Root: tree.Root()}, key)
	if err == nil {
		err = log.Append(signed, &tree, nil, nil)
	}
	if err == nil {
		err = log.AddKey(proof.PublicOf(key))
	}
	if err != nil {
		x.t.Fatal(err)
	}
}
