package storetest

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"landfall/internal/store"
)

func recordedInOrder(t *testing.T, o Opened) {
	landfall := time.Date(2017, 9, 18, 21, 35, 0, 0, time.UTC)
	var want []store.Stamp
	for i, stream := range []string{"incident/b", "alert/é", "incident/a", "incident/ab"} {
		commits := run(stream, 1, 5)
		for n := range commits {
			// Some at the same instant, of one stream and of several; and one a microsecond later.
			commits[n].RecordedAt = landfall.Add(time.Duration(n/2)*time.Minute + time.Duration(i/3)*time.Microsecond)
			want = append(want, store.Stamp{Ref: store.Ref{Stream: stream, Seq: commits[n].Seq}, RecordedAt: commits[n].RecordedAt})
		}
		mustAppend(t, o.Store, commits...)
	}
	slices.SortFunc(want, func(a, b store.Stamp) int {
		return cmp.Or(a.RecordedAt.Compare(b.RecordedAt), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Seq, b.Seq))
	})
	since := func(at time.Time) []store.Stamp {
		return slices.DeleteFunc(slices.Clone(want), func(s store.Stamp) bool { return s.RecordedAt.Before(at) })
	}
	for _, at := range []time.Time{{}, landfall, landfall.Add(time.Microsecond), landfall.Add(time.Minute), landfall.Add(time.Hour)} {
		for _, limit := range []int{1, 3, 100} {
			var got []store.Stamp
			for after := (store.Stamp{RecordedAt: at}); ; {
				page, err := o.Store.Recorded(t.Context(), after, limit)
				if err != nil || len(page) > limit {
					t.Fatalf("%d of at most %d, %v", len(page), limit, err)
				}
				if len(page) == 0 {
					break
				}
				got, after = append(got, page...), page[len(page)-1]
			}
			if d := diff(since(at), got); d != "" {
				t.Errorf("from %s on, %d at a time: appended (-) and found (+) differ:\n%s", at, limit, d)
			}
		}
	}
	if _, err := o.Store.Recorded(t.Context(), store.Stamp{}, 0); !errors.Is(err, store.ErrBadQuery) {
		t.Errorf("without a limit: %v", err)
	}
}
