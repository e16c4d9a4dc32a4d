package console

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"landfall/internal/access"
	"landfall/internal/locale"
	"landfall/internal/proof"
)

const (
	recordsPath  = "/records"
	recordsShown = 20
	// lostNews is how long lost records are news on the first page.
	lostNews = 7 * 24 * time.Hour
)

// recordsView is the page of what proves the records.
type recordsView struct {
	Lost      []recordsLost  // newest first
	Aside     []recordsAside // longest first
	AsideMore int            // that are not shown
	Heads     []recordsHead  // newest first
	Key       string
	More      string
}

// recordsHead is one signed head in words.
type recordsHead struct {
	Number  int
	At      time.Time
	Why     string
	Streams int
}

// recordsLost is what was missing or altered at one time.
type recordsLost struct {
	At       time.Time
	Title    string
	Known    string // who knew what is gone
	TakenAt  *time.Time
	Streams  []recordsStream
	More     int
	Restored bool
}

type recordsStream struct {
	Name, What string
	Had, Has   int
}

// recordsAside is what is set aside of one stream.
type recordsAside struct {
	Name, What string
	Since      time.Time
	Tries      int
	Process    string
}

// records shows what is set aside, the newest heads, and what each of them says was lost. It is for
// whoever may read how the service runs.
func (c *Console) records(v *visit) error {
	if !v.scope.May(access.ReadService, access.Thing{}) {
		return access.Refusal(access.ReadService, access.Thing{})
	}
	page, err := c.heads.List(v.ctx(), v.scope, recordsShown, v.QueryParam("cursor"))
	if err != nil {
		return err
	}
	t := &v.L.Page.Records
	aside, err := c.opt.Asides(v.ctx())
	if err != nil {
		return err
	}
	view := recordsView{}
	view.AsideMore = max(0, len(aside)-recordsShown)
	for _, a := range aside[:len(aside)-view.AsideMore] {
		view.Aside = append(view.Aside, recordsAside{string(a.Stream), t.Works.Of(string(a.Work)), a.Since, a.Tries, a.Process})
	}
	for _, s := range page.Items {
		h := s.Head
		view.Heads = append(view.Heads, recordsHead{int(h.Number), h.At, t.Whys.Of(string(h.Why)), int(h.Streams)})
		if h.Lost != nil || h.WentBack != nil {
			view.Lost = append(view.Lost, v.recordsLost(h))
		}
	}
	if len(page.Items) > 0 {
		view.Key = t.Key.Say(locale.Name{Name: page.Items[0].Head.Key})
	}
	if page.Next != "" {
		view.More = recordsPath + "?" + url.Values{"cursor": {page.Next}}.Encode()
	}
	return v.show(http.StatusOK, "records", string(t.Title), view)
}

// recordsLost puts what a head says was lost into words.
func (v *visit) recordsLost(h proof.Head) recordsLost {
	t := &v.L.Page.Records
	out := recordsLost{At: h.At}
	if b := h.WentBack; b != nil {
		out.Restored, out.TakenAt = true, &b.TakenAt
	}
	l := h.Lost
	if l == nil {
		return out
	}
	count := v.L.Count(int(l.Streams), t.Streams) + ", " + v.L.Count(int(l.Commits), t.Commits)
	out.Title = t.Lost.Say(locale.Name{Name: count})
	if out.Known = string(t.ByBus); l.Since > 0 {
		out.Known = t.Covered.Say(locale.Name{Name: strconv.FormatInt(l.Since, 10)})
	}
	for _, one := range l.First {
		out.Streams = append(out.Streams, recordsStream{one.Stream, t.Loss.Of(one.What), int(one.Had), int(one.Has)})
	}
	out.More = int(l.Streams) - len(l.First)
	return out
}

// homeRecords says on the first page of whoever looks after the service that records were lost, or
// that some are set aside.
func (c *Console) homeRecords(v *visit, view *homeView) error {
	if !v.scope.May(access.ReadService, access.Thing{}) {
		return nil
	}
	lost, found, err := c.heads.LastLost(v.ctx())
	if err != nil {
		return err
	}
	aside, err := c.opt.Asides(v.ctx())
	if err != nil {
		return err
	}
	view.Records, view.RecordsLost, view.Aside = true, found && c.now().Sub(lost.Head.At) < lostNews, len(aside) > 0
	return nil
}
