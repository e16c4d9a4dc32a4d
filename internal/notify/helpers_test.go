package notify_test

import "landfall/internal/access"

func ifMatch(w *world, seq int64) access.Write { return access.Write{IfMatch: w.l.ETag(seq)} }
