package house

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	link        = regexp.MustCompile(`\[[^\]\n]*\]\(([^)\s]+)\)`)
	decision    = regexp.MustCompile(`^docs/decisions/(\d{4})-[a-z0-9-]+\.md$`)
	requirement = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.-]+\.[a-z]+/\S+) v\S+$`) // direct: nothing after the version
	word        = regexp.MustCompile(`(?m)^\| \*\*([^*|]+)\*\* \|`)
)

// deadLinks gives every relative link of a document that leads to no file or folder of the repository.
func deadLinks(f file, exists func(name string) bool) []string {
	var found []string
	for _, m := range link.FindAllStringSubmatch(f.text, -1) {
		to, err := url.Parse(m[1])
		if err != nil {
			found = append(found, fmt.Sprintf("%s: %s is no link: %v", f.name, m[1], err))
			continue
		}
		if to.IsAbs() || to.Path == "" {
			continue
		}
		if name := path.Join(path.Dir(f.name), to.Path); !exists(name) {
			found = append(found, fmt.Sprintf("%s: %s leads nowhere", f.name, m[1]))
		}
	}
	return found
}

func TestLinksBetweenDocumentsLeadSomewhere(t *testing.T) {
	all := names(t)
	exists := func(name string) bool {
		return slices.ContainsFunc(all, func(n string) bool { return n == name || strings.HasPrefix(n, name+"/") })
	}
	read := 0
	for _, f := range files(t) {
		if strings.HasSuffix(f.name, ".md") {
			read++
			for _, line := range deadLinks(f, exists) {
				t.Error(line)
			}
		}
	}
	if read == 0 {
		t.Fatal("no document was read: the test sees nothing")
	}
}

func TestDecisionsAreNumberedWithoutGapsAndListed(t *testing.T) {
	index := textOf(t, "docs/decisions/README.md")
	n := 0
	for _, name := range slices.Sorted(slices.Values(names(t))) {
		m := decision.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		n++
		if want := fmt.Sprintf("%04d", n); m[1] != want {
			t.Errorf("%s should be number %s", name, want)
		}
		if !strings.Contains(index, "("+path.Base(name)+")") {
			t.Errorf("%s is not listed in docs/decisions/README.md", name)
		}
		text := textOf(t, name)
		for _, heading := range []string{"## Context", "## Decision", "## Consequences"} {
			if !strings.Contains(text, "\n"+heading+"\n") {
				t.Errorf("%s has no %q", name, heading)
			}
		}
	}
	if n == 0 {
		t.Fatal("no decision was read: the test sees nothing")
	}
}

func TestEveryDirectDependencySaysWhatItReplacesAndWhoKeepsIt(t *testing.T) {
	record := textOf(t, "docs/decisions/0006-dependencies.md")
	for _, m := range requirement.FindAllStringSubmatch(textOf(t, "go.mod"), -1) {
		if !strings.Contains(record, "`"+m[1]+"`") {
			t.Errorf("%s is a direct dependency without a line in docs/decisions/0006-dependencies.md", m[1])
		}
	}
}

func TestEveryWordIsDefinedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range word.FindAllStringSubmatch(textOf(t, "docs/vocabulary.md"), -1) {
		if seen[m[1]] {
			t.Errorf("%q is defined twice in docs/vocabulary.md", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) == 0 {
		t.Fatal("no word was read: the test sees nothing")
	}
}

// textOf gives the text of one file.
func textOf(t *testing.T, name string) string {
	t.Helper()
	for _, f := range files(t) {
		if f.name == name {
			return f.text
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}

func TestDeadLinksAreFound(t *testing.T) {
	f := file{"docs/a.md", "[up](../README.md) [beside](b.md#part) [out](https://example.org/x) [here](#part) [gone](c.md)"}
	got := deadLinks(f, func(name string) bool { return name == "README.md" || name == "docs/b.md" })
	if diff := cmp.Diff([]string{"docs/a.md: c.md leads nowhere"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDirectRequirementsAreRead(t *testing.T) {
	mod := "module landfall\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/a/b/v4 v4.1.0\n\tgolang.org/x/c v0.1.0 // indirect\n)\n\nrequire example.com/d v1.0.0\n"
	var got []string
	for _, m := range requirement.FindAllStringSubmatch(mod, -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff([]string{"github.com/a/b/v4", "example.com/d"}, got); diff != "" {
		t.Error(diff)
	}
}

// patches gives the text around each patch of Go that a build can follow, by the file that names it.
var patches = map[string]*regexp.Regexp{
	"go.mod":                regexp.MustCompile(`(?m)^toolchain go(\S+)$`),
	"deploy/Dockerfile":     regexp.MustCompile(`(?m)^FROM .*\bgolang:(\S+)-alpine AS build$`),
	"README.md":             regexp.MustCompile(`Go 1\.\d+ \((\S+) is the newest patch tried\)`),
	"docs/guides/deploy.md": regexp.MustCompile(`Build with Go (\S+) or a later patch`),
}

// differingPatches gives every file that does not name the patch of Go that go.mod names.
func differingPatches(text func(name string) string) []string {
	named := map[string]string{}
	for name, pattern := range patches {
		if m := pattern.FindStringSubmatch(text(name)); m != nil {
			named[name] = m[1]
		}
	}
	var found []string
	for name := range patches {
		if want := named["go.mod"]; named[name] == "" || named[name] != want {
			found = append(found, fmt.Sprintf("%s names Go %q, and go.mod %q", name, named[name], want))
		}
	}
	slices.Sort(found)
	return found
}

func TestBuildNotesNameOnePatchOfGo(t *testing.T) {
	t.Parallel()
	for _, line := range differingPatches(func(name string) string { return textOf(t, name) }) {
		t.Error(line)
	}
}

func TestAnotherPatchOfGoIsFound(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"go.mod": "go 1.26.0\n\ntoolchain go1.26.8\n", "deploy/Dockerfile": "FROM --platform=p golang:1.26.7-alpine AS build\n",
		"README.md": "Go 1.26 (1.26.8 is the newest patch tried)",
	}
	want := []string{`deploy/Dockerfile names Go "1.26.7", and go.mod "1.26.8"`, `docs/guides/deploy.md names Go "", and go.mod "1.26.8"`}
	if diff := cmp.Diff(want, differingPatches(func(name string) string { return texts[name] })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
