// Command bench measures the path from an accepted change to a received webhook beside its floor: the same path built from the
// raw libraries, in the same run on the same machine, because machines are noisy and ratios are not.
//
// It starts Landfall in a temporary folder, a receiver on a loopback address and the floor, sends bounded traffic to
// loopback only, prints a Markdown table with absolute numbers and ratios, and stops by itself. `make bench` runs it; docs/performance.md
// keeps what it printed, with the machine and the date.
package main

// senders is how many webhook requests the floor has under way at once: as many as Landfall allows one destination.
const senders = 8
