package console

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"landfall/internal/locale"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// reasonPattern is a reason with blanks: "must be %d to %d".
type reasonPattern struct {
	key   string
	shape *regexp.Regexp
}

// reasonPatterns are the reasons with blanks, the most telling first. All languages have the same.
var reasonPatterns = sync.OnceValue(func() []reasonPattern {
	var all []reasonPattern
	for _, key := range slices.Sorted(maps.Keys(locale.For(string(locale.EN)).Page.Refusal.Reason)) {
		if !strings.Contains(key, "%") {
			continue
		}
		shape := strings.NewReplacer("%d", `(-?\d+)`, "%s", `(.+)`).Replace(regexp.QuoteMeta(key))
		all = append(all, reasonPattern{key, regexp.MustCompile(`\A` + shape + `\z`)})
	}
	slices.SortStableFunc(all, func(a, b reasonPattern) int { return cmp.Compare(len(b.key), len(a.key)) })
	return all
})

// fill puts what stood in the blanks of a reason into the blanks of its translation, in order; one without blanks says enough by itself.
func (v *visit) fill(text string, args []string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '%')
		if at < 0 || at+1 >= len(text) || len(args) == 0 {
			return out.String() + text
		}
		out.WriteString(text[:at] + v.argument(args[0]))
		text, args = text[at+2:], args[1:]
	}
}

// argument puts what stands in a blank into words: a number, a party, or words of their own.
func (v *visit) argument(arg string) string {
	if text, ok := v.L.Page.Refusal.Reason[arg]; ok {
		return text
	}
	if n, err := strconv.Atoi(arg); err == nil {
		return v.L.Number(n)
	}
	if protocol.Anchor(arg).Valid() {
		return v.L.Codes.Anchor.Of(arg)
	}
	if p, err := place.ParseParty(arg); err == nil {
		return v.L.Party(p)
	}
	return arg
}
