package access

import (
	"time"

	"landfall/internal/place"
)

// Account is one role account: an office at its post, never a person. Its stream is `account/<id>`.
//
//	account.created ──▶ token.created ──▶ token.revoked
//	                        └─────── expires by the clock, with no event
type Account struct {
	ID        string
	Name      string // of the office or post; "" when it was erased
	Role      Role
	Party     place.Party // "" for the first account
	First     bool        // made at the first start: acts for every party and sees all
	CreatedAt time.Time
	Version   int64 // tail of the stream
	Changed   int64 // seq that last changed the account itself: its ETag
}

// Token is one way in to an account. Its secret is never kept: only the SHA-256 of it.
type Token struct {
	ID         string
	Account    string
	Label      string // what uses it; "" when it was erased
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: not before it is revoked
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // to the minute; zero: never
	Changed    int64     // seq that last changed the token: its ETag
}

// LiveAt reports whether the token opens its account at the instant.
func (t Token) LiveAt(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// roles says which parties an account of each role may act for.
var roles = map[Role]func(place.Party) bool{
	RoleCoordinator:     place.Party.IsState,
	RoleOfficial:        place.Party.IsState,
	RoleLiaison:         place.Party.IsState,
	RoleRegionalOfficer: place.Party.IsOrganisation,
	RoleAdministrator:   func(p place.Party) bool { return p != "" },
	RoleAuditor:         func(p place.Party) bool { return p != "" },
}
