package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
)

// Pages answers every address that the contract does not have, for people. Package console implements it.
type Pages interface {
	http.Handler
	// Streams reports whether the answer to a request goes on until somebody stops it.
	Streams(r *http.Request) bool
	// Urgent reports whether a request cannot wait: the way to an acknowledgement, an arrival or an answer.
	Urgent(r *http.Request) bool
	// Fail answers with a page that says what went wrong.
	Fail(w http.ResponseWriter, r *http.Request, err error)
}

// pagesRoute is the route of every page, for metrics and the log.
const pagesRoute = "pages"

// contractual lists the beginnings of the addresses that are the contract's, or may become it. All others are for people.
var contractual = []string{"/api", "/feeds", "/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs"}

// forPeople reports whether an address is one of the pages'.
func (s *Server) forPeople(path string) bool {
	if s.opt.Pages == nil {
		return false
	}
	for _, begin := range contractual {
		if rest, ok := strings.CutPrefix(path, begin); ok && (rest == "" || rest[0] == '/') {
			return false
		}
	}
	return true
}

// page is the operation that a request of a page counts as.
func (s *Server) page(r *http.Request) *operation {
	return &operation{
		Operation: &openapi3.Operation{OperationID: "page"}, method: r.Method, path: pagesRoute, page: true,
		stream: s.opt.Pages.Streams(r), urgent: s.opt.Pages.Urgent(r),
	}
}

// withPages leads addresses that are for people to the pages, through the stations that both share:
//
//	observe ▶ staying ▶ address ▶ body ▶ room ▶ deadline ▶ Options.Pages
//
// They have a router of their own, so that the contract's goes on telling a wrong method from a wrong address.
func (s *Server) withPages(contract *echo.Echo) http.Handler {
	if s.opt.Pages == nil {
		return contract
	}
	pages := s.router()
	pages.Use(s.observe, s.staying, s.address, s.body, s.room, s.deadline)
	pages.RouteNotFound("/*", s.showPage)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.forPeople(r.URL.Path) {
			pages.ServeHTTP(w, r)
			return
		}
		contract.ServeHTTP(w, r)
	})
}

// showPage has the pages answer. What streams ends when the server stops.
func (s *Server) showPage(c echo.Context) error {
	r := c.Request()
	if callOf(c).op.stream {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		detach := context.AfterFunc(s.stopping, cancel)
		defer detach()
		s.meter.streams.Inc()
		defer s.meter.streams.Dec()
		r = r.WithContext(ctx)
	}
	s.opt.Pages.ServeHTTP(c.Response(), r)
	return nil
}
