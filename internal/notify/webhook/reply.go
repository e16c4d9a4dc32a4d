package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxDetail is how many characters of a receiver's words are kept.
const maxDetail = 1000

// clean gives a receiver's words as one line of text: valid UTF-8, no control characters, bounded.
func clean(text []byte) string {
	var b strings.Builder
	n, gap := 0, false
	for _, r := range strings.ToValidUTF8(string(text), "\uFFFD") {
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

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date. 0 when it says nothing that can be used.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &authority)
}
