package console

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Pages gives the routes of all pages: what answers a GET with HTML.
func Pages() []string {
	c := &Console{echo: echo.New()}
	c.routes()
	var all []string
	for _, r := range c.echo.Routes() {
		if r.Method == http.MethodGet && r.Path != assetPath && r.Path != iconPath && r.Path != livePath {
			all = append(all, r.Path)
		}
	}
	return all
}
