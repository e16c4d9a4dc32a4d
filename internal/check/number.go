package check

import (
	"regexp"
	"strconv"
	"strings"
)

// The forms of a number that people type. Between groups of three digits stands one kind of separator: a space, a comma, a point or an apostrophe.
var (
	wholeNumber   = regexp.MustCompile(`^\d+$`)
	groupedNumber = regexp.MustCompile(`^[1-9]\d{0,2}(?:( \d{3})+|(\x{a0}\d{3})+|(\x{202f}\d{3})+|(,\d{3})+|(\.\d{3})+|(['’]\d{3})+)$`)
	fraction      = regexp.MustCompile(`^(\d+)[.,](\d+)$`)
)

// ParseNumber reads a whole number as people type it: digits, or groups of three with one kind of separator. 12.5 and 1,23 are none.
func ParseNumber(text string) (int, bool) {
	digits := text
	switch {
	case wholeNumber.MatchString(text):
	case groupedNumber.MatchString(text):
		digits = strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, text)
	default:
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// ParseDecimal reads a number that may have a fraction behind a point or a comma. Nothing groups its digits: what would be a group of
// three is refused, since one reader means 1.25 by it and another 1250.
func ParseDecimal(text string) (float64, bool) {
	if !wholeNumber.MatchString(text) && (!fraction.MatchString(text) || groupedNumber.MatchString(text)) {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	return n, err == nil
}
