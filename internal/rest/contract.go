package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	checks "landfall/internal/check"
	"landfall/internal/fault"
)

// contract is the OpenAPI document, ready to hold requests against.
type contract struct {
	doc        *openapi3.T
	operations map[string]*operation // by method and route as Echo writes it
}

// operation is one operation of the contract.
type operation struct {
	*openapi3.Operation
	method, path string
	place        int // in the document
	route        *routers.Route
	query        map[string]bool // names of the query parameters
	body         *openapi3.Schema
	bodyRequired bool
	public       bool // needs no token
	probe        bool // tells of the process itself, and is answered to the end of it
	stream       bool // answers until somebody stops it
	urgent       bool // cannot wait, and may take the room that is kept: "x-urgent"
	page         bool // for people: no operation of the contract
}

// loadContract reads the document. It is part of the binary: an error is a mistake of whoever built it.
func loadContract(text []byte) (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("rest: openapi.yaml: %w", err)
	}
	c := &contract{doc: doc, operations: map[string]*operation{}}
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		for method, op := range item.Operations() {
			o := &operation{
				Operation: op, method: method, path: path, query: map[string]bool{},
				place:  bytes.Index(text, []byte("operationId: "+op.OperationID+"\n")),
				route:  &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
				public: op.Security != nil && len(*op.Security) == 0,
			}
			o.urgent, _ = op.Extensions["x-urgent"].(bool)
			switch op.OperationID {
			case "getHealth", "getReadiness", "getMetrics":
				o.probe = true
			}
			for _, p := range op.Parameters {
				if p.Value.In == openapi3.ParameterInQuery {
					o.query[p.Value.Name] = true
				}
			}
			if op.RequestBody != nil {
				o.bodyRequired = op.RequestBody.Value.Required
				o.body = op.RequestBody.Value.Content["application/json"].Schema.Value
			}
			if ok := op.Responses.Status(http.StatusOK); ok != nil {
				o.stream = ok.Value.Content["text/event-stream"] != nil
			}
			c.operations[method+" "+echoPath(path)] = o
		}
	}
	return c, nil
}

// echoPath writes a path template as Echo does.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// operation gives the operation of a route, nil when the contract has none. HEAD is answered as GET.
func (c *contract) operation(method, route string) *operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return c.operations[method+" "+route]
}

// parameters holds the parameters of a request against the contract; see readQuery.
func (c *contract) parameters(ctx context.Context, o *operation, r *http.Request, path map[string]string) error {
	var check fault.Check
	oneLine(r.Header, &check)
	query := o.readQuery(r, &check)
	if err := check.Err(); err != nil {
		return err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: path, QueryParams: query, Route: o.route,
		Options: &openapi3filter.Options{SkipSettingDefaults: true, MultiError: true, SchemaValidationOptions: formatOptions},
	}
	for _, p := range o.Parameters {
		err := openapi3filter.ValidateParameter(ctx, input, p.Value)
		if err == nil {
			continue
		}
		if p.Value.In == openapi3.ParameterInPath {
			// Nothing has such an id, so nothing is there; an id is not a thing to be told about.
			return fault.New(fault.NotFound, strings.TrimSuffix(p.Value.Name, "_id")+"_not_found", "There is no such %s.", words(p.Value.Name))
		}
		check.Field(parameterPointer(p.Value), "%s", parameterReason(err))
	}
	return check.Err()
}

// words gives the name of a path parameter as a sentence says it: step_key is a step.
func words(parameter string) string {
	noun, _, _ := strings.Cut(parameter, "_")
	return noun
}

func parameterPointer(p *openapi3.Parameter) string {
	if p.In == openapi3.ParameterInHeader {
		return p.Name
	}
	return "?" + p.Name
}

func parameterReason(err error) string {
	var schema *openapi3.SchemaError
	switch {
	case errors.As(err, &schema):
		return reason(schema)
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		return "is required"
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		return "must not be empty"
	default:
		return "cannot be read as what it should be"
	}
}

// check holds a body, as admit gives it, against the schema. It gives an Invalid fault that names the members at fault, at most errorsMax.
//
// Members that the contract does not have are looked for first and by ourselves: the validator takes time that grows with their square.
func (o *operation) check(body any) error {
	fields := map[string]string{}
	strangers(o.body, body, make([]string, 0, depthMax), fields)
	if len(fields) == 0 {
		err := o.body.VisitJSON(body, bodyOptions...)
		if err == nil {
			return nil
		}
		collect(err, fields)
	}
	var check fault.Check
	for _, p := range sortedKeys(fields)[:min(len(fields), errorsMax)] {
		check.Field(p, "%s", fields[p])
	}
	return check.Err()
}

