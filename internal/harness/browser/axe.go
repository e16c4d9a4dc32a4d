package browser

import (
	"fmt"
	"os"
	"strings"

	"github.com/chromedp/chromedp"
)

// AxeVariable names the file of axe-core, the checker of accessibility that tests load into pages: axe.min.js.
const AxeVariable = "LANDFALL_TEST_AXE"

// violation is something that axe-core found.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Accessible fails the test when axe-core finds a serious or critical violation of WCAG 2.2 A and AA or of good practice on the page. Without
// the variable the test is skipped, loudly. The tab must have scripts.
func (p *Tab) Accessible() *Tab {
	p.t.Helper()
	path := os.Getenv(AxeVariable)
	if path == "" {
		p.t.Skipf("SKIPPED, NOT PASSED: no axe-core. Set %s to its axe.min.js to run this test.", AxeVariable)
	}
	script, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatalf("%s: %v", AxeVariable, err)
	}
	p.run("load axe-core", chromedp.Evaluate(string(script)+"; true", nil))
	var found []violation
	p.Evaluate(`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
		.then((r) => r.violations.map((v) => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 5).map((n) => ({html: n.html, failureSummary: n.failureSummary}))})))`, &found)
	for _, v := range found {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		var where []string
		for _, n := range v.Nodes {
			where = append(where, fmt.Sprintf("%s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", " ")))
		}
		p.t.Errorf("%s: %s (%s, %s)\n  %s", p.Path(), v.Help, v.ID, v.Impact, strings.Join(where, "\n  "))
	}
	return p
}
