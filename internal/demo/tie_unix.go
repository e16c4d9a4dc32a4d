//go:build unix && !linux

package demo

import (
	"os"
	"os/exec"
	"syscall"
)

// tie gives the server a process group of its own, so that an interrupt at the terminal reaches the demo alone, which then asks the
// server once.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func tied(*os.Process) error { return nil }

// interrupt asks the server to stop.
func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
