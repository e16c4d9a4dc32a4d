package main

import (
	"os"
	"slices"
	"strings"
	"time"

	"landfall/internal/demo"
)

// demoCmd reads nothing from the environment: a folder or an address meant for the service must not become the demo's.
type demoCmd struct {
	Data   string        `env:"-" help:"Folder for the demo's server. Without it a temporary one, removed at the end." placeholder:"DIR"`
	Listen string        `env:"-" default:"127.0.0.1:0" help:"Address of the demo's server, host:port. Port 0 takes a free one." placeholder:"HOST:PORT"`
	For    time.Duration `env:"-" help:"End by itself after this time. Without it the demo stays up until interrupted." placeholder:"60s"`
	Speed  int           `env:"-" default:"240" help:"Scenario seconds in a second of yours, 60 to 240." placeholder:"N"`

	NoBrowser bool `env:"-" help:"Do not open a browser. None is opened either when the demo ends by itself or nobody watches it."`
}

// Run plays the demo. The server it starts takes its settings from flags alone.
func (c *demoCmd) Run(s *session) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LANDFALL_") })
	terminal := terminal(s.out) && os.Getenv("TERM") != "dumb"
	return demo.Run(s.ctx, demo.Options{
		Program: program, Env: env, Data: c.Data, Listen: c.Listen, For: c.For, Speed: c.Speed,
		Browser: terminal && c.For == 0 && !c.NoBrowser, Out: s.out, Terminal: terminal, Colour: terminal && os.Getenv("NO_COLOR") == "", Now: time.Now,
	})
}
