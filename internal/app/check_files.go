package app

import "fmt"

// filesBeside is how many files a process has open besides connections of those who ask: of the
// records, the bus and the heads, and connections to receivers.
const filesBeside = 512

// files holds what this process may open against the connections that it would accept. Where too few
// can be opened, one side that opens many takes the records' files away.
func (c *checker) files() {
	limits, err := c.opt.limits()
	most, known := mostFiles()
	if err != nil || !known {
		return
	}
	switch total := uint64(max(limits.Connections.Total, 0)); { //nolint:gosec // it is not below 0
	case total == 0:
		c.note(fmt.Sprintf("Set --limit connections=%d, or less.", fitting(most)), "Connections have no bound, and files have: %d.", most)
	case total+filesBeside > most:
		c.note(
			fmt.Sprintf("Raise it to %d (`ulimit -n`, LimitNOFILE in the unit), or set --limit connections=%d.", total+filesBeside, fitting(most)),
			"%d connections may be open at once and %d other files, but this process may open %d in all.", total, filesBeside, most)
	}
}

// fitting gives how many connections leave enough files for the rest.
func fitting(most uint64) uint64 {
	if most < 2*filesBeside {
		return most / 2
	}
	return most - filesBeside
}
