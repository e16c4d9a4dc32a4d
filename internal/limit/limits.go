// Package limit bounds what one side may take of what everybody shares, so that nobody can take the
// service away from the others.
//
// One side is an account, whatever its tokens and addresses, or an address: one IPv4 address, or
// one IPv6 network of 64 bits, which one household or one machine is given. What is shared is
// requests being answered, bodies being read, event streams, connections, and looking tokens up. A
// Pool counts what is held of one of them; buckets count how often somebody asks; a Brake slows
// down who sends tokens that open nothing.
//
// It promises: a side that has its share is refused and everybody else goes on; of every bound a
// part is kept for acknowledgements, arrivals and answers, also within one account and one address;
// memory is bounded whatever strangers send. Each process counts for itself. It does not know what
// a request is: packages rest and console decide who counts as what.
package limit

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"landfall/internal/fault"
)

// Share bounds how much of one thing is held at once. A bound of 0 is none.
type Share struct {
	Total   int // by everybody together
	Account int // by one account
	Address int // by one address
}

// Limits are all bounds of one process. A bound of 0 is none.
type Limits struct {
	AccountRate Rate // requests of one account
	AddressRate Rate // different tokens that open nothing, of one address; and each of them

	Requests    Share // requests being answered, event streams excepted
	Bodies      Share // bodies being read
	Streams     Share // event streams that are open
	Connections Share // connections that are open; nobody knows their account
	Kept        int   // of a hundred of each of these bounds, how many are for what cannot wait

	BodySeconds   int // from the first byte of a request to the last of its body
	Sessions      int // of one account
	Accounts      int // of one party
	Tokens        int // live ones of one party
	Subscriptions int // of one party, deleted and expired ones excepted
}

// Defaults are the bounds of a process whose operator says nothing else.
func Defaults() Limits {
	return Limits{
		// A post enters an afternoon's figures at once, and a partner copies a region.
		AccountRate: Rate{PerSecond: 100, Burst: 1000},
		AddressRate: Rate{PerSecond: 1, Burst: 60},

		Requests:    Share{Total: 512, Account: 64, Address: 128},
		Bodies:      Share{Total: 256, Account: 32, Address: 64},
		Streams:     Share{Total: 1024, Account: 128, Address: 256},
		Connections: Share{Total: 8192, Address: 1024},
		Kept:        12,

		BodySeconds:   10,
		Sessions:      200,
		Accounts:      1000,
		Tokens:        1000,
		Subscriptions: 500,
	}
}

// numbersOf names every bound that an operator may set; the rate of accounts has a flag of its own.
func numbersOf(l *Limits) map[string]*int {
	return map[string]*int{
		"requests": &l.Requests.Total, "requests-account": &l.Requests.Account, "requests-address": &l.Requests.Address,
		"bodies": &l.Bodies.Total, "bodies-account": &l.Bodies.Account, "bodies-address": &l.Bodies.Address,
		"streams": &l.Streams.Total, "streams-account": &l.Streams.Account, "streams-address": &l.Streams.Address,
		"connections": &l.Connections.Total, "connections-address": &l.Connections.Address,
		"kept-percent": &l.Kept, "body-seconds": &l.BodySeconds, "wrong-tokens-address": &l.AddressRate.Burst,
		"sessions-account": &l.Sessions, "accounts-party": &l.Accounts, "tokens-party": &l.Tokens, "subscriptions-party": &l.Subscriptions,
	}
}

// With gives the limits with some of them set by name. Its fault is Invalid for a name that is
// none, a number below 0, a kept part of more than half, and a body that may take for ever.
func (l Limits) With(given map[string]int) (Limits, error) {
	var bad fault.Check
	numbers := numbersOf(&l)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		n, at := given[name], numbers[name]
		switch {
		case at == nil:
			all := strings.Join(slices.Sorted(maps.Keys(numbers)), ", ")
			bad.Field("--limit", "%q is no limit; there are %s", name, all)
			continue
		case n < 0 || n > math.MaxInt32:
			bad.Field("--limit", "%s must be 0 or more", name)
		}
		*at = n
	}
	bad.That(l.Kept <= 50, "--limit", "kept-percent must be 50 at most")
	bad.That(l.BodySeconds > 0, "--limit", "body-seconds must be 1 or more")
	if l.AddressRate.Burst == 0 {
		l.AddressRate = Rate{}
	}
	return l, bad.Err()
}

// BodyTime is BodySeconds as a duration.
func (l Limits) BodyTime() time.Duration { return time.Duration(l.BodySeconds) * time.Second }
