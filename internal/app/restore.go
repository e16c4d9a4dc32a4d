package app

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/proof"
)

// transient are the documents of running processes: no business of a backup.
var transient = []string{kindProbe, kindProcess, kindClaim, ledger.KindAside}

// Backed says what a backup holds.
type Backed struct {
	backup.Summary
	Head     proof.Head // signed over the records right before they were copied; zero when none was
	Unsigned error      // why none was: the archive is whole all the same
}

// Backup signs a head over the records and then writes an archive of them into a new file, beside a service that may be running, and reads it
// back. secretKey is that of the service; "" takes that of the data folder.
func Backup(ctx context.Context, records Records, secretKey, path string, opt backup.Options, log *slog.Logger) (out Backed, err error) {
	st, err := records.openBeside(ctx, opt.Now, log)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := backup.Finished(ctx, st); err != nil {
		return out, err
	}
	if opt.KeyPrint, err = recordedPrint(ctx, st); err != nil {
		return out, err
	}
	out.Head, out.Unsigned = records.signBeside(ctx, secretKey, opt, log)
	opt.Transient = transient
	out.Summary, err = backup.File(ctx, st, Kinds(), path, opt)
	return out, err
}

// Restored says what a restore left behind.
type Restored struct {
	backup.Summary
	State     backup.State
	WouldFire backup.WouldFire
}

// Restore makes empty records out of an archive, derives everything from them again, and leaves them held. secretKey is the key that the
// archive's secrets are encrypted with, 64 hexadecimal digits; "" takes that of the data folder, which must lie there already. No
// process may run on the records. The bus is emptied by the first process that starts on them. Cut off, it leaves records that every start
// refuses, and that another Restore of the same archive finishes.
func Restore(ctx context.Context, records Records, secretKey string, r io.Reader, opt backup.Options, log *slog.Logger) (_ Restored, err error) {
	if opt.KeyPrint, err = givenPrint(records, secretKey); err != nil {
		return Restored{}, err
	}
	st, closeAll, err := records.openAlone(ctx, opt.Now, log)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	opt.Transient = transient
	opt.Derive = func(ctx context.Context) error {
		derive := opt
		derive.Progress = nil // the archive's bytes are counted already
		_, err := rebuild(ctx, st, derive, log)
		if err != nil || opt.KeyPrint == "" || opt.WithoutSecrets {
			return err
		}
		return recordPrint(ctx, st, opt.KeyPrint) // or the first start might make another key
	}
	opt.Marking = records.marking(st, opt)
	var out Restored
	if out.Summary, err = backup.Restore(ctx, r, st, Kinds(), opt); err != nil {
		return out, err
	}
	ctx = context.WithoutCancel(ctx) // it is done: an interrupt takes nothing back
	if out.State, err = backup.ReadState(ctx, st); err != nil {
		return out, err
	}
	out.WouldFire, err = backup.Waiting(ctx, st, opt.Now())
	return out, err
}

// Held shows whether the records are held after a restore and what would fire at once if they were released now.
func Held(ctx context.Context, records Records, now func() time.Time, log *slog.Logger) (_ backup.State, _ backup.WouldFire, err error) {
	st, err := records.openBeside(ctx, now, log)
	if err != nil {
		return backup.State{}, backup.WouldFire{}, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	state, err := backup.ReadState(ctx, st)
	if err != nil {
		return state, backup.WouldFire{}, err
	}
	fire, err := backup.Waiting(ctx, st, now())
	return state, fire, err
}

// givenPrint gives the print of the key that a restore was given; "" when it was given none.
func givenPrint(records Records, secretKey string) (string, error) {
	if secretKey == "" {
		text, err := os.ReadFile(filepath.Join(records.Data, "secret.key"))
		if errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", fault.Wrap(err, fault.Unavailable, "secret_key", "The key in %s cannot be read.", records.Data)
		}
		secretKey = string(text)
	}
	key, err := givenKey(secretKey)
	if err != nil {
		return "", err
	}
	return keyPrint(key), nil
}

// givenKey reads a key that somebody wrote.
func givenKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, fault.New(fault.Invalid, "secret_key", "The secret key must be 64 hexadecimal digits.")
	}
	return key, nil
}
