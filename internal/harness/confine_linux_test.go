package harness_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// separate gives a child a view of the file systems of its own, in which it may mount.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// confine makes this process as poor as its orders say.
func confine(o orders) error {
	if o.Files > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(o.Files), Max: uint64(o.Files)}); err != nil {
			return fmt.Errorf("limit files: %w", err)
		}
	}
	if o.Disk == 0 {
		return nil
	}
	if err := os.MkdirAll(o.Records.Data, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("landfall", o.Records.Data, "tmpfs", 0, fmt.Sprintf("size=%d", o.Disk)); err != nil {
		return fmt.Errorf("mount a small disk: %w", err)
	}
	return nil
}
