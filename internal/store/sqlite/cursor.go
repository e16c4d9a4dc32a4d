package sqlite

import (
	"bytes"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"landfall/internal/store"
)

// A cursor is, in unpadded base64url: a fingerprint of the query it belongs to, then the values of the order's fields and the id
// of the last document shown. It carries no rights: the query's own conditions hold on every page.

type fingerprint [8]byte

// maxCursor refuses cursors longer than any document's own values could make them in practice.
const maxCursor = 64 << 10

const (
	tagNull = iota
	tagText
	tagInt
)

// fingerprintOf covers everything that decides which documents a query gives and in what order.
func fingerprintOf(parts ...any) (fp fingerprint) {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%T:%q|", p, fmt.Sprint(p))
	}
	copy(fp[:], h.Sum(nil))
	return fp
}

func encodeCursor(fp fingerprint, values []driver.Value) string {
	b := fp[:len(fp):len(fp)]
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, tagNull)
		case string:
			b = append(b, tagText)
			b = binary.AppendUvarint(b, uint64(len(v)))
			b = append(b, v...)
		case int64:
			b = append(b, tagInt)
			b = binary.AppendVarint(b, v)
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor gives one stored value for each field. Whatever a stranger sends is either that or store.ErrBadCursor.
func decodeCursor(cursor string, fp fingerprint, fields []store.Field) ([]driver.Value, error) {
	if len(cursor) > maxCursor {
		return nil, store.ErrBadCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return nil, store.ErrBadCursor
	}
	r := bytes.NewReader(b)
	var got fingerprint
	if n, _ := r.Read(got[:]); n != len(got) || got != fp {
		return nil, store.ErrBadCursor
	}
	values := make([]driver.Value, len(fields))
	for i, f := range fields {
		v, ok := cursorValue(r, f)
		if !ok || v == nil && i == len(fields)-1 { // an id is never null
			return nil, store.ErrBadCursor
		}
		values[i] = v
	}
	if r.Len() > 0 {
		return nil, store.ErrBadCursor
	}
	return values, nil
}

func cursorValue(r *bytes.Reader, f store.Field) (driver.Value, bool) {
	tag, err := r.ReadByte()
	if err != nil {
		return nil, false
	}
	integer := f.Type == store.Int || f.Type == store.Bool
	switch {
	case tag == tagNull:
		return nil, true
	case tag == tagInt && integer:
		n, err := binary.ReadVarint(r)
		return n, err == nil
	case tag == tagText && !integer:
		n, err := binary.ReadUvarint(r)
		if err != nil || n > uint64(r.Len()) {
			return nil, false
		}
		text := make([]byte, n)
		_, _ = r.Read(text) // n bytes are there
		return string(text), true
	}
	return nil, false
}
