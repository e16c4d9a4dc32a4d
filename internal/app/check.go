package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"landfall/internal/access"
	"landfall/internal/backup"
	"landfall/internal/bus"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
	"landfall/internal/store/mongodb"
)

// Finding is one thing that Check found.
type Finding struct {
	What    string // in plain words
	Do      string // what to do about it; "" when nothing need be done
	Serious bool   // the service cannot do its work as promised
}

// Check looks at everything a process with these options needs and says what is wrong, most serious first. It changes nothing but what any start
// would make too (indexes on a database server, the stream on an external bus), and may run beside the service.
func Check(ctx context.Context, opt Options) []Finding {
	c := &checker{opt: opt}
	if err := c.opt.prepare(); err != nil {
		c.serious("Correct the flags or LANDFALL_ variables.", "%s", plain(err))
		return c.found
	}
	c.records(ctx)
	c.externalBus(ctx)
	c.certificate()
	c.mail(ctx)
	c.backups()
	c.files()
	if c.opt.PublicURL == "" {
		c.note("Set --public-url once people reach the service under a stable address.", "Messages carry no links: no public address is confirmed.")
	}
	if c.opt.Plausible != check.Near {
		c.note("Nothing, if it is meant.", "A time may lie %s from what it belongs to before the sender has to confirm it.", c.opt.Plausible)
	}
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		switch {
		case a.Serious == b.Serious:
			return 0
		case a.Serious:
			return -1
		}
		return 1
	})
	return c.found
}

type checker struct {
	opt   Options
	found []Finding
}

func (c *checker) serious(do, what string, args ...any) {
	c.found = append(c.found, Finding{What: fmt.Sprintf(what, args...), Do: do, Serious: true})
}

func (c *checker) note(do, what string, args ...any) {
	c.found = append(c.found, Finding{What: fmt.Sprintf(what, args...), Do: do})
}

// records looks at the store and at what the processes left in it.
func (c *checker) records(ctx context.Context) {
	st, err := c.opt.openBeside(ctx, c.opt.Now, c.opt.Logger)
	switch {
	case fault.Is(err, fault.NotFound):
		c.note("Nothing, if the service was never started here; the first start makes them.", "There are no records in %s yet.", c.opt.where())
		return
	case err != nil:
		c.serious("See docs/runbooks/damaged-commit.md for a folder; for a server, its address, credentials and network.", "%s", plain(err))
		return
	}
	defer func() {
		if err := st.Close(); err != nil {
			c.serious("", "The records could not be closed: %v.", err)
		}
	}()
	if m, ok := st.(*mongodb.Store); ok {
		findings, err := m.Check(ctx)
		if err != nil {
			c.serious("See whether the server is up.", "The database server does not say how it is: %v.", err)
		}
		for _, f := range findings {
			c.found = append(c.found, Finding{What: f.What, Do: f.Do, Serious: f.Serious})
		}
	}
	c.key(ctx, st)
	c.state(ctx, st)
	c.queues(ctx, st)
	c.who(ctx, st)
	c.reach(ctx, st)
}

func (c *checker) key(ctx context.Context, st store.Store) {
	recorded, err := recordedPrint(ctx, st)
	if err != nil {
		c.serious("", "It cannot be seen which key the secrets are encrypted with: %v.", err)
		return
	}
	given, err := givenPrint(c.opt.Records, c.opt.SecretKey)
	switch {
	case err != nil:
		c.serious("Restore secret.key from where it is kept.", "%s", plain(err))
	case recorded != "" && given == "":
		c.serious("Restore secret.key from where it is kept, or give --secret-key.", "The key of the subscription secrets is missing: no webhook can be signed.")
	case recorded != "" && given != recorded:
		c.serious("Give the right key with --secret-key, or put secret.key back.", "The secret key is not the one that the secrets in the records are encrypted with (%s, not %s).", recorded, given)
	}
}

func (c *checker) state(ctx context.Context, st store.Store) {
	state, err := backup.ReadState(ctx, st)
	switch {
	case fault.Is(err, fault.State):
		c.serious("See docs/runbooks/unfinished.md.", "%s", plain(err))
	case err != nil:
		c.serious("See docs/runbooks/restore.md.", "%s", plain(err))
	case state.Held:
		c.serious("Look at what it would do and release it: landfall release.", "The service is held after a restore: it sends nothing and chases nothing.")
	}
	l := ledger.New(st, ledger.Options{Now: c.opt.Now, Logger: c.opt.Logger, Shared: true})
	lives, err := access.NewDesk(l, st, access.Options{Now: c.opt.Now, Logger: c.opt.Logger}).FirstTokenLives(ctx)
	if err == nil && lives {
		c.note("Make accounts for the offices (landfall token), then revoke it.", "The first account's token is live: it acts for every party and sees everything.")
	}
	if err := l.Close(ctx); err != nil {
		c.serious("", "%s", plain(err))
	}
}

