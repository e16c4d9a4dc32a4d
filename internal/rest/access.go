package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/access"
	"landfall/internal/place"
)

// CreateAccount creates a role account.
func (s *Server) CreateAccount(c echo.Context, _ CreateAccountParams) error {
	body, err := read[NewAccount](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	a, err := s.access.CreateAccount(c.Request().Context(), k.scope, k.write, access.NewAccount{
		ID: body.ID, Name: body.Name, Role: access.Role(body.Role), Party: place.Party(body.Party),
	})
	if err != nil {
		return err
	}
	return s.created(c, "/api/v1/accounts/"+a.ID, a.Changed, s.account(a))
}

// ListAccounts lists the accounts that the caller administers.
func (s *Server) ListAccounts(c echo.Context, p ListAccountsParams) error {
	page, err := s.access.Accounts(c.Request().Context(), callOf(c).scope, limitOr(p.Limit, pageSize), p.Cursor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, AccountPage{Items: each(page.Items, s.account), NextCursor: page.Next})
}

// GetAccount shows one account.
func (s *Server) GetAccount(c echo.Context, id string, _ GetAccountParams) error {
	a, err := s.access.Account(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return s.show(c, a.Changed, s.account(a))
}

// WhoAmI shows the caller's own account.
func (s *Server) WhoAmI(c echo.Context, _ WhoAmIParams) error {
	a, err := s.access.Me(c.Request().Context(), callOf(c).scope)
	if err != nil {
		return err
	}
	return s.show(c, a.Changed, s.account(a))
}

// CreateToken creates a token and shows its secret.
func (s *Server) CreateToken(c echo.Context, _ CreateTokenParams) error {
	body, err := read[NewToken](c)
	if err != nil {
		return err
	}
	k := callOf(c)
	t, secret, err := s.access.CreateToken(c.Request().Context(), k.scope, k.write, access.NewToken{
		ID: body.ID, Account: body.AccountID, Label: body.Label, ExpiresAt: body.ExpiresAt,
	})
	if err != nil {
		return err
	}
	shown := s.token(t)
	shown.Secret = secret
	return s.created(c, "/api/v1/tokens/"+t.ID, t.Changed, shown)
}

// ListTokens lists the tokens of one account.
func (s *Server) ListTokens(c echo.Context, p ListTokensParams) error {
	page, err := s.access.Tokens(c.Request().Context(), callOf(c).scope, p.AccountID, limitOr(p.Limit, pageSize), p.Cursor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, TokenPage{Items: each(page.Items, s.token), NextCursor: page.Next})
}

// GetToken shows one token, without its secret.
func (s *Server) GetToken(c echo.Context, id string, _ GetTokenParams) error {
	t, err := s.access.Token(c.Request().Context(), callOf(c).scope, id)
	if err != nil {
		return err
	}
	return s.show(c, t.Changed, s.token(t))
}

// RevokeToken ends a token.
func (s *Server) RevokeToken(c echo.Context, id string, _ RevokeTokenParams) error {
	k := callOf(c)
	if err := s.access.RevokeToken(c.Request().Context(), k.scope, k.write, id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) account(a access.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, Role: Role(a.Role), Party: Party(a.Party), SeesAll: a.First, CreatedAt: a.CreatedAt, Etag: s.opt.ETag(a.Changed),
	}
}

func (s *Server) token(t access.Token) Token {
	return Token{
		ID: t.ID, AccountID: t.Account, Label: t.Label, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
		LastUsedAt: t.LastUsedAt, Etag: s.opt.ETag(t.Changed),
	}
}
