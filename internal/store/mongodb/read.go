package mongodb

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"landfall/internal/store"
)

// batchSize is how many documents one reply carries at most; a server cuts a reply at 16 MiB.
const batchSize = 1000

// question is what is asked of one collection. The commands are written out here because the driver's own Find and Aggregate leave
// maxTimeMS to their caller's context, so that a server would go on with a question nobody waits for any more.
type question struct {
	filter  bson.D
	sort    bson.D
	project bson.D
	hint    string // "" leaves the choice to the server
	limit   int    // 0: no limit
}

func (q question) command(collection string) bson.D {
	cmd := bson.D{{Key: "find", Value: collection}, {Key: "filter", Value: q.filter}}
	if q.sort != nil {
		cmd = append(cmd, bson.E{Key: "sort", Value: q.sort})
	}
	if q.project != nil {
		cmd = append(cmd, bson.E{Key: "projection", Value: q.project})
	}
	if q.hint != "" {
		cmd = append(cmd, bson.E{Key: "hint", Value: q.hint})
	}
	if q.limit > 0 {
		cmd = append(cmd, bson.E{Key: "limit", Value: int64(q.limit)})
	}
	return append(cmd, bson.E{Key: "batchSize", Value: int32(batchSize)})
}

// each calls with every document that answers the question. What it is given is good until call returns.
func (s *Store) each(ctx context.Context, c *mongo.Collection, q question, call func(bson.Raw) error) error {
	return s.answers(ctx, q.command(c.Name()), call)
}

// answers runs a reading command and calls with every document of its cursor.
func (s *Store) answers(ctx context.Context, cmd bson.D, call func(bson.Raw) error) error {
	cmd = append(slices.Clip(cmd), bson.E{Key: "readConcern", Value: bson.D{{Key: "level", Value: "majority"}}})
	cur, err := s.db.RunCommandCursor(ctx, cmd)
	if worthAsking(err) && ctx.Err() == nil {
		cur, err = s.db.RunCommandCursor(ctx, cmd) // as the driver does for reads of its own
	}
	if err != nil {
		return err
	}
	cur.SetBatchSize(batchSize)
	for err == nil && cur.Next(ctx) {
		err = call(cur.Current)
	}
	if err == nil {
		err = cur.Err()
	}
	if closeErr := cur.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

// codesAgain are what a server says that cannot answer now and might in a moment, or of which another can: MongoDB's list of retryable reads.
var codesAgain = []int{6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}

// worthAsking reports whether a reading command that failed is worth one more try: the connection was lost, or the primary has changed.
func worthAsking(err error) bool {
	if mongo.IsNetworkError(err) || neverSent(err) {
		return true
	}
	refused, ok := serverError(err)
	return ok && slices.ContainsFunc(codesAgain, refused.HasErrorCode)
}

// byRef finds commits by `_id`; the streams lead a sharded cluster to the right servers.
func byRef(refs []store.Ref) bson.D {
	ids, streams := make(bson.A, 0, len(refs)), bson.A{}
	seen := make(map[string]bool)
	for _, ref := range refs {
		ids = append(ids, commitID(ref.Stream, ref.Seq))
		if !seen[ref.Stream] {
			seen[ref.Stream] = true
			streams = append(streams, ref.Stream)
		}
	}
	return bson.D{{Key: idName, Value: in(ids)}, {Key: "stream", Value: in(streams)}}
}

func in(values bson.A) bson.D { return bson.D{{Key: "$in", Value: values}} }

func above(v any) bson.D { return bson.D{{Key: "$gt", Value: v}} }

// fields is a projection to these fields.
func fields(names ...string) bson.D {
	d := make(bson.D, 0, len(names)+1)
	for _, n := range names {
		d = append(d, bson.E{Key: n, Value: int32(1)})
	}
	if !slices.Contains(names, idName) {
		d = append(d, bson.E{Key: idName, Value: int32(0)})
	}
	return d
}
