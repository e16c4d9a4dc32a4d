package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"landfall/api"
)

// operation is one of the contract.
type operation struct {
	method, path string
	writes       bool
	hears        bool // its body takes the word of others
	match        bool // it takes If-Match
	found        bool // the table has a row for it
	route        *routers.Route
	held         sync.Map // statuses of which one answer was held against the contract
}

// hold holds the first answer of each status against the contract.
func (o *operation) hold(t testing.TB, h *heard) {
	t.Helper()
	if _, done := o.held.LoadOrStore(h.status, true); done {
		return
	}
	r := httptest.NewRequest(o.method, o.path, nil)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: o.route},
		Status:                 h.status, Header: h.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, ExcludeResponseBody: !strings.Contains(h.header.Get("Content-Type"), "json")},
	}
	input.SetBodyBytes([]byte(h.body))
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s: %d does not follow the contract: %v\n%s", o.method, o.path, h.status, err, h.body)
	}
}

func contract(t testing.TB) map[string]*operation {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*operation{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			op := &operation{method: method, path: path, writes: method != http.MethodGet}
			op.route = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: o}
			for _, p := range o.Parameters {
				op.match = op.match || p.Value.Name == "If-Match"
			}
			if o.RequestBody != nil {
				op.hears = o.RequestBody.Value.Content["application/json"].Schema.Value.Properties["on_behalf_of"] != nil
			}
			all[o.OperationID] = op
		}
	}
	return all
}

// attempt is a row of operations.csv with its operation.
type attempt struct {
	cell
	op      *operation
	answers string
	relayed string // what answers a word that is passed on
	fresh   bool
	with    map[string]string
	body    string
}

func (s *stage) attempts(t testing.TB) []attempt {
	t.Helper()
	ops := contract(t)
	var all []attempt
	for _, row := range rows(t, "testdata/policy/operations.csv") {
		op := ops[row["operation"]]
		if op == nil {
			t.Errorf("the contract has no operation %s", row["operation"])
			continue
		}
		op.found = true
		owner, state := strings.CutPrefix(row["owner"], "state ")
		a := attempt{
			cell: cell{
				name: row["operation"], thing: row["thing"], reads: row["reads"], act: row["act"], owner: owner, state: state, refused: row["refused"],
				writes: op.writes, hears: op.hears,
			},
			op: op, fresh: row["fresh"] == "yes", body: row["body"], with: map[string]string{},
		}
		var differs bool
		if a.answers, a.relayed, differs = strings.Cut(row["answers"], "/"); !differs {
			a.relayed = a.answers
		}
		for pair := range strings.FieldsSeq(row["with"]) {
			name, value, _ := strings.Cut(pair, "=")
			a.with[name] = value
			a.name += " " + value
		}
		all = append(all, a)
	}
	for id, op := range ops {
		if !op.found {
			t.Errorf("%s has no row in testdata/policy/operations.csv", id)
		}
	}
	return all
}

