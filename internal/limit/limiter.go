package limit

import (
	"fmt"
	"sync"
	"time"

	"landfall/internal/fault"
)

// Limiter holds the bounds of one process. All methods may be called concurrently.
type Limiter struct {
	Limits   Limits
	Requests *Pool
	Bodies   *Pool
	Streams  *Pool
	Brake    *Brake

	now      func() time.Time
	accounts *buckets

	mu          sync.Mutex
	count       func(reason string)
	first, last time.Time // of the refusals in a row that lack of room has caused
	refused     map[string]int
}

// New makes the bounds on the clock of now.
func New(l Limits, now func() time.Time) *Limiter {
	m := &Limiter{
		Limits: l, now: now, accounts: newBuckets(l.AccountRate), count: func(string) {}, refused: map[string]int{},
	}
	m.Requests = newPool(l.Requests, l.Kept, m.turned)
	m.Bodies = newPool(l.Bodies, l.Kept, m.turned)
	m.Streams = newPool(l.Streams, l.Kept, m.turned)
	m.Brake = newBrake(l.AddressRate, now, func() { m.turned(AddressRate) })
	return m
}

// Count has every refusal counted by its reason, one of Reasons.
func (m *Limiter) Count(count func(reason string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count = count
}

// Ask refuses an account that asks too often, with TooMany and how long to wait. What cannot wait
// is counted apart, so that a program that runs away does not keep its own office from it.
func (m *Limiter) Ask(account string, urgent bool) error {
	key := account
	if urgent {
		key = "urgent " + account
	}
	wait := m.accounts.take(key, m.now())
	if wait == 0 {
		return nil
	}
	m.turned(AccountRate)
	f := fault.New(fault.TooMany, AccountRate,
		"This account asks more often than it may. Wait as Retry-After says and go on.")
	f.RetryAfter = wait
	return f
}

const (
	// calm is how long nobody has been refused when the trouble is over.
	calm = 5 * time.Minute
	// sharesMost is how many refusals of sides that have their share are no trouble yet: a page
	// that loads much at once causes a few.
	sharesMost = 100
)

func (m *Limiter) turned(reason string) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count(reason)
	if reason == AccountRate || reason == AddressRate {
		return // told apart from lack of room
	}
	if now.Sub(m.last).Abs() >= calm {
		clear(m.refused)
		m.first = now
	}
	m.last = now
	m.refused[reason]++
}

// Trouble says for operators that somebody was refused lately for lack of room, and why; "" when
// nobody was.
func (m *Limiter) Trouble(now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.refused[Busy]
	shares := m.refused[AccountShare] + m.refused[AddressShare] + m.refused[Connections]
	if now.Sub(m.last).Abs() >= calm || all == 0 && shares <= sharesMost {
		return ""
	}
	text := fmt.Sprintf(
		"Since %s, %d requests and connections were refused because one account or address had its share",
		m.first.UTC().Format(time.RFC3339), shares)
	if all > 0 {
		text += fmt.Sprintf(", and %d because everything was taken", all)
	}
	return text + "."
}
