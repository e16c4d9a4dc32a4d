// Package browser drives a real browser over the pages, for tests: what people see, press and type, with and without JavaScript.
//
// The browser is Chromium, named by the variable LANDFALL_TEST_BROWSER (a path, or a name on the PATH). Unset, tests that need one say
// loudly that they were skipped. Each person of a test has a browser of its own.
package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Variable names the browser for tests.
const Variable = "LANDFALL_TEST_BROWSER"

// patience bounds every wait.
const patience = 30 * time.Second

// Path gives the browser for tests. Without the variable the test is skipped, loudly.
func Path(t testing.TB) string {
	t.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		t.Skipf("SKIPPED, NOT PASSED: no browser. Set %s to Chromium, such as /usr/bin/chromium, to run this test.", Variable)
	}
	return path
}

// start starts a browser with a profile of its own, which goes when the test ends.
func start(t testing.TB) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Path(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("font-render-hinting", "none"),
	)
	alloc, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, _ := chromedp.NewContext(alloc)
	t.Cleanup(func() { // asked to close, it ends with nothing left to write; one that was killed may still write into its profile while that is removed
		closing, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := chromedp.Cancel(closing); err != nil {
			t.Logf("the browser did not close by itself: %v", err)
		}
	})
	return ctx
}

// Device is what somebody looks at.
type Device struct {
	Name          string
	Width, Height int64
	Phone         bool
	Dark          bool
	NoScript      bool
	Language      string // of Accept-Language
}

// The devices of tests: a small phone, and a desktop.
var (
	Phone   = Device{Name: "phone", Width: 360, Height: 780, Phone: true, Language: "en"}
	Desktop = Device{Name: "desktop", Width: 1280, Height: 900, Language: "en"}
)

// In gives the device set to a language.
func (d Device) In(language string) Device {
	d.Language = language
	return d
}

// Unscripted gives the device with JavaScript switched off.
func (d Device) Unscripted() Device {
	d.NoScript = true
	return d
}

// AtNight gives the device with the dark scheme.
func (d Device) AtNight() Device {
	d.Dark = true
	return d
}

// Tab is one page of a browser. Its methods fail the test when what they wait for does not come within 30 s.
type Tab struct {
	t      testing.TB
	ctx    context.Context
	device Device
	base   string

	mu       sync.Mutex
	problems []string // errors on the browser's console, and exceptions
}

// Open starts a browser on a device, with cookies of its own, and gives its tab. Addresses are taken from base. What the page complains about
// on the browser's console fails the test.
func Open(t testing.TB, base string, d Device) *Tab {
	t.Helper()
	return open(start(t), t, base, d)
}

// Another opens a second tab of the same browser: the same cookies, another page.
func (p *Tab) Another() *Tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	return open(ctx, p.t, p.base, p.device)
}

func open(ctx context.Context, t testing.TB, base string, d Device) *Tab {
	t.Helper()
	tab := &Tab{t: t, ctx: ctx, device: d, base: base}
	chromedp.ListenTarget(ctx, tab.note)
	scheme := "light"
	if d.Dark {
		scheme = "dark"
	}
	if err := chromedp.Run(ctx); err != nil { // a context of its own would take the browser along when it ends
		t.Fatalf("start the browser: %v", err)
	}
	tab.run("open",
		network.Enable(), runtime.Enable(),
		network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": d.Language}),
		emulation.SetDeviceMetricsOverride(d.Width, d.Height, 1, d.Phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}),
		emulation.SetScriptExecutionDisabled(d.NoScript),
		chromedp.ActionFunc(func(ctx context.Context) error {
			return emulation.SetLocaleOverride().WithLocale(d.Language).Do(ctx)
		}),
	)
	t.Cleanup(func() {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		for _, p := range tab.problems {
			t.Errorf("the browser complained: %s", p)
		}
		if t.Failed() {
			t.Logf("the page of the test:\n%s", tab.lastWords())
		}
	})
	return tab
}

// note keeps what pages complain about.
func (p *Tab) note(event any) {
	var text string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("%s at %s:%d:%d", e.ExceptionDetails.Error(), e.ExceptionDetails.URL, e.ExceptionDetails.LineNumber+1, e.ExceptionDetails.ColumnNumber)
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.APITypeError {
			return
		}
		for _, arg := range e.Args {
			text += string(arg.Value) + " "
		}
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, text)
}

func (p *Tab) lastWords() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 5*time.Second)
	defer cancel()
	var text string
	if err := chromedp.Run(ctx, chromedp.Text("body", &text, chromedp.ByQuery)); err != nil {
		return "(" + err.Error() + ")"
	}
	return text
}

func (p *Tab) run(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.lastWords())
	}
}

// Go opens an address of the service.
func (p *Tab) Go(path string) *Tab {
	p.t.Helper()
	p.run("go to "+path, chromedp.Navigate(p.base+path))
	return p
}

// SignIn signs in as people do.
func (p *Tab) SignIn(token string) *Tab {
	p.t.Helper()
	return p.Go("/sign-in").Type("#token", token).Press("main form button")
}

