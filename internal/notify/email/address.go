package email

import (
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// The bounds of RFC 5321, section 4.5.3.1.
const (
	maxLocal   = 64
	maxAddress = 254
)

// local is a dot-atom (RFC 5322, section 3.2.3). Quoted local parts are allowed by the standard and used by nobody but those who try something.
var local = regexp.MustCompile("\\A[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\\z")

// domainName is what a domain is once it is in ASCII: at least two labels, the last no number.
var domainName = regexp.MustCompile(`\A([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\z`)

// canonical gives an address as SMTP takes it, its domain in ASCII and lower case; or what is wrong with it, in words that continue "target ...".
func canonical(address string) (ascii, wrong string) {
	const plain = "must be one plain e-mail address, like duty@example.org"
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address) > maxAddress {
		return "", plain
	}
	name, domain := address[:at], address[at+1:]
	if len(name) > maxLocal || !local.MatchString(name) {
		return "", plain + "; letters before the @ are those of ASCII"
	}
	domain, err := idna.Lookup.ToASCII(domain)
	domain = strings.ToLower(domain)
	if err != nil || !domainName.MatchString(domain) {
		return "", "must have a domain like example.org after the @"
	}
	if ascii = name + "@" + domain; len(ascii) > maxAddress {
		return "", plain
	}
	return ascii, ""
}

// mask keeps the first letter of the name, the first two of the domain and the last label.
func mask(address string) string {
	at := strings.LastIndexByte(address, '@')
	dot := strings.LastIndexByte(address, '.')
	if at < 1 || dot < at+2 {
		return "…"
	}
	return first(address[:at], 1) + "***@" + first(address[at+1:dot], 2) + "***" + address[dot:]
}

func first(s string, n int) string {
	runes := []rune(s)
	return string(runes[:min(n, len(runes))])
}

// hide masks addresses in the words of a server.
func hide(words string, addresses ...string) string {
	for _, a := range addresses {
		if a != "" {
			words = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(a)).ReplaceAllLiteralString(words, mask(a))
		}
	}
	return words
}
