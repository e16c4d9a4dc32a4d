// Package notify tells people and machines what happened, and keeps what became of it.
//
// Three nouns have streams of their own in the ledger: a subscription (where a machine wants to be told, of what), an alert
// (what one party must know of one event, and who acknowledged it) and a journal (what became of every attempt to tell). A
// delivery, the pair of one event and one target, is a working document: it can be made again from the streams.
//
//	commit (pending) ─▶ Router.Handle ─┬─▶ deliveries for matching subscriptions ─▶ sender ─▶ Channel.Send
//	      ▲        ▲                   ├─▶ alerts raised and closed (commits of their own)        │
//	      │        └── bus consumer    └─▶ pending cleared, when all of it is written              ▼
//	      └─────────── sweep                                        journal commit ◀──────── outcome
//	                                                                       └─▶ Handle marks the deliveries
//
// A subscription:
//
//	● ──Subscribe──▶ active ──Change──▶ active
//	                    ├──Unsubscribe──▶ deleted
//	                    └──expires_at passes──▶ expired
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
//	                  └── no longer wanted or allowed ──▶ cancelled
//
// What the package promises:
//
//   - An event reaches every subscription that matched it when it was accepted at least once, under one delivery id, or is
//     shown as dead or cancelled with the reason.
//   - Handling a commit twice, or again after a crash anywhere in between, raises no second alert and inserts no second delivery.
//   - Content is the event's; permission, exercise opt-in, expiry and the target itself are read immediately before each attempt.
//   - A receiver that hangs holds its own few connections and delays nobody else. What does not fit in memory waits in the store.
//   - Every outcome is chained into a journal before its delivery is marked; what was not chained is sent again, under the same id.
//
// What it refuses: to send to a party that is not named in the incident (a withdrawal notice excepted), to send exercises to who
// did not ask for them, to append to any incident, and to show a secret twice.
//
// Desk answers people, each call with its access.Scope; Router is driven by the bus consumer, the relay and the watch. All methods of
// both may be called concurrently. Channels (package notify/webhook, ...) implement Channel and know nothing else.
package notify
