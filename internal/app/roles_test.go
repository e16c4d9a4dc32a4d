package app_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/mongo"
	mongooptions "go.mongodb.org/mongo-driver/v2/mongo/options"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/bus/bustest"
	"landfall/internal/fault"
	"landfall/internal/ledger"
)

// database gives records on the test server that are dropped at the end.
func database(t *testing.T) app.Records {
	t.Helper()
	uri := os.Getenv("LANDFALL_TEST_MONGODB_URI")
	if uri == "" {
		t.Skip("NOT RUN: this test needs a MongoDB-compatible server; set LANDFALL_TEST_MONGODB_URI to its address")
	}
	name := "landfall_app_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	t.Cleanup(func() {
		client, err := mongo.Connect(mongooptions.Client().ApplyURI(uri))
		if err == nil {
			err = errors.Join(client.Database(name).Drop(context.Background()), client.Disconnect(context.Background()))
		}
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return app.Records{MongoDBURI: uri, MongoDBDatabase: name}
}

func TestOptionsThatCannotWorkAreRefusedAllAtOnceAndByTheirFlags(t *testing.T) {
	opt := unscheduled(t.TempDir())
	opt.Roles = []app.Role{app.RoleAPI, "cook"}
	opt.TLSCert, opt.PublicURL, opt.SMTPURL = "cert.pem", "landfall.example.org", "smtp://mail.example.org"
	opt.Operators, opt.MetricsToken, opt.NATSListen = []string{"CDEMA"}, "short", "127.0.0.1:0"
	_, err := app.Start(t.Context(), opt)
	f, ok := fault.As(err)
	if !ok || f.Kind != fault.Invalid {
		t.Fatalf("got %v", err)
	}
	var flags []string
	for _, field := range f.Fields {
		flags = append(flags, field.Pointer)
	}
	for _, want := range []string{
		"--roles", "--mongodb-uri", "--nats-url", "--secret-key", "--tls-cert", "--public-url", "--mail-from",
		"--operators", "--metrics-token", "--nats-token",
	} {
		if !strings.Contains(strings.Join(flags, " ")+" ", want+" ") {
			t.Errorf("%s is not named: %v", want, flags)
		}
	}
}

// unscheduled gives options of a process whose jobs the test runs.
func unscheduled(dir string) app.Options {
	o := options(filepath.Join(dir, "data"))
	o.NoSchedule = true
	return o
}

// settable is a clock that the test moves.
type settable struct{ at atomic.Int64 }

