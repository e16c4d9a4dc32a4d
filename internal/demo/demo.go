package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Options say how the demo is played. Program, Out and Now are required.
type Options struct {
	Program string   // the landfall executable, run with serve and verify
	Env     []string // environment of the server
	Data    string   // folder of the server; "": a temporary one, removed at the end
	Listen  string   // host:port of the server; port 0, or "": a free one
	Speed   int      // of the exercise clock, SlowestSpeed to 240; 0: 240
	For     time.Duration

	Out      io.Writer
	Browser  bool // open the inbox in the browser of this machine
	Terminal bool // Out is a terminal that can be drawn on
	Colour   bool // Out wants colours
	Now      func() time.Time
}

// The bounds of what a demo can be asked for.
const (
	FastestSpeed = 240
	SlowestSpeed = 60
)

// The parts of a bounded demo: what the deadlines of the story need beside the exercise clock, and what is kept for stopping.
const (
	onTheClock  = 2*time.Hour + 15*time.Minute // of the exercises: two steps fall due an hour after they could be done, and red comes after ten minutes
	besideClock = 24 * time.Second
	forStopping = 2 * time.Second
)

// ErrInterrupted is returned when the context ended before the story was told.
var ErrInterrupted = errors.New("interrupted before the story was told")

// Least gives how long a demo must be allowed to take at a speed.
func Least(speed int) time.Duration { return onTheClock/time.Duration(speed) + besideClock }

func (o *Options) check() error {
	if o.Speed == 0 {
		o.Speed = FastestSpeed
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	switch {
	case o.Speed < SlowestSpeed || o.Speed > FastestSpeed:
		return fmt.Errorf("the speed must be %d to %d", SlowestSpeed, FastestSpeed)
	case o.For < 0, o.For > 0 && o.For < Least(o.Speed):
		return fmt.Errorf("the story takes %s at speed %d: allow it at least that", Least(o.Speed), o.Speed)
	}
	return nil
}

// Run plays the demo until the story is told and For is over; with For zero, until ctx ends. It gives nil when everything was told, the counts
// agree and the records verify; then a temporary folder is gone. When something failed, the folder stays, with the server's log
// in it.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	begun := o.Now()
	data, remove, err := folder(o.Data)
	if err != nil {
		return err
	}
	listen, err := freePort(ctx, o.Listen)
	if err != nil {
		return errors.Join(err, remove())
	}
	tell := &narrator{now: o.Now, out: o.Out, terminal: o.Terminal, colour: o.Colour}
	p := &play{
		tell: tell, now: o.Now, speed: o.Speed, temporary: o.Data == "", names: names(), watch: map[string]clock{},
		server: &server{program: o.Program, env: o.Env, data: data, listen: listen},
	}
	defer func() {
		tell.release()
		tell.done()
		if err == nil || errors.Is(err, ErrInterrupted) {
			err = errors.Join(err, remove())
			return
		}
		err = fmt.Errorf("%w\nThe server's folder stays for you to look at; its log is %s", err, p.server.logPath())
	}()
	if p.receiver, err = listenForHooks(ctx, o.Now, p.heard); err != nil {
		return err
	}
	defer p.receiver.close(context.WithoutCancel(ctx))
	closeMail, err := p.openInbox()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeMail()) }()
	if o.Browser {
		p.browser = func(address string) error { return browse(ctx, address) }
	}
	defer func() { err = errors.Join(err, p.server.stop()) }()

	told := ctx
	if o.For > 0 {
		var cancel context.CancelFunc
		told, cancel = context.WithTimeout(ctx, o.For-forStopping-o.Now().Sub(begun))
		defer cancel()
	}
	if err := p.perform(told); err != nil {
		switch {
		case ctx.Err() != nil:
			return ErrInterrupted
		case told.Err() != nil:
			return fmt.Errorf("the story was not told within %s on this machine: %w", o.For, err)
		}
		return err
	}
	p.invite(o.For > 0)
	<-told.Done()
	tell.print("")
	tell.say("Stopping the server.")
	return nil
}

// mark is the file that tells a folder of demos from one with real records.
const mark = "demo.txt"

// folder makes the data folder ready and gives what removes it, if it is temporary.
func folder(asked string) (path string, remove func() error, err error) {
	keep := func() error { return nil }
	if asked == "" {
		path, err = os.MkdirTemp("", "landfall-demo-")
		if err != nil {
			return "", keep, fmt.Errorf("temporary folder: %w", err)
		}
		return path, func() error { return os.RemoveAll(path) }, nil
	}
	if path, err = filepath.Abs(asked); err != nil {
		return "", keep, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", keep, err
	}
	_, marked := os.Stat(filepath.Join(path, mark))
	_, used := os.Stat(filepath.Join(path, "landfall.db"))
	if used == nil && errors.Is(marked, fs.ErrNotExist) {
		return "", keep, fmt.Errorf("%s holds records that are not a demo's: name another folder", path)
	}
	return path, keep, os.WriteFile(filepath.Join(path, mark), []byte("The records in this folder are a demo's: exercises only.\n"), 0o600)
}
