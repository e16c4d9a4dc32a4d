package head

// The points at which a process can be killed while it signs a head, in order; see the points of
// package ledger.
const (
	PointSigned   = "head.signed"   // the head is made, and is nowhere yet
	PointRecorded = "head.recorded" // it is recorded, and not in the file
	PointWritten  = "head.written"  // it is in the file too
)

// Points lists the points of this package in order.
func Points() []string { return []string{PointSigned, PointRecorded, PointWritten} }
