// Package incident is what Landfall is for: one state in trouble, the states that receive its people, and everything each of them must
// do by a time.
//
// An incident is one stream of the ledger. Its parts (anchors, steps, movements, figures, answers) live in that stream and carry
// the number of the commit that last changed them, so that two people who work on different parts never refuse each other. A hazard
// is a stream of its own, since one storm gives several incidents.
//
//	       Open            Release                  Activate                           Close
//	● ──▶ draft ──────────▶ monitoring ────────────▶ active ──────────────────────────▶ closed ●
//	        │                 │   Monitor: planning steps │
//	        └─────────────────┴──── StandDown ────────────┴─────────────────────────▶ stood_down ●
//
// A step instance:
//
//	waiting for its anchor ─▶ pending ─▶ in_progress ─▶ done ◀──▶ (Reopen)
//	          │                  │            │
//	          └──────────────────┴────────────┴─────▶ not_applicable, cancelled
//
// What the package promises:
//
//   - One accepted command is one event. What follows from it (new step instances, due times, cancellations) is in its data, worked out
//     when it was decided, so that the log folds to the same state whatever templates, places or zones say later.
//   - No step is born overdue and no move of an anchor makes one due earlier than an hour from now (protocol.Granted, protocol.Regranted).
//   - Whatever falls due is told once for each due revision, in one commit for each incident (see Desk.Sweep).
//   - Who is not named sees nothing: absent, not yet told and no longer named are one answer, byte for byte.
//
// What it refuses: personal data. There is no field for it, counts are counts, and free text that looks like a telephone or
// passport number, an e-mail address or a date of birth is turned away (see plain).
//
// Every method of Desk takes the access.Scope of whoever asks and may be called concurrently. The desk reads the ledger and the documents it
// declares in Kinds, and nothing else: no environment, no clock but the one it is given.
package incident
