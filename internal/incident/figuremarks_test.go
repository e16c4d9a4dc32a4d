package incident

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFigureMarksAreAPlainTableOfWhichClonesAreIndependent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			marks figureMarks
			want  map[string]*figureMark
		}
		versions := []version{{want: map[string]*figureMark{}}}
		for n := range rapid.IntRange(0, 300).Draw(t, "changes") {
			of := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "of")]
			next := version{of.marks.clone(), maps.Clone(of.want)}
			mark := &figureMark{ID: fmt.Sprint(rapid.IntRange(0, 200).Draw(t, "id")), Seq: int64(n)}
			next.marks = next.marks.with(mark)
			next.want[mark.ID] = mark
			versions = append(versions, next)
		}
		for _, v := range versions {
			got := map[string]*figureMark{}
			for mark := range v.marks.all() {
				if _, twice := got[mark.ID]; twice {
					t.Fatalf("%s is given twice", mark.ID)
				}
				got[mark.ID] = mark
			}
			if diff := cmp.Diff(v.want, got); diff != "" {
				t.Fatal(diff)
			}
			for id, want := range v.want {
				if mark, ok := v.marks.get(id); !ok || mark != want {
					t.Fatalf("get %s: %v %v", id, mark, ok)
				}
			}
		}
		last := versions[len(versions)-1]
		text, err := json.Marshal(last.marks)
		if err != nil {
			t.Fatal(err)
		}
		var again figureMarks
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(last.want, again.merged()); diff != "" {
			t.Fatal(diff)
		}
	})
}
