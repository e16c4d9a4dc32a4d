package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
)

type verifyCmd struct {
	recordsFlags
	Against string `help:"File of heads, or folder of such files, that was kept elsewhere. Default: the service's own." placeholder:"PATH"`
	Key     string `help:"File of the public keys to believe, such as a copy of heads.pub. Default: the service's own key." placeholder:"FILE"`
}

// Run proves every record, whether the service runs or not. Findings are an error.
func (c *verifyCmd) Run(s *session) error {
	start := time.Now()
	against := app.Against{Heads: c.Against, Keys: c.Key, SecretKey: c.SecretKey}
	report, err := app.Verify(s.ctx, c.records(), against, time.Now, quiet(s))
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		_, _ = fmt.Fprintln(s.out, "DAMAGED ", f)
	}
	_, _ = fmt.Fprintf(s.out, "%d streams, %d commits, %d derived documents in %s", report.Streams, report.Commits, report.Documents, time.Since(start).Round(time.Millisecond))
	if report.Behind > 0 {
		_, _ = fmt.Fprintf(s.out, " (%d not caught up yet)", report.Behind)
	}
	if len(report.Findings) > 0 {
		_, _ = fmt.Fprintln(s.out)
		showProven(s, report.Proven)
		return fmt.Errorf("%d findings: see docs/runbooks/damaged-commit.md and docs/runbooks/records-lost.md", len(report.Findings))
	}
	if back := report.Proven.Back; back != nil {
		_, _ = fmt.Fprintln(s.out, ": as recorded, after a restore.")
		showProven(s, report.Proven)
		showBack(s, *back)
		return wentBackError{}
	}
	_, _ = fmt.Fprintln(s.out, ": all as recorded.")
	showProven(s, report.Proven)
	return nil
}

// wentBackError ends a verify that found nothing damaged, and records that a restore has put back.
type wentBackError struct{}

func (wentBackError) Error() string {
	return "nothing is damaged; a restore has put the records back: see docs/runbooks/restore.md"
}

// showBack says what a restore did not bring back of what the service before it had.
func showBack(s *session, b app.WentBack) {
	to, said := "before its first head", "which the first start will sign"
	if b.To > 0 {
		to = fmt.Sprintf("to head %d of %s", b.To, b.At.Format(time.RFC3339))
	}
	if b.Signed > 0 {
		said = fmt.Sprintf("as head %d says", b.Signed)
	}
	_, _ = fmt.Fprintf(s.out, "The records went back %s on purpose, by the restore of %s, %s. The lost service went on to head %d of %s; "+
		"these streams are %d commits shorter than it had:\n",
		to, b.RestoredAt.UTC().Format(time.RFC3339), said, b.Of, b.OfTime.Format(time.RFC3339), b.Commits())
	for _, one := range b.Streams {
		_, _ = fmt.Fprintf(s.out, "WENT BACK  %s: had %d commits, kept %d\n", one.Stream, one.Had, one.Has)
	}
}

// showProven says up to where signed heads prove the records.
func showProven(s *session, p app.Proven) {
	if p.Head == 0 {
		_, _ = fmt.Fprintf(s.out, "No head in %s proves any of it: what was shortened or removed as a whole would not be seen.\n", p.From)
		return
	}
	_, _ = fmt.Fprintf(s.out, "Proven up to head %d of %s, key %s; %s.\n", p.Head, p.At.Format(time.RFC3339), p.Key, since(p.Grown))
	for _, note := range p.Notes {
		_, _ = fmt.Fprintln(s.out, note)
	}
	if !p.Vouch {
		_, _ = fmt.Fprintln(s.out, "The key was read beside the heads themselves: compare its fingerprint with one that you have from elsewhere, or give --key.")
	}
}

// since says how many streams have grown since the head that proves the records.
func since(grown int64) string {
	switch grown {
	case 0:
		return "nothing was recorded since"
	case 1:
		return "1 stream has grown since"
	}
	return fmt.Sprintf("%d streams have grown since", grown)
}

type headsCmd struct{ recordsFlags }

// Run prints the public keys with which the service's heads are signed, for whoever is to verify them elsewhere.
func (c *headsCmd) Run(s *session) error {
	lines, own, err := app.PublicKeys(c.records(), c.SecretKey)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(s.out, "# Public keys that sign the heads of this service: fingerprint and Ed25519 key.")
	for _, line := range lines {
		_, _ = fmt.Fprintln(s.out, line)
	}
	if own == "" {
		return errors.New("the secret key is not here: only the keys beside the heads are known")
	}
	return nil
}

type rebuildCmd struct{ recordsFlags }

// Run drops and derives again everything that follows from the records.
func (c *rebuildCmd) Run(s *session) error {
	step, end := s.progress("rebuild")
	streams, err := app.Rebuild(s.ctx, c.records(), backup.Options{Now: time.Now, Progress: step}, quiet(s))
	end()
	if err == nil {
		_, _ = fmt.Fprintf(s.out, "Rebuilt from %d streams.\n", streams)
	}
	return err
}

type runOnceCmd struct {
	recordsFlags
	busFlags
	BackupDir  string `help:"Folder of the nightly backup, for the job of that name." placeholder:"DIR"`
	BackupKeep int    `default:"14" help:"How many nightly backups are kept." placeholder:"N"`
	Job        string `arg:"" optional:"" help:"Name of the job; without one the jobs are listed."`
}

// Run runs one job of the watch and waits for what follows from it inside the store. With records in a folder the service must be stopped;
// on a server it may run.
func (c *runOnceCmd) Run(s *session) (err error) {
	a, err := app.Start(s.ctx, app.Options{
		Records: c.records(), SecretKey: c.SecretKey, NATSURL: c.NATSURL, NATSCredentials: c.NATSCredentials, NATSCA: c.NATSCA, NATSReplicas: c.NATSReplicas,
		BackupDir: c.BackupDir, BackupKeep: c.BackupKeep, Offline: true, Logger: quiet(s), Version: versionText(), Now: time.Now,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Stop(s.ctx)) }()
	if c.Job == "" {
		for _, j := range a.Jobs() {
			_, _ = fmt.Fprintf(s.out, "%-12s every %-6s %s\n", j.Name, j.Every, j.About)
		}
		return nil
	}
	if err := a.RunOnce(s.ctx, c.Job); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "%s: done.\n", c.Job)
	return nil
}

// quiet logs warnings and worse, for tools whose output is for people.
func quiet(s *session) *slog.Logger {
	return slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
