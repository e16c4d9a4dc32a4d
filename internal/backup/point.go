package backup

// The points of Options.At, in the order in which a command passes them. Between any two of them a process may be killed or interrupted: the
// interrupt walk of package harness does so at each, and looks at what is left. The names are never recorded.
const (
	PointMarked    = "backup.marked"    // the mark of a command stands, and nothing else was changed
	PointUnmarking = "backup.unmarking" // everything is done, and the mark stands still
	PointUnmarked  = "backup.unmarked"  // the mark is removed

	PointRestoreEmptied   = "backup.restore_emptied"   // what documents an interrupted restore had written are removed
	PointRestoreCommits   = "backup.restore_commits"   // one batch of commits is written
	PointRestoreRecorded  = "backup.restore_recorded"  // every commit is, and no document
	PointRestoreDocuments = "backup.restore_documents" // some documents are
	PointRestoreWritten   = "backup.restore_written"   // all documents are, and nothing is derived
	PointRestoreDerived   = "backup.restore_derived"   // everything is derived; the epoch is not raised
	PointRestoreHeld      = "backup.restore_held"      // the store is held, under a new epoch

	PointFileMade   = "backup.file_made"   // the unfinished file is there, and empty
	PointFileStream = "backup.file_stream" // one stream is copied
	PointFileSynced = "backup.file_synced" // everything is written and durable
	PointFileProven = "backup.file_proven" // it was read back
	PointFileNamed  = "backup.file_named"  // it has its name
	PointFilePruned = "backup.file_pruned" // an older one was removed
)

// Points lists the points of a command on records in a folder, whether it ran before or not. "nightly" is the backup of the night. Those of what a
// command calls, such as ledger.RebuildPoints, are not among them.
func Points(command string) []string {
	file := []string{PointFileMade, PointFileStream, PointFileSynced, PointFileProven, PointFileNamed}
	switch command {
	case string(CommandRestore):
		return []string{
			PointMarked, PointRestoreCommits, PointRestoreRecorded, PointRestoreDocuments, PointRestoreWritten, PointRestoreDerived, PointRestoreHeld,
			PointUnmarking, PointUnmarked,
		}
	case "backup":
		return file
	case "nightly":
		return append(file, PointFilePruned)
	}
	return []string{PointMarked, PointUnmarking, PointUnmarked}
}

func (o Options) at(point string) {
	if o.At != nil {
		o.At(point)
	}
}
