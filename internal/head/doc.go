// Package head keeps the signed heads of the ledger (package proof) as a stream of its own, and
// finds out how far every stream reached and whether that agrees with what an earlier head covers.
//
// There is one stream of heads, head/service. Its commits hold what was signed and the signature,
// never the leaves: those lie in files beside the store. A head is recorded only if nobody recorded
// another since its leaves were read, so what heads cover never goes back.
//
// Only app signs. Every account reads.
package head
