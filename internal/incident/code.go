package incident

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"landfall/internal/fault"
	"landfall/internal/place"
	"landfall/internal/store"
)

// codeAlphabet is Crockford's without 0 and 1: no two of its signs sound or look alike over a bad radio.
const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	codeLength   = 5
	codeAttempts = 64
)

// codeOf gives the n-th candidate for an incident's code, such as DMA-2026-7K3QX: origin, year of occurrence, and five signs that follow
// from the id, so that a repeated create reaches the same code.
func codeOf(id string, origin place.Party, occurred time.Time, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "incident code %d %s", n, id))
	signs := make([]byte, codeLength)
	for i := range signs {
		signs[i] = codeAlphabet[int(sum[i])%len(codeAlphabet)]
	}
	return fmt.Sprintf("%s-%04d-%s", origin.State(), occurred.UTC().Year(), signs)
}

// codeClaim is the document that holds a code for one incident. Its id is the code.
type codeClaim struct {
	Incident string `json:"incident"`
}

// claimCode reserves the first free candidate for the incident. It runs before the commit; a claim whose commit never comes
// costs one of twenty-four million codes of that origin and year.
func (d *Desk) claimCode(ctx context.Context, id string, origin place.Party, occurred time.Time) (string, error) {
	body, err := json.Marshal(codeClaim{Incident: id})
	if err != nil {
		return "", fmt.Errorf("incident: code claim: %w", err)
	}
	for n := range codeAttempts {
		code := codeOf(id, origin, occurred, n)
		op := store.Op{Do: store.OpInsert, Kind: KindCode, Doc: store.Doc{ID: code, Version: 1, Body: body}}
		changed, err := d.docs.Bulk(ctx, []store.Op{op})
		if err != nil {
			return "", storeFault(err)
		}
		if changed[0] {
			return code, nil
		}
		found, err := d.docs.Get(ctx, KindCode, code)
		if err != nil {
			return "", storeFault(err)
		}
		var holder codeClaim
		if doc, ok := found[code]; ok && json.Unmarshal(doc.Body, &holder) == nil && holder.Incident == id {
			return code, nil
		}
	}
	return "", fault.New(fault.Unavailable, "no_code_free", "No free code was found for the incident. Try again.")
}
