package rest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"landfall/api"
)

func document(t *testing.T) *contract {
	t.Helper()
	c, err := loadContract(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheContractIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	c := document(t)
	if err := c.doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if c.doc.OpenAPI != "3.0.3" {
		t.Errorf("openapi %s", c.doc.OpenAPI)
	}
}

func TestEverySchemaHasAnExampleThatItAccepts(t *testing.T) {
	t.Parallel()
	for name, ref := range document(t).doc.Components.Schemas {
		s := ref.Value
		if s.Example == nil {
			t.Errorf("%s has no example", name)
			continue
		}
		if err := s.VisitJSON(s.Example, bodyOptions...); err != nil {
			t.Errorf("%s refuses its own example: %v", name, err)
		}
		if s.Description == "" {
			t.Errorf("%s is not described", name)
		}
	}
}

// walk visits every schema of the document once, with the place where it stands.
func walk(c *contract, visit func(at string, s *openapi3.Schema)) {
	seen := map[*openapi3.Schema]bool{}
	var down func(at string, ref *openapi3.SchemaRef)
	down = func(at string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		visit(at, s)
		for name, p := range s.Properties {
			down(at+"."+name, p)
		}
		down(at+"[]", s.Items)
		down(at+"{}", s.AdditionalProperties.Schema)
		for i, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
			down(fmt.Sprintf("%s|%d", at, i), part)
		}
	}
	for name, s := range c.doc.Components.Schemas {
		down(name, s)
	}
	for _, o := range c.operations {
		for _, p := range o.Parameters {
			down(o.OperationID+"?"+p.Value.Name, p.Value.Schema)
		}
		for status, r := range o.Responses.Map() {
			for media, m := range r.Value.Content {
				down(o.OperationID+" "+status+" "+media, m.Schema)
			}
		}
	}
}

func TestEverySchemaIsClosedAndBounded(t *testing.T) {
	t.Parallel()
	snake := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	walk(document(t), func(at string, s *openapi3.Schema) {
		if len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) > 0 {
			t.Errorf("%s is composed of other schemas", at)
		}
		if s.Nullable {
			t.Errorf("%s may be null", at)
		}
		switch {
		case s.Type.Is("object"):
			closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
			typed := s.AdditionalProperties.Schema != nil && len(s.Properties) == 0 && s.MaxProps != nil
			if !closed && !typed {
				t.Errorf("%s is neither closed nor a bounded map of one type", at)
			}
			for name, p := range s.Properties {
				if !snake.MatchString(name) {
					t.Errorf("%s.%s is not snake_case", at, name)
				}
				if p.Value.Description == "" {
					t.Errorf("%s.%s is not described", at, name)
				}
			}
		case s.Type.Is("array"):
			if s.MaxItems == nil {
				t.Errorf("%s may have any number of items", at)
			}
		case s.Type.Is("string"):
			word := len(s.Enum) > 0 || s.Format == "uuid" || s.Format == "date-time"
			if !word && s.MaxLength == nil {
				t.Errorf("%s may have any length", at)
			}
		case s.Type.Is("integer"), s.Type.Is("number"):
			if s.Min == nil || s.Max == nil {
				t.Errorf("%s has no bounds", at)
			}
		}
		for _, word := range s.Enum {
			if text, ok := word.(string); ok && text != "*" && !snake.MatchString(text) {
				t.Errorf("%s: %q is not lower snake_case", at, text)
			}
		}
	})
}

// inOnesOwnName lists the operations that nobody asks for on another party's word.
var inOnesOwnName = []string{
	"openHazard", "confirmProposal", "withdrawProposal", "confirmRelay", "createAccount", "createToken", "registerUnit", "changeUnit", "retireUnit",
	"assessUnit", "confirmSeason", "invalidateAssessment", "offerCapacity", "confirmCapacity", "useCapacity", "releaseCapacity", "reportCaseload",
	"releaseOperation", "retryStream",
}

