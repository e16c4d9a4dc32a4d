// Package bustest runs NATS servers with JetStream in this process, clustered over loopback, for tests, benchmarks and drills of what
// happens when one of them dies.
//
// # What it promises
//
//   - Start returns when the cluster can be used: every server is there, caught up, and one leads. The same for a server that is
//     started again.
//   - A server keeps its address and its folder from one start to the next.
//   - A killed server falls silent at once, to clients as to its peers: it hands over nothing and says no goodbye, as if its machine
//     had lost power. Its peers find out by themselves and elect another leader, which takes NATS four to nine seconds.
//   - A server that is cut off runs on and keeps its clients; only its peers lose it.
//
// # What it refuses
//
// It is no simulation: what a killed server had accepted lies in its folder. Who wants a server that lost its last minutes copies
// its folder and puts the copy back. Nothing here listens beyond loopback.
//
// Servers reach each other through a switchboard, a small TCP relay that knows which connection is whose:
//
//	server 0 ──▶ line of server 1 ──▶ server 1        Kill(1), Cut(1): the lines from and to server 1 are dead
//	server 1 ──▶ line of server 0 ──▶ server 0
//
// Only tests and measurements import it.
package bustest
