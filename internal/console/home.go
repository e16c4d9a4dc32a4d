package console

import "net/http"

func (c *Console) homeRoutes() { c.get("/", c.home) }

// home is the first page: what somebody of this role looks for first.
func (c *Console) home(v *visit) error {
	return v.show(http.StatusOK, "home", string(v.L.Page.Home.Title), nil, in("home"), following("incident alert"))
}
