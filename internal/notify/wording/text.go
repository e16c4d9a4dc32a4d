package wording

import (
	"strings"

	"landfall/internal/locale"
)

// Text gives the notice as plain text: lines of any length that end in "\n".
func (n Notice) Text() string {
	var b strings.Builder
	block := func(lines ...string) {
		if len(lines) == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		for _, l := range lines {
			b.WriteString(l)
			b.WriteByte('\n')
		}
	}
	colon := locale.For(string(n.Language)).Joins.Colon
	if n.Mark != "" {
		block(n.Mark)
	}
	block(n.Headline)
	block(n.Asked...)
	block(n.Said...)
	facts := make([]string, 0, len(n.Facts))
	for _, f := range n.Facts {
		facts = append(facts, colon.Say(locale.Pair{A: f.Label, B: f.Value}))
	}
	block(facts...)
	for _, l := range n.Lists {
		lines := []string{l.Heading}
		for _, item := range l.Items {
			lines = append(lines, "- "+item)
		}
		block(lines...)
	}
	if n.Link != "" {
		block(colon.Say(locale.Pair{A: n.LinkText, B: n.Link}))
	}
	block(n.Reach...)
	block(append([]string{"-- "}, n.Foot...)...)
	return b.String()
}
