package house

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// topLevel is what a person sees first; nothing may be added to it without changing this line. Dot files are not counted.
var topLevel = []string{"Makefile", "README.md", "api", "cmd", "deploy", "docs", "go.mod", "go.sum", "internal"}

// largest is the size in bytes above which a file is no source.
const largest = 1 << 20

// refused lists what may stand in no text of the repository. The patterns are written so that they do not find themselves.
var refused = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`(^|[^\w.~/-])/(home|root|work|Users|tmp)/`), "a path of somebody's machine; use a relative path, t.TempDir or a word in capitals"},
	{regexp.MustCompile(`\b[A-Z]:\\(Users|Windows)`), "a path of somebody's machine"},
	{regexp.MustCompile(`\.\./` + `shared\b`), "a path outside the repository"},
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|HA` + `CK)\b`), "a note to self; do it, or write an issue"},
	{regexp.MustCompile(`\b(proxy|sum)\.golang\.org|\bregistry\.npmjs|\bdeb\.debian\.`), "the host of a registry; clients know where theirs is"},
}

// vendored are folders that hold other people's code.
var vendored = []string{"vendor", "node_modules", "third_party", "bower_components"}

// file is one text of the repository, its name with slashes and relative to the root.
type file struct{ name, text string }

// root gives the folder that holds go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// names gives every file of the repository: what git knows or would add; outside a checkout, whatever lies there.
func names(t *testing.T) []string {
	t.Helper()
	dir := root(t)
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		return slices.DeleteFunc(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), func(name string) bool {
			_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
			return errors.Is(err, fs.ErrNotExist) // deleted, and not yet committed
		})
	}
	var found []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			found = append(found, name)
			return err
		}
		if name == ".git" {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// files reads every text of the repository; a file with a zero byte in it is no text.
func files(t *testing.T) []file {
	t.Helper()
	dir := root(t)
	var all []file
	for _, name := range names(t) {
		info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsRune(data, 0) {
			all = append(all, file{name, string(data)})
		}
	}
	if len(all) == 0 {
		t.Fatal("no file was read: the test sees nothing")
	}
	return all
}

// unfit gives "name:line: reason" for everything refused in one text.
func unfit(f file) []string {
	var found []string
	if len(f.text) > largest {
		found = append(found, fmt.Sprintf("%s: %d bytes are no source", f.name, len(f.text)))
	}
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		for _, r := range refused {
			if what := r.pattern.FindString(line); what != "" {
				found = append(found, fmt.Sprintf("%s:%d: %q is %s", f.name, n, strings.TrimSpace(what), r.reason))
			}
		}
	}
	return found
}

func TestNoTextHoldsWhatIsRefused(t *testing.T) {
	for _, f := range files(t) {
		if f.name == ".ci/run" || strings.HasSuffix(f.name, ".sum") {
			continue // CI starts servers that lie beside the checkout; sums are other people's names
		}
		for _, line := range unfit(f) {
			t.Error(line)
		}
	}
}

func TestNothingIsVendored(t *testing.T) {
	for _, name := range names(t) {
		for part := range strings.SplitSeq(filepath.ToSlash(filepath.Dir(name)), "/") {
			if slices.Contains(vendored, part) {
				t.Errorf("%s: other people's code comes through the module proxy", name)
			}
		}
	}
}

func TestTheTopLevelIsExactlyWhatWeShow(t *testing.T) {
	var got []string
	for _, name := range names(t) {
		first, _, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(first, ".") {
			got = append(got, first)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(topLevel, slices.Compact(got)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestRefusedTextIsFound(t *testing.T) {
	for text, want := range map[string]bool{
		"data in /ho" + "me/ann/data":               true,
		"open(\"/tm" + "p/x\")":                     true,
		"see ../sha" + "red/design.md":              true,
		"// TO" + "DO: later":                       true,
		"ctx := context.TO" + "DO()":                true,
		"GOPROXY=https://pro" + "xy.golang.org":     true,
		"/var/lib/landfall is where the unit keeps": false,
		"GET /api/v1/incidents":                     false,
		"docs/home/page.md and ~/tmp/ are fine":     false,
		"a todo list":                               false,
		"https://example.org/home/":                 false,
	} {
		if got := len(unfit(file{"f", text + "\n"})) > 0; got != want {
			t.Errorf("%q: refused %t, want %t", text, got, want)
		}
	}
	if len(unfit(file{"f", strings.Repeat("x", largest+1)})) == 0 {
		t.Error("a file that is no source was not refused")
	}
}
