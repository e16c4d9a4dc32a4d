package rest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
	"landfall/internal/ledger"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod oapi-codegen -config oapi.yaml ../../api/openapi.yaml

// read decodes the body that the stations admitted. What may be left out as a whole decodes to nothing said.
func read[T any](c echo.Context) (T, error) {
	var v T
	body := callOf(c).body
	if len(body) == 0 {
		return v, nil
	}
	err := json.Unmarshal(body, &v)
	var wrongType *json.SemanticError
	if errors.As(err, &wrongType) && wrongType.JSONKind == '0' { // the contract lets 1.0 and 1e3 through
		var check fault.Check
		check.Field(string(wrongType.JSONPointer), "must be written as a whole number, without a fraction or an exponent")
		return v, check.Err()
	}
	return v, err
}

// show answers with a resource or a part that carries its version. A reader that has this version gets 304.
func (s *Server) show(c echo.Context, seq int64, v any) error {
	tag := s.opt.ETag(seq)
	c.Response().Header().Set("ETag", tag)
	if r := c.Request(); (r.Method == http.MethodGet || r.Method == http.MethodHead) && holds(r, tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSON(http.StatusOK, v)
}

// created answers with what a request made, and where it can be read.
func (s *Server) created(c echo.Context, location string, seq int64, v any) error {
	h := c.Response().Header()
	h.Set(echo.HeaderLocation, location)
	h.Set("ETag", s.opt.ETag(seq))
	return c.JSON(http.StatusCreated, v)
}

// committed notes the commit that a write became, for the log.
func committed(c echo.Context, events []ledger.Recorded) {
	if len(events) > 0 {
		callOf(c).commit = events[0].CommitID
	}
}

// limitOr gives the page size asked for, or the one of the list.
func limitOr(limit, otherwise int) int {
	if limit == 0 {
		return otherwise
	}
	return limit
}

// pageOf cuts one page out of a list that only grows at its end. The cursor is the position of the next item.
func pageOf[T any](all []T, limit int, cursor string) (items []T, next string, err error) {
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 {
			var check fault.Check
			check.Field("?cursor", "does not belong to this list")
			return nil, "", check.Err()
		}
	}
	from = min(from, len(all))
	until := min(from+limit, len(all))
	if until < len(all) {
		next = strconv.Itoa(until)
	}
	return all[from:until], next, nil
}

const (
	pageSize     = 100
	stepPageSize = 500
)

// each turns every item of a list into its representation. An empty list is [], never null.
func each[A, B any](items []A, show func(A) B) []B {
	out := make([]B, len(items))
	for i, item := range items {
		out[i] = show(item)
	}
	return out
}
