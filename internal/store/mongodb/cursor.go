package mongodb

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

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
	tagFalse
	tagTrue
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

func encodeCursor(fp fingerprint, values []any) string {
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
		case bool:
			b = append(b, tagFalse)
			if v {
				b[len(b)-1] = tagTrue
			}
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor gives one stored value for each field. Whatever a stranger sends is either that or store.ErrBadCursor.
func decodeCursor(cursor string, fp fingerprint, fields []store.Field) ([]any, error) {
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
	values := make([]any, len(fields))
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

func cursorValue(r *bytes.Reader, f store.Field) (any, bool) {
	tag, err := r.ReadByte()
	if err != nil {
		return nil, false
	}
	switch {
	case tag == tagNull:
		return nil, true
	case (tag == tagFalse || tag == tagTrue) && f.Type == store.Bool:
		return tag == tagTrue, true
	case tag == tagInt && f.Type == store.Int:
		n, err := binary.ReadVarint(r)
		return n, err == nil
	case tag == tagText && (f.Type == store.String || f.Type == store.Time):
		n, err := binary.ReadUvarint(r)
		if err != nil || n > uint64(r.Len()) {
			return nil, false
		}
		text := make([]byte, n)
		_, _ = r.Read(text) // n bytes are there
		return string(text), utf8.Valid(text)
	}
	return nil, false
}