// strangers gathers, by pointer, members that closed objects of the schema do not have. Our contract composes no schemas.
// Siblings use the room behind path one after the other.
func strangers(s *openapi3.Schema, v any, path []string, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if len(into) >= errorsMax {
				return
			}
			path := append(path, name)
			switch open := s.AdditionalProperties; {
			case s.Properties[name] != nil:
				strangers(s.Properties[name].Value, member, path, into)
			case open.Schema != nil:
				strangers(open.Schema.Value, member, path, into)
			case open.Has != nil && !*open.Has:
				into[pointerTo(path...)] = "is not a member of this object"
			}
		}
	case []any:
		if s.Items == nil {
			return
		}
		for i, item := range v {
			strangers(s.Items.Value, item, append(path, strconv.Itoa(i)), into)
		}
	}
}

// collect gathers the first reason for each pointer.
func collect(err error, into map[string]string) {
	switch err := err.(type) { //nolint:errorlint // the validator gives these two, unwrapped
	case openapi3.MultiError:
		for _, e := range err {
			collect(e, into)
		}
	case *openapi3.SchemaError:
		pointer := pointerTo(err.JSONPointer()...)
		if _, told := into[pointer]; !told {
			into[pointer] = reason(err)
		}
	default:
		into[""] = "cannot be accepted"
	}
}

// reason says what is wrong with a value, without repeating it.
func reason(e *openapi3.SchemaError) string {
	s := e.Schema
	switch e.SchemaField {
	case "required":
		return "is required"
	case "nullable":
		return "must not be null; leave it out"
	case "type":
		return "must be " + article(s)
	case "enum":
		list := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			list[i] = fmt.Sprint(v)
		}
		return "must be one of " + strings.Join(list, ", ")
	case "minLength":
		if s.MinLength == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "minItems":
		return fmt.Sprintf("must have at least %d items", s.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case "uniqueItems":
		return "must not hold the same item twice"
	case "minProperties":
		return fmt.Sprintf("must have at least %d members", s.MinProps)
	case "maxProperties":
		return fmt.Sprintf("must have at most %d members", *s.MaxProps)
	case "minimum":
		return "must be at least " + strconv.FormatFloat(*s.Min, 'f', -1, 64)
	case "maximum":
		return "must be at most " + strconv.FormatFloat(*s.Max, 'f', -1, 64)
	case "pattern":
		return "must match " + s.Pattern
	case "format":
		return formats[s.Format].wants
	default:
		return "cannot be accepted"
	}
}

func article(s *openapi3.Schema) string {
	switch {
	case s.Type.Is("object"):
		return "an object"
	case s.Type.Is("array"):
		return "an array"
	case s.Type.Is("integer"):
		return "a whole number"
	case s.Type.Is("number"):
		return "a number"
	case s.Type.Is("boolean"):
		return "true or false"
	default:
		return "a string"
	}
}

// formats lists the string formats of the contract. The library's own are not used: its UUID ends at version 5 and its date-time lets
// the 60th second and the 31st of February through.
var formats = map[string]struct {
	holds func(string) bool
	wants string
}{
	"uuid":      {isUUID, "must be a UUID (RFC 9562, version 1 to 8)"},
	"date-time": {isInstant, "must be a time as RFC 3339 writes it, with its offset, in the years 1900 to 2199"},
	"line":      {isLine, "must be one line of visible text, without control or direction characters"},
	"text":      {isText, "must be visible text; line feeds and tabs are the only control characters"},
	"uri":       {isURI, "must be an absolute URL"},
}

// formatOptions and bodyOptions are what the validator is told of them.
var (
	formatOptions = func() []openapi3.SchemaValidationOption {
		validators := make(map[string]openapi3.StringFormatValidator, len(formats))
		for name, f := range formats {
			validators[name] = openapi3.NewCallbackValidator(func(s string) error {
				if f.holds(s) {
					return nil
				}
				return errFormat
			})
		}
		return []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidators(validators)}
	}()
	bodyOptions = append(slices.Clip(formatOptions), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails())
	errFormat   = errors.New("format")
)

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		case 14:
			if c < '1' || c > '8' {
				return false
			}
		case 19:
			if c != '8' && c != '9' && c != 'a' && c != 'b' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// isInstant accepts RFC 3339 with at most nanoseconds, in the years that records hold.
func isInstant(s string) bool {
	t, ok := checks.ParseTime(s)
	return ok && checks.InRange(t)
}

func isLine(s string) bool { return !strings.ContainsAny(s, "\n\t") && isText(s) }

// isText refuses what a reader cannot see, and what turns the direction of what follows. An empty text is a matter of minLength.
func isText(s string) bool { return s == "" || checks.Visible(s) && checks.Printable(s) }

// isURI accepts an absolute address with a host. Which schemes and hosts may be written to, its channel says.
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs() && u.Host != "" && isLine(s)
}
