package app

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/head"
	"landfall/internal/ledger"
	"landfall/internal/proof"
	"landfall/internal/store"
)

// Against says what the records are held against, besides themselves.
type Against struct {
	Heads     string // file of heads or folder of such files; "" is the service's own
	Keys      string // file of the public keys that are believed; "" is the service's own key, and those beside the heads
	SecretKey string // of the service; "" is that of the data folder, if there is one
}

// Proven is up to where heads prove the records.
type Proven struct {
	From   string // what was read
	Head   int64  // number of the head; 0 when no head covers anything
	At     time.Time
	Key    string   // fingerprint of the key that signed it
	Grown  int64    // streams that have grown since
	Notes  []string // in words
	Vouch  bool     // the keys came from elsewhere than the heads
	Exists bool     // there are heads at all

	Back *WentBack // nil: no restore has put the records back behind these heads
}

// Report is what Verify looked at and found.
type Report struct {
	ledger.Report
	Proven Proven
}

// verifyHeads holds the records against heads, and adds what is wrong to the report.
func verifyHeads(ctx context.Context, st store.Store, records Records, against Against, r *Report) error {
	path := against.Heads
	own := path == ""
	if own {
		path = records.headsFolder()
	}
	r.Proven.From = path
	wrong := func(what string) {
		r.Findings = append(r.Findings, ledger.Finding{Stream: "heads", What: what})
	}
	files, err := proof.Files(path)
	if none := errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0; none && !own {
		return fault.New(fault.NotFound, "no_heads", "There are no heads in %s.", path)
	} else if none {
		return unkept(ctx, st, records, path, wrong)
	}
	r.Proven.Exists = true
	recorded, err := head.Recorded(ctx, st)
	if err != nil {
		return err
	}
	keys, signer, vouch, err := verifyingKeys(records, against, path, recorded)
	if err != nil {
		return err
	}
	r.Proven.Vouch = vouch
	trail := proof.NewTrail(keys)
	if err := trail.ReadPath(path); err != nil {
		return fault.Wrap(err, fault.Unavailable, "heads_unreadable", "The heads in %s cannot be read.", path)
	}
	for _, w := range trail.Wrong() {
		wrong(w)
	}
	filed, ok := trail.Last()
	if !ok {
		wrong("there is no head that can be believed")
		return nil
	}
	if own && signer != "" && filed.Head.Key != signer && filed.Head.NextKey == "" {
		wrong(fmt.Sprintf("head %d is signed with the key %s, and the service signs with %s",
			filed.Head.Number, filed.Head.Key, signer))
	}
	back, err := wentBack(ctx, st, trail, recorded, !own)
	if err != nil {
		return err
	}
	sameHeads(trail, recorded, back, own && !records.onServer(), r, wrong)
	covered, ok := trail.Covered()
	if !ok {
		return nil
	}
	r.Proven.Head, r.Proven.At, r.Proven.Key = covered.Head.Number, covered.Head.At, covered.Head.Key
	var since *head.Back
	if back != nil {
		since = &head.Back{To: back.To, At: back.RestoredAt}
		r.Proven.Head, r.Proven.At = back.To, back.At
	}
	p, err := head.Prove(ctx, st, trail, since)
	r.Proven.Grown = p.Grown
	r.Findings = append(r.Findings, p.Findings...)
	if len(p.Back) > 0 {
		back.Streams, r.Proven.Back = p.Back, back
	}
	return err
}

// unkept says that there should be a file of heads. Records that were restored and have not been
// served yet have none.
func unkept(ctx context.Context, st store.Store, records Records, path string, wrong func(string)) error {
	recorded, err := head.Recorded(ctx, st)
	if err != nil || len(recorded) == 0 || records.onServer() {
		return err
	}
	state, err := backup.ReadState(ctx, st)
	if err != nil {
		return err
	}
	if state.RestoredAt == nil || recorded[len(recorded)-1].Head.Epoch >= state.Epoch {
		wrong(fmt.Sprintf("there is no file of heads in %s, though %d heads were signed", path, len(recorded)))
	}
	return nil
}

