package app_test

import (
	"slices"
	"strings"
	"testing"
)

// FuzzForm sends one form to any page that takes one: nothing that a person can type into a form makes a page that is
// the service's own fault.
func FuzzForm(f *testing.F) {
	s := newStage(f, nil)
	caller := s.caller("coordinator", "DMA")
	cookie := s.session(f, caller)
	pages := slices.DeleteFunc(s.pages(f), func(p page) bool { return !p.writes || p.path == "/sign-out" })
	things := make([]map[string]string, len(pages))
	for n, p := range pages {
		things[n] = s.share(f, p.thing)
		f.Add(uint8(n), p.form)
		for _, bad := range []string{"%zz", "a;b=c", "=&=&", "%00=%ff", "12.5", "1%2C23", "-1", "2071-01-01T08:00", "2026-09-16T9:00", "%E2%80%8B", "99999999999999999999", "../..", strings.Repeat("x", 9000)} {
			form := bad
			for pair := range strings.SplitSeq(p.form, "&") {
				if name, _, found := strings.Cut(pair, "="); found {
					form += "&" + name + "=" + bad
				}
			}
			f.Add(uint8(n), form)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, form string) {
		n := int(which) % len(pages)
		p := pages[n]
		p.form = form
		h := s.visit(caller, p, things[n], cookie)
		if h.status >= 500 || h.status < 200 {
			t.Fatalf("%s %s with %q: %d %s", p.method, p.path, form, h.status, h.body)
		}
		if strings.Contains(h.body, "<no value>") || strings.Contains(h.body, "%!") {
			t.Fatalf("%s with %q shows what no reader should see: %s", p.path, form, h.body)
		}
	})
}
