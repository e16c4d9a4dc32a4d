package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/notify"
	"landfall/internal/store"
)

// The points at which a rotation of the key can be cut off, beside those of every command that marks the records.
const (
	PointKeyMade     = "app.key_made"     // the new key lies beside the old one; nothing is marked
	PointKeyKept     = "app.key_kept"     // the old key is kept under the name of its print
	PointResealed    = "app.resealed"     // the secrets of one subscription are sealed with the new key
	PointErased      = "app.resealed_all" // all are, and what the old key opens is removed
	PointKeySigned   = "app.key_signed"   // the old key has signed a head that names the new one
	PointKeyRecorded = "app.key_recorded" // the records say that the new key is theirs
	PointKeyReplaced = "app.key_replaced" // secret.key is the new key
	PointKeyTidied   = "app.key_tidied"   // and lies there once
)

const (
	currentKey = "secret.key"
	nextKey    = "secret.key.next"    // what is to become the key
	formerKey  = "secret.key.former-" // the print of an old key follows
)

// RotationPoints lists those points for records whose key lies in the data folder, in order.
func RotationPoints() []string {
	return []string{PointKeyMade, PointKeyKept, PointResealed, PointErased, PointKeySigned, PointKeyRecorded, PointKeyReplaced, PointKeyTidied}
}

// Rotated says what a rotation has done.
type Rotated struct {
	Subscriptions int    // walked
	Secrets       int    // sealed with the new key by this run
	Left          int    // that neither key opens: they were of no use before either
	Print         string // tells the new key from others
	Former        string // file that keeps the old key; "" when it came from outside
}

