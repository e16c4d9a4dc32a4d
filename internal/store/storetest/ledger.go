package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/store"
)

var ledgerCases = []testCase{
	{"a commit comes back byte for byte", commitRoundTrip},
	{"a stream is read in order, from anywhere, in slices", readStream},
	{"exactly one writer wins each sequence number", appendRace},
	{"the accepted prefix of a lost batch stands", acceptedPrefix},
	{"batches submitted in a row are written in a row, or not behind a gap", pipeline},
	{"a batch that makes no sense is refused whole", badAppend},
	{"a cancelled append is there whole or not at all", cancelledAppend},
	{"a repeated append after a lost reply finds itself", lostReply},
	{"an idempotency key finds its commit in its stream only", findKey},
	{"commits are found by name", namedCommits},
	{"hashes are found by name, without what they are of", namedHashes},
	{"commits are found by when they were recorded", recordedInOrder},
	{"streams are listed by prefix in bytewise order", listStreams},
	{"pending commits are paged, aged and paid, debt by debt", pendingCommits},
	{"detached values are replaced and removed", detached},
	{"everything is there after reopening", reopened},
}

func commitRoundTrip(t *testing.T, o Opened) {
	long := strings.Repeat("Évacuation de Sainte-Rose: 1 200 personnes à Pointe-à-Pitre. ", 1<<14) // about 1 MB
	bodies := []string{
		`{}`,
		"{ \"spaces\" :\t\"stay\" ,\n\"order\":[3,1,2], \"order\":\"twice\" }",
		`{"text":"Maria — la Désirade, 日本, \u0000 \ud83c\udf00 🌀"}`,
		`{"text":"` + long + `"}`,
	}
	at := time.Date(2017, 9, 18, 21, 35, 0, 123456789, time.FixedZone("AST", -4*3600))
	var want []store.Commit
	for i, body := range bodies {
		c := commit("incident/round", int64(i+1), fmt.Sprintf("id-%d", i))
		c.Body, c.RecordedAt = []byte(body), at
		if i%2 == 1 {
			c.Key, c.Detached, c.Pending = []byte{0, 1, 255, byte(i)}, []byte(`{"name": {"salt":"é","value":"x"}}`), 0
		}
		want = append(want, c)
	}
	mustAppend(t, o.Store, want...)
	for i := range want {
		want[i].RecordedAt = at.UTC().Truncate(time.Microsecond)
	}
	for range 2 {
		if d := diff(want, mustRead(t, o.Store, "incident/round", 0, 0)); d != "" {
			t.Fatalf("stored (-) and read (+) differ:\n%.2000s", d)
		}
		o.Store = o.Reopen(t)
	}
}

func readStream(t *testing.T, o Opened) {
	mustAppend(t, o.Store, run("incident/a", 1, 30)...)
	mustAppend(t, o.Store, run("incident/ab", 1, 2)...)
	for _, c := range []struct {
		after int64
		limit int
		want  []int64
	}{{0, 3, []int64{1, 2, 3}}, {28, 0, []int64{29, 30}}, {29, 5, []int64{30}}, {30, 0, nil}, {99, 1, nil}} {
		var got []int64
		for _, commit := range mustRead(t, o.Store, "incident/a", c.after, c.limit) {
			got = append(got, commit.Seq)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("after %d limit %d: got %v, want %v", c.after, c.limit, got, c.want)
		}
	}
	if got := mustRead(t, o.Store, "incident/a", 0, 0); len(got) != 30 {
		t.Errorf("without limit: %d of 30", len(got))
	}
	if got := mustRead(t, o.Store, "incident/none", 0, 0); len(got) != 0 {
		t.Errorf("an unknown stream has %d commits", len(got))
	}
}

