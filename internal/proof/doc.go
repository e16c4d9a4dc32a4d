// Package proof signs how far every stream of the ledger reached, so that somebody who has the
// signatures can tell later whether anything was edited, shortened, removed or slipped in. It knows
// no store and no clock.
//
//	leaves (stream, seq, hash) ──▶ Merkle root ──▶ head ──▶ signature
//	                                                │
//	                              hash of the head before it
//
// A Head says: at this time there were so many streams, and this is the root over where each of
// them ended. A head names the hash of the head before it, so heads form a chain. They are signed
// with Ed25519 (RFC 8032) by a key that is derived from the service's secret key, which never lies
// in the store.
//
// A Log keeps heads in files beside the store, each with the leaves that changed since the record
// before it in the same file: a file is sufficient by itself to say what each of its heads covered.
// Trail reads such a file and says what is wrong with it.
//
// What the package proves and what it does not: whatever was covered by a head that somebody holds
// can not be changed in the store without being found. What was recorded after the last head is not
// covered yet. Whoever has the key can sign anything; heads that lie elsewhere, with other states
// or on another disk, then contradict what was signed later.
package proof
