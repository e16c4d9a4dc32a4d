package rest

import (
	"encoding/base64"
	"net/http"

	"github.com/labstack/echo/v4"

	"landfall/internal/proof"
)

// ListHeads lists the signed heads.
func (s *Server) ListHeads(c echo.Context, p ListHeadsParams) error {
	page, err := s.opt.Heads.List(c.Request().Context(), callOf(c).scope, limitOr(p.Limit, pageSize), p.Cursor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, HeadPage{Items: each(page.Items, signedHead), NextCursor: page.Next})
}

// GetHead shows one signed head.
func (s *Server) GetHead(c echo.Context, number int64) error {
	found, err := s.opt.Heads.Get(c.Request().Context(), callOf(c).scope, number)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, signedHead(found))
}

func signedHead(s proof.Signed) Head {
	h := s.Head
	v := Head{
		Number: h.Number, Epoch: h.Epoch, SignedAt: h.At, Why: HeadWhy(h.Why), Streams: h.Streams,
		Root: h.Root.String(), Key: h.Key, NextKey: h.NextKey,
		Hash: s.Hash().String(), Text: string(s.Text), Signature: base64.StdEncoding.EncodeToString(s.Signature),
	}
	if !h.Prev.IsZero() {
		v.Prev = h.Prev.String()
	}
	if l := h.Lost; l != nil {
		v.Lost = LostRecords{Since: l.Since, Streams: l.Streams, Commits: l.Commits}
		v.Lost.First = each(l.First, func(one proof.Loss) LostStream {
			return LostStream{Stream: one.Stream, What: LostStreamWhat(one.What), Had: one.Had, Has: one.Has}
		})
	}
	if b := h.WentBack; b != nil {
		v.WentBack = WentBack{TakenAt: b.TakenAt, Number: b.Number}
		if !b.Head.IsZero() {
			v.WentBack.Head = b.Head.String()
		}
	}
	return v
}