func (c *checker) queues(ctx context.Context, st store.Store) {
	now := c.opt.Now()
	for _, d := range debts {
		if n, oldest, err := ledger.Owed(ctx, st, d.work); err != nil {
			c.serious("", "It cannot be read what waits: %v.", err)
		} else if n > 0 && now.Sub(oldest) > pendingAfter {
			c.serious("See docs/runbooks/pending-age.md.", "%s: %d of them, the oldest since %s.", d.unpaid, n, oldest.UTC().Format(time.RFC3339))
		}
	}
	if list, err := ledger.ListAside(ctx, st); err != nil {
		c.serious("", "It cannot be read what is set aside: %v.", err)
	} else if text := asideText(list); text != "" {
		c.serious("See docs/runbooks/set-aside.md; landfall retry says why, and takes a stream up again.", "%s", text)
	}
	a := &App{store: st}
	if since, err := a.oldestDue(ctx); err == nil && !since.IsZero() && now.Sub(since) > dueLateAfter {
		c.serious("See docs/runbooks/due-late.md.", "Something has been due since %s and nobody was told.", since.UTC().Format(time.RFC3339))
	}
}

// who looks at the processes that run.
func (c *checker) who(ctx context.Context, st store.Store) {
	all, err := processes(ctx, st)
	if err != nil {
		c.serious("", "%s", plain(err))
		return
	}
	now := c.opt.Now()
	running := map[Role]int{}
	versions := map[string]bool{}
	found := false
	for _, p := range all {
		if !p.Running(now) {
			continue
		}
		found = true
		versions[p.Version] = true
		for _, r := range p.Roles {
			running[r]++
		}
	}
	if !found {
		c.note("Start it.", "No process of the service is running.")
		return
	}
	for _, r := range AllRoles() {
		if running[r] == 0 {
			c.serious(fmt.Sprintf("Start a process with --roles %s.", r), "No running process has the role %s.", r)
		}
	}
	if len(versions) > 1 {
		c.note("Finish the upgrade.", "Processes of %d different versions are running.", len(versions))
	}
}

// externalBus connects as a process would.
func (c *checker) externalBus(ctx context.Context) {
	if c.opt.NATSURL == "" {
		return
	}
	b, err := bus.Open(ctx, c.opt.externalBus())
	if err == nil {
		err = errors.Join(b.Ready(ctx), b.Close(ctx))
	}
	if err != nil {
		c.serious("See docs/runbooks/bus-cluster.md. Nothing is lost meanwhile: alerts go by the slower way, through the records.", "%s", plain(err))
	}
}

// certificate looks at the service's own certificate.
func (c *checker) certificate() {
	if c.opt.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.opt.TLSCert, c.opt.TLSKey)
	switch {
	case err != nil:
		c.serious("Put a chain and its key into the files.", "The certificate cannot be used: %v.", err)
	case c.opt.Now().After(pair.Leaf.NotAfter):
		c.serious("Renew it; the service reads the new file by itself.", "The certificate expired on %s.", pair.Leaf.NotAfter.Format(time.DateOnly))
	case c.opt.Now().Add(14 * 24 * time.Hour).After(pair.Leaf.NotAfter):
		c.note("Renew it; the service reads the new file by itself.", "The certificate expires on %s.", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

// mail sees whether the mail server answers at all.
func (c *checker) mail(ctx context.Context) {
	if c.opt.SMTPURL == "" {
		return
	}
	u, err := url.Parse(c.opt.SMTPURL)
	if err != nil || u.Hostname() == "" {
		c.serious("Write it as smtp://user:password@host:587.", "The address of the mail server cannot be read.")
		return
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		c.serious("See docs/runbooks/mail-failing.md.", "The mail server %s does not answer.", net.JoinHostPort(u.Hostname(), port))
		return
	}
	_ = conn.Close()
}

// backups looks at the folder of the nightly backups.
func (c *checker) backups() {
	if c.opt.BackupDir == "" {
		c.note("Set --backup-dir to a folder on another disk, and copy its files elsewhere.", "No nightly backup is made.")
		return
	}
	newest, err := newestBackup(c.opt.BackupDir)
	if err != nil {
		c.serious("See docs/runbooks/backup-failed.md.", "%s", plain(err))
		return
	}
	if newest.IsZero() {
		c.note("Wait for the night, or: landfall run-once backup.", "There is no backup in %s yet.", c.opt.BackupDir)
		return
	}
	if c.opt.Now().Sub(newest) > backupAfter {
		c.serious("See docs/runbooks/backup-failed.md.", "The newest backup is of %s.", newest.UTC().Format(time.RFC3339))
	}
}

// plain gives what a person can read of an error.
func plain(err error) string {
	f, ok := fault.As(err)
	if !ok {
		return err.Error()
	}
	text := f.Detail
	for _, field := range f.Fields {
		text += " " + field.Pointer + " " + field.Reason + "."
	}
	if cause := errors.Unwrap(f); cause != nil {
		text += " (" + cause.Error() + ")"
	}
	return text
}