// appendRace lets writers fight for one stream, as processes do: read the tail, append a batch after it, repeat when lost.
func appendRace(t *testing.T, o Opened) {
	const writers, batches = 8, 12
	ctx := within(t)
	var mu sync.Mutex
	won := make(map[int64]string)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for b := 0; b < batches; {
				tail, err := o.Store.ReadStream(ctx, "incident/race", 0, 0)
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				next := int64(len(tail)) + 1
				batch := []store.Commit{commit("incident/race", next, fmt.Sprint(w, "/", b, "/0")), commit("incident/race", next+1, fmt.Sprint(w, "/", b, "/1"))}
				n, err := o.Store.Append(ctx, batch)
				if err != nil && !errors.Is(err, store.ErrSeqTaken) {
					t.Errorf("append: %v", err)
					return
				}
				if (err == nil) != (n == len(batch)) {
					t.Errorf("append said %d of %d and %v", n, len(batch), err)
				}
				mu.Lock()
				for _, c := range batch[:n] {
					if other, twice := won[c.Seq]; twice {
						t.Errorf("seq %d won by %s and %s", c.Seq, other, c.ID)
					}
					won[c.Seq] = c.ID
				}
				mu.Unlock()
				if err == nil {
					b++
				}
			}
		})
	}
	wg.Wait()
	got := mustRead(t, o.Store, "incident/race", 0, 0)
	if len(got) != len(won) {
		t.Fatalf("%d commits kept, %d said to be written", len(got), len(won))
	}
	for i, c := range got {
		if c.Seq != int64(i+1) || won[c.Seq] != c.ID {
			t.Fatalf("at %d: kept seq %d of %s, %s was told it won", i+1, c.Seq, c.ID, won[c.Seq])
		}
	}
}

func acceptedPrefix(t *testing.T, o Opened) {
	mustAppend(t, o.Store, commit("incident/p", 1, "first"), commit("incident/p", 2, "second"))
	taken := commit("incident/p", 2, "late")
	if n, err := o.Store.Append(t.Context(), []store.Commit{taken, commit("incident/p", 3, "after")}); n != 0 || !errors.Is(err, store.ErrSeqTaken) {
		t.Errorf("append over a taken seq: %d, %v", n, err)
	}
	if got := mustRead(t, o.Store, "incident/p", 0, 0); len(got) != 2 || got[1].ID != "second" {
		t.Fatalf("after a lost append: %+v", got)
	}
	// 4 is there already, as if another process had been faster after 3.
	mustAppend(t, o.Store, commit("incident/p", 4, "other"))
	n, err := o.Store.Append(t.Context(), run("incident/p", 3, 6))
	if n != 1 || !errors.Is(err, store.ErrSeqTaken) {
		t.Errorf("append of 3 to 6 where 4 is taken: %d, %v", n, err)
	}
	got := mustRead(t, o.Store, "incident/p", 2, 0)
	if len(got) != 2 || got[0].ID != "incident/p-3" || got[1].ID != "other" {
		t.Errorf("kept after the accepted prefix: %+v", got)
	}
}

// pipeline is for engines that offer it; for the others there is nothing to show.
func pipeline(t *testing.T, o Opened) {
	p, ok := o.Store.(store.Pipeline)
	if !ok {
		return
	}
	result := func(ticket store.Ticket) (int, error) {
		select {
		case <-ticket.Done():
			return ticket.Result()
		case <-t.Context().Done():
			t.Fatal("a ticket was never done")
			return 0, nil
		}
	}
	// Each commit names the hash of the one before, as the ledger's do.
	row := run("incident/row", 1, 105)
	for i := range row[1:] {
		row[i+1].Prev = row[i].Hash
	}
	var tickets []store.Ticket
	for i := range 50 {
		tickets = append(tickets, p.Submit(row[2*i:2*i+2]))
	}
	for i, ticket := range tickets {
		if n, err := result(ticket); n != 2 || err != nil {
			t.Fatalf("batch %d: %d, %v", i, n, err)
		}
	}
	if got := mustRead(t, o.Store, "incident/row", 0, 0); len(got) != 100 {
		t.Fatalf("%d of 100", len(got))
	}

	// Another writer takes a place: the batch loses, and so do those behind it, though there is a commit in the place before theirs.
	other := commit("incident/row", 101, "other")
	mustAppend(t, o.Store, other)
	first, second, third := p.Submit(row[100:101]), p.Submit(row[101:103]), p.Submit(row[103:105])
	for i, ticket := range []store.Ticket{first, second, third} {
		if n, err := result(ticket); n != 0 || !errors.Is(err, store.ErrSeqTaken) {
			t.Errorf("batch %d behind a lost place: %d, %v", i, n, err)
		}
	}
	if got := mustRead(t, o.Store, "incident/row", 100, 0); len(got) != 1 || got[0].ID != "other" {
		t.Errorf("kept behind it: %+v", got)
	}
	if n, err := result(p.Submit(nil)); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
}

