package bus

import (
	"testing"

	"pgregory.net/rapid"
)

// A stream is a counter that sometimes loses its end. Several publishers send and learn their sequences late and in any order.
func TestTheTideTellsAStreamThatWentBackAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type sent struct {
			before mooring
			seq    uint64 // given by the stream, not yet acknowledged
		}
		var (
			tide     tide
			last     uint64
			known    uint64 // highest sequence anybody was told of
			under    []sent
			lostSome bool // the stream has lost what somebody was told of
			told     bool
		)
		tide.see("one", 0)
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				last++
				under = append(under, sent{tide.before(), last})
			},
			"acknowledge": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip("nothing is under way")
				}
				i := rapid.IntRange(0, len(under)-1).Draw(t, "which")
				s := under[i]
				under = append(under[:i], under[i+1:]...)
				fell := tide.acked(s.before, s.seq)
				if fell && !lostSome {
					t.Fatalf("sequence %d, sent when %d was known, shows a loss that did not happen", s.seq, s.before.floor)
				}
				told = told || fell
				known = max(known, s.seq)
			},
			"look": func(t *rapid.T) {
				if below := tide.below("one", last); below && !lostSome {
					t.Fatalf("a stream that ends at %d with %d known shows a loss that did not happen", last, known)
				} else if !below && last < known {
					t.Fatalf("a stream that ends at %d with %d known shows nothing", last, known)
				}
				if !tide.below("one", last) {
					tide.see("one", last)
					known = max(known, last)
				}
			},
			"lose power": func(t *rapid.T) {
				to := rapid.Uint64Range(0, last).Draw(t, "what is left")
				lostSome = lostSome || to < known
				last, under = to, nil
			},
			"": func(t *rapid.T) {
				if told != tide.sunk("one") {
					t.Fatalf("told %v, remembered %v", told, tide.sunk("one"))
				}
			},
		})
		tide.see("two", last)
		if tide.below("two", last) || tide.sunk("two") || tide.acked(mooring{incarnation: "one"}, 1) {
			t.Fatal("a new incarnation inherits the doubt")
		}
	})
}

func TestNoSequenceIsGivenTwiceUnnoticed(t *testing.T) {
	var tide tide
	tide.see("one", 1000)
	before := tide.before()
	if !tide.acked(before, 951) { // the stream went back to 950 unseen
		t.Fatal("a sequence given a second time went unnoticed")
	}
	if tide.acked(before, 952) {
		t.Error("it is told twice")
	}
	for seq := uint64(953); seq < 2000; seq++ { // and overtakes itself
		tide.acked(tide.before(), seq)
	}
	if !tide.below("one", 1999) {
		t.Error("it is forgotten before anybody looked")
	}
}
