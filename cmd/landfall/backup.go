package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
	"landfall/internal/guard"
)

type backupCmd struct {
	recordsFlags
	File string `arg:"" help:"File to write; it must not exist."`
}

// Run writes an archive beside a service that may be running, reads it back, and only then gives it its name.
func (c *backupCmd) Run(s *session) error {
	start := time.Now()
	step, end := s.progress("backup")
	sum, err := app.Backup(s.ctx, c.records(), c.SecretKey, c.File, backup.Options{Now: time.Now, Version: versionText(), Progress: step}, quiet(s))
	end()
	for _, d := range sum.Damaged {
		_, _ = fmt.Fprintln(s.out, "DAMAGED ", d)
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "%s: %d streams, %d commits, %d documents as of %s, written and read back in %s.\n",
		c.File, sum.Streams, sum.Commits, sum.Documents, sum.TakenAt.UTC().Format(time.RFC3339), time.Since(start).Round(time.Millisecond))
	if sum.Unsigned != nil {
		_, _ = fmt.Fprintln(s.out, "NOTE  no head was signed over it:", sum.Unsigned)
	} else {
		_, _ = fmt.Fprintf(s.out, "Head %d was signed over it: `landfall verify` proves it up to there.\n", sum.Head.Number)
	}
	_, _ = fmt.Fprintln(s.out, "The key of its secrets is not in it: keep secret.key (or what --secret-key says) apart from it.")
	return nil
}

type restoreCmd struct {
	recordsFlags
	WithoutSecrets bool   `help:"Restore although the secret key is missing or another: subscriptions then need new secrets."`
	AcceptDamaged  bool   `help:"Restore records as they are that were damaged before the backup was taken."`
	File           string `arg:"" help:"Archive to restore."`
}

// Run makes empty records out of an archive and leaves them held.
func (c *restoreCmd) Run(s *session) (err error) {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	step, end := s.progress("restore")
	out, err := app.Restore(s.ctx, c.records(), c.SecretKey, f, backup.Options{
		Now: time.Now, Version: versionText(), WithoutSecrets: c.WithoutSecrets, AcceptDamaged: c.AcceptDamaged, Progress: step,
	}, quiet(s))
	end()
	for _, d := range out.Damaged {
		_, _ = fmt.Fprintln(s.out, "DAMAGED ", d)
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "Restored %d streams with %d commits as they were at %s. Epoch %d.\n", out.Streams, out.Commits, out.TakenAt.UTC().Format(time.RFC3339), out.State.Epoch)
	for _, w := range out.Warnings {
		_, _ = fmt.Fprintln(s.out, "NOTE ", w)
	}
	show(s, out.WouldFire)
	_, _ = fmt.Fprintln(s.out, "The service is HELD: start it, look, and release it with `landfall release`.")
	return nil
}

func show(s *session, fire backup.WouldFire) {
	_, _ = fmt.Fprintf(s.out, "Released now, it would at once look at %d records whose time has come", fire.Wakes)
	if !fire.Oldest.IsZero() {
		_, _ = fmt.Fprintf(s.out, " (the oldest since %s)", fire.Oldest.UTC().Format(time.RFC3339))
	}
	_, _ = fmt.Fprintf(s.out, ", follow up %d changes and go on with %d deliveries.\n", fire.Pending, fire.Deliveries)
}

type releaseCmd struct {
	adminFlags
	Yes bool `help:"Release without asking."`
}

// Run shows what a held service would do, and lets it.
func (c *releaseCmd) Run(s *session) error {
	api, err := c.caller()
	if err != nil {
		return err
	}
	var status struct {
		Held      bool `json:"held"`
		WouldFire struct {
			OverdueSteps int64 `json:"overdue_steps"`
			Deliveries   int64 `json:"deliveries"`
		} `json:"would_fire"`
	}
	if err := api.get(s.ctx, "/operation", &status); err != nil {
		return err
	}
	if !status.Held {
		_, _ = fmt.Fprintln(s.out, "The service is not held.")
		return nil
	}
	_, _ = fmt.Fprintf(s.out, "Released, it would at once look at %d records whose time has come and go on with %d deliveries.\n",
		status.WouldFire.OverdueSteps, status.WouldFire.Deliveries)
	if !c.Yes {
		switch answer, err := s.ask("Release it? Type yes: "); {
		case err != nil:
			return errors.New("nothing was released")
		case !strings.EqualFold(answer, "yes"):
			return errors.New("nothing was released, because the answer was not yes")
		}
	}
	if err := api.post(s.ctx, "/operation/release", struct{}{}, nil); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(s.out, "Released.")
	return nil
}

// ask gives the first word that a person answers, or an error when an interrupt comes first. What reads the answer then goes on until
// the process ends.
func (s *session) ask(question string) (string, error) {
	_, _ = fmt.Fprint(s.out, question)
	answers := make(chan string, 1)
	panics := guard.New(nil, time.Now)
	go func() {
		panics.Run("the answer to a question", func() {
			var answer string
			_, _ = fmt.Fscanln(s.in, &answer)
			answers <- answer
		})
	}()
	select {
	case answer := <-answers:
		return answer, nil
	case <-s.ctx.Done():
		_, _ = fmt.Fprintln(s.out)
		return "", s.ctx.Err()
	}
}
