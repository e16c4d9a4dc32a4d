package rest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// stayOnHTTPS tells browsers to come back over HTTPS only, for a year (RFC 6797).
const stayOnHTTPS = "max-age=31536000"

// serverTLS gives the configuration of the listener: at least TLS 1.2, and a certificate from somewhere.
func serverTLS(given *tls.Config) (*tls.Config, error) {
	if len(given.Certificates) == 0 && given.GetCertificate == nil && given.GetConfigForClient == nil {
		return nil, errors.New("rest: TLS without a certificate")
	}
	own := given.Clone()
	own.MinVersion = max(own.MinVersion, tls.VersionTLS12)
	return own, nil
}

// scheme says how the caller reached us: over the connection itself, or, when a trusted proxy forwards for it, as that says.
func (s *Server) scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	if forwarded := r.Header.Get(echo.HeaderXForwardedProto); forwarded != "" && s.fromProxy(r.RemoteAddr) {
		said := strings.Split(forwarded, ",")
		if strings.EqualFold(strings.TrimSpace(said[len(said)-1]), "https") { // what the proxy next to us says
			return "https"
		}
	}
	return "http"
}

// fromProxy reports whether a peer is a proxy that is trusted.
func (s *Server) fromProxy(remote string) bool {
	peer, ok := addressOf(remote)
	return ok && slices.ContainsFunc(s.opt.TrustedProxies, func(p *net.IPNet) bool { return p.Contains(net.IP(peer.AsSlice())) })
}

// secure sets what keeps a browser from doing anything with an answer but show it.
func (s *Server) secure(h http.Header, r *http.Request) {
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderXFrameOptions, "DENY")
	h.Set(echo.HeaderReferrerPolicy, "no-referrer")
	h.Set(echo.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set(echo.HeaderCacheControl, "no-store")
	if s.scheme(r) == "https" {
		h.Set(echo.HeaderStrictTransportSecurity, stayOnHTTPS)
	}
}
