package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
)

const problemType = "application/problem+json"

// status is the one place where a kind of fault becomes an HTTP status and a title.
var status = map[fault.Kind]struct {
	code  int
	title string
}{
	fault.Internal:             {http.StatusInternalServerError, "Internal error"},
	fault.Invalid:              {http.StatusBadRequest, "Invalid request"},
	fault.Unauthenticated:      {http.StatusUnauthorized, "Not authenticated"},
	fault.Forbidden:            {http.StatusForbidden, "Not allowed"},
	fault.NotFound:             {http.StatusNotFound, "Not found"},
	fault.Conflict:             {http.StatusConflict, "Conflict with another record"},
	fault.State:                {http.StatusConflict, "Not possible in this state"},
	fault.Precondition:         {http.StatusPreconditionFailed, "Changed in the meantime"},
	fault.PreconditionRequired: {http.StatusPreconditionRequired, "Version required"},
	fault.TooLarge:             {http.StatusRequestEntityTooLarge, "Too large"},
	fault.TooMany:              {http.StatusTooManyRequests, "Too many requests"},
	fault.Full:                 {http.StatusInsufficientStorage, "Storage is full"},
	fault.Unavailable:          {http.StatusServiceUnavailable, "Not available at the moment"},
}

// retrySoon is said where trying again makes sense and nobody knows when.
const retrySoon = time.Second

// Bounds of what an answer echoes.
const (
	errorsMax  = 50
	pointerMax = 256
)

// refusal is a problem that exists in HTTP only: no kind of fault stands for it.
type refusal struct {
	status              int
	title, code, detail string
}

func (r *refusal) Error() string { return r.code + ": " + r.detail }

var (
	errMediaType = &refusal{http.StatusUnsupportedMediaType, "Unsupported media type", "unsupported_media_type",
		"Send the body as plain application/json in UTF-8."}
	errMethod = &refusal{http.StatusMethodNotAllowed, "Method not allowed", "method_not_allowed",
		"This address does not take the method. The Allow header lists those it takes."}
)

// problemOf turns any error into a problem (RFC 9457). What nobody classified becomes a bland one; its kind is then Internal.
func problemOf(err error, instance string) (Problem, *fault.Error) {
	instance = cut(instance, pointerMax)
	var http_ *refusal
	if errors.As(translated(err), &http_) {
		return Problem{
			Type: "/docs#problem-http", Title: http_.title, Status: http_.status, Detail: http_.detail, Instance: instance, Code: http_.code,
		}, fault.Wrap(err, fault.Invalid, http_.code, "%s", http_.detail)
	}
	f := faultOf(err)
	s := status[f.Kind]
	p := Problem{Type: "/docs#problem-" + f.Kind.String(), Title: s.title, Status: s.code, Detail: f.Detail, Instance: instance, Code: f.Code}
	for _, field := range f.Fields[:min(len(f.Fields), errorsMax)] {
		e := ProblemError{Pointer: cut(field.Pointer, pointerMax), Reason: field.Reason}
		if field.Confirmable {
			e.Code = ProblemErrorCodeConfirmable
		}
		p.Errors = append(p.Errors, e)
	}
	return p, f
}

// translated gives what the router says by itself in our own words.
func translated(err error) error {
	var e *echo.HTTPError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case http.StatusMethodNotAllowed:
		return errMethod
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "route_not_found", "There is nothing at this address. /docs lists what there is.")
	case http.StatusBadRequest:
		return fault.Wrap(err, fault.Invalid, "invalid", "The request cannot be understood.")
	default:
		return err
	}
}

// faultOf gives the fault in err, or the one that stands for it.
func faultOf(err error) *fault.Error {
	err = translated(err)
	if f, ok := fault.As(err); ok && f.Kind != fault.Internal {
		return f
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "body_too_large", "The body is larger than %d bytes.", tooLarge.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Unavailable, "timed_out", "This took too long. Repeat it; with the same Idempotency-Key nothing is done twice.")
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "cancelled", "The request was given up before it was answered.")
	default:
		return fault.Wrap(err, fault.Internal, "internal", "Something went wrong on our side. It was logged under the X-Request-Id of this answer.")
	}
}

// fail answers with the problem that err is. It is the only place that does, and logs what nobody classified, once.
func (s *Server) fail(err error, c echo.Context) {
	r, k, header := c.Request(), callOf(c), c.Response().Header()
	p, f := problemOf(err, r.URL.Path)
	k.problem = p
	if f.Kind == fault.Internal {
		attrs := []slog.Attr{
			slog.String("request_id", k.id), slog.String("method", r.Method), slog.String("path", p.Instance), slog.Any("error", err),
		}
		if id := traceID(r.Context()); id != "" {
			attrs = append(attrs, slog.String("trace_id", id))
		}
		s.log.LogAttrs(r.Context(), slog.LevelError, "request failed", attrs...)
	}
	if c.Response().Committed {
		return // too late to say anything
	}
	if k.op != nil && k.op.page {
		s.opt.Pages.Fail(c.Response(), r, f)
		return
	}
	if f.Kind == fault.Unauthenticated {
		challenge := `Bearer realm="landfall"`
		if r.Header.Get(echo.HeaderAuthorization) != "" {
			challenge += `, error="invalid_token"`
		}
		header.Set(echo.HeaderWWWAuthenticate, challenge)
	}
	wait := f.RetryAfter
	if wait == 0 && (f.Kind == fault.Unavailable || f.Kind == fault.TooMany) {
		wait = retrySoon
	}
	if wait > 0 {
		header.Set(echo.HeaderRetryAfter, inSeconds(wait))
	}
	text, err := json.Marshal(p)
	if err != nil {
		s.log.ErrorContext(r.Context(), "a problem could not be written", "request_id", k.id, "error", err)
	}
	header.Set(echo.HeaderContentType, problemType)
	header.Del("ETag")
	c.Response().WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = c.Response().Write(text) // the client has gone if this fails
	}
}

// inSeconds gives a time as Retry-After says it: whole seconds, not too few, and at most a day.
func inSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((min(d, 24*time.Hour)+time.Second-1)/time.Second), 10)
}

// cut shortens s to at most n bytes, at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return fmt.Sprintf("%s…", s[:n])
}
