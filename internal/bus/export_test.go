package bus

// OwnURL gives the address of the embedded server with what admits this process to it, which nobody
// outside knows: for tests of what could be done with it.
func OwnURL(b *Bus) string { return "nats://" + ownUser + ":" + b.server.own + "@" + b.Listening() }
