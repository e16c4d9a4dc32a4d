package mongodb

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"landfall/internal/store"
)

// commitID is the `_id` of a commit. It says the same as (stream, seq), so the place of a commit is guarded twice, and by the
// one index that every server has from the first moment.
func commitID(stream string, seq int64) string { return stream + "#" + strconv.FormatInt(seq, 10) }

// checkCommits refuses what is no row of commits of one stream.
func checkCommits(commits []store.Commit) error {
	for i, c := range commits {
		if c.Stream == "" || c.Stream != commits[0].Stream || c.Seq < 1 || c.Seq != commits[0].Seq+int64(i) || len(c.Body) == 0 || len(c.Hash) == 0 ||
			!utf8.ValidString(c.Stream) || !utf8.ValidString(c.ID) {
			return fmt.Errorf("%w: commit %d of an append to %s at %d", store.ErrBadQuery, i, commits[0].Stream, commits[0].Seq)
		}
		if n := len(c.Body) + len(c.Detached); n > maxDocument {
			return fmt.Errorf("%w: commit %d of an append to %s: %d bytes are too many for one document", store.ErrBadQuery, i, c.Stream, n)
		}
	}
	return nil
}

// encodeCommit gives the stored form of a commit.
func encodeCommit(c store.Commit) (bson.Raw, error) {
	recorded, err := formatTime(c.RecordedAt)
	if err != nil {
		return nil, err
	}
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, len(c.Body)+len(c.Detached)+2*len(c.Stream)+384))
	dst = bsoncore.AppendStringElement(dst, idName, commitID(c.Stream, c.Seq))
	dst = bsoncore.AppendStringElement(dst, "stream", c.Stream)
	dst = bsoncore.AppendInt64Element(dst, "seq", c.Seq)
	dst = bsoncore.AppendStringElement(dst, "id", c.ID)
	dst = bsoncore.AppendStringElement(dst, "recorded_at", recorded)
	dst = bsoncore.AppendInt32Element(dst, "pending", int32(c.Pending))
	for _, b := range []struct {
		name  string
		bytes []byte
	}{{"key", c.Key}, {"prev", c.Prev}, {"hash", c.Hash}} {
		if len(b.bytes) > 0 {
			dst = bsoncore.AppendBinaryElement(dst, b.name, bson.TypeBinaryGeneric, b.bytes)
		}
	}
	dst = appendVerbatim(dst, "body", c.Body)
	if len(c.Detached) > 0 {
		dst = appendVerbatim(dst, "detached", c.Detached)
	}
	return bsoncore.AppendDocumentEnd(dst, at)
}

// appendVerbatim keeps bytes as they are: as text, which a person can read, unless they are none.
func appendVerbatim(dst []byte, name string, b []byte) []byte {
	if utf8.Valid(b) {
		return bsoncore.AppendStringElement(dst, name, string(b))
	}
	return bsoncore.AppendBinaryElement(dst, name, bson.TypeBinaryGeneric, b)
}

func verbatim(v bson.RawValue) ([]byte, bool) {
	if s, ok := v.StringValueOK(); ok {
		return []byte(s), true
	}
	_, b, ok := v.BinaryOK()
	return append([]byte(nil), b...), ok
}

// decodeCommit reads a stored commit.
func decodeCommit(raw bson.Raw) (c store.Commit, err error) {
	elements, err := raw.Elements()
	if err != nil {
		return c, fmt.Errorf("a commit: %w", err)
	}
	for _, e := range elements {
		v, ok := e.Value(), true
		switch e.Key() {
		case "stream":
			c.Stream, ok = v.StringValueOK()
		case "seq":
			c.Seq, ok = v.AsInt64OK()
		case "id":
			c.ID, ok = v.StringValueOK()
		case "recorded_at":
			var s string
			if s, ok = v.StringValueOK(); ok {
				c.RecordedAt, err = parseTime(s)
			}
		case "pending":
			var debt int64
			debt, ok = v.AsInt64OK()
			c.Pending = store.Debt(debt)
		case "key":
			c.Key, ok = verbatim(v)
		case "prev":
			c.Prev, ok = verbatim(v)
		case "hash":
			c.Hash, ok = verbatim(v)
		case "body":
			c.Body, ok = verbatim(v)
		case "detached":
			c.Detached, ok = verbatim(v)
		}
		if !ok {
			err = fmt.Errorf("%s is a BSON %s", e.Key(), v.Type)
		}
		if err != nil {
			return c, fmt.Errorf("commit %s at %d: %w", c.Stream, c.Seq, err)
		}
	}
	return c, nil
}
