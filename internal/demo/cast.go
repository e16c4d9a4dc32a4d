package demo

import (
	"context"
	"fmt"
)

// party is an office of the story, under the code that the API knows it by.
type party struct {
	code string // DMA, ORG-CDEMA
	name string
	desk string // the post that the demo acts as; never a person
	role string
}

// The parties that the story needs by name.
const (
	dominica   = "DMA"
	antigua    = "ATG"
	saintLucia = "LCA"
	cdema      = "ORG-CDEMA"
)

const (
	coordinator     = "coordinator"
	regionalOfficer = "regional_officer"
)

// cast gives every state and territory of the Eastern Caribbean and its neighbours, and the regional bodies that have steps in the hurricane protocol.
// The posts are made up; nobody holds them.
func cast() []party {
	states := []struct{ code, name string }{
		{dominica, "Dominica"}, {antigua, "Antigua and Barbuda"}, {saintLucia, "Saint Lucia"},
		{"GRD", "Grenada"}, {"MSR", "Montserrat"}, {"KNA", "Saint Kitts and Nevis"}, {"VCT", "Saint Vincent and the Grenadines"},
		{"AIA", "Anguilla"}, {"VGB", "British Virgin Islands"}, {"MTQ", "Martinique"}, {"GLP", "Guadeloupe"}, {"MAF", "Saint-Martin"},
		{"BRB", "Barbados"}, {"TTO", "Trinidad and Tobago"}, {"GUY", "Guyana"}, {"JAM", "Jamaica"},
	}
	bodies := []struct{ code, name string }{{cdema, "CDEMA"}, {"ORG-OECS", "OECS Commission"}, {"ORG-IOM", "IOM"}}
	all := make([]party, 0, len(states)+len(bodies))
	for _, s := range states {
		all = append(all, party{code: s.code, name: s.name, desk: "Duty officer, " + s.name, role: coordinator})
	}
	for _, b := range bodies {
		all = append(all, party{code: b.code, name: b.name, desk: "Duty officer, " + b.name, role: regionalOfficer})
	}
	return all
}

// names gives what each party is called, by code.
func names() map[string]string {
	names := map[string]string{}
	for _, p := range cast() {
		names[p.code] = p.name
	}
	return names
}

// listeners are the parties whose systems the demo plays too: each has a webhook.
func listeners() []string { return []string{dominica, antigua, saintLucia, cdema} }

// office is a party that can act: it has an account and a token.
type office struct {
	party
	client
	token string
}

// seed makes an account with a token for every party, as an administrator would, and a subscription for every listener, as the office
// itself would.
func seed(ctx context.Context, first client, r *receiver) (map[string]office, error) {
	offices := map[string]office{}
	for _, p := range cast() {
		var account struct {
			ID string `json:"id"`
		}
		if _, err := first.post(ctx, "/api/v1/accounts", map[string]any{"name": p.desk, "party": p.code, "role": p.role}, &account); err != nil {
			return nil, fmt.Errorf("account of %s: %w", p.name, err)
		}
		var token struct {
			Secret string `json:"secret"`
		}
		if _, err := first.post(ctx, "/api/v1/tokens", map[string]any{"account_id": account.ID, "label": "Demo"}, &token); err != nil {
			return nil, fmt.Errorf("token of %s: %w", p.name, err)
		}
		offices[p.code] = office{party: p, client: first.as(token.Secret), token: token.Secret}
	}
	for _, code := range listeners() {
		if err := subscribe(ctx, offices[code], r); err != nil {
			return nil, fmt.Errorf("subscription of %s: %w", offices[code].name, err)
		}
	}
	return offices, nil
}

// subscribe has an office's own system told of what it must know.
func subscribe(ctx context.Context, o office, r *receiver) error {
	var made struct {
		Secret string `json:"secret"`
	}
	_, err := o.post(ctx, "/api/v1/subscriptions", map[string]any{
		"channel": "webhook", "target": r.target(o.code), "language": "en",
		"filter": map[string]any{"kinds": wanted(o.code), "exercise": "include"},
	}, &made)
	if err != nil {
		return err
	}
	return r.expect(o.code, made.Secret)
}

// wanted gives the kinds of event that an office subscribes to; none means all.
func wanted(code string) []string {
	switch code {
	case dominica:
		return []string{"alert.*", "answer.given", "movement.arrived"}
	case antigua:
		return []string{"alert.raised", "anchor.moved", "figure.reported"}
	}
	return []string{"alert.raised"}
}
