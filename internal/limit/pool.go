package limit

import (
	"sync"
	"time"

	"landfall/internal/fault"
)

// Why something is refused: codes of faults, and labels of metrics.
const (
	Busy         = "busy"          // everything is taken
	AccountShare = "account_share" // the account has its share
	AddressShare = "address_share" // the address has its share
	AccountRate  = "account_rate"  // the account asks too often
	AddressRate  = "address_rate"  // the address sends too many tokens that open nothing
	Connections  = "connections"   // too many connections are open
)

// Reasons lists them.
func Reasons() []string {
	return []string{Busy, AccountShare, AddressShare, AccountRate, AddressRate, Connections}
}

// soon is when to try again where nobody knows better.
const soon = time.Second

// Pool counts what is held of one thing, by everybody, by account and by address. Each of its
// methods gives a function that gives one back, to be called once, or refuses: with Unavailable
// ("busy") when everything is taken, with TooMany ("account_share", "address_share") when one side
// has its share. What cannot wait may take the kept part too. All methods may be called
// concurrently.
type Pool struct {
	share Share
	kept  int // of a hundred
	turn  func(reason string)

	mu   sync.Mutex
	held map[holder]int // counts above 0
}

// holder is whose count it is: everybody's with an empty name.
type holder struct{ reason, name string }

func newPool(share Share, kept int, turn func(string)) *Pool {
	return &Pool{share: share, kept: kept, turn: turn, held: map[holder]int{}}
}

// One takes one of all.
func (p *Pool) One(urgent bool) (back func(), err error) {
	return p.take(holder{reason: Busy}, p.share.Total, urgent)
}

// Account takes one of the account's share. Nobody's account has no share.
func (p *Pool) Account(account string, urgent bool) (back func(), err error) {
	if account == "" {
		return func() {}, nil
	}
	return p.take(holder{AccountShare, account}, p.share.Account, urgent)
}

// Address takes one of the address's share.
func (p *Pool) Address(address string, urgent bool) (back func(), err error) {
	return p.take(holder{AddressShare, addressKey(address)}, p.share.Address, urgent)
}

func (p *Pool) take(h holder, bound int, urgent bool) (func(), error) {
	if bound <= 0 {
		return func() {}, nil
	}
	if !urgent {
		bound -= bound * p.kept / 100
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[h] >= bound {
		p.turn(h.reason)
		return nil, refusal(h.reason)
	}
	p.held[h]++
	return func() { p.giveBack(h) }, nil
}

func (p *Pool) giveBack(h holder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[h]--; p.held[h] == 0 {
		delete(p.held, h)
	}
}

// refusal is what one who is turned away is told.
func refusal(reason string) error {
	f := fault.New(fault.TooMany, reason,
		"Too much of this account is under way. Wait for answers before you send more.")
	switch reason {
	case Busy:
		f = fault.New(fault.Unavailable, reason, "Too many requests are being answered at the moment. Try again.")
	case AddressShare:
		f.Detail = "Too much from this address is under way. Wait for answers before you send more."
	}
	f.RetryAfter = soon
	return f
}
