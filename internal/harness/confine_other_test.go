//go:build !linux

package harness_test

import (
	"errors"
	"os/exec"
)

func separate(*exec.Cmd) {}

// confine refuses: the proofs that need it run on Linux.
func confine(o orders) error {
	if o.Files > 0 || o.Disk > 0 {
		return errors.ErrUnsupported
	}
	return nil
}
