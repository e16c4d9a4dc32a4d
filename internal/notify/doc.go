// Package notify tells people and machines what happened, and keeps what became of it.
//
// Four nouns have streams of their own in the ledger: a subscription (where a machine wants to be told, of what), an alert
// (what one party must know of one event, and who acknowledged it), a journal (what became of every attempt to tell) and a replay (who
// asked for what to be sent again). Two kinds of working documents go with them: a delivery, the pair of one event and one target,
// and a circuit, how sending to one target goes.
//
//	note of the bus ─▶ Router.Receive ─┬─▶ deliveries for matching subscriptions ─▶ sender ─▶ Channel.Send
//	commit swept ────▶ Router.Handle ──┼─▶ alerts raised and closed (commits of their own)        │
//	                                   └─▶ notices paid, when all of it is written                ▼
//	                                                                journal commit ◀──────── outcome
//	                                                                       └─▶ Handle marks the deliveries and tells of the dead
//
// A subscription:
//
//	● ──Subscribe──▶ active ──Change, RotateSecret, Test──▶ active
//	                   │ ▲
//	                   │ └──Enable──┐
//	                   ├──fails for 5 days──▶ disabled
//	                   ├──Unsubscribe──▶ deleted  (from disabled too)
//	                   └──expires_at passes──▶ expired  (likewise)
//
// An alert (ladders above level 1 have their place between open and acknowledged):
//
//	● ──raised──▶ open ──Acknowledge──▶ acknowledged ──Acknowledge──▶ acknowledged (recorded as further)
//	               └───────── closed (incident closed or stood down, party un-named) ◀──┘
//
// A delivery:
//
//	● ─▶ sending ──sent──▶ delivered
//	 └─▶ queued ─▶ sending ──failed──▶ retrying ─▶ sending ─▶ ... ─▶ dead ──Replay──▶ queued
//	        │        ├── no longer wanted or allowed ──▶ cancelled
//	        │        └── a notice, and a day old ──▶ expired
//	        └── its subscription was disabled ──▶ dead
//
// A circuit:
//
//	closed ──5 failures in a row──▶ open ──5 s──▶ half open ──the first due delivery is sent──▶ closed
//	                                  ▲                             └── failed ──┐
//	                                  └──────────────────────────────────────────┘
//
// The stages between a queue and its channel, each of which may hold a delivery back without costing it an attempt:
//
//	queue in the store ─▶ line (urgent first) ─▶ gate (circuit) ─▶ bucket (rate) ─▶ place among all attempts ─▶ Channel.Send
//
// What the package promises:
//
//   - An event reaches every subscription that matched it when it was accepted at least once, under one delivery id, or is
//     shown as dead, expired or cancelled with the reason.
//   - Handling a commit twice, or again after a crash anywhere in between, raises no second alert and inserts no second delivery.
//   - Content is the event's; permission, exercise opt-in, expiry and the target itself are read immediately before each attempt.
//   - A receiver that hangs or fails holds its own few connections and delays nobody else. What does not fit in memory waits in the store.
//   - Behind an open circuit one due delivery is tried every 5 s; the others keep their attempts, and go at once when it closes.
//   - An urgent alert goes before everything that is not urgent, however much of that waits, in its target's line and between targets.
//   - What is dead is told to its owner, once for each time it was queued, and can be replayed. So is a target that is given up.
//   - Every outcome is chained into a journal before its delivery is marked; what was not chained is sent again, under the same id.
//   - Of several processes on one store one at a time has a delivery in hand; what a dead one had is taken over when its lease of 20 s
//     is over, what a stopping one had at once.
//   - OldestUndelivered counts everything that waits: throttled, behind an open circuit, between attempts, not yet handled.
//
// What it refuses: to send to a party that is not named in the incident (a withdrawal notice excepted), to send exercises to who
// did not ask for them, to append to any incident, and to show a secret twice.
//
// Desk answers people, each call with its access.Scope; Router is driven by the bus consumer, the relay and the watch. All methods of
// both may be called concurrently. Channels (package notify/webhook, ...) implement Channel and know nothing else.
package notify
