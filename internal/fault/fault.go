// Package fault is the one kind of error that crosses a package border in Landfall.
//
// A fault has a Kind, which an edge maps to its own vocabulary (an HTTP status, an exit code, a form message), a Code,
// which is a stable word a program may rely on, and a Detail, which is safe to show to whoever asked. What really
// happened goes into the private cause: it is logged, never sent.
//
// Nouns choose kinds; only edges choose statuses.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind says what went wrong, in terms an edge can map.
type Kind uint8

// The closed list of kinds. Internal is the zero value, so an error nobody classified stays bland.
const (
	Internal             Kind = iota // a bug or a broken machine; the detail is never shown
	Invalid                          // the request says something that cannot be
	Unauthenticated                  // nobody, or nobody we know
	Forbidden                        // known, and not allowed
	NotFound                         // absent, or not for this actor to know of
	Conflict                         // clashes with another record (a reused idempotency key, a taken id)
	State                            // the record is in a state that does not allow it
	Precondition                     // If-Match names an older version
	PreconditionRequired             // If-Match is missing where it is needed
	TooLarge                         // more bytes than accepted
	TooMany                          // too many requests
	Full                             // the disk is full; nothing was written
	Unavailable                      // try again; the outcome may be unknown
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "state",
	"precondition", "precondition_required", "too_large", "too_many", "full", "unavailable"}

// String gives the lower snake_case name of the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Field is one thing wrong with one member of a request.
type Field struct {
	Pointer string // RFC 6901 JSON pointer into the request body, or "?name" for a query parameter
	Reason  string // safe text, without the offending value where that could be private

	Confirmable bool // it is taken when the sender confirms it, see Check
}

// Error is a fault. Build one with New or Wrap; read one with As, KindOf and Is.
type Error struct {
	Kind       Kind
	Code       string        // stable lower snake_case word, e.g. "step_done"
	Detail     string        // safe sentence for whoever asked
	Fields     []Field       // what is wrong where, for Invalid
	RetryAfter time.Duration // when trying again makes sense; zero: not said
	cause      error
}

// New makes a fault with a safe detail, formatted like fmt.Sprintf.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault with a safe detail and a private cause.
func Wrap(cause error, kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...), cause: cause}
}

// Check collects field errors and gives one Invalid fault for all of them. Confirmed are the pointers of members that hardly ever mean what they
// say, and whose sender says that they do.
type Check struct {
	Confirmed []string
	fields    []Field
}

// Unconfirmed is the code of a fault whose every field is accepted when the sender confirms it.
const Unconfirmed = "unconfirmed"

// Field records that the member at pointer is wrong.
func (c *Check) Field(pointer, format string, args ...any) {
	c.fields = slices.DeleteFunc(c.fields, func(f Field) bool { return f.Confirmable && f.Pointer == pointer }) // confirming it would not do
	c.fields = append(c.fields, Field{Pointer: pointer, Reason: fmt.Sprintf(format, args...)})
}

// Doubt is Field for a member that is taken when its sender confirms it.
func (c *Check) Doubt(pointer, format string, args ...any) {
	known := func(f Field) bool { return f.Pointer == pointer }
	if !slices.Contains(c.Confirmed, pointer) && !slices.ContainsFunc(c.fields, known) {
		c.fields = append(c.fields, Field{Pointer: pointer, Reason: fmt.Sprintf(format, args...), Confirmable: true})
	}
}

// That records the field error unless ok holds.
func (c *Check) That(ok bool, pointer, format string, args ...any) {
	if !ok {
		c.Field(pointer, format, args...)
	}
}

// Err gives nil, or an Invalid fault that carries every recorded field.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	if !slices.ContainsFunc(c.fields, func(f Field) bool { return !f.Confirmable }) {
		return &Error{Kind: Invalid, Code: Unconfirmed, Detail: "The request has members to be confirmed: name them in confirm if they are meant.", Fields: c.fields}
	}
	return &Error{Kind: Invalid, Code: "invalid", Detail: "The request has members that cannot be accepted.", Fields: c.fields}
}

// Error gives the safe text followed by the private cause: for logs, not for answers.
func (e *Error) Error() string {
	text := e.Kind.String() + "/" + e.Code + ": " + e.Detail
	for _, f := range e.Fields {
		text += "; " + f.Pointer + " " + f.Reason
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the private cause, so that errors.Is sees through a fault.
func (e *Error) Unwrap() error { return e.cause }

// As gives the first fault in the chain of err.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf gives the kind of err; Internal for anything that is not a fault.
func KindOf(err error) Kind {
	if e, ok := As(err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is a fault of the kind.
func Is(err error, kind Kind) bool {
	e, ok := As(err)
	return ok && e.Kind == kind
}

// CodeOf gives the code of err, or "" for anything that is not a fault.
func CodeOf(err error) string {
	if e, ok := As(err); ok {
		return e.Code
	}
	return ""
}
