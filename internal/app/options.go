package app

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"landfall/internal/bus"
	"landfall/internal/check"
	"landfall/internal/fault"
	"landfall/internal/limit"
	"landfall/internal/place"
)

// Role is one part of the service's work. A process carries one or more.
type Role string

// The roles there are.
const (
	RoleAPI    Role = "api"    // answers requests
	RoleNotify Role = "notify" // raises alerts and sends deliveries
	RoleWatch  Role = "watch"  // chases what is due
)

// AllRoles lists them.
func AllRoles() []Role { return []Role{RoleAPI, RoleNotify, RoleWatch} }

// Options are all that can be said about one process. The zero value of an optional field takes the default named there.
type Options struct {
	Records
	Listen  string           // host:port to serve on
	Name    string           // of this process, for people who operate it; the host's name
	Roles   []Role           // all; fewer need MongoDBURI, NATSURL and SecretKey
	Offline bool             // no listener and no schedule: for tools on a stopped service
	Now     func() time.Time // required: the wall clock
	Logger  *slog.Logger     // slog.Default()

	LogLinesLost func() int64 // how many lines of the log nobody has read; nil: it is not known
	Version      string

	SecretKey string // 64 hexadecimal digits; "" keeps one in the data folder
	FormerKey string // SecretKey before its rotation: what it sealed on the bus is believed still; "" when there was none

	NATSURL         string // external bus, addresses separated by commas; "" is the embedded one
	NATSCredentials string // file with the JWT and seed for it
	NATSCA          string // file of the authorities that its certificates come from; "" is the system's
	NATSReplicas    int    // copies of the stream there; 1
	NATSListen      string // host:port where the embedded bus takes readers; "" is nowhere
	NATSToken       string // password of bus.Reader there; required with NATSListen

	Operators    []string // parties whose administrators operate the service for all
	MetricsToken string   // what /metrics asks for; "": it answers this machine alone

	PublicURL           string         // address under which people reach the service; "" when nobody confirmed one
	Callback            string         // telephone number of the duty desk, shown in messages
	TLSCert, TLSKey     string         // files of the service's own certificate; "" serves plain HTTP
	TrustedProxies      []string       // CIDR networks whose X-Forwarded-For is believed
	TrustedOrigins      []string       // origins whose pages may sign somebody in to the console, such as http://127.0.0.1:8081
	Plausible           time.Duration  // how far a time may lie from what it belongs to without being confirmed; 0 is check.Near
	RequestRate         float64        // requests a second and account beyond which 429 is answered; 0 is no limit
	Limits              map[string]int // bounds by name, see limit.Limits; those not named are the defaults
	WebhookAllowPrivate bool           // webhooks may go to private and loopback addresses
	WebhookRate         float64        // messages a second to one webhook; 0 is no limit
	SMTPURL             string         // smtp:// or smtps:// server that takes e-mail; "" sends none
	MailFrom            string         // sender of e-mail
	MailRate            float64        // messages a second to that server; 0 is no limit
	LogfileDir          string         // folder of the logfile channel; "" offers none

	OTLPEndpoint string // http(s)://host:port that takes traces; "" makes none
	BackupDir    string // folder of nightly backups; "" makes none
	BackupKeep   int    // how many of them are kept; 14

	// HeadEvery is how old the last signed head must be before the job of that name signs another; an hour. Less is for tests.
	HeadEvery time.Duration
	// MetricsEvery is how long one answer of /metrics is good for whoever asks next; a second. Less is for tests.
	MetricsEvery time.Duration
	// NoSchedule leaves the jobs to RunOnce: for tests that own the clock.
	NoSchedule bool
	// Retries replaces the schedule of delivery attempts; nil keeps the default of package notify.
	Retries []time.Duration
	// Drain is how long the HTTP server answers 503 before it closes, so that a balancer looks elsewhere.
	Drain time.Duration
	// At is called at the named points of a change's way: for tests that end the process there.
	At func(point string)
}

// metricsTokenLeast is how long a token for metrics must be, so that nobody guesses it.
const metricsTokenLeast = 16

