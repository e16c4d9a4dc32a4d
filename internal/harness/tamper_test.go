package harness_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"landfall/internal/app"
	. "landfall/internal/harness"
)

// shown looks at what people are shown: the page of records, in both languages, names what is gone.
func (x *tampering) shown(admin *Client, alarms []string) {
	x.t.Helper()
	lost := slices.ContainsFunc(alarms, func(a string) bool { return strings.HasPrefix(a, "records_lost") })
	for language, words := range map[string][3]string{
		"en": {"Records were missing or altered", "At none of these times", "Which ones"},
		"fr": {"Des dossiers manquaient", "À aucun de ces moments", "Lesquels"},
	} {
		v := admin.Visit(language)
		home, page := v.Get("/").Want(http.StatusOK), v.Get("/records").Want(http.StatusOK)
		if lost {
			page.Says(words[0]).Silent(words[1])
			home.Says(words[2])
		} else {
			page.Says(words[1]).Silent(words[0])
			home.Silent(words[2])
		}
	}
	heads := admin.Get("/api/v1/heads?limit=1").Want(http.StatusOK).Items()
	if _, said := heads[0]["lost"]; said != lost || heads[0]["why"] != "start" {
		x.t.Errorf("the head of the start: %v", heads[0])
	}
}

// Each way of changing the records behind the service's back is named by verify, and by the next
// start: with an alarm, a raised epoch, and a head that says what is gone, after which verify
// agrees with what there is.
func TestWhatIsTamperedWithIsNamed(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	last := func(lines []string, n int) int { // where the n-th record from the end begins
		at := len(lines) - 1
		for ; n > 0 && at > 0; at-- {
			if strings.HasPrefix(lines[at-1], "head ") {
				if n--; n == 0 {
					break
				}
			}
		}
		for at > 1 && !strings.HasPrefix(lines[at-2], "head ") {
			at--
		}
		return at - 1
	}
	const lost, unkept = "records_lost", "heads_unwritten"
	for _, c := range []struct {
		name   string
		do     func(x *tampering)
		verify string // what verify says
		alarm  string // of the next start
		stays  bool   // what verify says it says after that start too
	}{
		{name: "nothing", do: func(*tampering) {}},
		{"last commit edited with a new hash", func(x *tampering) { x.edit(p.maria, 0); x.rebuild() }, "is altered", lost, false},
		{"middle commit edited and all hashes behind it made anew", func(x *tampering) { x.edit(p.maria, 3); x.rebuild() }, "is altered", lost, false},
		{"stream shortened", func(x *tampering) {
			x.exec("DELETE FROM commits WHERE stream = ? AND seq > 3", p.maria)
		}, p.maria + " commit 4: is missing", lost, true},
		{"stream shortened and rebuilt", func(x *tampering) {
			x.exec("DELETE FROM commits WHERE stream = ? AND seq > 3", p.maria)
			x.rebuild()
		}, p.maria + " commit 4: is missing", lost, false},
		{"stream removed", func(x *tampering) {
			x.exec("DELETE FROM commits WHERE stream = (SELECT min(stream) FROM commits WHERE stream LIKE 'alert/%')")
			x.rebuild()
		}, "is missing: head", lost, false},
		{"incident removed with all that follows from it", func(x *tampering) {
			x.exec("DELETE FROM commits WHERE stream = ? OR stream LIKE 'alert/%' AND body LIKE '%' || ? || '%'", p.irma, strings.TrimPrefix(p.irma, "incident/"))
			x.rebuild()
		}, p.irma + ": is missing", lost, false},
		{"commits of two streams swapped", func(x *tampering) {
			x.exec("UPDATE commits SET stream = 'x' WHERE stream = ? AND seq = 2", p.maria)
			x.exec("UPDATE commits SET stream = ? WHERE stream = ? AND seq = 2", p.maria, p.irma)
			x.exec("UPDATE commits SET stream = ? WHERE stream = 'x'", p.irma)
		}, "commit 2: stream: the record says", "", true},
		{"stream replayed from an older copy", func(x *tampering) {
			x.replay(p.maria)
			x.rebuild()
		}, p.maria + " commit 3: is missing", lost, false},
		{"database of an older copy", func(x *tampering) {
			text, err := os.ReadFile(filepath.Join(p.older, "landfall.db"))
			if err == nil {
				err = os.WriteFile(filepath.Join(x.at.Data, "landfall.db"), text, 0o600)
			}
			if err != nil {
				x.t.Fatal(err)
			}
		}, p.irma + ": is missing", lost, false},
		{"folder of an older copy, with the heads on another disk", func(x *tampering) {
			x.at.Heads = filepath.Join(x.t.TempDir(), "heads")
			copyFolder(x.t, x.at.Heads, filepath.Join(x.at.Data, "heads"))
			if err := os.RemoveAll(x.at.Data); err != nil {
				x.t.Fatal(err)
			}
			copyFolder(x.t, x.at.Data, p.older)
		}, p.irma + ": is missing", lost, false},
		{"stream slipped in with an earlier time", func(x *tampering) {
			x.slipIn(p.maria, "note/0197", p.clock.Now().Add(-2*hour))
		}, "note/0197 commit 1: is extra", "", true},
		{"commit slipped in with an earlier time", func(x *tampering) {
			x.slipIn(p.maria, p.irma, p.clock.Now().Add(-30*time.Minute))
			x.rebuild()
		}, p.irma + " commit 6: is extra", "", true},
		{"commit slipped in with the time of its coming", func(x *tampering) {
			x.p.clock = NewClock(p.clock.Now().Add(time.Minute))
			x.slipIn(p.maria, p.irma, x.p.clock.Now())
			x.rebuild()
		}, "", "", false}, // nothing tells it from what the service recorded, and the next head covers it
		{"head stream removed", func(x *tampering) {
			x.exec("DELETE FROM commits WHERE stream = 'head/service'")
			x.rebuild()
		}, "head/service: is missing", lost, false},
		{"file of heads shortened", func(x *tampering) {
			x.heads(func(lines []string) []string { return lines[:last(lines, 3)] })
		}, "heads: the file ends with head", "", false},
		{"file of heads edited", func(x *tampering) {
			x.heads(func(lines []string) []string {
				at := slices.IndexFunc(lines, func(l string) bool {
					return strings.HasPrefix(l, "+ ") && strings.Contains(l, "incident/")
				})
				lines[at] = strings.Replace(lines[at], "+ ", "+ 1", 1)
				return lines
			})
		}, "its leaves are not those that were signed", "", true},
		{"file of heads of another key", func(x *tampering) { x.forge() }, "not one of those believed", unkept, false},
		{"file of heads removed", func(x *tampering) {
			if err := os.RemoveAll(filepath.Join(x.at.Data, "heads")); err != nil {
				x.t.Fatal(err)
			}
		}, "there is no file of heads", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := &tampering{t: t, p: p, at: app.Records{Data: filepath.Join(t.TempDir(), "data")}}
			copyFolder(t, x.at.Data, p.folder)
			c.do(x)
			said, proven := x.verify()
			if !strings.Contains(said, c.verify) || c.verify == "" && said != "" {
				t.Errorf("verify says:\n%swant %q", said, c.verify)
			}
			if c.verify == "" && proven.Head == 0 {
				t.Errorf("proven by nothing: %+v", proven)
			}
			alarms, epoch := x.start()
			raised := slices.ContainsFunc(alarms, func(a string) bool { return strings.HasPrefix(a, lost) })
			told := slices.ContainsFunc(alarms, func(a string) bool { return strings.HasPrefix(a, c.alarm) })
			if c.alarm != "" && !told || raised != (c.alarm == lost) {
				t.Errorf("alarms of the next start: %q, want %q", alarms, c.alarm)
			}
			if (epoch != "0") != raised {
				t.Errorf("the epoch is %s", epoch)
			}
			if said, _ := x.verify(); (said != "") != c.stays {
				t.Errorf("after that start verify says:\n%s", said)
			}
		})
	}
}
