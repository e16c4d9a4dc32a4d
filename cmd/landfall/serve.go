package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"landfall/internal/app"
)

// stopTimeout bounds a graceful stop; what is not done by then is found again at the next start.
const stopTimeout = 20 * time.Second

type serveCmd struct {
	folderFlag
	Listen              string   `default:"127.0.0.1:8080" help:"Address to serve on, host:port. Port 0 takes a free one." placeholder:"HOST:PORT"`
	PublicURL           string   `help:"Address under which people reach the service. Without it, messages carry no links." placeholder:"URL"`
	TrustedProxies      []string `help:"Networks of the proxies whose X-Forwarded-For is believed." placeholder:"CIDR"`
	WebhookAllowPrivate bool     `help:"Let webhooks go to private and loopback addresses."`
	LogLevel            string   `default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: ${enum}."`
	LogFormat           string   `default:"text" enum:"text,json" help:"Form of the log on standard error: ${enum}."`
}

// folderFlag is the data folder, the same flag wherever one is needed.
type folderFlag struct {
	Data string `default:"landfall-data" help:"Folder that holds the records." placeholder:"DIR"`
}

func (c *serveCmd) Run(s *session) error {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	opts := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(s.err, opts)
	if c.LogFormat == "json" {
		handler = slog.NewJSONHandler(s.err, opts)
	}

	a, err := app.Start(s.ctx, app.Options{
		Data: c.Data, Listen: c.Listen, PublicURL: c.PublicURL, TrustedProxies: c.TrustedProxies,
		WebhookAllowPrivate: c.WebhookAllowPrivate, Logger: slog.New(handler), Version: versionText(), Now: time.Now,
	})
	if err != nil {
		return err
	}
	if token := a.FirstToken(); token != "" {
		_, _ = fmt.Fprintf(s.out, "First start. Token of the first account, shown this once and kept in %s:\n\n    %s\n\n", a.TokenPath(), token)
	}
	_, _ = fmt.Fprintf(s.out, "Landfall is ready on %s\n", a.URL())

	var fatal error
	select {
	case <-s.ctx.Done():
	case fatal = <-a.Fatal():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), stopTimeout)
	defer cancel()
	if err := a.Stop(ctx); err != nil && fatal == nil {
		return err
	}
	return fatal
}
