package app_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
)

// policyTable is internal/access/policy.csv as the tests of the matrix read it: a second time and by rules of their own, so that a mistake of the
// product's own reader shows.
type policyTable map[string]policyRule

type policyRule struct {
	may   map[string]string // letters of the roles by relation
	relay string
}

// rows reads a table and gives each row by the names of its columns.
func rows(t testing.TB, file string) []map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	all, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var out []map[string]string
	for _, line := range all[1:] {
		row := map[string]string{}
		for n, name := range all[0] {
			row[name] = line[n]
		}
		out = append(out, row)
	}
	return out
}

func readPolicy(t testing.TB) policyTable {
	t.Helper()
	p := policyTable{}
	for _, row := range rows(t, "../access/policy.csv") {
		p[row["act"]] = policyRule{may: row, relay: row["relay"]}
	}
	return p
}

// caller is an account of the matrix. The first account has no party, and nobody has no role either.
type caller struct {
	role, party string
	account     string
	token       string
	subscribed  bool   // it has a subscription of each channel
	mailed      string // the one by mail
}

func (c *caller) String() string { return strings.TrimSpace(c.role + " " + c.party) }

var letters = map[string]string{
	"coordinator": "C", "official": "O", "liaison": "L", "regional_officer": "R", "administrator": "A", "auditor": "U", "partner": "P",
}

// actsFor says that a state acts for its islands, and nobody else for another.
func (c *caller) actsFor(party string) bool {
	return party != "" && (c.party == party || strings.HasPrefix(party, c.party+"-") && len(c.party) == 3)
}

// asState is the caller where islands act for their state.
func (c *caller) asState() *caller {
	wide := *c
	if state, _, island := strings.Cut(c.party, "-"); island && state != "ORG" {
		wide.party = state
	}
	return &wide
}

// standing says who stands how to a thing.
type standing struct {
	account, owner, origin string
	named, regional        []string
}

// may is the rule of the table: a role that stands in a relation for which the act's row has its letter.
func (p policyTable) may(t testing.TB, c *caller, act string, s standing) bool {
	rule, ok := p[act]
	if !ok {
		t.Fatalf("the policy has no act %q", act)
	}
	if c.role == "first" {
		return true
	}
	holds := map[string]bool{
		"mine": c.account != "" && c.account == s.account, "own": c.actsFor(s.owner), "origin": c.actsFor(s.origin),
		"named": slices.ContainsFunc(s.named, c.actsFor), "regional": slices.ContainsFunc(s.regional, c.actsFor), "anybody": c.role != "nobody",
	}
	for relation, does := range holds {
		if does && letters[c.role] != "" && strings.Contains(rule.may[relation], letters[c.role]) {
			return true
		}
	}
	return false
}

// cell is a row of operations.csv or pages.csv.
type cell struct {
	name, thing, reads, act, owner string
	refused                        string
	state                          bool // islands act for their state
	writes, hears                  bool // it changes something; its body takes the word of others
}

// What a cell expects besides a status of HTTP.
const (
	allowed  = 0
	proposed = 202
)

// expects gives what the table says of a caller in its own name: allowed, or the status of the refusal.
func (p policyTable) expects(t testing.TB, k cell, c *caller, s standing) int {
	if k.state {
		c = c.asState()
	}
	switch {
	case k.act == "public":
		return allowed
	case k.act == "machine", c.role == "nobody":
		return 401
	case !p.reads(t, k, c, s):
		return 404
	case k.act == "" || k.act == "account":
		return allowed
	case k.writes && c.role == "auditor":
		return 403
	case p.may(t, c, k.act, s):
		return allowed
	}
	foreign := s
	foreign.owner = c.party
	if k.refused != "" && p.may(t, c, k.act, foreign) {
		return 400
	}
	return 403
}

// reads reports whether there is such a thing for the caller.
func (p policyTable) reads(t testing.TB, k cell, c *caller, s standing) bool {
	if k.reads == "" {
		return true
	}
	for act := range strings.SplitSeq(k.reads, "|") {
		if act == "self" && c.account != "" && c.account == s.account || act != "self" && p.may(t, c, act, s) {
			return true
		}
	}
	return false
}

// expectsRelayed is expects for the word of a party that the caller passes on.
func (p policyTable) expectsRelayed(t testing.TB, k cell, c *caller, party string, s standing) int {
	duty := &caller{role: "coordinator", party: party}
	if strings.HasPrefix(party, "ORG-") {
		duty.role = "regional_officer"
	}
	if k.state {
		c = c.asState()
	}
	first, relay := c.role == "first", p[k.act].relay
	switch {
	case c.role == "nobody":
		return 401
	case !p.reads(t, k, c, s):
		return 404
	case c.role == "auditor":
		return 403
	case relay == "never", !first && c.actsFor(party):
		return 400
	case !p.may(t, c, "relay.speak", s), !p.may(t, duty, k.act, s):
		return 403
	case relay == "at_once", relay == "start" && (first || c.role == "regional_officer"):
		return allowed
	}
	return proposed
}
