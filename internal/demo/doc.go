// Package demo plays two events on a server of its own and shows what Landfall does: Hurricane Maria, Dominica, September 2017, which ends closed, and La
// Soufrière, Saint Vincent, April 2021, which stays active with work for whoever opens a browser: steps open and overdue, two states that are silent.
//
// It promises that everything on the terminal is real. The server is `landfall serve` as a process of its own; all the demo knows
// of it comes from its public HTTP API and from the webhooks that reach the demo's own receiver, which checks every signature. Dates and
// figures of 2017 and 2021 carry their source, in the records too; whatever no source says is called exercise play. All incidents are
// exercises, all accounts are posts of offices, all properties are made up, and no person is named.
//
// The stories are told in scenes; then comes a proof: clients write as fast as they can, the server is killed in the middle, starts again
// on the same folder, and then is counted what was accepted, what was kept and what was delivered. An exercise clock cannot jump, so what happened weeks
// later is an incident of its own under the same hazard.
//
//	start the server ──▶ seat the offices ──▶ Maria ──▶ La Soufrière ──▶ burst, kill, start again ──▶ counts ──▶ verify ──▶ stay up or stop
//
// The inbox (inbox.go) shows the same arrivals in a browser, with the e-mails that a mail server on loopback took, and lets a newcomer into the console as one
// of three posts. It answers to this machine alone, keeps the last of each office's messages, and sends nothing anywhere.
//
// It refuses to play in a folder whose records are not a demo's. The server never outlives the demo, and a temporary folder is removed
// with it. Only the command line starts it.
package demo
