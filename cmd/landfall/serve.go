package main

import (
	"context"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"landfall/internal/app"
)

// stopTimeout bounds a graceful stop; what is not done by then is found again at the next start.
const stopTimeout = 20 * time.Second

type serveCmd struct {
	recordsFlags
	busFlags
	Listen          string     `default:"127.0.0.1:8080" help:"Address to serve on, host:port. Port 0 takes a free one." placeholder:"HOST:PORT"`
	Roles           []app.Role `default:"api,notify,watch" help:"What this process does: api answers requests, notify sends, watch chases deadlines. Fewer than all need --mongodb-uri, --nats-url and --secret-key." placeholder:"ROLE"`
	FormerSecretKey string     `secret:"" help:"The key before its rotation, where --secret-key gives the new one: what it sealed on the bus is believed still." placeholder:"HEX"`
	Name            string     `help:"Name of this process for those who operate it. Default: the host's name." placeholder:"NAME"`

	PublicURL      string         `help:"Address under which people reach the service. Without it, messages carry no links." placeholder:"URL"`
	Callback       string         `help:"Telephone number of the duty desk, shown in messages." placeholder:"NUMBER"`
	TLSCert        string         `name:"tls-cert" help:"File of the service's own certificate chain. Read again when it changes." placeholder:"FILE"`
	TLSKey         string         `name:"tls-key" help:"File of its key." placeholder:"FILE"`
	TrustedProxies []string       `help:"Networks of the proxies whose X-Forwarded-For is believed." placeholder:"CIDR"`
	TrustedOrigin  []string       `help:"Origins whose pages may sign somebody in to the console: for the demo." placeholder:"URL"`
	Plausible      time.Duration  `name:"plausible-within" default:"8784h" help:"How far a time may lie from what it belongs to, such as an incident, before the sender has to confirm it." placeholder:"TIME"`
	RequestRate    float64        `default:"100" help:"Requests a second and account beyond which 429 is answered. 0 is no limit." placeholder:"N"`
	Limit          map[string]int `help:"Bound of what one account, address or party may take, as in requests-address=128; 0 is none. The guide to deploying lists them with their defaults." placeholder:"NAME=N"`
	Drain          time.Duration  `default:"0s" help:"How long to answer 503 before stopping, so that a balancer looks elsewhere." placeholder:"TIME"`

	Operators    []string `help:"Parties whose administrators operate the service for all states: they release it after a restore. The first account always may." placeholder:"PARTY"`
	MetricsToken string   `secret:"" help:"What /metrics asks for as a bearer token. Without it /metrics answers this machine alone." placeholder:"TOKEN"`

	WebhookAllowPrivate bool    `help:"Let webhooks go to private and loopback addresses."`
	WebhookRate         float64 `default:"0" help:"Messages a second to one webhook. 0 is no limit." placeholder:"N"`
	SMTPURL             string  `name:"smtp-url" secret:"" help:"Server that takes e-mail: smtp://user:password@host:587 or smtps://host:465. Without it there is no e-mail." placeholder:"URL"`
	MailFrom            string  `help:"Sender of e-mail." placeholder:"ADDRESS"`
	MailRate            float64 `default:"0" help:"Messages a second to the mail server. 0 is no limit." placeholder:"N"`
	LogfileDir          string  `help:"Folder in which subscriptions of the logfile channel write. Without it there is none." placeholder:"DIR"`

	OTLPEndpoint string `name:"otlp-endpoint" help:"Where traces are sent, OTLP over HTTP: http://host:4318. Without it nothing is traced." placeholder:"URL"`
	BackupDir    string `help:"Folder of the nightly verified backup. Without it there is none." placeholder:"DIR"`
	BackupKeep   int    `default:"14" help:"How many nightly backups are kept." placeholder:"N"`
	LogLevel     string `default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: ${enum}."`
	LogFormat    string `default:"text" enum:"text,json" help:"Form of the log on standard error: ${enum}."`
}

// recordsFlags say where the records are, the same wherever they are needed.
type recordsFlags struct {
	folderFlag
	MongoDBURI      string `name:"mongodb-uri" secret:"" help:"MongoDB server that holds the records. Without it they are in the data folder (SQLite)." placeholder:"URI"`
	MongoDBDatabase string `name:"mongodb-database" default:"landfall" help:"Database there." placeholder:"NAME"`
	Heads           string `help:"Folder of the files of signed heads, best on another disk. Default: heads in the data folder." placeholder:"DIR"`
	SecretKey       string `secret:"" help:"Key that subscription secrets are encrypted with, 64 hexadecimal digits. Without it one is kept in the data folder." placeholder:"HEX"`
}

