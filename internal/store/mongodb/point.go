package mongodb

// The points of Options.At: the moments around a command between which a process may die. The kill walk of package harness kills one at
// each. What a command carries is on the server or not, whatever becomes of the process that sent it.
const (
	PointAppending = "mongodb.appending" // a group of commits is about to be sent
	PointAppended  = "mongodb.appended"  // the server has answered, and nobody is told
	PointBulkAmid  = "mongodb.bulk_amid" // some commands of a bulk are carried out, others are not sent
	PointBulkDone  = "mongodb.bulk_done" // all of them are carried out, and nobody is told
)

// Points lists the points of this package in order.
func Points() []string {
	return []string{PointAppending, PointAppended, PointBulkAmid, PointBulkDone}
}
