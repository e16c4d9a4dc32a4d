package rest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
)

// readQuery reads the query of a request. One that is not understood is refused whole, and so is a parameter that the contract does not know, an
// empty one, and one given twice: a filter that is passed over lists what was not asked for.
func (o *operation) readQuery(r *http.Request, check *fault.Check) url.Values {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		check.Field("?", "cannot be read: write & between parameters, and escape what is no letter or digit as %%XX")
		return query
	}
	for name, values := range query {
		switch {
		case !o.query[name]:
			check.Field("?"+name, "is not a parameter of this operation")
		case len(values) > 1:
			check.Field("?"+name, "is given more than once")
		case values[0] == "":
			check.Field("?"+name, "must not be empty")
		}
	}
	return query
}

// canonicalAddress writes the UUIDs of path and query in lower case: capitals mean the same (RFC 9562, section 4), and records know one form.
func (o *operation) canonicalAddress(c echo.Context) {
	r := c.Request()
	names, values := c.ParamNames(), slices.Clone(c.ParamValues())
	for n, name := range names {
		if lower := lowerUUIDs(values[n]); lower != values[n] && o.carriesID(name) {
			r.URL.Path = strings.Replace(r.URL.Path, values[n], lower, 1)
			values[n] = lower
		}
	}
	c.SetParamValues(values...)
	for _, p := range o.Parameters {
		if given := r.URL.Query().Get(p.Value.Name); p.Value.In == openapi3.ParameterInQuery && isID(p.Value.Schema.Value) && given != "" {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, given, strings.ToLower(given), 1)
		}
	}
}

// carriesID reports whether a path parameter is a UUID, or the key of a step, which may end with one.
func (o *operation) carriesID(name string) bool {
	p := o.Parameters.GetByInAndName(openapi3.ParameterInPath, name)
	return p != nil && (isID(p.Schema.Value) || name == "step_key")
}

func isID(s *openapi3.Schema) bool { return s.Format == "uuid" }

var anyUUID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)

func lowerUUIDs(s string) string { return anyUUID.ReplaceAllStringFunc(s, strings.ToLower) }

// canonicalBody is canonicalAddress for the UUIDs of a body.
func (k *call) canonicalBody() error {
	changed := false
	k.value = lowerIDs(k.op.body, k.value, &changed)
	if !changed {
		return nil
	}
	var err error
	k.body, err = json.Marshal(k.value)
	return err
}

func lowerIDs(s *openapi3.Schema, v any, changed *bool) any {
	switch v := v.(type) {
	case string:
		if lower := strings.ToLower(v); isID(s) && lower != v {
			*changed = true
			return lower
		}
	case map[string]any:
		for name, member := range v {
			if p := s.Properties[name]; p != nil {
				v[name] = lowerIDs(p.Value, member, changed)
			}
		}
	case []any:
		for n, item := range v {
			if s.Items != nil {
				v[n] = lowerIDs(s.Items.Value, item, changed)
			}
		}
	}
	return v
}
