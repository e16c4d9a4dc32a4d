package harness_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"landfall/internal/app"
	"landfall/internal/backup"
	. "landfall/internal/harness"
	"landfall/internal/head"
	"landfall/internal/ledger"
)

// longCommand is one command as the walk knows it.
type longCommand struct {
	name   string
	points []string
	marks  string // the code of its refusals, "" when it leaves the records alone
	into   bool   // it makes the records: there are none before
	file   string // beside the data folder that it writes; how its name begins
	run    func(ctx context.Context, o orders, opt backup.Options) error
}

func longCommands() []longCommand {
	return []longCommand{
		{
			name: "rebuild", marks: "rebuild_unfinished", points: slices.Concat(backup.Points("rebuild"), ledger.RebuildPoints()),
			run: func(ctx context.Context, o orders, opt backup.Options) error {
				_, err := app.Rebuild(ctx, o.Records, opt, Quiet())
				return err
			},
		},
		{
			name: "restore", marks: "restore_unfinished", into: true, points: slices.Concat(backup.Points("restore"), ledger.RebuildPoints()),
			run: func(ctx context.Context, o orders, opt backup.Options) (err error) {
				f, err := os.Open(o.File)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				_, err = app.Restore(ctx, o.Records, "", f, opt, Quiet())
				return err
			},
		},
		{
			name: "rotate-key", marks: "rotate_key_unfinished", points: slices.Concat(backup.Points("rotate-key"), app.RotationPoints()),
			run: func(ctx context.Context, o orders, opt backup.Options) error {
				_, err := app.RotateKey(ctx, o.Records, "", "", opt, Quiet())
				return err
			},
		},
		{
			name: "backup", file: "mine.backup", points: slices.Concat(head.Points(), backup.Points("backup")),
			run: func(ctx context.Context, o orders, opt backup.Options) error {
				_, err := app.Backup(ctx, o.Records, "", filepath.Join(o.Records.Data, "..", "mine.backup"), opt, Quiet())
				return err
			},
		},
		{
			name: "nightly", file: "nightly/landfall-", points: backup.Points("nightly"),
			run: func(ctx context.Context, o orders, opt backup.Options) (err error) {
				a, err := app.Start(ctx, app.Options{
					Records: o.Records, BackupDir: filepath.Join(o.Records.Data, "..", "nightly"), BackupKeep: 1, Offline: true,
					Now: opt.Now, At: opt.At, Logger: Quiet(), Version: "test",
				})
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, a.Stop(context.WithoutCancel(ctx))) }()
				return a.RunOnce(ctx, "backup")
			},
		},
	}
}

// commandChild carries out the command of a child, which ends itself at its point.
func commandChild(o orders) error {
	w := &walker{die: o.Die, hit: o.Hit, armed: true, passed: map[string]int{}}
	i := slices.IndexFunc(longCommands(), func(c longCommand) bool { return c.name == o.Command })
	return longCommands()[i].run(context.Background(), o, commandOptions(w.at, o.Ahead))
}

// commandOptions are those of every command of the walk: its clock stands still.
func commandOptions(at func(string), ahead time.Duration) backup.Options {
	return backup.Options{Now: func() time.Time { return Start.Add(48*hour + ahead) }, Version: "test", At: at}
}
