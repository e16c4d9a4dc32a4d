// Package mongodb keeps Landfall's records on a MongoDB server, or on one that speaks its protocol: the engine behind package
// store for a service of several processes.
//
// # What it promises
//
// Everything store.Store promises, to any number of processes at once. An Append or Bulk that has returned is in the journal of
// a majority of the servers. Whoever reads afterwards, in any process, sees it.
//
// # What it relies on
//
// One document is written whole or not at all, `_id` and (stream, seq) are unique, a majority write that was acknowledged
// stays. Nothing else: no transactions over several documents, no change streams, no retryable writes (they are used where the
// server is seen to have them, and nothing depends on it), no order across documents. So a lone mongod, a replica set, a sharded
// cluster and compatible servers are all the same to it.
//
// # Appends
//
//	Append ──► waiting ──► one ordered insert for all that wait ──► accepted prefix of each
//	   │                        ▲                    │
//	   │                        └── the rest again ◀─┘ one lost its place
//	   └─────► a stream that another process writes too goes alone
//
// The commits of many streams share one round trip. An ordered insert stops at the first commit whose place is taken: what
// was before it stands, its batch gets store.ErrSeqTaken, what came after it is sent again. A reply that never came
// leaves the outcome of all of them unknown; none is ever told that it lost against itself.
//
// # What lies there
//
// A person can read it with any MongoDB tool. Collection commits has a field for each of store.Commit; the body is the one JSON text
// that the hash covers, verbatim. Each kind of document has a collection of its own: `_id`, version, the declared
// fields under `index`, and the body as native BSON. What BSON or a query could misread is written so that it comes back the
// same; see encodeBody. Instants are text such as 2017-09-18T21:35:00.000000Z, as in the body, because a BSON date
// ends at milliseconds. Collection engine belongs to this package.
//
// Sharded: commits by {stream: 1}, every kind by {_id: "hashed"}.
package mongodb
