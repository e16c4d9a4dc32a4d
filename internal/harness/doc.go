// Package harness lets tests speak about Landfall in the words of its users: open an incident, activate the hurricane protocol, let six
// hours pass, expect that the neighbour was told, and once.
//
// It boots the real service in a temporary folder: real SQLite, real bus, real HTTP on a loopback port, real webhooks to receivers that a
// test can make fail, hang or lie. Only the clock is the test's own: deadlines come when it is advanced and the due job is
// called. Nothing here is imported by the product.
package harness
