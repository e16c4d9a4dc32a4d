package app

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"landfall/internal/access"
	"landfall/internal/fault"
)

// firstAccount makes the first account where there is none, and warns while its token is live. It
// writes the token to its file before it makes the account, so after a crash in between the next
// start uses the token in the file.
func (a *App) firstAccount(ctx context.Context) error {
	_, err := a.access.Account(ctx, access.System, access.FirstAccount())
	if err == nil {
		a.warnFirstToken(ctx)
		return nil
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	secret, err := a.folder.readToken()
	mine := errors.Is(err, fs.ErrNotExist)
	if mine {
		secret = access.NewSecret()
		err = writeSecret(a.folder.token(), secret+"\n")
	}
	if err != nil {
		return err
	}
	created, err := a.access.Bootstrap(ctx, secret)
	switch {
	case created:
		a.firstToken = secret
		a.log.Info("first start: the token of the first account is kept in a file for its owner", "file", a.folder.token())
	case err == nil && mine:
		return os.Remove(a.folder.token()) // another process was first; this token opens nothing
	}
	return err
}

func (a *App) warnFirstToken(ctx context.Context) {
	if lives, err := a.access.FirstTokenLives(ctx); err == nil && lives {
		a.log.Warn("the first account's token is live: it acts for every party and sees everything; " +
			"revoke it once there are others")
	}
}

// FirstToken gives the token of the first account, when this start made it; "" otherwise. It is for
// a person at a terminal and for no log.
func (a *App) FirstToken() string { return a.firstToken }

// TokenPath gives where that token is kept.
func (a *App) TokenPath() string { return a.folder.token() }