// call makes the attempt on a thing. relay, when it is not empty, is the party whose word it rests on.
func (s *stage) call(c *caller, a attempt, m map[string]string, relay string) *heard {
	path, body := a.op.path, a.body
	var headers []string
	fill := func(text string) string {
		for name, value := range m {
			text = strings.ReplaceAll(text, "{"+name+"}", value)
		}
		return strings.ReplaceAll(text, "{unique}", fmt.Sprint(s.unique.Add(1)))
	}
	for name, value := range a.with {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	path, body = fill(path), fill(body)
	if q := a.with["query"]; q != "" {
		path += "?" + q + "=" + m[q]
	}
	switch {
	case a.with["new"] != "":
		headers = []string{"If-None-Match", "*"}
	case a.op.match:
		headers = []string{"If-Match", "*"}
	}
	if relay != "" {
		if body == "" {
			body = "{}"
		}
		word := fmt.Sprintf(`"on_behalf_of":%q,"relayed_by":"radio","said_at":"2026-09-16T12:59:00Z"`, relay)
		if body != "{}" {
			word += ","
		}
		body = strings.Replace(body, "{", "{"+word, 1)
	}
	return s.ask(c, a.op.method, path, body, headers...)
}

// answered reports whether an answer has one of the statuses, as in "200|409".
func answered(h *heard, statuses string) bool {
	return slices.Contains(strings.Split(statuses, "|"), fmt.Sprint(h.status))
}

// try makes one attempt and compares the answer with what the table says.
func (s *stage) try(t testing.TB, c *caller, a attempt, m map[string]string, relay string, want int) {
	t.Helper()
	h := s.call(c, a, m, relay)
	s.cells.Add(1)
	status := fmt.Sprint(want)
	if want == allowed && relay != "" {
		status = a.relayed
	} else if want == allowed {
		status = a.answers
	} else if want != proposed {
		s.refusals.Add(1)
	}
	if a.name == "openIncident" && want == proposed {
		status = a.answers // a draft of the affected state
	}
	what := a.name
	if relay != "" {
		what += " for " + relay
	}
	switch {
	case !answered(h, status):
		t.Errorf("%s as %s: %d, want %s: %.200s", what, c, h.status, status, h.body)
	case want == 400 && relay != "" && !strings.Contains(h.body, "/on_behalf_of"):
		t.Errorf("%s as %s blames something else: %.200s", what, c, h.body)
	}
	s.leak(t, c, what, h.body)
	a.op.hold(t, h)
}

// walk makes the attempt of a row as each caller: first as those who may not, so that nothing has changed when they try.
func (s *stage) walk(t testing.TB, a attempt) {
	type tried struct {
		c     *caller
		relay string
		want  int
	}
	shared := s.share(t, a.thing)
	var refused, may []tried
	sort := func(one tried) {
		if one.want == allowed || one.want == proposed {
			may = append(may, one)
		} else {
			refused = append(refused, one)
		}
	}
	for _, c := range s.callers {
		sort(tried{c, "", s.policy.expects(t, a.cell, c, s.standing(a.thing, a.owner, c, shared))})
	}
	if a.hears {
		for _, c := range s.callers {
			for _, party := range s.spoken(a, c) {
				of, k := s.standing(a.thing, a.owner, c, shared), a.cell
				if a.owner == "caller" {
					of.owner = party // what it makes is that party's
				}
				if at, ok := spokenAt[a.thing]; ok {
					if !s.policy.reads(t, k, c, of) {
						k.reads = "read.inside"
					}
					of = at(c)
					of.owner = a.owner
				}
				sort(tried{c, party, s.policy.expectsRelayed(t, k, c, party, of)})
			}
		}
	}
	for n, one := range slices.Concat(refused, may) {
		m := shared
		if n >= len(refused) && a.fresh {
			m = s.thing(t, a.thing)
		}
		s.try(t, one.c, a, m, one.relay, one.want)
	}
}

// spoken gives the parties whose word a caller tries to pass on: the one that the act belongs to, and its own.
func (s *stage) spoken(a attempt, c *caller) []string {
	party := a.owner
	if party == "" || party == "caller" {
		party = "DMA"
	}
	list := []string{party}
	if c.party == "ATG" && party == "DMA" && a.act != "incident.open" && (a.reads == "" || strings.HasPrefix(a.reads, "read.")) {
		list = append(list, "ATG")
	}
	return list
}

func TestEveryOperationAsksThePolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	attempts := s.attempts(t)
	t.Run("rows", func(t *testing.T) {
		for n, a := range attempts {
			t.Run(fmt.Sprint(n, " ", a.name), func(t *testing.T) {
				t.Parallel()
				s.walk(t, a)
			})
		}
	})
	t.Logf("%d operations in %d rows, %d callers: %d cells, %d refusals, %d leaks", len(contract(t)), len(attempts), len(s.callers), s.cells.Load(), s.refusals.Load(), s.leaks.Load())
}
