package wording

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"strings"
	"sync"
)

//go:embed notice.html
var page string

// parsed is built once; the page is part of the binary, so a fault in it is a broken build.
var parsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("notice").Parse(page))
})

// HTML gives the notice as a page without anything to fetch: no picture, script or style sheet.
func (n Notice) HTML() string {
	var b strings.Builder
	if err := parsed().Execute(&b, n); err != nil {
		panic(fmt.Sprintf("wording: a notice cannot be shown: %v", err)) // plain texts in a fixed page
	}
	return b.String()
}
