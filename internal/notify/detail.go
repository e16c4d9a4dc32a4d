package notify

import (
	"strings"
	"unicode"
)

// maxDetail is how many characters of the far side's words are kept.
const maxDetail = 1000

// Detail gives what a far side said as Result.Detail takes it: one line of valid UTF-8, without control characters and characters that cannot
// be seen, at most 1,000 characters and a sign that there was more. What must not be shown (addresses, secrets), a channel
// takes out before.
func Detail(words string) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range strings.ToValidUTF8(words, "\uFFFD") {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			gap = n > 0
			continue
		}
		if !unicode.IsPrint(r) { // invisible characters, such as those that turn the direction of text
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
			n++
		}
		if n >= maxDetail {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
