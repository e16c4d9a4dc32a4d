// Package bus carries accepted changes from the process that wrote them to whoever waits for them: the router of
// notifications, the Server-Sent Events of the console and of machines, and partners. It is NATS JetStream, embedded in the
// process by default, or servers that somebody else runs; nothing outside this package knows that.
//
// # What it promises
//
//   - A message whose Publish returned nil is in the stream and reaches every durable consumer at least once, in no
//     promised order, unless the machine, or a majority of the cluster at once, loses power: JetStream acknowledges before it
//     syncs, and syncs every two minutes.
//   - Whoever takes a message can believe it: what was not sealed by a process with the key of the records, or is of another epoch,
//     is counted and dropped (Config.Keys, SetEpoch).
//   - The same message id twice within two minutes is one message. After that it is two.
//   - A lost, damaged or deleted stream never stops the service. It is made again, under a new incarnation, and what
//     was in it is gone: the store is the truth, and whoever owns the messages publishes them again.
//   - A slow reader harms nobody. A consumer that lags leaves its messages in the stream, a Feed that lags is told to
//     start over.
//   - On a cluster, a server that dies, or loses its peers, is left for another one. Publish waits for an election within its
//     five seconds; consumers go on by themselves.
//
// # What it refuses
//
// It never blocks a publisher for longer than five seconds, keeps no message longer than 30 days or beyond one gibibyte, opens no
// listener unless told to, and retries nothing for a handler: a delivery is acknowledged when it is handed over. So nothing
// may rely on it for "once", for order, or for keeping.
//
// # Incarnations
//
// A stream is known by its incarnation, a random word in the stream's metadata. A position in the stream is meaningful
// within one incarnation only, so the ids of Server-Sent Events are "<incarnation>-<sequence>". Opening the bus decides
// how far the stream can be believed. Embedded:
//
//	folder empty, moved aside or deleted ─────────────────────▶ Fresh     new stream, new incarnation
//	stopped by Close, and nothing is missing ─────────────────▶ Kept      same incarnation
//	killed, power lost, or the tail does not fit the mark ────▶ Doubtful  same stream, new incarnation
//	        │
//	        └─ the server cannot start on it ─▶ folder is moved aside ─▶ Fresh
//
// External, where others may have used the stream while this process was away:
//
//	no stream ────────────────────────────────────────────────▶ Fresh
//	a consumer has received what the stream does not have ────▶ Doubtful  the cluster lost its newest messages
//	else ─────────────────────────────────────────────────────▶ Kept
//
// The incarnation changes while running when somebody deletes the stream, when an external stream goes back (see tide), or when
// the embedded server had to be started again because a write had failed (a full disk, a folder taken away). Compare
// Bus.Incarnation to notice, and publish again what the stream may have lost.
//
// # Copies
//
// With Config.Copies each message is copied to LANDFALL_FOR once for every state in Message.For, where the state's own system reads
// what is for it and nothing else (PartnerPermissions). Copies are best effort, follow the message in their own time and
// never fail a Publish; what was missed is counted (Copies). PurgeFor takes them back from a state, Purge from all.
//
// Who may call it: relay publishes, the app wires Consume to the router, rest and console read a Feed. All methods of
// Bus may be called concurrently, and after Close give a fault of kind Unavailable, code "bus_closed".
package bus
