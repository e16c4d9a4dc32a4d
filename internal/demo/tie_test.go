//go:build unix

package demo

import (
	"syscall"
	"testing"
)

func TestAnInterruptAtTheTerminalDoesNotReachTheServer(t *testing.T) {
	s := newServer(t, "well")
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	if group, err := syscall.Getpgid(s.run.cmd.Process.Pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("the server is in the process group of the demo (%d, %v)", group, err)
	}
}
