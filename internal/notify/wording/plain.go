package wording

import (
	"strings"
	"unicode"
)

// plain gives words of an event as one line of text: valid UTF-8, spaces for everything that is one, no control characters, none that
// cannot be seen (they turn the direction of text, or hide it), at most n characters.
func plain(text string, n int) string {
	var b strings.Builder
	written, gap := 0, false
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			gap = written > 0
			continue
		case !unicode.IsPrint(r):
			continue
		case written >= n:
			return cut(b.String()+"…", n)
		}
		if gap {
			b.WriteByte(' ')
			gap = false
			written++
		}
		b.WriteRune(r)
		written++
	}
	return cut(b.String(), n)
}

// cut gives at most n characters of a text, the last of them an ellipsis when there was more.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimRightFunc(string(runes[:max(0, n-1)]), unicode.IsSpace) + "…"
}
