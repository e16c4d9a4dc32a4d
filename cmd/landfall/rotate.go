package main

import (
	"fmt"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
)

type rotateKeyCmd struct {
	recordsFlags
	NewSecretKey string `secret:"" help:"The new key, where --secret-key gives the old one. Without both, the key in the data folder is replaced." placeholder:"HEX"`
}

// Run gives stopped records another secret key.
func (c *rotateKeyCmd) Run(s *session) error {
	step, end := s.progress("rotate-key")
	done, err := app.RotateKey(s.ctx, c.records(), c.SecretKey, c.NewSecretKey, backup.Options{Now: time.Now, Progress: step}, quiet(s))
	end()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "The key is %s now. %d secrets of %d subscriptions were sealed with it.\n", done.Print, done.Secrets, done.Subscriptions)
	if done.Left > 0 {
		_, _ = fmt.Fprintf(s.out, "NOTE  %d secrets open with neither key, as before: their subscriptions need new ones.\n", done.Left)
	}
	if done.Former != "" {
		_, _ = fmt.Fprintf(s.out, "The old key is kept in %s: backups of before need it. Keep a copy of the new secret.key apart from the backups.\n", done.Former)
		return nil
	}
	_, _ = fmt.Fprintln(s.out, "Give the new key to every process before it starts, and keep the old one for the backups of before.")
	return nil
}
