package rest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"landfall/internal/access"
	checks "landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
)

// call is what the stations find out about one request, for those after them. A handler reads it through callOf.
type call struct {
	id     string     // request id
	op     *operation // nil for an address that the contract does not have
	scope  access.Scope
	secret string // of the bearer token
	body   []byte // as sent
	value  any    // the body as the gate gave it
	write  access.Write
	commit string // id of the commit that a write became, for log and trace

	problem Problem    // it was answered with, for log and trace
	span    trace.Span // nil when it is not traced
}

// route gives the path template of the contract, for metrics and the log.
func (k *call) route() string {
	if k.op == nil {
		return unmatched
	}
	return k.op.path
}

const callKey = "call"

func callOf(c echo.Context) *call {
	if held, ok := c.Get(callKey).(*call); ok {
		return held
	}
	fresh := &call{}
	c.Set(callKey, fresh)
	return fresh
}

// observe gives the request its id, logs, measures and traces it, and turns a panic into an error.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := s.now()
		r, answer, k := c.Request(), c.Response(), callOf(c)
		k.id, k.op = requestID(r.Header.Get(echo.HeaderXRequestID)), s.contract.operation(r.Method, c.Path())
		if k.op == nil && s.forPeople(r.URL.Path) {
			k.op = s.page(r)
		}
		s.secure(answer.Header(), r)
		answer.Header().Set(echo.HeaderXRequestID, k.id)
		answer.Before(func() { s.partFrom(answer.Header()) })
		s.spanned(c, k)
		s.meter.inFlight.Inc()
		defer func() {
			took := s.now().Sub(began)
			s.meter.inFlight.Dec()
			s.meter.answered(r.Method, k, answer.Status, answer.Size, took)
			s.logRequest(c, k, took)
			endSpan(k, answer.Status)
		}()
		if err := s.guarded(next, c); err != nil {
			s.fail(err, c)
		}
		return nil
	}
}

// guarded calls next and gives a panic as an error with its stack. The one panic that HTTP itself uses passes.
func (s *Server) guarded(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = s.opt.Guard.Recovered(c.Request().Method+" "+c.Path(), p)
		}
	}()
	return next(c)
}

func (s *Server) logRequest(c echo.Context, k *call, took time.Duration) {
	level, name := slog.LevelInfo, "unknown"
	if k.op != nil {
		name = k.op.OperationID
		if k.op.public {
			level = slog.LevelDebug // probes would fill the log
		}
	}
	attrs := []slog.Attr{
		slog.String("request_id", k.id), slog.String("operation", name), slog.String("method", c.Request().Method),
		slog.String("path", cut(c.Request().URL.Path, pointerMax)), slog.Int("status", c.Response().Status),
		slog.Duration("took", took), slog.String("from", c.RealIP()),
	}
	for _, a := range []slog.Attr{
		slog.String("account", k.scope.Account), slog.String("commit", k.commit), slog.String("problem", k.problem.Code),
		slog.String("trace_id", traceID(c.Request().Context())),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	s.log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// requestID takes the caller's id when it is a sane one: 8 to 64 letters, digits and a few signs.
func requestID(given string) string {
	ok := 8 <= len(given) && len(given) <= 64
	for i := 0; ok && i < len(given); i++ {
		c := given[i]
		ok = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.:/+=", c) >= 0
	}
	if ok {
		return given
	}
	return uuid.NewString()
}

// deadline bounds the time of a request.
func (s *Server) deadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if k := callOf(c); k.op != nil && k.op.stream {
			return next(c)
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), s.opt.Timeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}

// bearer gives the token of a request, "" when it has none.
func bearer(h http.Header) string {
	scheme, secret, _ := strings.Cut(h.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// admission holds parameters and body against the contract, and gathers what a write carries.
func (s *Server) admission(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k, r := callOf(c), c.Request()
		if k.op == nil {
			return next(c)
		}
		k.op.canonicalAddress(c)
		path := make(map[string]string, len(c.ParamNames()))
		for i, name := range c.ParamNames() {
			path[name] = c.ParamValues()[i]
		}
		if err := s.contract.parameters(r.Context(), k.op, r, path); err != nil {
			return err
		}
		if err := k.admitBody(r.Header); err != nil {
			return err
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := k.gatherWrite(r); err != nil {
				return err
			}
		}
		return next(c)
	}
}

// admitBody holds the body against what the operation takes.
func (k *call) admitBody(h http.Header) (err error) {
	body := k.body
	switch {
	case k.op.body == nil && len(body) > 0:
		return refuseBody("no_body", "", "is not taken by this operation")
	case len(body) == 0 && !k.op.bodyRequired:
		return nil
	}
	if len(body) > 0 && !plainJSON(h) {
		return errMediaType
	}
	if k.value, err = admit(body); err != nil {
		return err
	}
	if err := k.canonicalBody(); err != nil {
		return err
	}
	return k.op.check(k.value)
}

// plainJSON reports whether a body is announced as JSON in UTF-8, as it stands.
func plainJSON(h http.Header) bool {
	media, params, err := mime.ParseMediaType(h.Get(echo.HeaderContentType))
	charset, given := params["charset"]
	return err == nil && media == echo.MIMEApplicationJSON && (!given || strings.EqualFold(charset, "utf-8")) && h.Get(echo.HeaderContentEncoding) == ""
}

// gatherWrite reads what every change carries besides its content.
func (k *call) gatherWrite(r *http.Request) error {
	var check fault.Check
	k.write = access.Write{
		Key: r.Header.Get("Idempotency-Key"), IfMatch: r.Header.Get("If-Match"), IfNone: strings.TrimSpace(r.Header.Get("If-None-Match")) == "*",
		Relay: relayOf(k.value, &check), Confirm: confirmOf(k.value),
	}
	if k.write.Key != "" {
		k.write.Digest = digestOf(r, k.value)
	}
	return check.Err()
}

// digestOf identifies a request: two with the same digest ask for the same. Space and the order of members do not count.
func digestOf(r *http.Request, value any) []byte {
	canonical, _ := json.Marshal(value) // of the gate's own types, which always marshal
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, r.Header.Get("If-Match"), r.Header.Get("If-None-Match"), string(canonical)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}

// confirmOf reads what a body confirms. The contract has held it against its form.
func confirmOf(value any) []string {
	members, _ := value.(map[string]any)
	list, _ := members["confirm"].([]any)
	var pointers []string
	for _, one := range list {
		if pointer, ok := one.(string); ok {
			pointers = append(pointers, pointer)
		}
	}
	return pointers
}

// relayOf reads on whose behalf a body speaks (domain rule "speaking for others").
func relayOf(value any, check *fault.Check) *ledger.Relay {
	members, _ := value.(map[string]any)
	party, _ := members["on_behalf_of"].(string)
	by, _ := members["relayed_by"].(string)
	said, _ := members["said_at"].(string)
	if party == "" {
		check.That(by == "", "/relayed_by", "goes with on_behalf_of only")
		check.That(said == "", "/said_at", "goes with on_behalf_of only")
		return nil
	}
	if _, err := place.ParseParty(party); err != nil {
		f, _ := fault.As(err)
		check.Field("/on_behalf_of", "%s", f.Detail)
	}
	check.That(by != "", "/relayed_by", "is required with on_behalf_of")
	relay := &ledger.Relay{OnBehalfOf: party, RelayedBy: by}
	if said != "" {
		at, _ := checks.ParseTime(said) // the contract has held it against its format
		at = at.UTC().Truncate(time.Microsecond)
		relay.SaidAt = &at
	}
	return relay
}