func TestEveryTextOfARequestSaysWhatItMayHold(t *testing.T) {
	t.Parallel()
	c := document(t)
	for _, o := range c.operations {
		if o.body == nil {
			continue
		}
		seen := map[*openapi3.Schema]bool{}
		var down func(at string, s *openapi3.Schema)
		down = func(at string, s *openapi3.Schema) {
			if s == nil || seen[s] {
				return
			}
			seen[s] = true
			if s.Type.Is("string") && len(s.Enum) == 0 && s.Pattern == "" {
				if _, known := formats[s.Format]; !known {
					t.Errorf("%s may hold line feeds: give it the format line or text", at)
				}
			}
			for name, p := range s.Properties {
				down(at+"."+name, p.Value)
			}
			if s.Items != nil {
				down(at+"[]", s.Items.Value)
			}
			if s.AdditionalProperties.Schema != nil {
				down(at+"{}", s.AdditionalProperties.Schema.Value)
			}
		}
		down(o.OperationID, o.body)
		for _, name := range []string{"on_behalf_of", "relayed_by", "said_at"} {
			if carried := o.body.Properties[name] != nil; carried == slices.Contains(inOnesOwnName, o.OperationID) {
				t.Errorf("whether the body of %s carries %s is not as the policy has it", o.OperationID, name)
			}
		}
		if o.Responses.Status(201) != nil && o.body.Properties["id"] == nil {
			t.Errorf("%s creates and takes no id", o.OperationID)
		}
	}
}

func TestEveryOperationIsWhole(t *testing.T) {
	t.Parallel()
	c := document(t)
	ids := map[string]bool{}
	for route, o := range c.operations {
		if o.OperationID == "" || ids[o.OperationID] || o.Summary == "" || len(o.Tags) != 1 {
			t.Errorf("%s: id %q, summary %q, tags %v", route, o.OperationID, o.Summary, o.Tags)
		}
		ids[o.OperationID] = true
		has := func(in, name string) bool {
			return slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.In == in && p.Value.Name == name })
		}
		for _, p := range o.Parameters {
			if p.Value.Example == nil || p.Value.Description == "" {
				t.Errorf("%s: parameter %s has no example or description", o.OperationID, p.Value.Name)
			} else if err := p.Value.Schema.Value.VisitJSON(p.Value.Example, formatOptions...); err != nil {
				t.Errorf("%s: parameter %s refuses its own example: %v", o.OperationID, p.Value.Name, err)
			}
		}
		if o.public {
			continue
		}
		for _, status := range []string{"400", "401", "default"} {
			if o.Responses.Value(status) == nil {
				t.Errorf("%s does not say what it answers as %s", o.OperationID, status)
			}
		}
		if o.method != "GET" && !has("header", "Idempotency-Key") {
			t.Errorf("%s takes no Idempotency-Key", o.OperationID)
		}
		if (o.method == "PUT" || o.method == "DELETE") && (!has("header", "If-Match") || o.Responses.Value("428") == nil || o.Responses.Value("412") == nil) {
			t.Errorf("%s does not ask for If-Match", o.OperationID)
		}
		if r := o.Responses.Status(201); r != nil && r.Value.Headers["Location"] == nil {
			t.Errorf("%s answers 201 without Location", o.OperationID)
		}
	}
}

func TestEveryOperationHasARouteAndEveryRouteAnOperation(t *testing.T) {
	t.Parallel()
	c := document(t)
	e := echo.New()
	RegisterHandlers(e, (*Server)(nil))
	routes := map[string]bool{}
	for _, r := range e.Routes() {
		routes[r.Method+" "+r.Path] = true
	}
	for _, key := range slices.Sorted(maps.Keys(c.operations)) {
		if !routes[key] {
			t.Errorf("%s has no route", key)
		}
		delete(routes, key)
	}
	for key := range routes {
		t.Errorf("%s is not in the contract", key)
	}
}

func TestTheGeneratedCodeIsThatOfTheContract(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("openapi.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range document(t).operations {
		name := strings.ToUpper(o.OperationID[:1]) + o.OperationID[1:]
		if !strings.Contains(string(text), "// "+name+" "+o.Summary+"\n") {
			t.Errorf("%s is generated from another contract: run go generate ./internal/rest", o.OperationID)
		}
	}
}
