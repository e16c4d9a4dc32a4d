package sqlite

// The points of Options.At: the moments of a transaction between which a process may die. The kill walk of package harness kills one at
// each. A synced group holds commits and is answered when it is on the disk; an unsynced one holds what can be redone.
const (
	PointGroupAmid    = "sqlite.group_amid"    // some writes of a synced group are carried out, others are not
	PointGroupWritten = "sqlite.group_written" // all of them are, and the group is not committed: nothing of it is on the disk
	PointGroupSynced  = "sqlite.group_synced"  // the group is on the disk, and nobody is answered
	PointLazyAmid     = "sqlite.lazy_amid"     // the same three of an unsynced group
	PointLazyWritten  = "sqlite.lazy_written"
	PointLazyDone     = "sqlite.lazy_done"
)

// Points lists the points of this package in order.
func Points() []string {
	return []string{PointGroupAmid, PointGroupWritten, PointGroupSynced, PointLazyAmid, PointLazyWritten, PointLazyDone}
}

// at tells Options.At of one of two points: that of a synced group or that of an unsynced one.
func (w *writer) at(durable bool, synced, lazy string) {
	switch {
	case w.s.o.At == nil:
	case durable:
		w.s.o.At(synced)
	default:
		w.s.o.At(lazy)
	}
}
