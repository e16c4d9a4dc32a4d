package notify_test

import "landfall/internal/access"

func ifMatch(w *world, seq int64) access.Write { return access.Write{IfMatch: w.l.ETag(seq)} }

func writeOf(key string) access.Write { return access.Write{Key: key, Digest: digest(key)} }
