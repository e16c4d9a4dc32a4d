package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/proof"
	"landfall/internal/store"
)

const (
	// backupHour is when the nightly backup is taken: in the small hours of the Eastern Caribbean (UTC-4).
	backupHour = 6
	// backupRetry is how long a backup has to end, and how long a failed one is left before the next try.
	backupRetry = 30 * time.Minute
	claimsKept  = 7 * 24 * time.Hour
)

// nightly writes the backup of the night, once among all processes, as soon as its hour has come: also late, when nobody ran then.
func (a *App) nightly(ctx context.Context, now time.Time) error {
	night := now.UTC().Add(-backupHour * time.Hour)
	return a.once(ctx, "backup/"+night.Format("2006-01-02"), backupRetry, func(ctx context.Context) error {
		key, err := recordedPrint(ctx, a.store)
		if err != nil {
			return err
		}
		if err := a.signHead(ctx, proof.WhyBackup); err != nil {
			a.log.Error("no head could be signed for the nightly backup", "error", err)
		}
		path, summary, err := backup.Nightly(ctx, a.store, Kinds(), a.opt.BackupDir, a.opt.BackupKeep, backup.Options{
			Now: a.opt.Now, Version: a.opt.Version, KeyPrint: key, Transient: transient, At: a.opt.At,
		})
		if fault.CodeOf(err) == "records_damaged" {
			// Tonight's is as whole as the records are; another would be no better.
			a.log.Error("the nightly backup holds damaged records", "file", path, "records", summary.Damaged, "runbook", "docs/runbooks/backup-failed.md")
			return nil
		}
		if err != nil {
			return err
		}
		a.log.Info("the nightly backup is written and read back", "file", path, "commits", summary.Commits)
		return nil
	})
}

// forgetClaims removes claims of work that was done long ago.
func (a *App) forgetClaims(ctx context.Context, now time.Time) error {
	var gone []store.Op
	q := store.Query{Kind: kindClaim, Limit: 1000}
	for {
		page, err := a.store.Find(ctx, q)
		if err != nil {
			return unclaimed(err)
		}
		for _, d := range page.Docs {
			var c claim
			if err := json.Unmarshal(d.Body, &c); err != nil {
				return fmt.Errorf("claim %s: %w", d.ID, err)
			}
			if now.Sub(c.Until) > claimsKept {
				gone = append(gone, store.Op{Do: store.OpDelete, Kind: kindClaim, Doc: store.Doc{ID: d.ID}})
			}
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := a.store.Bulk(ctx, gone)
	return err
}
