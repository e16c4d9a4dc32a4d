// Package access says who an actor is and what it may see and do.
//
// An account acts for one party (a state or an organisation) in one role, and proves itself with bearer tokens that are kept as digests
// only. Every desk of every noun takes a Scope on every query and command: there is no call without one. The first account,
// made at the first start, acts for every party and sees everything; the service says so while its token lives.
//
// What one may not see does not exist: nouns answer NotFound, never Forbidden, for records outside the scope.
package access

import (
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// Role is what an account is for (domain: roles and permissions).
type Role string

// The closed list of roles.
const (
	RoleCoordinator     Role = "coordinator"      // emergency coordinator of an affected state
	RoleOfficial        Role = "official"         // official of a receiving state
	RoleLiaison         Role = "liaison"          // tourism-sector liaison
	RoleRegionalOfficer Role = "regional_officer" // CDEMA, OECS Commission, IOM
	RoleAdministrator   Role = "administrator"    // the first account, and others made by it
	RoleAuditor         Role = "auditor"          // reads the log, changes nothing
)

// Scope is who asks. The zero Scope sees nothing and may do nothing.
type Scope struct {
	Account string      // account id
	Role    Role        // role of the account
	Party   place.Party // party it acts for; "" for the first account
	All     bool        // acts for every party and sees all: the first account
}

// Actor is how records name the scope.
func (s Scope) Actor() ledger.Actor {
	return ledger.Actor{Account: s.Account, Role: string(s.Role), Party: string(s.Party)}
}

// ActsFor reports whether the scope may act as the party: its own, or the islands of its own state.
func (s Scope) ActsFor(p place.Party) bool {
	if s.All {
		return true
	}
	if s.Party == "" || p == "" {
		return false
	}
	return s.Party == p || s.Party.Island() == "" && s.Party.IsState() && s.Party.State() == p.State()
}

// MayWrite reports whether the role changes anything at all.
func (s Scope) MayWrite() bool { return s.Account != "" && s.Role != RoleAuditor }

// System is the scope of Landfall itself: sweeps and consequences.
var System = Scope{Account: ledger.System.Account, Role: "system", All: true}

// Write is what every changing call carries besides its content.
type Write struct {
	Key     string        // Idempotency-Key; "" when the caller gave none
	Digest  []byte        // SHA-256 of the request the key came with
	IfMatch string        // If-Match header; "" when absent
	IfNone  bool          // If-None-Match: * was given: the thing must not exist yet
	Relay   *ledger.Relay // set when the actor passes on somebody else's word
	Confirm []string      // JSON pointers of members that hardly ever mean what they say, and are meant
	Prompt  bool          // it does not wait while messages are behind; desks say so, not callers
}

// Check begins the checks of what is written.
func (w Write) Check() fault.Check { return fault.Check{Confirmed: w.Confirm} }
