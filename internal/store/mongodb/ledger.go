package mongodb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"landfall/internal/store"
)

// ReadStream implements store.Ledger.
func (s *Store) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	return s.readCommits(ctx, "read_stream", question{filter: bson.D{{Key: "stream", Value: stream}, {Key: "seq", Value: above(after)}},
		sort: ascending("seq"), hint: seqIndex, limit: max(limit, 0)})
}

// Commits implements store.Ledger.
func (s *Store) Commits(ctx context.Context, refs []store.Ref) ([]store.Commit, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	return s.readCommits(ctx, "commits", question{filter: byRef(refs), hint: idIndex})
}

// Hashes implements store.Ledger.
func (s *Store) Hashes(ctx context.Context, refs []store.Ref) (map[store.Ref][]byte, error) {
	found := make(map[store.Ref][]byte, len(refs))
	for chunk := range slices.Chunk(refs, batchSize) {
		q := question{filter: byRef(chunk), project: fields("stream", "seq", "hash"), hint: idIndex}
		err := s.do(ctx, "hashes", func(ctx context.Context) error {
			return s.each(ctx, s.commitsC, q, func(raw bson.Raw) error {
				hash, ok := verbatim(raw.Lookup("hash"))
				if !ok {
					return fmt.Errorf("commit %s: it has no hash", raw)
				}
				found[store.Ref{Stream: raw.Lookup("stream").StringValue(), Seq: raw.Lookup("seq").AsInt64()}] = hash
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Pending implements store.Ledger.
func (s *Store) Pending(ctx context.Context, debt store.Debt, before time.Time, after store.Ref, limit int) ([]store.Commit, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	at, err := formatTime(before)
	if err != nil {
		return nil, err
	}
	filter := bson.D{owes(debt), {Key: "recorded_at", Value: bson.D{{Key: "$lt", Value: at}}}}
	if after.Stream != "" {
		// From the stream on, and in it what comes later: the index walks over no more than this one stream's pending commits.
		filter = append(filter, bson.E{Key: "stream", Value: bson.D{{Key: "$gte", Value: after.Stream}}},
			bson.E{Key: "$or", Value: bson.A{bson.D{{Key: "stream", Value: above(after.Stream)}}, bson.D{{Key: "seq", Value: above(after.Seq)}}}})
	}
	return s.readCommits(ctx, "pending", question{filter: filter, sort: ascending("stream", "seq"), hint: pendingIndex, limit: limit})
}

// owes is the condition that a commit owes something of debt, in a form of which a server sees that the index of pending commits holds all such.
func owes(debt store.Debt) bson.E {
	sets := bson.A{}
	for set := store.Debt(1); set <= store.OwesAll; set++ {
		if set&debt != 0 {
			sets = append(sets, int32(set))
		}
	}
	return bson.E{Key: "pending", Value: bson.D{{Key: "$gt", Value: int32(0)}, {Key: "$in", Value: sets}}}
}

// PendingStats implements store.Ledger.
func (s *Store) PendingStats(ctx context.Context, debt store.Debt, without []string) (n int64, oldest time.Time, err error) {
	counted := bson.D{owes(debt)}
	if len(without) > 0 {
		counted = append(counted, bson.E{Key: "stream", Value: bson.D{{Key: "$nin", Value: without}}})
	}
	cmd := bson.D{{Key: "aggregate", Value: commitsName}, {Key: "cursor", Value: bson.D{}}, {Key: "hint", Value: pendingIndex}, {Key: "pipeline", Value: bson.A{
		bson.D{{Key: "$match", Value: counted}},
		bson.D{{Key: "$group", Value: bson.D{{Key: idName, Value: nil}, {Key: "n", Value: bson.D{{Key: "$sum", Value: int64(1)}}},
			{Key: "oldest", Value: bson.D{{Key: "$min", Value: "$recorded_at"}}}}}},
	}}}
	err = s.do(ctx, "pending_stats", func(ctx context.Context) error {
		return s.answers(ctx, cmd, func(raw bson.Raw) (err error) {
			n = raw.Lookup("n").AsInt64()
			text, _ := raw.Lookup("oldest").StringValueOK()
			oldest, err = parseTime(text)
			return err
		})
	})
	return n, oldest, err
}

// Recorded implements store.Ledger.
func (s *Store) Recorded(ctx context.Context, after store.Stamp, limit int) (stamps []store.Stamp, err error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	at, err := formatTime(after.RecordedAt)
	if err != nil {
		return nil, err
	}
	filter := bson.D{{Key: "recorded_at", Value: bson.D{{Key: "$gte", Value: at}}}, {Key: "$or", Value: bson.A{
		bson.D{{Key: "recorded_at", Value: above(at)}},
		bson.D{{Key: "stream", Value: above(after.Stream)}},
		bson.D{{Key: "stream", Value: after.Stream}, {Key: "seq", Value: above(after.Seq)}},
	}}}
	q := question{filter: filter, sort: ascending("recorded_at", "stream", "seq"), project: fields("stream", "seq", "recorded_at"), hint: timeIndex, limit: limit}
	err = s.do(ctx, "recorded", func(ctx context.Context) error {
		stamps = nil
		return s.each(ctx, s.commitsC, q, func(raw bson.Raw) error {
			at, err := parseTime(raw.Lookup("recorded_at").StringValue())
			stamps = append(stamps, store.Stamp{Ref: store.Ref{Stream: raw.Lookup("stream").StringValue(), Seq: raw.Lookup("seq").AsInt64()}, RecordedAt: at})
			return err
		})
	})
	return stamps, err
}

// FindKey implements store.Ledger.
func (s *Store) FindKey(ctx context.Context, stream string, key []byte) (seq int64, err error) {
	if len(key) == 0 {
		return 0, nil
	}
	q := question{filter: bson.D{{Key: "stream", Value: stream}, {Key: "key", Value: bson.Binary{Data: key}}},
		sort: ascending("seq"), project: fields("seq"), hint: keyIndex, limit: 1}
	err = s.do(ctx, "find_key", func(ctx context.Context) error {
		return s.each(ctx, s.commitsC, q, func(raw bson.Raw) error {
			seq = raw.Lookup("seq").AsInt64()
			return nil
		})
	})
	return seq, err
}

// Streams implements store.Ledger. It walks the index of (stream, seq), a page of entries at a time, and leaps to the next
// stream from the last entry of each page: the cost is at most that of reading the keys of these streams.
func (s *Store) Streams(ctx context.Context, prefix, after string, limit int) (streams []string, err error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: limit %d", store.ErrBadQuery, limit)
	}
	err = s.do(ctx, "streams", func(ctx context.Context) error {
		from := above(after)
		if after < prefix {
			from = bson.D{{Key: "$gte", Value: prefix}}
		}
		for {
			page := min(max(2*(limit-len(streams)), 16), batchSize)
			q := question{filter: bson.D{{Key: "stream", Value: from}}, sort: ascending("stream", "seq"), project: fields("stream"), hint: seqIndex, limit: page}
			last, entries, past := "", 0, false
			err := s.each(ctx, s.commitsC, q, func(raw bson.Raw) error {
				entries++
				name := raw.Lookup("stream").StringValue()
				past = past || !strings.HasPrefix(name, prefix)
				if name != last && !past && len(streams) < limit {
					streams = append(streams, name)
				}
				last = name
				return nil
			})
			if err != nil || past || len(streams) == limit || entries < page {
				return err
			}
			from = above(last)
		}
	})
	return streams, err
}

// SetDetached implements store.Ledger.
func (s *Store) SetDetached(ctx context.Context, ref store.Ref, detached []byte) error {
	set := bson.D{{Key: "$unset", Value: bson.D{{Key: "detached", Value: ""}}}}
	if len(detached) > 0 {
		set = bson.D{{Key: "$set", Value: bson.D{{Key: "detached", Value: verbatimValue(detached)}}}}
	}
	filter := bson.D{{Key: idName, Value: commitID(ref.Stream, ref.Seq)}, {Key: "stream", Value: ref.Stream}}
	return s.do(ctx, "set_detached", func(ctx context.Context) error {
		done, err := s.commitsC.UpdateOne(ctx, filter, set)
		if err == nil && done.MatchedCount == 0 {
			err = fmt.Errorf("detached values of %s at %d: no such commit", ref.Stream, ref.Seq)
		}
		return err
	})
}

// verbatimValue is what appendVerbatim appends.
func verbatimValue(b []byte) bson.RawValue {
	e := bson.RawElement(appendVerbatim(nil, "", b))
	return e.Value()
}

func (s *Store) readCommits(ctx context.Context, op string, q question) (out []store.Commit, err error) {
	err = s.do(ctx, op, func(ctx context.Context) error {
		out = nil
		return s.each(ctx, s.commitsC, q, func(raw bson.Raw) error {
			c, err := decodeCommit(raw)
			out = append(out, c)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
