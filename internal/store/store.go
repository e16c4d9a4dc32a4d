// Package store is the contract between Landfall and whatever keeps its records.
//
// It promises little on purpose, so that the same code runs on SQLite in a folder, on one mongod, on a replica set, on a
// sharded cluster and on MongoDB-compatible servers: an append to one stream is atomic for each commit and wins or
// loses by (stream, seq); a document is written whole or not at all. There are no transactions over several
// records, no change streams, no unique index but (stream, seq) and the document id, and no order across streams.
//
// The ledger's commits are the truth. Documents are either derived from commits (and may be dropped and rebuilt) or
// working state (queues, leases, claims); Kind.Derived says which.
//
// Conformance is defined by package storetest: an engine is right when it passes all of it.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors of the contract. Anything else an engine returns is a failure whose outcome is unknown to the caller.
var (
	// ErrSeqTaken: another commit already has this (stream, seq); of a submitted batch also: its predecessor is missing. Nothing of this
	// commit was written.
	ErrSeqTaken = errors.New("store: sequence already taken")
	// ErrFull: no space is left. Nothing was written; the engine recovers by itself once there is space.
	ErrFull = errors.New("store: disk full")
	// ErrClosed: the store has been closed. Nothing was written.
	ErrClosed = errors.New("store: closed")
	// ErrBadCursor: the cursor does not belong to this query.
	ErrBadCursor = errors.New("store: cursor does not fit the query")
	// ErrBadQuery: the query does not fit a declared index. A mistake of the caller.
	ErrBadQuery = errors.New("store: query does not fit a declared index")
)

// Commit is one record of one stream, as kept. Body is stored verbatim, byte for byte, and is exactly what Hash covers
// (SHA-256). The other fields are lifted out of the body for indexes; `landfall verify` compares them with it.
type Commit struct {
	Stream     string
	Seq        int64 // 1 for the first; no gaps
	ID         string
	RecordedAt time.Time // UTC, microseconds
	Body       []byte
	Detached   []byte // JSON object of erasable values, nil when there are none
	Prev       []byte // hash of the commit before; nil for the first
	Hash       []byte
	Key        []byte // idempotency key digest; nil when the writer gave none
	Pending    Debt   // what is still owed
}

// Debt says what must still be written because of a commit. It is a set: one bit for each thing.
type Debt uint8

// What may be owed. Whoever has written it says so with OpPay.
const (
	OwesDocuments Debt = 1 << iota // the documents that are derived from the commit
	OwesNotices                    // alerts, deliveries, and whatever else somebody is told by

	OwesAll = OwesDocuments | OwesNotices
)

// Ref names one commit.
type Ref struct {
	Stream string
	Seq    int64
}

// Stamp says when a commit was recorded.
type Stamp struct {
	Ref
	RecordedAt time.Time
}

// Ledger keeps commits. All methods may be called concurrently.
type Ledger interface {
	// Append writes commits of one stream, in order, each durable before Append returns. It gives how many were
	// written: the accepted prefix stands even when err is not nil. ErrSeqTaken says that commits[n] lost;
	// ErrFull and ErrClosed that nothing from commits[n] on was written; any other error that the outcome is unknown
	// and (stream, seq) must be read.
	Append(ctx context.Context, commits []Commit) (n int, err error)

	// ReadStream gives up to limit commits of the stream with seq > after, in order of seq. It sees every Append that has
	// returned, in any process. limit 0 means all.
	ReadStream(ctx context.Context, stream string, after int64, limit int) ([]Commit, error)

	// Commits gives the named commits that exist, in no particular order.
	Commits(ctx context.Context, refs []Ref) ([]Commit, error)

	// Hashes gives the hash of each of the named commits that exist. It reads no bodies: it is how many thousand commits are
	// compared with what was signed of them.
	Hashes(ctx context.Context, refs []Ref) (map[Ref][]byte, error)

	// Streams gives up to limit stream names greater than after (bytewise), in order, that start with prefix.
	Streams(ctx context.Context, prefix, after string, limit int) ([]string, error)

	// FindKey gives the seq of the stream's commit with this idempotency key digest, or 0.
	FindKey(ctx context.Context, stream string, key []byte) (int64, error)

	// Pending gives up to limit commits that owe something of debt and were recorded before the instant, ordered by
	// (stream, seq), starting after the given ref (zero: from the start).
	Pending(ctx context.Context, debt Debt, before time.Time, after Ref, limit int) ([]Commit, error)

	// PendingStats returns the number of commits that owe something of debt and the oldest one's
	// RecordedAt (zero when there is none). Those of the streams named in without, at most a
	// thousand, are not counted.
	PendingStats(ctx context.Context, debt Debt, without []string) (n int64, oldest time.Time, err error)

	// Recorded returns up to limit commits behind a stamp, in the order of (RecordedAt, Stream,
	// Seq). A stamp of an instant alone stands before all that was recorded at it.
	Recorded(ctx context.Context, after Stamp, limit int) ([]Stamp, error)

	// SetDetached replaces the detached values of a commit: the removing half of an erasure.
	SetDetached(ctx context.Context, ref Ref, detached []byte) error
}

// Doc is one document. Version orders writes of the same id. Index carries the values of the declared fields by name;
// a declared field that is absent or nil is stored as null and sorts first.
type Doc struct {
	ID      string
	Version int64
	Body    []byte         // one JSON object
	Index   map[string]any // string, int64, bool, time.Time or []string, as declared
}

