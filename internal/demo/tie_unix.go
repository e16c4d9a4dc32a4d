//go:build unix && !linux

package demo

import (
	"os"
	"os/exec"
)

// tie leaves the server in the process group of the demo: whatever the terminal sends to one, it sends to both.
func tie(*exec.Cmd) {}

func tied(*os.Process) error { return nil }

// interrupt asks the server to stop.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