// Type fills in a field by its selector, in place of what stands there: by the keyboard, but for dates and lists, whose keyboards differ.
func (p *Tab) Type(selector, text string) *Tab {
	p.t.Helper()
	var kind string
	field := fmt.Sprintf(`document.querySelector(%q)`, selector)
	set := func(value string) chromedp.Action {
		return chromedp.Evaluate(fmt.Sprintf(`{ const f = %s; f.value = %q; f.dispatchEvent(new Event("input", {bubbles: true})); f.type }`, field, value), &kind)
	}
	p.run("type into "+selector, chromedp.WaitVisible(selector, chromedp.ByQuery), reveal(query(selector)), set(""))
	if kind == "datetime-local" || strings.HasPrefix(kind, "select") {
		p.run("set "+selector, set(text))
		return p
	}
	p.run("type into "+selector, chromedp.SendKeys(selector, text, chromedp.ByQuery))
	return p
}

// query is an expression that finds an element by its selector.
func query(selector string) string { return fmt.Sprintf("document.querySelector(%q)", selector) }

// reveal brings an element to the middle of the window, clear of what is fixed to its edges, as a person does before pressing it.
func reveal(element string) chromedp.Action {
	return chromedp.Evaluate(element+`.scrollIntoView({block: "center"})`, nil)
}

// Tick presses a box or a choice without leaving the page.
func (p *Tab) Tick(selector string) *Tab {
	p.t.Helper()
	p.run("tick "+selector, chromedp.WaitVisible(selector, chromedp.ByQuery), reveal(query(selector)), chromedp.Click(selector, chromedp.ByQuery))
	return p
}

// Press presses a button or a link and waits for the page that follows.
func (p *Tab) Press(selector string) *Tab {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.WaitVisible(selector, chromedp.ByQuery), reveal(query(selector)), chromedp.Click(selector, chromedp.ByQuery)); err != nil {
		p.t.Fatalf("press %s: %v\n%s", selector, err, p.lastWords())
	}
	return p
}

// PressText presses the button or link whose text begins so.
func (p *Tab) PressText(text string) *Tab {
	p.t.Helper()
	path := fmt.Sprintf(`(//main//*[self::button or self::a or self::summary][starts-with(normalize-space(.), %q)])[1]`, text)
	found := fmt.Sprintf(`document.evaluate(%q, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue`, path)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.WaitVisible(path, chromedp.BySearch), reveal(found), chromedp.Click(path, chromedp.BySearch)); err != nil {
		p.t.Fatalf("press %q: %v\n%s", text, err, p.lastWords())
	}
	return p
}

// Text gives what the page shows.
func (p *Tab) Text() string {
	p.t.Helper()
	var text string
	p.run("read the page", chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &text))
	return text
}

// See waits until the page shows each of these texts.
func (p *Tab) See(texts ...string) *Tab {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for _, text := range texts {
		for !strings.Contains(squeeze(p.Text()), text) {
			if time.Now().After(deadline) {
				p.t.Fatalf("the page does not show %q:\n%s", text, p.Text())
			}
			if err := pause(p.ctx); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return p
}

// pause waits between two looks at a page.
func pause(ctx context.Context) error {
	tick := time.NewTimer(50 * time.Millisecond)
	defer tick.Stop()
	select {
	case <-tick.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// Value gives what stands in a field.
func (p *Tab) Value(selector string) string {
	p.t.Helper()
	var value string
	p.run("read "+selector, chromedp.Value(selector, &value, chromedp.ByQuery))
	return value
}

// Path gives the address the tab is at, without the host.
func (p *Tab) Path() string {
	p.t.Helper()
	var at string
	p.run("read the address", chromedp.Location(&at))
	return strings.TrimPrefix(at, p.base)
}

// Evaluate runs an expression in the page, for what only scripts can tell. The tab must have scripts.
func (p *Tab) Evaluate(expression string, into any) {
	p.t.Helper()
	p.run("evaluate", chromedp.Evaluate(expression, into, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
}

// Await waits until an expression is true in the page. The tab must have scripts.
func (p *Tab) Await(expression string) *Tab {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for ok := false; ; {
		p.Evaluate("!!("+expression+")", &ok)
		if ok {
			return p
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("never true: %s\n%s", expression, p.lastWords())
		}
		if err := pause(p.ctx); err != nil {
			p.t.Fatal(err)
		}
	}
}

// NeverWider fails the test when the page is wider than its window, which on a phone means scrolling sideways.
func (p *Tab) NeverWider() *Tab {
	p.t.Helper()
	var wide, window float64
	p.run("measure", chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
		if err == nil {
			wide, window = size.Width, float64(p.device.Width)
		}
		return err
	}))
	if wide > window {
		p.t.Errorf("%s is %.0f pixels wide on a %s of %.0f", p.Path(), wide, p.device.Name, window)
	}
	return p
}

// Shot takes a picture of the whole page into a file.
func (p *Tab) Shot(path string) *Tab {
	p.t.Helper()
	var png []byte
	p.run("picture", chromedp.FullScreenshot(&png, 100))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p
}

// Offline takes the network away from the tab, or gives it back.
func (p *Tab) Offline(off bool) *Tab {
	p.t.Helper()
	p.run("change the network", network.EmulateNetworkConditions(off, 0, -1, -1))
	return p
}
