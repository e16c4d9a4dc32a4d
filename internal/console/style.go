package console

import "net/http"

// style shows every component of the pages, as pages use it.
func (c *Console) style(v *visit) error {
	broken := newForm().with("title", "")
	v.need(broken, "title")
	return v.show(http.StatusOK, "style", string(v.L.Page.Style.Title), struct{ Form, Broken *form }{newForm(), broken})
}
