// Package logfile writes messages to files: one line of JSON each, appended to a file of the target's name in one folder. It is for offices
// that have a program of their own read along, and for keeping a second record of what was sent.
//
// What it promises: a message is sent when its line, and the file's entry in the folder, are on disk. Lines never mix, and an
// unfinished line (the power went) is closed before the next one begins. Messages to one file are written in the order they came, as many with one sync as wait.
// Folder and files are opened for every such group, so that either can be moved away (logrotate without copytruncate), removed or mounted anew at
// any time: the next lines go to what has the name then, and a folder that is gone is made again.
//
// What it refuses: names with a path, links that lead out of the folder, and anything that is no regular file. New files are readable by the
// service's own account only. Nothing it could not do is final: the operator can mend all of it while the retries last.
package logfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"sync"
	"time"

	"landfall/internal/guard"
	"landfall/internal/notify"
)

// Name is the channel's name in subscriptions.
const Name = "logfile"

const defaultTimeout = 15 * time.Second

// Options configure a Channel.
type Options struct {
	Dir string           // holds the files; made when it is not there
	Now func() time.Time // dates the lines

	Timeout time.Duration // of an attempt: a disk that hangs holds nobody longer; 15 s

	// Sync makes what was written to a file last; nil: (*os.File).Sync. Tests have it fail, hang and take long.
	Sync func(*os.File) error

	Guard *guard.Guard // recovers panics of this process; nil: one of the channel's own
}

// Channel writes files. Close it when nothing is sent any more.
type Channel struct {
	opt Options

	mu     sync.Mutex
	files  map[string]*file // with lines waiting or being written
	closed bool
	work   sync.WaitGroup
}

// New makes the folder when it is not there. The error says why it cannot be used.
func New(opt Options) (*Channel, error) {
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.Sync == nil {
		opt.Sync = (*os.File).Sync
	}
	if opt.Guard == nil {
		opt.Guard = guard.New(nil, opt.Now)
	}
	root, err := openFolder(opt.Dir)
	if err != nil {
		return nil, err
	}
	return &Channel{opt: opt, files: map[string]*file{}}, root.Close()
}

// openFolder opens the folder that has the name now, and makes it when there is none.
func openFolder(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// Close waits for what is being written.
func (c *Channel) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.work.Wait()
}

// Name gives the channel's name.
func (c *Channel) Name() string { return Name }

var name = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,98}[A-Za-z0-9]\z|\A[A-Za-z0-9]\z`)

// CheckTarget accepts names of files: letters and digits of ASCII, and between them dots, hyphens and underscores.
func (c *Channel) CheckTarget(target string) string {
	if !name.MatchString(target) {
		return "must be the name of a file, like warnings.log: letters, digits, dots, hyphens, underscores, at most 100"
	}
	return ""
}

// Canonical gives the name: every spelling is a file of its own.
func (c *Channel) Canonical(target string) string { return target }

// Mask gives the name: it tells nothing that lists may not show.
func (c *Channel) Mask(target string) string {
	if !name.MatchString(target) {
		return "…"
	}
	return target
}

// NewSecret gives "": nothing is signed.
func (c *Channel) NewSecret() string { return "" }

// line fixes the names and the order of what readers of the files get.
type line struct {
	ID       string          `json:"id"` // of the delivery: the same when it is written again
	At       time.Time       `json:"at"` // of the attempt
	Attempt  int             `json:"attempt"`
	Type     string          `json:"type"`
	Language string          `json:"language,omitempty"`
	Body     json.RawMessage `json:"body"` // the event, byte for byte
}

// Codes of attempts.
const (
	codeWritten   = "written"
	codeBadTarget = "bad_target"
	codeBadBody   = "bad_body"
	codeDiskFull  = "disk_full"
	codeNoAccess  = "access_denied"
	codeNotFile   = "not_a_file"
	codeFailed    = "write_failed"
	codeTimeout   = "timeout"
	codeCancelled = "cancelled"
	codeClosed    = "closed"
)

// Send appends the message's line and returns when it is on disk.
func (c *Channel) Send(ctx context.Context, m notify.Message) notify.Result {
	if c.CheckTarget(m.Target) != "" {
		return notify.Result{Code: codeBadTarget, Detail: "the target is no name of a file"}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(line{ID: m.ID, At: c.opt.Now().UTC(), Attempt: m.Attempt, Type: m.Type, Language: m.Language, Body: m.Body})
	if err != nil {
		return notify.Result{Code: codeBadBody, Detail: "the message is no JSON"}
	}
	if ctx.Err() != nil {
		return late(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	e := &entry{text: text.Bytes(), done: make(chan error, 1)}
	if !c.wait(m.Target, e) {
		return notify.Result{Again: true, Code: codeClosed, Detail: "the service is stopping"}
	}
	select {
	case err := <-e.done:
		return outcome(err)
	case <-ctx.Done():
		c.withdraw(m.Target, e)
		return late(ctx)
	}
}

// late says that an attempt ended before the disk did. Its line may still be written; it is sent again under the same id.
func late(ctx context.Context) notify.Result {
	if errors.Is(ctx.Err(), context.Canceled) {
		return notify.Result{Again: true, Code: codeCancelled, Detail: "the attempt was broken off by us"}
	}
	return notify.Result{Again: true, Code: codeTimeout, Detail: "the disk did not answer in time"}
}

// outcome says what became of a line. The words are ours: errors of the system repeat the path.
func outcome(err error) notify.Result {
	r := notify.Result{Again: true, Code: codeFailed, Detail: "the file could not be written"}
	switch {
	case err == nil:
		return notify.Result{Sent: true, Code: codeWritten}
	case full(err):
		r.Code, r.Detail = codeDiskFull, "there is no room left on the disk, or none that this account may use"
	case errors.Is(err, errNotFile):
		r.Code, r.Detail = codeNotFile, "something that is no regular file has that name"
	case errors.Is(err, fs.ErrPermission):
		r.Code, r.Detail = codeNoAccess, "the service's account may not write there"
	}
	return r
}

var errNotFile = errors.New("logfile: not a regular file")
