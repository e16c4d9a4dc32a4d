package demo

import (
	"context"
	"fmt"
)

// party is an office of the story, under the code that the API knows its state or body by.
type party struct {
	code string // DMA, ORG-CDEMA
	name string
	desk string // the post that the demo acts as; never a person
	role string
}

// seat tells the posts of one party apart: "LCA/liaison".
func (p party) seat() string { return p.code + "/" + p.role }

// The parties that the story needs by name.
const (
	dominica   = "DMA"
	antigua    = "ATG"
	saintLucia = "LCA"
	grenada    = "GRD"
	stVincent  = "VCT"
	cdema      = "ORG-CDEMA"
	oecs       = "ORG-OECS"
)

const (
	coordinator     = "coordinator"
	official        = "official"
	liaison         = "liaison"
	regionalOfficer = "regional_officer"
)

// cast gives every state and territory of the Eastern Caribbean and its neighbours, the regional bodies that have steps in a protocol, and the posts
// that somebody may sit down at in a browser. The posts are made up; nobody holds them. The first post of a party is the one that acts for
// it in the story.
func cast() []party {
	states := []struct{ code, name string }{
		{dominica, "Dominica"}, {antigua, "Antigua and Barbuda"}, {saintLucia, "Saint Lucia"},
		{grenada, "Grenada"}, {"MSR", "Montserrat"}, {"KNA", "Saint Kitts and Nevis"}, {stVincent, "Saint Vincent and the Grenadines"},
		{"AIA", "Anguilla"}, {"VGB", "British Virgin Islands"}, {"MTQ", "Martinique"}, {"GLP", "Guadeloupe"}, {"MAF", "Saint-Martin"},
		{"BRB", "Barbados"}, {"TTO", "Trinidad and Tobago"}, {"GUY", "Guyana"}, {"JAM", "Jamaica"},
	}
	bodies := []struct{ code, name string }{{cdema, "CDEMA"}, {oecs, "OECS Commission"}, {"ORG-IOM", "IOM"}}
	all := make([]party, 0, len(states)+len(bodies)+3)
	for _, s := range states {
		all = append(all, party{code: s.code, name: s.name, desk: "Duty officer, " + s.name, role: coordinator})
	}
	for _, b := range bodies {
		all = append(all, party{code: b.code, name: b.name, desk: "Duty officer, " + b.name, role: regionalOfficer})
	}
	return append(all,
		party{code: dominica, name: "Dominica", desk: "Foreign affairs desk, Dominica", role: official},
		party{code: saintLucia, name: "Saint Lucia", desk: "Foreign affairs desk, Saint Lucia", role: official},
		party{code: saintLucia, name: "Saint Lucia", desk: "Tourism liaison, Saint Lucia", role: liaison},
	)
}

// names gives what each party is called on the terminal, by code.
func names() map[string]string {
	names := map[string]string{}
	for _, p := range cast() {
		names[p.code] = p.name
	}
	names[stVincent] = "Saint Vincent" // as people say
	return names
}

// listeners are the parties whose systems the demo plays too: each has a webhook.
func listeners() []string { return []string{dominica, antigua, saintLucia, cdema, grenada, stVincent} }

// office is a post that can act: it has an account and a token.
type office struct {
	party
	client
	token string
}

// seed makes an account with a token for every post, as an administrator would, and a subscription for every listener, as the office
// itself would. It gives the offices by seat, and the first of each party by its code too.
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
		o := office{party: p, client: first.as(token.Secret), token: token.Secret}
		offices[p.seat()] = o
		if _, taken := offices[p.code]; !taken {
			offices[p.code] = o
		}
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

// addressees has the people of every listener told of alerts by e-mail, as their office would arrange it.
func (p *play) addressees(ctx context.Context) error {
	for _, code := range listeners() {
		if _, err := p.at(code).post(ctx, "/api/v1/subscriptions", map[string]any{
			"channel": "email", "target": address(code), "language": "en",
			"filter": map[string]any{"kinds": []string{"alert.raised"}, "exercise": "include"},
		}, nil); err != nil {
			return fmt.Errorf("e-mail of %s: %w", p.name(code), err)
		}
	}
	p.tell.did("Demo", "and the people of these offices an address for e-mail")
	return nil
}

// wanted gives the kinds of event that an office subscribes to; none means all.
func wanted(code string) []string {
	switch code {
	case dominica, stVincent:
		return []string{"alert.*", "answer.given", "movement.arrived"}
	case antigua:
		return []string{"alert.raised", "anchor.moved", "figure.reported"}
	}
	return []string{"alert.raised"}
}
