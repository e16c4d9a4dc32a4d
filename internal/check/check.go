// Package check checks what people and programs send: the rules that all nouns share.
//
// It refuses times that cannot be, texts that a reader cannot see, ids that are none, and free text that looks like personal data: the
// records cannot forget what stands in them, so a warning would come too late. It decides nothing about the field and reads no clock.
// Every check records what is wrong at a JSON pointer and goes on, so that one answer names everything. What may be right though it hardly ever is,
// such as a time years away, is refused until the sender confirms it (see fault.Check).
package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Bounds of what a request may say.
const (
	MaxTitle     = 200
	MaxReason    = 500
	MaxPlace     = 120 // a town or a port, or who carries
	MaxReference = 200
	MaxCount     = 10_000_000 // above every population of the region

	// Skew is how far ahead of our clock somebody may say that something has happened.
	Skew = 10 * time.Minute

	// Near is how far a time may lie from the life of what it belongs to before the sender has to confirm it, unless the operator
	// says otherwise.
	Near = 366 * 24 * time.Hour

	// Fresh is how old a word that is passed on may be before the sender has to confirm its time.
	Fresh = 6 * time.Hour
)

var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) // exclusive
)

// Instant brings a time of a request to the form in which records keep it.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// rfc3339 is the grammar of RFC 3339, section 5.6, with capitals and at most nanoseconds.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime reads a time as RFC 3339 writes it. The standard library takes hours of one digit, commas, and offsets of more than a day, too.
func ParseTime(s string) (time.Time, bool) {
	if !rfc3339.MatchString(s) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// InRange reports whether a time lies in the years that records hold.
func InRange(t time.Time) bool { return !t.Before(earliest) && t.Before(latest) }

// Time requires a time between 1900 and 2199.
func Time(c *fault.Check, pointer string, t time.Time) {
	switch {
	case t.IsZero():
		c.Field(pointer, "is required")
	case !InRange(t):
		c.Field(pointer, "must lie in the years 1900 to 2199")
	}
}

// OptionalTime is Time for a time that may be absent.
func OptionalTime(c *fault.Check, pointer string, t time.Time) {
	if !t.IsZero() {
		Time(c, pointer, t)
	}
}

// Plausible asks to confirm a time that lies further than within from the span between two times, the life of what it belongs to.
// An absent time is not asked about.
func Plausible(c *fault.Check, pointer string, t, from, until time.Time, within time.Duration) {
	switch {
	case t.IsZero() || !InRange(t): // that is said already
	case t.Before(from.Add(-within)):
		c.Doubt(pointer, "lies long before all of this; confirm it if it is meant")
	case t.After(until.Add(within)):
		c.Doubt(pointer, "lies far ahead; confirm it if it is meant")
	}
}

// Past requires a time that has come: nobody reports what is still to happen.
func Past(c *fault.Check, pointer string, t, now time.Time) {
	if t.After(now.Add(Skew)) {
		c.Field(pointer, "lies in the future; only what has happened can be reported")
	}
}

// ID accepts an absent id, or a UUID in its canonical form.
func ID(c *fault.Check, id string) {
	if id != "" && !IsID(id) {
		c.Field("/id", "must be a UUID in lower-case letters")
	}
}

// HiddenID refuses to make something under the id of what the asker may not see. It does not say that there is such a thing: that is the answer to
// every id that cannot be had.
func HiddenID() error {
	var c fault.Check
	c.Field("/id", "cannot be used; choose another")
	return c.Err()
}

// IsID reports whether the text is a UUID as Landfall writes it. Anything else names nothing.
func IsID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id && u != uuid.Nil
}

// Party requires a party that is a known place or organisation.
func Party(c *fault.Check, pointer string, p place.Party) {
	if _, err := place.ParseParty(string(p)); err != nil {
		c.Field(pointer, "%s", DetailOf(err))
	}
}

// Word requires one of a closed list.
func Word[W ~string](c *fault.Check, pointer string, w W, list []W) {
	for _, known := range list {
		if w == known {
			return
		}
	}
	c.Field(pointer, "must be one of %s", words(list))
}

func words[W ~string](list []W) string {
	text := make([]string, len(list))
	for i, w := range list {
		text[i] = string(w)
	}
	return strings.Join(text, ", ")
}

// Count requires a number of people or places that can be.
func Count(c *fault.Check, pointer string, n int) {
	switch {
	case n < 0:
		c.Field(pointer, "must not be negative")
	case n > MaxCount:
		c.Field(pointer, "must not exceed %d", MaxCount)
	}
}

// DetailOf gives the words of a fault as a reason for a field.
func DetailOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Detail
	}
	return "cannot be accepted"
}

// Relays gives the ways in which a word is passed on (domain: speaking for others).
func Relays() []string { return []string{"phone", "radio", "satellite", "in_person", "paper"} }

// Said holds the time at which a word was said against the begin of what it is about, and against now: what is old is to be confirmed. An exercise has
// two clocks, and either counts.
func Said(c *fault.Check, r *ledger.Relay, began time.Time, clocks ...time.Time) {
	if r == nil || r.SaidAt == nil {
		return
	}
	old := func(now time.Time) bool { return r.SaidAt.Before(now.Add(-Fresh)) || r.SaidAt.After(now.Add(Skew)) }
	switch {
	case r.SaidAt.Before(began):
		c.Field("/said_at", "lies before what it is about")
	case !slices.ContainsFunc(clocks, func(now time.Time) bool { return !old(now) }):
		c.Doubt("/said_at", "lies more than 6 hours back; confirm it if it is meant")
	}
}

// Relay reads on whose behalf somebody speaks: on_behalf_of, relayed_by and said_at. It gives the party, or an Invalid fault.
func Relay(r *ledger.Relay, now time.Time) (place.Party, error) {
	var c fault.Check
	party := place.Party(r.OnBehalfOf)
	Party(&c, "/on_behalf_of", party)
	Word(&c, "/relayed_by", r.RelayedBy, Relays())
	if r.SaidAt != nil {
		Time(&c, "/said_at", *r.SaidAt)
		Past(&c, "/said_at", *r.SaidAt, now)
	}
	return party, c.Err()
}