// prepare fills in defaults and refuses what cannot work, all of it at once.
func (o *Options) prepare() error {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if len(o.Roles) == 0 {
		o.Roles = AllRoles()
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	if o.Plausible == 0 {
		o.Plausible = check.Near
	}
	if o.BackupKeep == 0 {
		o.BackupKeep = 14
	}
	if o.MetricsEvery == 0 {
		o.MetricsEvery = time.Second
	}
	if o.HeadEvery == 0 {
		o.HeadEvery = time.Hour
	}
	if o.MongoDBDatabase == "" {
		o.MongoDBDatabase = "landfall"
	}
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")

	var bad fault.Check
	for _, r := range o.Roles {
		bad.That(slices.Contains(AllRoles(), r), "--roles", "%q is no role; there are api, notify and watch", string(r))
	}
	if !o.has(AllRoles()...) {
		for flag, value := range map[string]string{"--mongodb-uri": o.MongoDBURI, "--nats-url": o.NATSURL, "--secret-key": o.SecretKey} {
			bad.That(value != "", flag, "is required for a process that carries fewer than all roles: it shares records, bus and key with others")
		}
	}
	for flag, value := range map[string]string{"--secret-key": o.SecretKey, "--former-secret-key": o.FormerKey} {
		key, err := hex.DecodeString(value)
		bad.That(value == "" || err == nil && len(key) == 32, flag, "must be 64 hexadecimal digits")
	}
	bad.That((o.TLSCert == "") == (o.TLSKey == ""), "--tls-cert", "needs --tls-key, and the other way round")
	bad.That(o.NATSURL == "" || o.NATSListen == "", "--nats-listen", "is for the embedded bus; with --nats-url there is none")
	bad.That(o.NATSListen == "" || o.NATSToken != "", "--nats-token", "is required by --nats-listen")
	bad.That(o.MetricsToken == "" || len(o.MetricsToken) >= metricsTokenLeast,
		"--metrics-token", "must have %d characters or more", metricsTokenLeast)
	for _, party := range o.Operators {
		_, err := place.ParseParty(party)
		bad.That(err == nil, "--operators", "%q is no party", party)
	}
	bad.That(o.NATSURL != "" || o.NATSCredentials == "" && o.NATSReplicas <= 1, "--nats-url", "is required by --nats-credentials and --nats-replicas")
	bad.That(o.SMTPURL == "" || o.MailFrom != "", "--mail-from", "is required by --smtp-url")
	if o.PublicURL != "" {
		u, err := url.Parse(o.PublicURL)
		bad.That(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "", "--public-url", "must be an address such as https://landfall.example.org")
	}
	for _, rate := range []struct {
		flag  string
		value float64
	}{{"--request-rate", o.RequestRate}, {"--webhook-rate", o.WebhookRate}, {"--mail-rate", o.MailRate}} {
		bad.That(rate.value >= 0, rate.flag, "must be 0 or more")
	}
	bad.That(o.Plausible > 0, "--plausible-within", "must be more than 0")
	bad.That(o.BackupKeep > 0, "--backup-keep", "must be 1 or more")
	_, err := o.limits()
	if f, ok := fault.As(err); ok {
		for _, field := range f.Fields {
			bad.Field(field.Pointer, "%s", field.Reason)
		}
	}
	err = bad.Err()
	if f, ok := fault.As(err); ok {
		f.Code, f.Detail = "options", "The service cannot start with these options:"
	}
	return err
}

// has reports whether this process carries all the roles.
func (o *Options) has(roles ...Role) bool {
	for _, r := range roles {
		if !slices.Contains(o.Roles, r) {
			return false
		}
	}
	return true
}

// limits gives what one side may take of what all share.
func (o *Options) limits() (limit.Limits, error) {
	l := limit.Defaults()
	l.AccountRate = limit.Rate{PerSecond: o.RequestRate, Burst: int(10 * o.RequestRate)}
	return l.With(o.Limits)
}

// externalBus is the configuration of the bus that somebody else runs.
func (o *Options) externalBus() bus.Config {
	return bus.Config{
		URL: o.NATSURL, Credentials: o.NATSCredentials, CA: o.NATSCA, Replicas: o.NATSReplicas, Copies: true, Now: o.Now, Log: o.Logger,
	}
}

// operators are the parties whose administrators operate the service for all.
func (o *Options) operators() []place.Party {
	var parties []place.Party
	for _, party := range o.Operators {
		parties = append(parties, place.Party(party))
	}
	return parties
}

// networks reads CIDR notation.
func networks(texts []string) ([]*net.IPNet, error) {
	var nets []*net.IPNet
	for _, text := range texts {
		_, n, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "trusted_proxies", "%q is not a network such as 10.0.0.0/8.", text)
		}
		nets = append(nets, n)
	}
	return nets, nil
}

// userAgent gives the product and its version as one word.
func userAgent(version string) string {
	if version == "" {
		version = "0"
	}
	return fmt.Sprintf("Landfall/%s", strings.ReplaceAll(version, " ", "-"))
}