// Pipeline is what an engine may offer besides Append, when it can order the appends of one process: several batches of one stream may
// then be under way at once, each decided on the one before.
type Pipeline interface {
	// Submit is Append without the waiting. Batches of one stream are written in the order in which they were submitted, and a
	// batch is refused like one whose place is taken unless the commit before its first is there and has the hash that this names
	// in Prev: a batch that fails takes those behind it along, also when somebody else's commit stands where its own was to
	// stand. The commits must not be changed before the ticket is done.
	Submit(commits []Commit) Ticket
}

// Ticket is an append under way.
type Ticket interface {
	Done() <-chan struct{}
	// Result gives what Append would have returned. Call it when Done is closed.
	Result() (n int, err error)
}

// FieldType is the type of a declared field.
type FieldType uint8

// The types a declared field may have.
const (
	String  FieldType = iota // bytewise order
	Int                      // int64
	Bool                     // false before true
	Time                     // UTC, microseconds
	Strings                  // a set; an equality holds when one member equals. At most one per index, as its first field
)

// Field declares one indexed or filterable field of a kind.
type Field struct {
	Name string // lower snake_case
	Type FieldType
}

// Index declares a way to find documents: equality on a prefix of Fields, a range on the next one, order by the rest and
// then by id.
type Index struct {
	Name   string
	Fields []string

	// Sparse says that it need not hold documents whose first field is null. A query by it must
	// name a value of that field, or a bound of it, and so finds none of them.
	Sparse bool
}

// Serves reports whether a query asks for nothing that the index need not hold.
func (ix Index) Serves(q Query) bool {
	open := len(q.Equal) == 0 && q.From == nil && q.Until == nil
	return !ix.Sparse || !open && (len(q.Equal) == 0 || q.Equal[0] != nil)
}

// Kind declares one kind of document. Kinds are listed in one table per noun and given to the engine when it is opened; a new kind
// costs no engine code. A changed shape is a new kind (`incident.v2`), never a changed one.
type Kind struct {
	Name    string // lower snake_case with an optional version, e.g. "incident" or "incident.v2"
	Derived bool   // may be dropped and rebuilt from commits; false: working state, part of a backup
	Fields  []Field
	Indexes []Index
}

// Query asks for documents of one kind in the order of one index. Instants are cut to microseconds everywhere, so "at or before now" is
// Until now plus one. An Equal of nil finds nulls. An index over a set needs its first equality. A cursor belongs to the
// query it came from, bounds included.
type Query struct {
	Kind   string
	Index  string // declared index; "" means by id
	Equal  []any  // values for the first len(Equal) fields of the index
	From   any    // inclusive lower bound of the next field, or of the id without an index; nil: open
	Until  any    // exclusive upper bound of the same; nil: open. A bound of either kind leaves nulls out
	Filter []Cond // further conditions on declared fields, applied by the engine
	Desc   bool   // reverses the whole order
	After  string // cursor from Page.Next; "" starts at the beginning
	Limit  int    // at most this many; required, 1 to 10000
}

// Cond is a condition on a declared scalar field: equal to one of Any, or, for a String field, containing Contains
// (bytewise; fold case before storing and before asking).
type Cond struct {
	Field    string
	Any      []any
	Contains string
}

// Page is one page of an answer. Documents inserted while somebody pages appear or not, but none that was there
// throughout is skipped or shown twice.
type Page struct {
	Docs []Doc
	Next string // "" when there is no more
}

// OpKind says what an Op does.
type OpKind uint8

// The operations of Bulk.
const (
	OpInsert OpKind = iota // write unless the id exists
	OpPut                  // write unless the stored version is the same or newer
	OpDelete               // remove whatever the version
	OpPay                  // a commit owes this no more; the rest of its debt stands
)

// Op is one write of Bulk.
type Op struct {
	Do   OpKind
	Kind string // for documents
	Doc  Doc    // for OpDelete only the id counts
	Ref  Ref    // for OpPay
	Debt Debt   // for OpPay: what has been written
}

// Documents keeps documents. All methods may be called concurrently.
type Documents interface {
	// Bulk carries out the operations in order and says of each whether it changed anything. On an engine that may lose its last
	// moments in a power cut, a later Bulk or Append never survives an earlier one of the same process that is lost; an
	// Append that has returned makes every Bulk that returned before it durable.
	// When err is not nil, a prefix of the operations may have been carried out: all of them are safe to repeat.
	Bulk(ctx context.Context, ops []Op) (changed []bool, err error)

	// Get gives the documents of the kind that exist among ids, by id.
	Get(ctx context.Context, kind string, ids ...string) (map[string]Doc, error)

	// Find gives one page. It sees every Bulk of this process that has returned.
	Find(ctx context.Context, q Query) (Page, error)

	// Count gives how many documents the query matches, ignoring After and Limit.
	Count(ctx context.Context, q Query) (int64, error)

	// Drop removes every document of a derived kind.
	Drop(ctx context.Context, kind string) error
}

// Store is an opened engine.
type Store interface {
	Ledger
	Documents

	// Ping fails when the store cannot serve.
	Ping(ctx context.Context) error
	// Close waits for what was accepted and releases everything. Close may be called more than once.
	Close() error
}
