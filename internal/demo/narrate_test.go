package demo

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares the text with the file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// tell narrates every kind of line.
func tell(n *narrator, clock *time.Time) {
	n.print("  URL    http://127.0.0.1:8080")
	n.good("Landfall is ready: http://127.0.0.1:8080")
	n.begin()
	n.chapter("La Soufrière, Saint Vincent, April 2021")
	n.scene(1, "Watch and monitoring")
	n.say("The evening of 18 September 2017 in Roseau. The clock of this exercise runs %d times as fast as yours, so that an hour takes %s.", 240, "15 s")
	n.did("Dominica", "opens the incident")
	n.follow(func(wall time.Time) string { return wall.Add(-time.Hour).Format("15:04") })
	*clock = clock.Add(75 * time.Second)
	n.got("Antigua and Barbuda", "alert: the hurricane protocol is activated for Dominica; an answer is wanted within 30 minutes; version 12, signature verified")
	n.warn("Dominica", "step HUR-05 is overdue")
	n.hold()
	n.got("Saint Lucia", "what arrives before it is said why waits")
	n.did("Dominica", "says why")
	g := n.gauge("accepted", 10, counted) // in a log: nothing
	g.set(5)
	n.done()
	n.bad("The counts do not agree.")
}

func TestNarrationReadsWellInALog(t *testing.T) {
	clock := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	tell(&narrator{now: func() time.Time { return clock }, out: &out}, &clock)
	golden(t, "narration.txt", out.String())
	for line := range strings.Lines(out.String()) {
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("coloured: %q", line)
		}
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > pageWidth {
			t.Errorf("wider than the page: %q", line)
		}
	}
}

func TestColourChangesNoWord(t *testing.T) {
	clock := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	start := clock
	var out bytes.Buffer
	tell(&narrator{now: func() time.Time { return clock }, out: &out}, &clock)
	clock = start
	var coloured bytes.Buffer
	tell(&narrator{now: func() time.Time { return clock }, out: &coloured, colour: true}, &clock)
	text := coloured.String()
	for _, code := range []string{bold, red, green, yellow, cyan, reset} {
		text = strings.ReplaceAll(text, code, "")
	}
	if diff := cmp.Diff(out.String(), text); diff != "" {
		t.Error(diff)
	}
	if coloured.String() == out.String() {
		t.Error("nothing is coloured")
	}
}

func TestWrapBreaksAtOrdinarySpacesOnly(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one", []string{"one"}},
		{"one two three", []string{"one two", "three"}},
		{"unbreakable-word after", []string{"unbreakable-word", "after"}},
		{"two" + noBreak + "words together", []string{"two words", "together"}},
		{"à côté île", []string{"à côté", "île"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.text, 8)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}