// sameHeads holds the heads in the records against those in the file, up to the one in common where
// the records went back. The only writer of a file is at most one head behind the records, and never
// before them.
func sameHeads(
	trail *proof.Trail, recorded []proof.Signed, back *WentBack, alone bool, r *Report, wrong func(string),
) {
	var newest int64
	for _, s := range recorded {
		newest = max(newest, s.Head.Number)
		if back != nil && s.Head.Number > back.To {
			return
		}
		if filed, ok := trail.Hash(s.Head.Number); ok && filed != s.Hash() {
			wrong(fmt.Sprintf("head %d in the records is another than in the file", s.Head.Number))
		}
	}
	if back != nil {
		return
	}
	filed, _ := trail.Last()
	switch behind := newest - filed.Head.Number; {
	case behind > 1 && alone:
		wrong(fmt.Sprintf("the file ends with head %d, and the records hold heads up to %d",
			filed.Head.Number, newest))
	case behind > 0:
		r.Proven.Notes = append(r.Proven.Notes, newer(behind))
	case behind < 0:
		wrong(fmt.Sprintf("head %d of %s is in the file and not in the records",
			filed.Head.Number, filed.Head.At.Format(time.RFC3339)))
	}
}

// newer says how many heads were signed after those that the records are held against.
func newer(heads int64) string {
	if heads == 1 {
		return "One more head was signed after the last in this file, which says nothing about what it covers."
	}
	return fmt.Sprintf("%d more heads were signed after the last in this file, which says nothing about what they cover.", heads)
}

// verifyingKeys gives the keys to believe, the fingerprint of the service's own key where that is
// known, and whether any of it came from elsewhere than the heads themselves.
func verifyingKeys(
	records Records, against Against, path string, recorded []proof.Signed,
) (keys proof.Keys, signer string, vouch bool, err error) {
	if against.Keys != "" {
		text, err := os.ReadFile(against.Keys)
		if err != nil {
			return nil, "", false, fault.Wrap(err, fault.Invalid, "heads_keys",
				"The keys in %s cannot be read.", against.Keys)
		}
		if keys, err = proof.ReadKeys(bytes.NewReader(text)); err != nil || len(keys) == 0 {
			return nil, "", false, fault.Wrap(err, fault.Invalid, "heads_keys",
				"%s is no file of public keys.", against.Keys)
		}
		return keys, "", true, nil
	}
	beside := proof.Keys{}
	for _, at := range []string{records.headsFolder(), path} {
		keys, err := proof.KeysIn(at)
		if err != nil {
			return nil, "", false, fault.Wrap(err, fault.Invalid, "heads_keys",
				"The keys beside %s cannot be read.", at)
		}
		maps.Copy(beside, keys)
	}
	own, err := ownKey(records, against.SecretKey)
	if err != nil {
		return nil, "", false, err
	}
	if own == nil {
		return beside, "", false, nil
	}
	return proof.Predecessors(own, beside, recorded), proof.Fingerprint(own), true, nil
}

// ownKey gives the public key that the service signs with; nil where its secret key is not known.
func ownKey(records Records, secretKey string) (ed25519.PublicKey, error) {
	secret, err := ownSecret(records, secretKey)
	if err != nil || secret == nil {
		return nil, err
	}
	key, err := proof.KeyFrom(secret)
	if err != nil {
		return nil, err
	}
	return proof.PublicOf(key), nil
}

// ownSecret gives the secret key of the service, as given or from its data folder; nil where it is
// not known.
func ownSecret(records Records, secretKey string) ([]byte, error) {
	if secretKey == "" {
		text, err := os.ReadFile(filepath.Join(records.Data, currentKey))
		if err != nil {
			return nil, nil //nolint:nilerr // another machine has no key, and need not have one
		}
		secretKey = string(text)
	}
	return givenKey(secretKey)
}

// PublicKeys gives the public keys of the service as a file of keys has them, its own last, and its
// own fingerprint; without its secret key only those beside the heads are known, and the
// fingerprint is "".
func PublicKeys(records Records, secretKey string) (lines []string, own string, err error) {
	keys, err := proof.KeysIn(records.headsFolder())
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Invalid, "heads_keys", "The keys beside the heads cannot be read.")
	}
	key, err := ownKey(records, secretKey)
	if err != nil {
		return nil, "", err
	}
	if key != nil {
		own = proof.Fingerprint(key)
	}
	for _, one := range slices.Sorted(maps.Keys(keys)) {
		if one != own {
			lines = append(lines, proof.KeyLine(keys[one]))
		}
	}
	if key != nil {
		lines = append(lines, proof.KeyLine(key))
	}
	return lines, own, nil
}
