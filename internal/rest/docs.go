package rest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
)

var (
	//go:embed docs.html.tmpl
	docsPage string
	//go:embed docs.css
	docsStyle string
)

// docsPolicy lets the page show its own style sheet and nothing else. There is no script.
func docsPolicy() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// GetDocs answers with the contract as a page to read.
func (s *Server) GetDocs(c echo.Context, _ GetDocsParams) error {
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, docsPolicy())
	return s.docs.answer(c)
}

// GetContract answers with the contract itself.
func (s *Server) GetContract(c echo.Context, _ GetContractParams) error { return s.yaml.answer(c) }

// leaf is a document that changes only with the binary, packed once for thin lines.
type leaf struct {
	media         string
	tag           string
	plain, packed []byte
}

func newLeaf(media string, text []byte) (leaf, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return leaf{}, fmt.Errorf("rest: pack %s: %w", media, err)
	}
	sum := sha256.Sum256(text)
	return leaf{media: media, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, plain: text, packed: packed.Bytes()}, nil
}

// answer sends the document, packed to who can unpack it, or nothing to who has it.
func (l leaf) answer(c echo.Context) error {
	h, r := c.Response().Header(), c.Request()
	h.Set(echo.HeaderCacheControl, "no-cache")
	h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
	h.Set("ETag", l.tag)
	switch {
	case holds(r, l.tag):
		return c.NoContent(http.StatusNotModified)
	case r.Header.Get(echo.HeaderAcceptEncoding) != "":
		h.Set(echo.HeaderContentEncoding, "gzip")
		return c.Blob(http.StatusOK, l.media, l.packed)
	default:
		return c.Blob(http.StatusOK, l.media, l.plain)
	}
}

// The page as the template sees it.
type (
	docsData struct {
		Title, Version string
		Style          template.CSS
		Intro          template.HTML
		Groups         []docsGroup
		Schemas        []docsSchema
		Problems       []docsProblem
	}
	docsGroup struct {
		Name, Anchor string
		About        template.HTML
		Operations   []docsOperation
	}
	docsOperation struct {
		ID, Method, Path, Summary string
		About                     template.HTML
		Public                    bool
		Parameters                []docsMember // of path and query
		Headers                   []docsMember
		Body                      []docsMember
		BodySchema                string
		Relayed                   bool // the body may speak for others
		Curl                      string
		Answers                   []docsAnswer // the good ones
		Refusals                  []docsAnswer
	}
	docsAnswer struct {
		Status  string
		About   template.HTML
		Schema  string
		Example string
	}
	docsMember struct {
		Name, In, Type, Schema string
		Required               bool
		Rules                  string
		About                  template.HTML
	}
	docsSchema struct {
		Name, Type string
		About      template.HTML
		Members    []docsMember
		Relayed    bool
		Rules      string
		Example    string
	}
	docsProblem struct {
		Anchor, Title string
		Status        int
	}
)

// renderDocs writes the page once, when the server is built.
func renderDocs(c *contract) ([]byte, error) {
	t, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("rest: docs page: %w", err)
	}
	data := docsData{
		Title: c.doc.Info.Title, Version: c.doc.Info.Version, Intro: prose(c.doc.Info.Description),
		Style:    template.CSS(docsStyle), //nolint:gosec // our own file
		Problems: docsProblems(),
	}
	operations := c.inOrder()
	for _, tag := range c.doc.Tags {
		g := docsGroup{Name: tag.Name, Anchor: "tag-" + tag.Name, About: prose(tag.Description)}
		for _, o := range operations {
			if slices.Contains(o.Tags, tag.Name) {
				g.Operations = append(g.Operations, docsOf(o))
			}
		}
		data.Groups = append(data.Groups, g)
	}
	for _, name := range sortedKeys(c.doc.Components.Schemas) {
		s := c.doc.Components.Schemas[name].Value
		data.Schemas = append(data.Schemas, docsSchema{
			Name: name, Type: typeName(s), About: prose(s.Description), Members: members(s), Relayed: speaksForOthers(s), Rules: rules(s),
			Example: pretty(s.Example),
		})
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("rest: docs page: %w", err)
	}
	return out.Bytes(), nil
}

// inOrder gives the operations as the document has them, which is how the work goes.
func (c *contract) inOrder() []*operation {
	return slices.SortedFunc(maps.Values(c.operations), func(a, b *operation) int { return a.place - b.place })
}