func newClock() *settable {
	c := &settable{}
	c.at.Store(time.Date(2026, 9, 18, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *settable) now() time.Time          { return time.UnixMicro(c.at.Load()).UTC() }
func (c *settable) advance(d time.Duration) { c.at.Add(d.Microseconds()) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func backupOptions() backup.Options { return backup.Options{Now: time.Now, Version: "test"} }

func TestAProcessOnAnotherBusIsRefusedWhileTheFirstRuns(t *testing.T) {
	records := database(t)
	one := unscheduled(t.TempDir())
	one.MongoDBURI, one.MongoDBDatabase, one.SecretKey = records.MongoDBURI, records.MongoDBDatabase, strings.Repeat("5e", 32)
	a := start(t, one)

	two := one
	two.Data = filepath.Join(t.TempDir(), "data")
	if _, err := app.Start(t.Context(), two); fault.CodeOf(err) != "another_bus" {
		t.Fatalf("a second process with a bus of its own: %v", err)
	}
	// Its own restart on the same folder is no stranger, even after a kill, when nothing says that it stopped.
	stop(t, a)
	stop(t, start(t, one))
	// And once the first has stopped in order, another may take its place.
	stop(t, start(t, two))
}

func TestAKeyThatIsNotTheRecordsOwnIsRefused(t *testing.T) {
	opt := unscheduled(t.TempDir())
	opt.SecretKey = strings.Repeat("5e", 32)
	stop(t, start(t, opt))
	opt.SecretKey = strings.Repeat("5f", 32)
	if _, err := app.Start(t.Context(), opt); fault.CodeOf(err) != "secret_key" {
		t.Errorf("with another key: %v", err)
	}
	opt.SecretKey = strings.Repeat("5e", 32)
	stop(t, start(t, opt))
}

func TestRolesAloneKnowOfEachOtherAndARoleThatNobodyCarriesIsAnAlarm(t *testing.T) {
	records := database(t)
	cluster := bustest.New(t, 3)
	clock := newClock()
	role := func(r app.Role) app.Options {
		o := unscheduled(t.TempDir())
		o.MongoDBURI, o.MongoDBDatabase, o.SecretKey = records.MongoDBURI, records.MongoDBDatabase, strings.Repeat("5e", 32)
		o.NATSURL, o.NATSReplicas, o.Roles, o.Name = cluster.URL(), 3, []app.Role{r}, string(r)
		o.Now = clock.now
		return o
	}
	api, notifier := start(t, role(app.RoleAPI)), start(t, role(app.RoleNotify))
	look := func(a *app.App) string {
		t.Helper()
		if err := a.RunOnce(t.Context(), "presence"); err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, alarm := range a.Alarms() {
			if strings.HasPrefix(alarm.Code, "nobody_") { // the test's clock is rightly an alarm of its own
				codes = append(codes, alarm.Code)
			}
		}
		return strings.Join(codes, " ")
	}
	if got := look(api); got != "" {
		t.Errorf("at once: %s", got)
	}
	clock.advance(31 * time.Second)
	look(notifier)
	if got := look(api); got != "nobody_watches" {
		t.Errorf("half a minute without a watch: %q", got)
	}
	watch := start(t, role(app.RoleWatch))
	if got := look(api); got != "" {
		t.Errorf("with a watch: %q", got)
	}
	// The notifier dies without a word.
	clock.advance(31 * time.Second)
	look(watch)
	if got := look(api); got != "nobody_notifies" {
		t.Errorf("half a minute after the notifier was last heard of: %q", got)
	}
	if got := look(notifier); strings.Contains(got, "nobody") {
		t.Errorf("the notifier itself: %q", got)
	}
	if got := look(api); got != "" {
		t.Errorf("when it is back: %q", got)
	}
}

func TestARestoreIsHeldUntilItIsReleasedAndNeverGivesOldETags(t *testing.T) {
	opt := unscheduled(t.TempDir())
	a := start(t, opt)
	file := filepath.Join(t.TempDir(), "one.backup")
	if _, err := app.Backup(t.Context(), opt.Records, "", file, backupOptions(), quiet()); err != nil {
		t.Fatal(err)
	}
	stop(t, a)

	restore := func(dir, key string) (app.Restored, error) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		return app.Restore(t.Context(), app.Records{Data: dir}, key, f, backupOptions(), quiet())
	}
	if _, err := restore(opt.Data, ""); err == nil {
		t.Error("restored over records")
	}
	key, err := os.ReadFile(filepath.Join(opt.Data, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	again := unscheduled(t.TempDir())
	again.SecretKey = strings.TrimSpace(string(key))
	out, err := restore(again.Data, again.SecretKey)
	if err != nil || !out.State.Held || out.State.Epoch <= 0 || out.Commits == 0 {
		t.Fatalf("restore: %+v, %v", out, err)
	}
	b := start(t, again)
	look := func() string {
		if err := b.RunOnce(t.Context(), "presence"); err != nil {
			t.Fatal(err)
		}
		for _, alarm := range b.Alarms() {
			if alarm.Code == "held" {
				return "held"
			}
		}
		return ""
	}
	if look() != "held" {
		t.Error("the restored service is not held")
	}
	if err := b.RunOnce(t.Context(), "pending"); err != nil { // what lists owe is written all the same
		t.Error(err)
	}
	ready(t, b) // and it answers
	if err := b.Release(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if look() != "" {
		t.Error("released, it is held on")
	}
	if err := b.RunOnce(t.Context(), "pending"); err != nil {
		t.Error(err)
	}
	report, err := app.Verify(t.Context(), again.Records, app.Against{}, time.Now, quiet())
	if err != nil || len(report.Findings) > 0 {
		t.Errorf("verify: %v %v", report.Findings, err)
	}
}

func TestAReleaseThatFailsCanBeRepeated(t *testing.T) {
	t.Parallel()
	opt := unscheduled(t.TempDir())
	stop(t, start(t, opt))
	file := filepath.Join(t.TempDir(), "one.backup")
	if _, err := app.Backup(t.Context(), opt.Records, "", file, backupOptions(), quiet()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	key, err := os.ReadFile(filepath.Join(opt.Data, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	again := unscheduled(t.TempDir())
	again.SecretKey = strings.TrimSpace(string(key))
	if _, err := app.Restore(t.Context(), again.Records, again.SecretKey, f, backupOptions(), quiet()); err != nil {
		t.Fatal(err)
	}
	a := start(t, again)
	if err := a.CloseBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and not: started twice
		if err := a.Release(t.Context(), "test"); fault.CodeOf(err) != "bus_closed" {
			t.Errorf("a release without a bus: %v", err)
		}
	}
}

func TestWhatThePanicsWereIsAnAlarm(t *testing.T) {
	t.Parallel()
	opt := unscheduled(t.TempDir())
	clock := newClock()
	opt.Now = clock.now
	a := start(t, opt)
	look := func() map[string]app.Alarm {
		t.Helper()
		if err := a.RunOnce(t.Context(), "presence"); err != nil {
			t.Fatal(err)
		}
		on := map[string]app.Alarm{}
		for _, alarm := range a.Alarms() {
			on[alarm.Code] = alarm
		}
		return on
	}
	a.Panic()
	if err := a.SetAside(t.Context(), ledger.Deadlines, "incident/maria"); err != nil {
		t.Fatal(err)
	}
	on := look()
	if alarm := on["panicked"]; !strings.Contains(alarm.Text, "in a request") || alarm.Runbook != "docs/runbooks/panicked.md" {
		t.Errorf("of a panic the operator is told %+v", alarm)
	}
	if alarm := on["set_aside"]; !strings.Contains(alarm.Text, "deadlines of incident/maria") || alarm.Runbook != "docs/runbooks/set-aside.md" {
		t.Errorf("of what is set aside the operator is told %+v", alarm)
	}
	clock.advance(time.Hour)
	if _, ok := look()["panicked"]; ok {
		t.Error("the alarm stays on an hour after the last panic")
	}
}

func TestWhatIsDueAndSetAsideIsNoBacklog(t *testing.T) {
	t.Parallel()
	opt := unscheduled(t.TempDir())
	clock := newClock()
	opt.Now = clock.now
	a := start(t, opt)
	late := func() string {
		t.Helper()
		if err := a.RunOnce(t.Context(), "presence"); err != nil {
			t.Fatal(err)
		}
		for _, alarm := range a.Alarms() {
			if alarm.Code == "due_late" {
				return alarm.Text
			}
		}
		return ""
	}
	for age, stream := range map[time.Duration]ledger.Stream{3 * time.Hour: "incident/bad", 2 * time.Hour: "incident/other"} {
		if err := a.Wake(t.Context(), stream, clock.now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for n, stream := range []ledger.Stream{"", "incident/bad", "incident/other"} {
		if stream != "" {
			if err := a.SetAside(t.Context(), ledger.Deadlines, stream); err != nil {
				t.Fatal(err)
			}
		}
		want := ""
		if n < 2 {
			want = clock.now().Add(time.Duration(n-3) * time.Hour).UTC().Format(time.RFC3339)
		}
		if text := late(); (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("with %d streams set aside the alarm says %q, want %q", n, text, want)
		}
	}
}

func TestANightHasOneBackupHoweverManyProcessesWatch(t *testing.T) {
	opt := unscheduled(t.TempDir())
	clock := newClock()
	opt.Now = clock.now
	opt.BackupDir, opt.BackupKeep = filepath.Join(t.TempDir(), "backups"), 2
	a := start(t, opt)
	count := func() int {
		t.Helper()
		if err := a.RunOnce(t.Context(), "backup"); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(opt.BackupDir, "*.backup"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	for i, want := range []int{1, 1} {
		if n := count(); n != want {
			t.Errorf("run %d: %d backups", i, n)
		}
	}
	for night := range 3 {
		clock.advance(24 * time.Hour)
		if n, want := count(), min(2, night+2); n != want {
			t.Errorf("night %d: %d backups, want %d", night, n, want)
		}
	}
}

func TestCheckSaysWhatIsWrongInPlainWords(t *testing.T) {
	opt := unscheduled(t.TempDir())
	stop(t, start(t, opt))
	if err := os.Remove(filepath.Join(opt.Data, "secret.key")); err != nil {
		t.Fatal(err)
	}
	opt.TLSCert, opt.TLSKey = filepath.Join(t.TempDir(), "none.pem"), filepath.Join(t.TempDir(), "none.key")
	opt.SMTPURL, opt.MailFrom = "smtp://127.0.0.1:1", "landfall@example.org"
	var serious []string
	for _, f := range app.Check(t.Context(), opt) {
		if f.Serious {
			serious = append(serious, f.What)
		}
	}
	text := strings.Join(serious, "\n")
	for _, want := range []string{"key of the subscription secrets is missing", "certificate cannot be used", "mail server 127.0.0.1:1 does not answer"} {
		if !strings.Contains(text, want) {
			t.Errorf("check does not say %q:\n%s", want, text)
		}
	}
	if len(serious) != 3 {
		t.Errorf("%d problems, want 3:\n%s", len(serious), text)
	}
}
