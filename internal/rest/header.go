package rest

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
)

// oneCoding reads what compression a request takes (RFC 9110, section 12.5.3), once for all that answer: after it the header is "gzip" or absent.
func oneCoding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		takes := takesGzip(r.Header.Values(echo.HeaderAcceptEncoding))
		r.Header.Del(echo.HeaderAcceptEncoding)
		if takes {
			r.Header.Set(echo.HeaderAcceptEncoding, "gzip")
		}
		next.ServeHTTP(w, r)
	})
}

// takesGzip reports whether gzip is named, or meant by "*", with a weight above 0.
func takesGzip(headers []string) bool {
	named, others := -1.0, -1.0
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			named = weight(params)
		case "*":
			others = weight(params)
		}
	}
	return named > 0 || named < 0 && others > 0
}

// weight reads "q=0.5" (RFC 9110, section 12.4.2): 1 when there is none, 0 when it cannot be read.
func weight(params string) float64 {
	name, value, found := strings.Cut(strings.TrimSpace(params), "=")
	if !found && strings.TrimSpace(params) == "" {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// oneLine joins the lines of headers that are lists, and refuses a second line of those that are not (RFC 9110, section 5.3).
func oneLine(h http.Header, check *fault.Check) {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if lines := h.Values(name); len(lines) > 1 {
			h.Set(name, strings.Join(lines, ", "))
		}
	}
	check.That(len(h.Values("Idempotency-Key")) <= 1, "Idempotency-Key", "is given more than once")
}

// holds reports whether If-None-Match names the entity tag, by the weak comparison (RFC 9110, section 13.1.2).
func holds(r *http.Request, tag string) bool {
	header := strings.Join(r.Header.Values("If-None-Match"), ",")
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for given := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(given), "W/") == tag {
			return true
		}
	}
	return false
}

// ClientAddress gives the address of the peer, or, when the peer is a trusted proxy, the one it forwards for: the last address of X-Forwarded-For
// that is no trusted proxy's. Addresses may come with a port, and those of IPv6 in brackets.
func ClientAddress(proxies []*net.IPNet) echo.IPExtractor {
	trusted := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(net.IP(a.AsSlice())) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) string {
		peer, ok := addressOf(r.RemoteAddr)
		if !ok {
			return r.RemoteAddr
		}
		hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
		for n := len(hops) - 1; n >= 0 && trusted(peer); n-- {
			next, ok := addressOf(hops[n])
			if !ok {
				break
			}
			peer = next
		}
		return peer.String()
	}
}

// addressOf reads an address as proxies write it: 203.0.113.9, 203.0.113.9:4711, 2001:db8::1, [2001:db8::1], [2001:db8::1]:4711.
func addressOf(text string) (netip.Addr, bool) {
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return a.Unmap().WithZone(""), err == nil
}