// RotateKey gives the records of a stopped service another secret key: every secret is sealed with it, and what the old key opens is erased. Cut off, it
// leaves records that every start refuses, and that another RotateKey with the same keys finishes.
//
// old and next are 64 hexadecimal digits each. Where the key is kept in the data folder both are "": the new one is made, secret.key is replaced, and
// the old one stays in a file of its own, because older backups need it. Of the options, Now, Progress and At count.
func RotateKey(ctx context.Context, records Records, old, next string, opt backup.Options, log *slog.Logger) (_ Rotated, err error) {
	if err := records.mustExist(); err != nil {
		return Rotated{}, err
	}
	st, closeAll, err := records.openAlone(ctx, opt.Now, log)
	if err != nil {
		return Rotated{}, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	r := &rotation{ctx: ctx, st: st, records: records, opt: opt, log: log}
	if err := r.keys(old, next); err != nil {
		return Rotated{}, err
	}
	work, err := backup.Begin(ctx, st, backup.CommandRotateKey, keyPrint(r.old)+" "+keyPrint(r.next), records.marking(st, opt))
	if err != nil {
		return Rotated{}, err
	}
	r.ctx = work.Context()
	err = work.End(r.run())
	return r.out, err
}

// rotation is one RotateKey.
type rotation struct {
	ctx       context.Context
	st        store.Store
	records   Records
	opt       backup.Options
	log       *slog.Logger
	old, next []byte
	inFolder  bool // the key is kept in the data folder
	out       Rotated
}

func (r *rotation) at(point string) {
	if r.opt.At != nil {
		r.opt.At(point)
	}
}

func (r *rotation) file(name string) string { return filepath.Join(r.records.Data, name) }

// keys finds the old key and the new one, or makes that. An interrupted run has named both by their prints.
func (r *rotation) keys(old, next string) (err error) {
	if (old == "") != (next == "") {
		return fault.New(fault.Invalid, "secret_key", "A key that is given with --secret-key is replaced by the one of --new-secret-key: give both, or neither.")
	}
	r.inFolder = old == ""
	from, err := recordedPrint(r.ctx, r.st)
	if err != nil {
		return err
	}
	to := ""
	if of, err := backup.Unfinished(r.ctx, r.st, backup.CommandRotateKey); err != nil {
		return err
	} else if of != "" {
		from, to, _ = strings.Cut(of, " ")
	}
	if from == "" {
		return fault.New(fault.State, "no_key", "These records have no key yet: the first start of the service makes it.")
	}
	if !r.inFolder {
		if r.old, err = givenKey(old); err == nil {
			r.next, err = givenKey(next)
		}
	} else {
		if r.old, err = r.keyOf(from, currentKey, formerKey+from); err == nil && to == "" {
			err = r.makeNext()
		} else if err == nil {
			r.next, err = r.keyOf(to, nextKey, currentKey)
		}
	}
	if err != nil {
		return err
	}
	if keyPrint(r.old) != from || to != "" && keyPrint(r.next) != to || keyPrint(r.next) == from {
		return fault.New(fault.Invalid, "secret_key",
			"The old key must be %s, and the new one %s; these are %s and %s.", from, cmp.Or(to, "another"), keyPrint(r.old), keyPrint(r.next))
	}
	r.out.Print = keyPrint(r.next)
	return nil
}

// keyOf reads the key with a print from the first of these files of the data folder that holds it.
func (r *rotation) keyOf(of string, names ...string) ([]byte, error) {
	for _, name := range names {
		text, err := os.ReadFile(r.file(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "secret_key", "%s cannot be read: %v.", r.file(name), reason(err))
		}
		if key, err := givenKey(string(text)); err == nil && keyPrint(key) == of {
			return key, nil
		}
	}
	return nil, fault.New(fault.Invalid, "secret_key", "The key %s is in none of the files %s of %s. Put it back from where it is kept.",
		of, strings.Join(names, ", "), r.records.Data)
}

// makeNext makes the new key, or takes the one that a run has made which was cut off before it marked anything.
func (r *rotation) makeNext() error {
	text, err := os.ReadFile(r.file(nextKey))
	if err == nil {
		r.next, err = givenKey(string(text))
		return err
	}
	r.next = make([]byte, 32)
	_, _ = rand.Read(r.next) // never fails, crypto/rand
	if err := writeSecret(r.file(nextKey), hex.EncodeToString(r.next)+"\n"); err != nil {
		return err
	}
	r.at(PointKeyMade)
	return nil
}

// run does everything between the mark and its end.
func (r *rotation) run() (err error) {
	if r.inFolder {
		r.out.Former = r.file(formerKey + keyPrint(r.old))
		if err := writeSecret(r.out.Former, hex.EncodeToString(r.old)+"\n"); err != nil {
			return err
		}
		r.at(PointKeyKept)
	}
	if err := r.reseal(); err != nil {
		return err
	}
	r.at(PointErased)
	if err := rotateHeads(r.ctx, r.st, r.records, r.old, r.next, r.opt.Now, r.log); err != nil {
		return err
	}
	r.at(PointKeySigned)
	if err := recordPrint(r.ctx, r.st, r.out.Print); err != nil {
		return err
	}
	r.at(PointKeyRecorded)
	if !r.inFolder {
		return nil
	}
	if err := writeSecret(r.file(currentKey), hex.EncodeToString(r.next)+"\n"); err != nil {
		return err
	}
	r.at(PointKeyReplaced)
	if err := os.Remove(r.file(nextKey)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.Unavailable, "data_folder", "%s cannot be removed: %v.", r.file(nextKey), reason(err))
	}
	r.at(PointKeyTidied)
	return nil
}

// reseal seals every secret of every subscription with the new key.
func (r *rotation) reseal() (err error) {
	l, desk, err := nouns(r.st, ledger.Options{Now: r.opt.Now, Logger: r.log, Shared: true}, r.next)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(r.ctx))) }()
	resealer, err := desk.Resealer(r.old)
	if err != nil {
		return err
	}
	const page = 500
	prefix, after := notify.NounSubscription+"/", ""
	for {
		names, err := r.st.Streams(r.ctx, prefix, after, page)
		if err != nil {
			return r.records.cannotOpen(err)
		}
		for _, name := range names {
			done, left, err := resealer.Reseal(r.ctx, strings.TrimPrefix(name, prefix))
			if err != nil {
				return err
			}
			r.out.Secrets, r.out.Left, r.out.Subscriptions = r.out.Secrets+done, r.out.Left+left, r.out.Subscriptions+1
			r.at(PointResealed)
			if r.opt.Progress != nil {
				r.opt.Progress(int64(r.out.Subscriptions), int64(max(r.out.Subscriptions, len(names))))
			}
			after = name
		}
		if len(names) < page {
			return r.erase(l)
		}
	}
}

// erase removes what the commits erase that the service would find pending at its next start: until then the old key opened it.
func (r *rotation) erase(l *ledger.Ledger) error {
	_, err := l.SweepDocuments(r.ctx, r.opt.Now().Add(time.Hour))
	if errors.Is(err, ledger.ErrNewer) {
		return nil // a newer version's, which erases it when it starts
	}
	return err
}