func (f recordsFlags) records() app.Records {
	return app.Records{Data: f.Data, MongoDBURI: f.MongoDBURI, MongoDBDatabase: f.MongoDBDatabase, Heads: f.Heads}
}

// folderFlag is the data folder.
type folderFlag struct {
	Data string `default:"landfall-data" help:"Folder that holds the records, or with --mongodb-uri only what is this process's own." placeholder:"DIR"`
}

// busFlags say where the message bus is.
type busFlags struct {
	NATSURL         string `name:"nats-url" secret:"" help:"NATS servers that carry the messages, separated by commas. Without it an embedded one does." placeholder:"URL"`
	NATSCredentials string `name:"nats-credentials" help:"File with the JWT and seed for them." placeholder:"FILE"`
	NATSCA          string `name:"nats-ca" help:"File of the authorities their certificates come from. Default: the system's." placeholder:"FILE"`
	NATSReplicas    int    `name:"nats-replicas" default:"0" help:"Copies of the stream there: 3 on a cluster of three or more." placeholder:"N"`
	NATSListen      string `name:"nats-listen" help:"Address where the embedded server takes readers: user reader, who listens and publishes nothing. Without it nobody else can connect." placeholder:"HOST:PORT"`
	NATSToken       string `name:"nats-token" secret:"" help:"Password of reader. --nats-listen requires it." placeholder:"TOKEN"`
}

// options are the flags as the service wants them.
func (c *serveCmd) options(s *session) (app.Options, error) {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return app.Options{}, err
	}
	opts := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(s.err, opts)
	if c.LogFormat == "json" {
		handler = slog.NewJSONHandler(s.err, opts)
	}
	return app.Options{
		Records: c.records(), SecretKey: c.SecretKey, FormerKey: c.FormerSecretKey, Listen: c.Listen, Roles: c.Roles, Name: c.Name,
		NATSURL: c.NATSURL, NATSCredentials: c.NATSCredentials, NATSCA: c.NATSCA, NATSReplicas: c.NATSReplicas, NATSListen: c.NATSListen, NATSToken: c.NATSToken,
		Operators: c.Operators, MetricsToken: c.MetricsToken,
		PublicURL: c.PublicURL, Callback: c.Callback, TLSCert: c.TLSCert, TLSKey: c.TLSKey, TrustedProxies: c.TrustedProxies, TrustedOrigins: c.TrustedOrigin,
		Plausible: c.Plausible, RequestRate: c.RequestRate, Limits: c.Limit, Drain: c.Drain, WebhookAllowPrivate: c.WebhookAllowPrivate, WebhookRate: c.WebhookRate,
		SMTPURL: c.SMTPURL, MailFrom: c.MailFrom, MailRate: c.MailRate, LogfileDir: c.LogfileDir,
		OTLPEndpoint: c.OTLPEndpoint, BackupDir: c.BackupDir, BackupKeep: c.BackupKeep,
		LogLinesLost: s.lost, Logger: slog.New(handler), Version: versionText(), Now: time.Now,
	}, nil
}

func (c *serveCmd) Run(s *session) error {
	// The service outlives the terminal it was started from and whoever reads its output: lines that nobody takes are dropped.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	opt, err := c.options(s)
	if err != nil {
		return err
	}
	a, err := app.Start(s.ctx, opt)
	if err != nil {
		return err
	}
	out := newOutput(s.out)
	defer out.close()
	if token := a.FirstToken(); token != "" && terminal(s.out) { // what is no terminal may be a log
		_, _ = fmt.Fprintf(out, "First start. Token of the first account, shown this once and kept in %s:\n\n    %s\n\n", a.TokenPath(), token)
	}
	_, _ = fmt.Fprintf(out, "Landfall is ready on %s\n", a.URL())

	var fatal error
	select {
	case <-s.ctx.Done():
	case fatal = <-a.Fatal():
	}
	opt.Logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), c.Drain+stopTimeout)
	defer cancel()
	err = a.Stop(ctx)
	opt.Logger.Info("stopped")
	if fatal != nil {
		return fatal
	}
	return err
}
