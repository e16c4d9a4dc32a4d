package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
	"landfall/internal/store"
)

// keyDoc is the document that says which key the secrets in the records are encrypted with, without telling the key.
const keyDoc = "key"

// keyPrint gives what tells one key from another and nothing of either.
func keyPrint(key []byte) string {
	sum := sha256.Sum256(append([]byte("landfall secret key\n"), key...))
	return hex.EncodeToString(sum[:8])
}

// secretKey gives the key of the records: the one this process was told, else the data folder's, which is made with the first records. A
// key that is not the records' own is refused before anything is encrypted with it.
func (a *App) secretKey(ctx context.Context) ([]byte, error) {
	docs, err := a.store.Get(ctx, backup.KindService, keyDoc)
	if err != nil {
		return nil, a.opt.cannotOpen(err)
	}
	doc, known := docs[keyDoc]
	var key []byte
	if a.opt.SecretKey != "" {
		key, err = hex.DecodeString(a.opt.SecretKey)
	} else {
		key, err = a.folder.secretKey(known)
	}
	if err != nil {
		return nil, err
	}
	given := keyPrint(key)
	if !known {
		body := fmt.Appendf(nil, `{"print":%q}`, given)
		changed, err := a.store.Bulk(ctx, []store.Op{{Do: store.OpInsert, Kind: backup.KindService, Doc: store.Doc{ID: keyDoc, Version: 1, Body: body}}})
		if err != nil {
			return nil, a.opt.cannotOpen(err)
		}
		if changed[0] {
			return key, nil
		}
		if docs, err = a.store.Get(ctx, backup.KindService, keyDoc); err != nil { // another process was first
			return nil, a.opt.cannotOpen(err)
		}
		doc = docs[keyDoc]
	}
	held, err := printIn(doc)
	if err != nil {
		return nil, err
	}
	if held != given {
		return nil, fault.New(fault.Invalid, "secret_key",
			"This is not the key that the secrets in the records are encrypted with (%s, not %s). Give the right one with --secret-key, or put secret.key back into the data folder.",
			held, given)
	}
	return key, nil
}

// formerFor is how long what a key has sealed on the bus is believed after the key was replaced: as long as the bus keeps messages.
const formerFor = 30 * 24 * time.Hour

// formerKeys gives the keys of before a rotation that count still: the one this process was told, and those that the data folder keeps.
func (a *App) formerKeys() ([][]byte, error) {
	var keys [][]byte
	if a.opt.FormerKey != "" {
		key, err := givenKey(a.opt.FormerKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if a.opt.Data == "" {
		return keys, nil
	}
	kept, err := filepath.Glob(filepath.Join(a.opt.Data, formerKey+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range kept {
		info, err := os.Stat(path)
		if err != nil || a.opt.Now().Sub(info.ModTime()) > formerFor {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "secret_key", "%s cannot be read: %v.", path, reason(err))
		}
		if key, err := givenKey(string(text)); err == nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// printIn reads the print from the document of the key.
func printIn(doc store.Doc) (string, error) {
	var held struct {
		Print string `json:"print"`
	}
	if err := json.Unmarshal(doc.Body, &held); err != nil {
		return "", fmt.Errorf("document of the key: %w", err)
	}
	return held.Print, nil
}

// recordedPrint gives the print of the key that the secrets in the records are encrypted with; "" when nothing was encrypted yet.
func recordedPrint(ctx context.Context, docs store.Documents) (string, error) {
	found, err := docs.Get(ctx, backup.KindService, keyDoc)
	doc, ok := found[keyDoc]
	if err != nil || !ok {
		return "", err
	}
	return printIn(doc)
}

// recordPrint says in the records that their secrets are encrypted with the key of this print, whatever was said before.
func recordPrint(ctx context.Context, docs store.Documents, held string) error {
	found, err := docs.Get(ctx, backup.KindService, keyDoc)
	if err == nil {
		doc := store.Doc{ID: keyDoc, Version: found[keyDoc].Version + 1, Body: fmt.Appendf(nil, `{"print":%q}`, held)}
		_, err = docs.Bulk(ctx, []store.Op{{Do: store.OpPut, Kind: backup.KindService, Doc: doc}})
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "store_unavailable", "The records do not say yet which key is theirs. Run the same command again.")
	}
	return nil
}
