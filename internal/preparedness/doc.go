// Package preparedness is who is ready before people have to move: properties, destinations and states of the tourism sector, what they were
// assessed at, which rooms can shelter people, and how many visitors are where.
//
// A unit is one stream of the ledger. Its assessment, capacity and caseload live in it and carry the number of the commit that last changed
// them. What a unit is worth is read from the clock, never stored: an assessment holds until a time, and then the unit is expired.
//
//	        Assess                valid_until passes, or Invalidate
//	unknown ───────▶ ready, partial, limited, not_ready ───────▶ expired ──Assess──▶ …
//
//	capacity:  offered ──Confirm──▶ confirmed ──Use──▶ in use ──Release──▶ released
//
// What the package promises:
//
//   - Points, failed critical indicators, status and the time until which it holds are worked out when an assessment is recorded and stand in its
//     event, with the version of the catalogue: a changed catalogue changes no old assessment.
//   - What runs out is announced once, at the moment it does or at once after a time of standing still (Desk.Sweep, by the wake).
//   - Unknown and expired units average into nothing: a board shows them as coverage.
//   - Offered, confirmed, in use and released are four numbers and stay apart. More beds offered than the Sphere standard gives room for is said, and
//     not mended.
//   - Outside the state that counted, no nationality with fewer than five visitors is shown, nor can it be worked out from what is (see Shown).
//
// What it refuses: names of people, and anything but counts of visitors. Who may look and change: domain, roles and permissions. A state's
// units are its own; regional officers read them; no other state does.
//
// Every method of Desk takes the access.Scope of whoever asks and may be called concurrently.
package preparedness
