package rest

import (
	"html/template"
	"regexp"
	"strings"
)

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	strongSpan = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	emSpan     = regexp.MustCompile(`\*([^*\s][^*]*)\*`)
)

// prose turns the little Markdown of the contract's descriptions into HTML: paragraphs, lists, headings, code, strong and emphasis. Everything
// else is shown as it stands.
func prose(text string) template.HTML {
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		block = strings.TrimSpace(block)
		switch {
		case block == "":
		case strings.HasPrefix(block, "## "):
			title := strings.TrimPrefix(block, "## ")
			anchor := strings.ReplaceAll(strings.ToLower(title), " ", "-")
			out.WriteString(`<h2 id="` + template.HTMLEscapeString(anchor) + `">` + spans(title) + "</h2>")
		case strings.HasPrefix(block, "* "):
			out.WriteString("<ul>")
			for _, item := range strings.Split(block[2:], "\n* ") {
				out.WriteString("<li>" + spans(item) + "</li>")
			}
			out.WriteString("</ul>")
		default:
			out.WriteString("<p>" + spans(block) + "</p>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // every piece of text went through spans, which escapes
}

func spans(text string) string {
	text = template.HTMLEscapeString(strings.Join(strings.Fields(text), " "))
	text = codeSpan.ReplaceAllString(text, "<code>$1</code>")
	text = strongSpan.ReplaceAllString(text, "<strong>$1</strong>")
	return emSpan.ReplaceAllString(text, "<em>$1</em>")
}
