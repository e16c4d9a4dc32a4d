package notify

import (
	"context"
	"strings"

	"landfall/internal/ledger"
)

// Resealer brings the secrets of subscriptions from one key to another. It is for a stopped service; doing it again changes nothing.
type Resealer struct {
	d    *Desk
	from *sealer
}

// Resealer gives one that reads what was encrypted with a key, and encrypts it with the desk's own.
func (d *Desk) Resealer(from []byte) (*Resealer, error) {
	s, err := newSealer(from)
	return &Resealer{d, s}, err
}

// Reseal encrypts every secret of one subscription anew, former ones included: the new text comes with a commit, which erases the old one too.
// The chain stays valid, and nothing that the old key opens is left in the records. It gives how many secrets it brought over, and how many
// not, because neither key opens them; those are left as they are.
func (r *Resealer) Reseal(ctx context.Context, id string) (done, left int, err error) {
	s, err := r.d.subs.Load(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	held := append([]formerSecret{{Sealed: s.Value.SealedSecret, Seq: s.Value.SecretSeq}}, s.Value.Former...)
	for i, old := range held {
		if old.Sealed == "" || strings.HasPrefix(old.Sealed, r.d.sealer.id+".") {
			continue
		}
		secret, err := r.from.open(secretPlace(id), old.Sealed)
		if err != nil {
			r.d.log.Warn("a secret of a subscription is encrypted with an unknown key, and stays so", "subscription", id, "error", err)
			left++
			continue
		}
		event := secretResealed{Held: old.Seq}
		if i > 0 {
			event.Until = &old.Until
		}
		_, err = r.d.subs.Execute(ctx, id, ledger.Command[*Subscription]{
			Actor: ledger.System, Await: true,
			Decide: func(*Subscription, ledger.Moment) (ledger.Decision, error) {
				return ledger.Decision{
					Detach: map[string]string{detachedSecret: r.d.sealer.seal(secretPlace(id), secret)},
					Events: []ledger.Event{
						{Type: EventSecretResealed, Data: event},
						{Type: ledger.EventErased, Data: ledger.Erased{Seq: old.Seq, Name: detachedSecret, Reason: "the key was rotated"}},
					},
				}, nil
			},
		})
		if err != nil {
			return done, left, err
		}
		done++
	}
	return done, left, nil
}
