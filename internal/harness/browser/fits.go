package browser

import (
	"fmt"

	"github.com/chromedp/cdproto/emulation"
)

// The widths that pages are measured at, in CSS pixels, and the sizes of their text, in parts of the usual one (WCAG 2.2, 1.4.4 and 1.4.10).
var (
	widths    = []int64{320, 360, 768, 1440}
	textSizes = []int{100, 200}
)

// outside sets the size of the text and finds what begins or ends outside of the window, which is what makes a page scroll sideways, but for what
// scrolls by itself and what is hidden on purpose.
const outside = `document.documentElement.style.fontSize = "%d%%"; [...document.body.querySelectorAll("*")].filter((e) => {
	const r = e.getBoundingClientRect(), wide = document.documentElement.clientWidth;
	if (r.width < 2 || r.height < 2 || e.closest(".skip, .hide, .scroll, [hidden], svg *")) return false;
	if (r.right < 0) return false; // out of sight on purpose
	return r.right > wide + 1 || r.left < -1;
}).map((e) => e.outerHTML.slice(0, 120)).slice(-4)`

// Fits fails the test when at one of the widths, with text of the usual and of double size, the page scrolls sideways or something of it stands
// outside of the window. The tab must have scripts.
func (p *Tab) Fits() *Tab {
	p.t.Helper()
	for _, percent := range textSizes {
		for _, width := range widths {
			p.run("resize", emulation.SetDeviceMetricsOverride(width, 780, 1, width < 700))
			var out []string
			p.Evaluate(fmt.Sprintf(outside, percent), &out)
			if len(out) > 0 {
				p.t.Errorf("%s at %d pixels and %d %% text stands outside of the window: %q", p.Path(), width, percent, out)
			}
		}
	}
	p.run("resize", emulation.SetDeviceMetricsOverride(p.device.Width, p.device.Height, 1, p.device.Phone))
	p.Evaluate(`document.documentElement.style.fontSize = ""; true`, nil)
	return p
}
