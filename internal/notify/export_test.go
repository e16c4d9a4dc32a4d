package notify

import "landfall/internal/ledger"

// SubscriptionStreams gives tests the streams, for what only an operator's command will do: erasing.
func (d *Desk) SubscriptionStreams() *ledger.Streams[*Subscription] { return d.subs }

// AlertStreams likewise.
func (d *Desk) AlertStreams() *ledger.Streams[*Alert] { return d.alerts }

// SetReplayPart has a replay put back so many deliveries in one commit: a test of several commits needs no thousand deliveries.
func (d *Desk) SetReplayPart(n int) { d.replayPart = n }
