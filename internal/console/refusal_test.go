package console_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"landfall/internal/access"
	"landfall/internal/limit"
	"landfall/internal/locale"
)

// refusing are the packages whose refusals a form may be given.
var refusing = []string{"access", "check", "console", "incident", "ledger", "notify", "place", "preparedness"}

// ofFiles read what an administrator writes, which no form does.
var ofFiles = []string{filepath.Join("..", "preparedness", "catalogue.go")}

// kindsOfPeople are the kinds of fault that reach people.
var kindsOfPeople = []string{"Invalid", "State", "Conflict", "Forbidden", "Precondition", "Full", "NotFound", "Unavailable"}

// madeUp are codes and reasons that the source puts together: "step_" + status.
var (
	madeUpCodes = []string{
		"step_pending", "step_in_progress", "step_done", "step_not_applicable", "step_cancelled",
		"movement_announced", "movement_departed", "movement_arrived", "movement_cancelled",
		"incident_not_found", "hazard_not_found", "alert_not_found", "delivery_not_found", "subscription_not_found", "invalid",
	}
	madeUpReasons = []string{
		"is announced", "is departed", "a final figure for %s is missing",
		"a telephone number", "an e-mail address", "the number of a personal document", "a date of birth",
	}
)

func TestEveryRefusalThatAPersonMayMeetIsPutIntoFrenchAndEnglish(t *testing.T) {
	t.Parallel()
	reasons, codes := map[string]string{}, map[string]string{}
	for _, r := range madeUpReasons {
		reasons[r] = "made up"
	}
	for _, c := range madeUpCodes {
		codes[c] = "made up"
	}
	for _, reason := range limit.Reasons() {
		if reason != limit.Connections { // nobody reads why a connection was closed
			codes[reason] = "package limit"
		}
	}
	for _, act := range access.Acts() {
		codes[act.RefusalCode()] = "the policy"
	}
	for _, p := range refusing {
		folder := filepath.Join("..", p)
		if _, err := os.Stat(folder); err != nil {
			t.Fatalf("package %s: %v", p, err)
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") && !slices.Contains(ofFiles, file) {
				collect(t, file, p == "place", reasons, codes)
			}
		}
	}
	if len(reasons) < 80 || len(codes) < 50 {
		t.Fatalf("only %d reasons and %d codes were found: the test looks in the wrong place", len(reasons), len(codes))
	}
	for _, language := range locale.Languages() {
		texts := locale.For(string(language)).Page.Refusal
		for _, text := range slices.Sorted(maps.Keys(reasons)) {
			if texts.Reason[text] == "" {
				t.Errorf("%s: no words for the reason %q of %s", language, text, reasons[text])
			} else if verbs(text) != verbs(texts.Reason[text]) && strings.Contains(texts.Reason[text], "%") {
				t.Errorf("%s: %q has other blanks than %q", language, texts.Reason[text], text)
			}
		}
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			if texts.Fault[code] == "" {
				t.Errorf("%s: no words for the fault %q of %s", language, code, codes[code])
			}
		}
	}
}

// verbs gives the blanks of a text, in order.
func verbs(text string) string {
	var out strings.Builder
	for i := range len(text) - 1 {
		if text[i] == '%' {
			out.WriteByte(text[i+1])
		}
	}
	return out.String()
}

// collect finds the refusals of one file: the texts of Check.Field and Check.That, the reasons of fault.Field, and the codes of fault.New
// and fault.Wrap. Details of package place are reasons too: fields are refused with them.
func collect(t *testing.T, file string, detailsAreReasons bool, reasons, codes map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := func(n ast.Node) string { return set.Position(n.Pos()).String() }
	literal := func(n ast.Expr) (string, bool) {
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(l.Value)
		return text, err == nil
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			called, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			on, _ := called.X.(*ast.Ident)
			switch name := called.Sel.Name; {
			case (name == "Field" && len(n.Args) >= 2 || name == "That" && len(n.Args) >= 3) && on != nil && on.Name != "fault":
				format := n.Args[map[string]int{"Field": 1, "That": 2}[name]]
				text, ok := literal(format)
				if !ok {
					t.Errorf("%s: a reason that is no literal cannot be put into words", at(format))
				} else if text != "%s" {
					reasons[text] = at(format)
				}
			case on != nil && on.Name == "fault" && (name == "New" || name == "Wrap"):
				args := n.Args
				if name == "Wrap" {
					args = args[1:]
				}
				kind, ok := args[0].(*ast.SelectorExpr)
				if !ok || !slices.Contains(kindsOfPeople, kind.Sel.Name) {
					return true
				}
				if code, ok := literal(args[1]); ok {
					codes[code] = at(args[1])
				}
				if text, ok := literal(args[2]); ok && detailsAreReasons {
					reasons[text] = at(args[2])
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Reason" {
				if text, ok := literal(n.Value); ok && strings.Contains(text, " ") {
					reasons[text] = at(n.Value)
				}
			}
		}
		return true
	})
}
