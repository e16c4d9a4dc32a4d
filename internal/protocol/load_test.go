package protocol_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"landfall/internal/fault"
	"landfall/internal/protocol"
)

func TestAFaultyTemplateIsRefusedWithThePlaceOfEveryFault(t *testing.T) {
	good, err := os.ReadFile("templates/hurricane.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protocol.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, pointer string }{
		"a need below":               {"needs: [HUR-01, HUR-04]", "needs: [HUR-01, HUR-10]", "/steps/4/needs/1"},
		"a need of itself":           {"needs: [HUR-01, HUR-04]", "needs: [HUR-05]", "/steps/4/needs/0"},
		"a code twice":               {"code: HUR-02", "code: HUR-01", "/steps/1/code"},
		"an unknown phase":           {"phase: planning", "phase: recovery", "/steps/0/phase"},
		"the wrong side":             {"side: origin", "side: regional", "/steps/0/side"},
		"an unknown repeat":          {"repeat: once", "repeat: often", "/steps/0/repeat"},
		"an unknown anchor":          {"anchor: LANDFALL, offset: -72h", "anchor: SUNRISE, offset: -72h", "/steps/0/deadline"},
		"an offset in months":        {"offset: -72h", "offset: -3mo", "/steps/0/deadline"},
		"no deadline":                {"{anchor: LANDFALL, offset: -72h}", "{}", "/steps/0/deadline"},
		"a recurrence of a once":     {"offset: -72h", "offset: -72h, every: 1d", "/steps/0/deadline/every"},
		"each of a landfall":         {"offset: -72h", "offset: -72h, each: true", "/steps/0/deadline"},
		"an unknown evidence":        {"type: receipt", "type: photograph", "/steps/0/evidence/type"},
		"no French":                  {"fr: Relevé des visiteurs", "fr: \"\" # ", "/steps/2/title"},
		"an unlisted organisation":   {"organisation: ORG-CDEMA", "organisation: ORG-NATO", "/steps/5/organisation"},
		"no organisation":            {"    organisation: ORG-CDEMA\n", "", "/steps/5/organisation"},
		"a return part from nowhere": {"return_from: HUR-33", "return_from: HUR-99", "/return_from"},
		"version zero":               {"version: 1", "version: 0", "/version"},
		"a made-up status":           {"status: proposal", "status: law", "/status"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(good), c.old) {
				t.Fatalf("the template does not say %q", c.old)
			}
			_, err := protocol.Parse([]byte(strings.Replace(string(good), c.old, c.new, 1)))
			e, ok := fault.As(err)
			if !ok || e.Kind != fault.Invalid || !slices.ContainsFunc(e.Fields, func(f fault.Field) bool { return f.Pointer == c.pointer }) {
				t.Errorf("got %v, want a fault at %s", err, c.pointer)
			}
		})
	}
	for name, text := range map[string]string{
		"an unknown member": strings.Replace(string(good), "life_safety", "lifesafety", 1),
		"two documents":     string(good) + "---\nid: second\n",
		"a number":          "7",
		"nothing":           "",
		"a broken span":     strings.Replace(string(good), "-72h", "-72y", 1),
	} {
		if _, err := protocol.Parse([]byte(text)); fault.CodeOf(err) != "malformed_template" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHardNeedIsKept(t *testing.T) {
	good, err := os.ReadFile("templates/hurricane.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := protocol.Parse([]byte(strings.Replace(string(good), "needs: [HUR-01, HUR-04]", "needs: [HUR-01]\n    hard_needs: [HUR-04]", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range tmpl.Instances(maria()) {
		for _, n := range i.Needs {
			if n.Hard != (i.Key == "HUR-05" && n.Key == "HUR-04") {
				t.Errorf("%s needs %s, hard %v", i.Key, n.Key, n.Hard)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	good, err := os.ReadFile("templates/hurricane.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("steps: [{needs: [A]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tmpl, err := protocol.Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		tmpl.Instances(maria())
	})
}

// FuzzSpan reads lengths of time: what is taken is the same when it is written again.
func FuzzSpan(f *testing.F) {
	for _, seed := range []string{"-72h", "+30d", "60min", "1w", "3mo", "", "0h", "-0h", "99999h", "1.5h", "\u0663h", "h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := protocol.ParseSpan(text)
		if err != nil {
			return
		}
		if again, err := protocol.ParseSpan(s.String()); err != nil || again != s {
			t.Fatalf("%q is read as %v, and that as %v, %v", text, s, again, err)
		}
	})
}
