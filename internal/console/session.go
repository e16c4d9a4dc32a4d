package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/locale"
)

const signInPath = "/sign-in"

// cookieOutlives is how long a browser keeps the cookie of a session that has ended. It opens nothing by then; whoever comes back with it is told
// that the session has ended, and not met like a stranger.
const cookieOutlives = 7 * 24 * time.Hour

// The members of a session.
const (
	heldAccount = "account"
	heldToken   = "token"
)

// newSessions makes the manager field by field: the library's constructor begins with a store in memory, whose goroutine nobody could wait for.
func newSessions(opt Options) *scs.SessionManager {
	name := "landfall"
	if opt.Secure {
		name = "__Host-landfall" // RFC 6265bis, section 4.1.3.2: no other host of the domain can set it
	}
	return &scs.SessionManager{
		Store: opt.Access.Sessions(), Codec: sessionJSON{}, Lifetime: access.SessionTime, HashTokenInStore: true,
		Cookie: scs.SessionCookie{Name: name, Path: "/", HttpOnly: true, Persist: true, SameSite: http.SameSiteLaxMode, Secure: opt.Secure},
	}
}

// sessionJSON writes a session as JSON whose account the store can index.
type sessionJSON struct{}

type sessionText struct {
	Account  string    `json:"account"`
	Token    string    `json:"token"`
	Deadline time.Time `json:"deadline"`
}

// Encode implements scs.Codec.
func (sessionJSON) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	account, _ := values[heldAccount].(string)
	token, _ := values[heldToken].(string)
	return json.Marshal(sessionText{Account: account, Token: token, Deadline: deadline})
}

// Decode implements scs.Codec.
func (sessionJSON) Decode(data []byte) (time.Time, map[string]any, error) {
	var s sessionText
	if err := json.Unmarshal(data, &s); err != nil {
		return time.Time{}, nil, fmt.Errorf("session: %w", err)
	}
	return s.Deadline, map[string]any{heldAccount: s.Account, heldToken: s.Token}, nil
}

// session loads the session of a request into its context.
func (v *visit) session(ctx context.Context) (context.Context, error) {
	id := ""
	if cookie, err := v.Request().Cookie(v.console.sessions.Cookie.Name); err == nil {
		id = cookie.Value
	}
	ctx, err := v.console.sessions.Load(ctx, id)
	if err != nil {
		if _, ok := fault.As(err); !ok {
			err = fault.Wrap(err, fault.Unavailable, "session_unreadable", "The session cannot be read at the moment. Try again.")
		}
		return nil, err
	}
	return ctx, nil
}

// standing finds out whose session it is, as the records have it at this moment. Its fault is
// Unauthenticated when there is none any more, whatever ended it: signing out here or elsewhere,
// its time, or the token that it stands on.
func (v *visit) standing(ctx context.Context) (access.Scope, error) {
	ctx, err := v.session(ctx)
	if err != nil {
		return access.Scope{}, err
	}
	held := access.Session{Account: v.console.sessions.GetString(ctx, heldAccount), Token: v.console.sessions.GetString(ctx, heldToken)}
	return v.console.access.Resume(ctx, held)
}

// resume finds out who is signed in.
func (v *visit) resume() error {
	scope, err := v.standing(v.ctx())
	if err != nil {
		return err
	}
	me, err := v.console.access.Me(v.ctx(), scope)
	if err != nil {
		return err
	}
	v.scope, v.me = scope, me
	return nil
}

// signInView is the page that signs in.
type signInView struct {
	Form *form
	Next string
	Note locale.Phrase
}

func (c *Console) signInPage(v *visit) error {
	view := signInView{Form: newForm(), Next: local(v.QueryParam("next"))}
	switch texts := v.L.Page.Shell.SignIn; {
	case v.QueryParam("out") != "":
		view.Note = texts.Out
	case v.QueryParam("ended") != "":
		view.Note = texts.Ended
	}
	return v.show(http.StatusOK, "sign_in", string(v.L.Page.Shell.SignIn.Title), view)
}

// signIn takes a token and gives a session for it. Whatever session the browser had is over, so that nobody can plant one.
func (c *Console) signIn(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	var held access.Session
	lookUp := func() (err error) {
		held, _, err = c.access.SignIn(v.ctx(), f.Value("token"))
		return err
	}
	if f.Value("token") == "" {
		err = lookUp() // costs nothing, so nobody counts it
	} else {
		err = c.opt.Limiter.Brake.Try(v.RealIP(), f.Value("token"), lookUp)
	}
	if err == nil {
		err = c.opt.Limiter.Ask(held.Account, false)
	}
	if fault.Is(err, fault.Unauthenticated) {
		texts := v.L.Page.Shell.SignIn
		f.wrong("token", string(texts.Refused))
		f.Values.Del("token") // a secret is never sent back
		return v.show(http.StatusUnauthorized, "sign_in", string(texts.Title), signInView{Form: f, Next: local(f.Value("next"))})
	}
	if err != nil {
		return err
	}
	ctx, err := v.session(v.ctx())
	if err != nil {
		return err
	}
	if err := c.sessions.RenewToken(ctx); err != nil {
		return err
	}
	c.sessions.Put(ctx, heldAccount, held.Account)
	c.sessions.Put(ctx, heldToken, held.Token)
	id, expires, err := c.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	c.sessions.WriteSessionCookie(ctx, v.Response(), id, expires.Add(cookieOutlives))
	return v.Redirect(http.StatusSeeOther, local(f.Value("next")))
}

func (c *Console) signOut(v *visit) error {
	ctx, err := v.session(v.ctx())
	if err != nil {
		return err
	}
	if err := c.sessions.Destroy(ctx); err != nil {
		return err
	}
	c.sessions.WriteSessionCookie(ctx, v.Response(), "", time.Time{})
	return v.Redirect(http.StatusSeeOther, signInPath+"?out=1")
}

// languageCookie holds the language somebody chose.
const languageCookie = "language"

// language remembers the language that was chosen, and goes back.
func (c *Console) language(v *visit) error {
	f, err := v.form()
	if err != nil {
		return err
	}
	v.SetCookie(&http.Cookie{
		Name: languageCookie, Value: string(locale.LanguageOf(f.Value("to"))), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: c.opt.Secure, SameSite: http.SameSiteLaxMode,
	})
	return v.Redirect(http.StatusSeeOther, local(f.Value("back")))
}