func badAppend(t *testing.T, o Opened) {
	one := commit("incident/bad", 1, "one")
	broken := func(change func(*store.Commit)) []store.Commit {
		c := commit("incident/bad", 2, "two")
		change(&c)
		return []store.Commit{one, c}
	}
	for name, batch := range map[string][]store.Commit{
		"two streams":  broken(func(c *store.Commit) { c.Stream = "incident/other" }),
		"a gap":        broken(func(c *store.Commit) { c.Seq = 3 }),
		"a repetition": broken(func(c *store.Commit) { c.Seq = 1 }),
		"no body":      broken(func(c *store.Commit) { c.Body = nil }),
		"no hash":      broken(func(c *store.Commit) { c.Hash = nil }),
		"no stream":    {{Seq: 1, Body: one.Body, Hash: one.Hash}},
		"seq 0":        {commit("incident/bad", 0, "zero")},
	} {
		n, err := o.Store.Append(t.Context(), batch)
		if n != 0 || !errors.Is(err, store.ErrBadQuery) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if n, err := o.Store.Append(t.Context(), nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	if got := mustRead(t, o.Store, "incident/bad", 0, 0); len(got) != 0 {
		t.Errorf("refused batches left %d commits", len(got))
	}
}

func cancelledAppend(t *testing.T, o Opened) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := o.Store.Append(gone, run("incident/gone", 1, 2)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("append with a cancelled context: %d, %v", n, err)
	}
	if got := mustRead(t, o.Store, "incident/gone", 0, 0); len(got) != 0 {
		t.Errorf("it wrote %d commits", len(got))
	}
	// Cancelled while under way: whoever asks again, as the contract says, ends with each commit there once.
	for i := range int64(60) {
		ctx, cancel := context.WithCancel(t.Context())
		c := commit("incident/cut", i+1, fmt.Sprint("cut-", i))
		stop := make(chan struct{})
		go func() { defer close(stop); cancel() }()
		n, err := o.Store.Append(ctx, []store.Commit{c})
		<-stop
		if (err == nil) != (n == 1) {
			t.Fatalf("said %d and %v", n, err)
		}
		if err != nil {
			settle(t, o.Store, c)
		}
	}
	if got := mustRead(t, o.Store, "incident/cut", 0, 0); len(got) != 60 {
		t.Errorf("%d of 60 commits", len(got))
	}
}

// settle does what a caller does after an unknown outcome: look, and insert the same commit again.
func settle(t *testing.T, s store.Store, c store.Commit) {
	t.Helper()
	n, err := s.Append(t.Context(), []store.Commit{c})
	if err != nil && !errors.Is(err, store.ErrSeqTaken) {
		t.Fatalf("asking again: %d, %v", n, err)
	}
	got, err := s.Commits(t.Context(), []store.Ref{{Stream: c.Stream, Seq: c.Seq}})
	if err != nil || len(got) != 1 || got[0].ID != c.ID {
		t.Fatalf("after asking again: %+v, %v", got, err)
	}
}

func lostReply(t *testing.T, o Opened) {
	c := commit("incident/lost", 1, "mine")
	mustAppend(t, o.Store, c) // and the reply is lost
	n, err := o.Store.Append(t.Context(), []store.Commit{c})
	if n != 0 || !errors.Is(err, store.ErrSeqTaken) {
		t.Errorf("the same commit again: %d, %v", n, err)
	}
	settle(t, o.Store, c)
	if got := mustRead(t, o.Store, "incident/lost", 0, 0); len(got) != 1 || !bytes.Equal(got[0].Body, c.Body) {
		t.Errorf("kept %d commits", len(got))
	}
}

func findKey(t *testing.T, o Opened) {
	key := bytes.Repeat([]byte{0xfe, 0, 1}, 10)
	a, b := run("incident/a", 1, 3), run("incident/b", 1, 2)
	a[1].Key, b[1].Key = key, []byte("other")
	mustAppend(t, o.Store, a...)
	mustAppend(t, o.Store, b...)
	for _, c := range []struct {
		stream string
		key    []byte
		want   int64
	}{{"incident/a", key, 2}, {"incident/b", key, 0}, {"incident/b", []byte("other"), 2}, {"incident/a", []byte("absent"), 0}, {"incident/a", nil, 0}, {"incident/none", key, 0}} {
		if got, err := o.Store.FindKey(t.Context(), c.stream, c.key); got != c.want || err != nil {
			t.Errorf("FindKey(%s, %q) = %d, %v; want %d", c.stream, c.key, got, err, c.want)
		}
	}
}

func namedCommits(t *testing.T, o Opened) {
	mustAppend(t, o.Store, run("incident/a", 1, 3)...)
	mustAppend(t, o.Store, run("alert/b", 1, 1)...)
	got, err := o.Store.Commits(t.Context(), []store.Ref{{Stream: "alert/b", Seq: 1}, {Stream: "incident/a", Seq: 3}, {Stream: "incident/a", Seq: 9}, {Stream: "none", Seq: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range got {
		names = append(names, c.ID)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"alert/b-1", "incident/a-3"}) {
		t.Errorf("got %v", names)
	}
	if got, err := o.Store.Commits(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("none asked: %v, %v", got, err)
	}
}

func listStreams(t *testing.T, o Opened) {
	all := []string{"account/1", "incident/", "incident/a", "incident/a/b", "incident/b", "incident/é", "incident/\U0001f300", "incidents/x", "unit/1"}
	for i, s := range all {
		mustAppend(t, o.Store, run(s, 1, int64(1+i%3))...)
	}
	slices.Sort(all)
	for _, c := range []struct {
		prefix, after string
		limit         int
	}{{"", "", 100}, {"", "incident/a", 3}, {"incident/", "", 100}, {"incident/", "", 2}, {"incident/", "incident/a", 2}, {"incident/", "account/1", 9},
		{"incident/", "incident/\U0001f300", 9}, {"incident/", "zzz", 9}, {"nothing/", "", 9}, {"unit/1", "", 9}, {"incident/é", "", 9}} {
		var want []string
		for _, s := range all {
			if strings.HasPrefix(s, c.prefix) && s > c.after && len(want) < c.limit {
				want = append(want, s)
			}
		}
		got, err := o.Store.Streams(t.Context(), c.prefix, c.after, c.limit)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("prefix %q after %q limit %d: got %q, %v; want %q", c.prefix, c.after, c.limit, got, err, want)
		}
	}
	_, err := o.Store.Streams(t.Context(), "", "", 0)
	wantErr(t, "limit 0", err, store.ErrBadQuery)
}

func pendingCommits(t *testing.T, o Opened) {
	all := []store.Debt{store.OwesDocuments, store.OwesNotices, store.OwesAll}
	later := origin.Add(time.Hour)
	for _, debt := range all {
		if n, oldest, err := o.Store.PendingStats(t.Context(), debt, nil); n != 0 || !oldest.IsZero() || err != nil {
			t.Fatalf("empty: %d, %v, %v", n, oldest, err)
		}
	}
	held := map[store.Ref]store.Debt{}
	for _, stream := range []string{"incident/b", "alert/z", "incident/a"} {
		commits := run(stream, 1, 8)
		for i := range commits {
			commits[i].Pending = store.Debt(i % 4)
			held[store.Ref{Stream: stream, Seq: commits[i].Seq}] = commits[i].Pending
		}
		mustAppend(t, o.Store, commits...)
	}
	want := func(debt store.Debt, before int64) (refs []store.Ref) {
		for ref, owes := range held {
			if owes&debt != 0 && ref.Seq < before {
				refs = append(refs, ref)
			}
		}
		slices.SortFunc(refs, func(a, b store.Ref) int {
			return cmp.Or(strings.Compare(a.Stream, b.Stream), cmp.Compare(a.Seq, b.Seq))
		})
		return refs
	}
	got := func(debt store.Debt, before time.Time, limit int) (refs []store.Ref) {
		t.Helper()
		var after store.Ref
		for {
			page, err := o.Store.Pending(t.Context(), debt, before, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("Pending: %d, %v", len(page), err)
			}
			if len(page) == 0 {
				return refs
			}
			for _, c := range page {
				after = store.Ref{Stream: c.Stream, Seq: c.Seq}
				if c.Pending != held[after] || len(c.Body) == 0 {
					t.Fatalf("%v: owes %d, want %d; body of %d", after, c.Pending, held[after], len(c.Body))
				}
				refs = append(refs, after)
			}
		}
	}
	same := func(when string) {
		t.Helper()
		for _, debt := range all {
			for _, limit := range []int{1, 4, 100} {
				if d := diff(want(debt, 100), got(debt, later, limit)); d != "" {
					t.Errorf("%s, debt %d, by %d:\n%s", when, debt, limit, d)
				}
			}
			if d := diff(want(debt, 4), got(debt, origin.Add(4*time.Second), 100)); d != "" {
				t.Errorf("%s, debt %d, recorded strictly before the fourth second:\n%s", when, debt, d)
			}
			for _, without := range [][]string{nil, {"incident/b"}, {"none", "alert/z", "incident/a"}, {"alert/z", "incident/a", "incident/b"}} {
				refs := slices.DeleteFunc(want(debt, 100), func(ref store.Ref) bool { return slices.Contains(without, ref.Stream) })
				var oldest time.Time
				for _, ref := range refs {
					if at := origin.Add(time.Duration(ref.Seq) * time.Second); oldest.IsZero() || at.Before(oldest) {
						oldest = at
					}
				}
				if n, at, err := o.Store.PendingStats(t.Context(), debt, without); n != int64(len(refs)) || !at.Equal(oldest) || err != nil {
					t.Errorf("%s, debt %d, stats without %q: %d, %v, %v; want %d, %v", when, debt, without, n, at, err, len(refs), oldest)
				}
			}
		}
	}
	same("as written")
	var ops []store.Op
	var changes []bool
	pay := func(stream string, seq int64, debt store.Debt) {
		ref := store.Ref{Stream: stream, Seq: seq}
		ops, changes = append(ops, store.Op{Do: store.OpPay, Ref: ref, Debt: debt}), append(changes, held[ref]&debt != 0)
		if held[ref] != 0 {
			held[ref] &^= debt
		}
	}
	for seq := range int64(6) { // one debt of two, another of one, all of them, what is not owed, and what is not there
		pay("incident/b", seq+1, store.OwesDocuments)
		pay("incident/a", seq+1, store.OwesNotices)
	}
	pay("alert/z", 4, store.OwesAll)
	pay("alert/z", 2, store.OwesAll)
	pay("none", 1, store.OwesAll)
	changed := mustBulk(t, o.Store, ops...)
	if d := diff(changes, changed); d != "" {
		t.Errorf("paying said:\n%s", d)
	}
	delete(held, store.Ref{Stream: "none", Seq: 1})
	same("half paid")
	if again := mustBulk(t, o.Store, ops...); slices.Contains(again, true) {
		t.Errorf("paying again said %v", again)
	}
	o.Store = o.Reopen(t)
	same("reopened")
	pay("incident/b", 4, store.OwesNotices) // the second half of what it owed
	mustBulk(t, o.Store, ops[len(ops)-1])
	same("paid one by one")
	_, err := o.Store.Pending(t.Context(), store.OwesAll, origin, store.Ref{}, 0)
	wantErr(t, "limit 0", err, store.ErrBadQuery)
}

func detached(t *testing.T, o Opened) {
	want := run("contact/1", 1, 2)
	want[0].Detached = []byte(`{"address":{"salt":"00","value":"duty@example.org"}, "note":"x"}`)
	want[1].Detached = []byte(`{"b":1}`)
	mustAppend(t, o.Store, want...)
	set := func(seq int64, value []byte) {
		t.Helper()
		if err := o.Store.SetDetached(t.Context(), store.Ref{Stream: "contact/1", Seq: seq}, value); err != nil {
			t.Fatal(err)
		}
		want[seq-1].Detached = value
		if d := diff(want, mustRead(t, o.Store, "contact/1", 0, 0)); d != "" {
			t.Fatalf("after setting %q:\n%s", value, d)
		}
	}
	set(1, []byte(`{"note":"x"}`))
	set(1, nil)
	set(2, []byte(`{"b":2}`))
	if err := o.Store.SetDetached(t.Context(), store.Ref{Stream: "contact/1", Seq: 9}, nil); err == nil {
		t.Error("an absent commit took detached values")
	}
	if got := mustRead(t, o.Reopen(t), "contact/1", 0, 0); diff(want, got) != "" {
		t.Errorf("after reopening: %+v", got)
	}
}

func reopened(t *testing.T, o Opened) {
	for i := range 20 {
		mustAppend(t, o.Store, run(fmt.Sprint("incident/", i), 1, 5)...)
		mustBulk(t, o.Store, put("wake", fmt.Sprint("incident/", i), 5, map[string]any{"at": origin.Add(time.Duration(i) * time.Minute)}))
	}
	for range 3 {
		o.Store = o.Reopen(t)
		streams, err := o.Store.Streams(t.Context(), "incident/", "", 100)
		if err != nil || len(streams) != 20 {
			t.Fatalf("%d streams, %v", len(streams), err)
		}
		for _, s := range streams {
			if d := diff(run(s, 1, 5), mustRead(t, o.Store, s, 0, 0)); d != "" {
				t.Fatalf("%s:\n%s", s, d)
			}
		}
		if docs := pages(t, o.Store, store.Query{Kind: "wake", Index: "by_at", Limit: 7}, nil); len(docs) != 20 {
			t.Fatalf("%d documents", len(docs))
		}
	}
}
