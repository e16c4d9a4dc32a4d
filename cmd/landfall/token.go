package main

import (
	"fmt"
)

type tokenCmd struct {
	adminFlags
	Account string `help:"Id of an account that exists: it gets another token." placeholder:"ID" xor:"who"`
	Party   string `help:"Party of a new account: a state (ATG), an island (ATG-BARBUDA) or an organisation (ORG-CDEMA)." xor:"who" placeholder:"PARTY"`
	Role    string `default:"official" enum:"coordinator,official,liaison,regional_officer,administrator,auditor" help:"Role of a new account: ${enum}."`
	Name    string `help:"Name of a new account: a desk, never a person." placeholder:"NAME"`
	Label   string `default:"command line" help:"What the token is for."`
}

// Run asks the running service, as the first account, for an account and a token. The token is shown this once.
func (c *tokenCmd) Run(s *session) error {
	api, err := c.caller()
	if err != nil {
		return err
	}
	account := c.Account
	if account == "" {
		if c.Party == "" {
			return fmt.Errorf("say whose token it is: --party of a new account, or --account of one that exists")
		}
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("%s desk (%s)", c.Party, c.Role)
		}
		var made struct {
			ID string `json:"id"`
		}
		if err := api.post(s.ctx, "/accounts", map[string]string{"name": name, "party": c.Party, "role": c.Role}, &made); err != nil {
			return err
		}
		account = made.ID
	}
	var made struct {
		Secret string `json:"secret"`
	}
	if err := api.post(s.ctx, "/tokens", map[string]string{"account_id": account, "label": c.Label}, &made); err != nil {
		return err
	}
	// The token alone goes to standard output, so that it can go straight into a file.
	if _, err := fmt.Fprintf(s.err, "Account %s. Its token is shown this once:\n", account); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, made.Secret)
	return err
}
