package harness_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"landfall/internal/app"
	"landfall/internal/fault"
	. "landfall/internal/harness"
)

func TestAfterARotationOfTheKeyMessagesAreSignedWithTheSecretsThatReceiversHave(t *testing.T) {
	t.Parallel()
	w := NewOnFolder(t)
	antigua := w.Account("ATG", "official")
	far := NewReceiver(t)
	id, first := Subscribe(antigua, far, Object{"kinds": []string{"figure.reported"}})
	second := antigua.Post("/api/v1/subscriptions/"+id+"/rotate-secret", Object{}).Want(200).Str("secret")
	maria := w.Maria(w.Account("DMA", "coordinator"), []string{"ATG"}, nil)
	backedUp := filepath.Join(t.TempDir(), "before.backup")
	records := app.Records{Data: w.Dir}
	if _, err := app.Backup(t.Context(), records, "", backedUp, Backup(w), Quiet()); err != nil {
		t.Fatal(err)
	}
	if _, err := app.RotateKey(t.Context(), records, "", "", Backup(w), Quiet()); fault.CodeOf(err) != "data_folder_in_use" {
		t.Errorf("beside the service: %v", err)
	}
	w.Halt()
	oldKeys := filepath.Join(t.TempDir(), "heads.pub") // as somebody has it who knows of no rotation
	if text, err := os.ReadFile(filepath.Join(w.Dir, "heads", "heads.pub")); err != nil || os.WriteFile(oldKeys, text, 0o600) != nil {
		t.Fatal(err)
	}
	done, err := app.RotateKey(t.Context(), records, "", "", Backup(w), Quiet())
	if err != nil || done.Secrets != 2 || done.Left != 0 || done.Subscriptions != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.Boot()
	maria.Post(maria.Path+"/figures", Figure("DMA", 300, w.Clock.Now())).Want(201)
	m := far.Await("figure.reported", 1)[0]
	for _, secret := range []string{first, second} {
		far.CheckSignature(m, secret)
	}
	w.Verify()
	report, err := app.Verify(t.Context(), records, app.Against{Keys: oldKeys}, w.Clock.Now, Quiet())
	if err != nil || len(report.Findings) > 0 || report.Proven.Head == 0 {
		t.Errorf("with the old key: %v, %+v, %v", report.Findings, report.Proven, err)
	}
	// The backup of before is restored beside the key that was kept.
	former, err := os.ReadFile(done.Former)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(backedUp)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	into := app.Records{Data: filepath.Join(t.TempDir(), "data")}
	if _, err := app.Restore(t.Context(), into, strings.TrimSpace(string(former)), f, Backup(w), Quiet()); err != nil {
		t.Errorf("the backup of before: %v", err)
	}
	// Without that key its secrets are of no use, and a rotation leaves them as they are.
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	into.Data = filepath.Join(t.TempDir(), "data")
	without := Backup(w)
	without.WithoutSecrets = true
	if _, err := app.Restore(t.Context(), into, "", f, without, Quiet()); err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), app.Options{Records: into, Offline: true, Now: w.Clock.Now, Logger: Quiet(), Version: "test"})
	if err == nil {
		err = a.Stop(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if done, err = app.RotateKey(t.Context(), into, "", "", Backup(w), Quiet()); err != nil || done.Secrets != 0 || done.Left != 2 {
		t.Errorf("secrets of another key: %+v, %v", done, err)
	}
	verified(t, into)
}

func TestADeletedLockLetsNobodyElseServe(t *testing.T) {
	t.Parallel()
	told := orders{Records: app.Records{Data: filepath.Join(t.TempDir(), "data")}}
	p := startProcess(t, told)
	for _, name := range []string{"lock", "pid"} {
		if err := os.Remove(filepath.Join(told.Records.Data, name)); err != nil && runtime.GOOS != "windows" {
			t.Fatal(err)
		}
	}
	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), childOrders+"="+mustJSON(t, told))
	if log, err := second.CombinedOutput(); err == nil || !bytes.Contains(log, []byte("is already serving from")) {
		t.Errorf("another process: %v\n%s", err, log)
	}
	if _, err := app.Rebuild(t.Context(), told.Records, commandOptions(nil, 0), Quiet()); fault.CodeOf(err) != "data_folder_in_use" {
		t.Errorf("rebuild: %v", err)
	}
	p.kill()
	startProcess(t, told).interrupt() // nothing of the locks outlives the process
}
