// Package backup copies a whole store into one archive and makes a store out of an archive, whatever the engines at either end.
//
//	running store ──Write──► archive ──Verify──► proven, or what is wrong and where
//	                            │
//	                            └─────Restore──► empty store, held ──Release──► serves again
//
// What the package promises:
//
//   - Write runs beside a service that goes on writing and never stops it. Everything accepted before Summary.TakenAt is in the
//     archive; of what came later some is, and then also everything it refers to.
//   - Nothing that was owed gets lost: a commit is in the archive together with the alerts and deliveries that follow from it, or it owes
//     them still, so that they are written after the restore. How is said at Write.
//   - A byte changed, missing or added anywhere in an archive is found by Verify.
//   - Restore writes into an empty store only, proves what it reads, and opens the store with its very last write: a
//     store whose restore was cut off is refused by ReadState, and with it by every start. The same archive finishes it.
//   - Begin and End mark the store so for every other command whose changes must not be seen half done.
//   - A restored store has an epoch that nobody has seen before, so that no ETag handed out by the lost service or by an earlier
//     restore is taken for one of its own. It is held until a person releases it: nothing falls due, nothing is sent.
//   - Memory does not grow with commits or documents: Write, Verify and Restore keep about 60 bytes for each stream.
//
// What it refuses: to restore over records, to restore what a newer version has written and this one would lose, to restore
// sealed secrets beside a key that does not open them (unless told to), and to pass over damaged records in silence.
//
// An archive holds everything the store holds, addresses and sealed secrets included, but never the key of the secrets. The format is
// described in docs/decisions/0013-backup-format.md. Only app calls this package.
package backup
