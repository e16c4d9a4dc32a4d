// Package demo plays Hurricane Maria, Dominica, September 2017, on a server of its own and shows what Landfall does.
//
// It promises that everything on the terminal is real. The server is `landfall serve` as a process of its own; all the demo knows
// of it comes from its public HTTP API and from the webhooks that reach the demo's own receiver, which checks every signature. Dates and
// figures of 2017 carry their source, in the records too; whatever no source says is called exercise play. All incidents are
// exercises, all accounts are posts of offices, and no person is named.
//
// The story is told in scenes; the last one is a proof: clients write as fast as they can, the server is killed in the middle, starts again
// on the same folder, and then is counted what was accepted, what was kept and what was delivered.
//
//	start the server ──▶ seed ──▶ scenes ──▶ burst, kill, start again ──▶ counts ──▶ verify ──▶ stay up or stop
//
// It refuses to play in a folder whose records are not a demo's. The server never outlives the demo, and a temporary folder is removed
// with it. Only the command line starts it.
package demo
