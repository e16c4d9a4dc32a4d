package notify_test

import (
	"landfall/internal/access"
	"landfall/internal/store"
)

func ifMatch(w *world, seq int64) access.Write { return access.Write{IfMatch: w.l.ETag(seq)} }

func writeOf(key string) access.Write { return access.Write{Key: key, Digest: digest(key)} }

func refs(stream string, seqs ...int64) []store.Ref {
	out := make([]store.Ref, len(seqs))
	for i, seq := range seqs {
		out[i] = store.Ref{Stream: stream, Seq: seq}
	}
	return out
}