func docsOf(o *operation) docsOperation {
	d := docsOperation{
		ID: o.OperationID, Method: o.method, Path: o.path, Summary: o.Summary, About: prose(o.Description), Public: o.public,
	}
	for _, p := range o.Parameters {
		v := p.Value
		m := docsMember{
			Name: v.Name, In: v.In, Type: typeName(v.Schema.Value), Required: v.Required, Rules: rules(v.Schema.Value), About: prose(v.Description),
		}
		if v.In == openapi3.ParameterInHeader {
			d.Headers = append(d.Headers, m)
		} else {
			d.Parameters = append(d.Parameters, m)
		}
	}
	if o.body != nil {
		d.Body, d.Relayed = members(o.body), speaksForOthers(o.body)
		d.BodySchema = schemaName(o.RequestBody.Value.Content["application/json"].Schema)
	}
	d.Curl = curl(o)
	for _, status := range sortedKeys(o.Responses.Map()) {
		r := o.Responses.Value(status).Value
		a, good := docsAnswer{Status: status}, status[0] == '2'
		if r.Description != nil {
			a.About = prose(*r.Description)
		}
		for _, media := range r.Content {
			if media.Schema != nil {
				a.Schema = schemaName(media.Schema)
				if good && media.Schema.Value.Type.Is("object") {
					a.Example = pretty(media.Schema.Value.Example)
				}
			}
		}
		if good {
			d.Answers = append(d.Answers, a)
		} else {
			d.Refusals = append(d.Refusals, a)
		}
	}
	return d
}

// relayMembers are the members with which a body speaks for others: explained once, not in every body, as is confirm.
var relayMembers = []string{"on_behalf_of", "relayed_by", "said_at"}

func speaksForOthers(s *openapi3.Schema) bool {
	return !slices.ContainsFunc(relayMembers, func(name string) bool { return s.Properties[name] == nil }) && !slices.Contains(s.Required, "on_behalf_of")
}

// members gives the members of an object, required ones first, in the order of their names.
func members(s *openapi3.Schema) []docsMember {
	var all []docsMember
	for _, name := range sortedKeys(s.Properties) {
		if speaksForOthers(s) && (name == "confirm" || slices.Contains(relayMembers, name)) {
			continue
		}
		p := s.Properties[name]
		m := docsMember{Name: name, Type: typeName(p.Value), Required: slices.Contains(s.Required, name), Rules: rules(p.Value), About: prose(p.Value.Description)}
		m.Schema = schemaName(p)
		if p.Value.Items != nil {
			m.Schema = schemaName(p.Value.Items)
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b docsMember) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		default:
			return 1
		}
	})
	return all
}

func schemaName(r *openapi3.SchemaRef) string {
	return strings.TrimPrefix(r.Ref, "#/components/schemas/")
}

func typeName(s *openapi3.Schema) string {
	switch {
	case s.Type.Is("array"):
		return "list of " + typeName(s.Items.Value)
	case s.Type.Is("object") && s.AdditionalProperties.Schema != nil:
		return "map of " + typeName(s.AdditionalProperties.Schema.Value)
	case s.Type.Is("string") && s.Format != "" && s.Format != "line" && s.Format != "stream":
		return s.Format
	case s.Type.Is("integer"):
		return "integer"
	default:
		return strings.Join(s.Type.Slice(), " ")
	}
}

// rules writes the bounds of a schema in words.
func rules(s *openapi3.Schema) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		say("one of %s", strings.Join(words, ", "))
	}
	if s.MaxLength != nil && s.Format != "stream" {
		say("at most %d characters", *s.MaxLength)
	}
	if s.Min != nil && s.Max != nil {
		say("%s to %s", strconv.FormatFloat(*s.Min, 'f', -1, 64), strconv.FormatFloat(*s.Max, 'f', -1, 64))
	}
	if s.MaxItems != nil {
		say("at most %d", *s.MaxItems)
	}
	if s.UniqueItems {
		say("each once")
	}
	if s.Default != nil {
		say("%v unless given", s.Default)
	}
	return strings.Join(all, "; ")
}

// pretty writes an example as JSON with the members in the order of their names.
func pretty(v any) string {
	if v == nil {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// curl gives a line to paste: HOST and TOKEN are the reader's.
func curl(o *operation) string {
	path := o.path
	var b strings.Builder
	b.WriteString("curl -sS")
	if o.method != http.MethodGet {
		b.WriteString(" -X " + o.method)
	}
	for _, p := range o.Parameters {
		if p.Value.In == openapi3.ParameterInPath {
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", fmt.Sprint(p.Value.Example))
		}
	}
	b.WriteString(` "$HOST` + path + `"`)
	if !o.public {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	}
	for _, p := range o.Parameters {
		if p.Value.In == openapi3.ParameterInHeader && (p.Value.Required || p.Value.Name == "Idempotency-Key") {
			fmt.Fprintf(&b, " \\\n  -H '%s: %v'", p.Value.Name, p.Value.Example)
		}
	}
	if o.stream {
		b.WriteString(" -N")
	}
	if o.body != nil && o.bodyRequired {
		b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(pretty(o.body.Example), "'", `'\''`) + "'")
	}
	return b.String()
}

func docsProblems() []docsProblem {
	var all []docsProblem
	for kind, s := range status {
		all = append(all, docsProblem{Anchor: "problem-" + kind.String(), Title: s.title, Status: s.code})
	}
	all = append(all, docsProblem{Anchor: "problem-http", Title: "Method or media type not accepted", Status: http.StatusMethodNotAllowed})
	slices.SortStableFunc(all, func(a, b docsProblem) int {
		if a.Status != b.Status {
			return a.Status - b.Status
		}
		return strings.Compare(a.Anchor, b.Anchor)
	})
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
