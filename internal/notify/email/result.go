package email

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"landfall/internal/notify"
)

// Codes of attempts to which the recipient's side gave no answer of its own. An answer's code is its three digits.
const (
	codeBadTarget      = "bad_target"
	codeBadMessage     = "bad_message"
	codeBusy           = "busy"            // ours: every connection was in use
	codeConnect        = "connect_failed"  // ours: no connection, or no welcome
	codeTLS            = "tls_failed"      // ours: no encryption, or nobody vouches for the server
	codeLogin          = "auth_failed"     // ours: the login was refused
	codeSender         = "sender_refused"  // ours: the server does not send for this sender
	codeConnectionLost = "connection_lost" // before the whole message was out
	codeReplyLost      = "reply_lost"      // after it: it may have been taken over
	codeGibberish      = "protocol_error"
	codeTimeout        = "timeout"
	codeCancelled      = "cancelled"
)

// ours are the codes of what is wrong between us and the server, whoever the recipient is.
var ours = map[string]bool{codeConnect: true, codeTLS: true, codeLogin: true, codeSender: true}

// judge says what became of an attempt.
func judge(ctx context.Context, reply string, err error) notify.Result {
	if err == nil {
		return notify.Result{Sent: true, Code: "250", Detail: reply}
	}
	f := &failure{stage: atConnect, err: err}
	_ = errors.As(err, &f) // everything the pool gives is one
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return answered(f.stage, answer)
	}
	r := notify.Result{Again: true}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		r.Code, r.Detail = codeCancelled, "the attempt was broken off by us"
	case ctx.Err() != nil && f.stage == atSlot:
		r.Code, r.Detail = codeBusy, "all connections to the mail server were in use"
	case ctx.Err() != nil:
		r.Code, r.Detail = codeTimeout, "no complete answer in time, "+f.stage.words()
	case f.stage == atTLS:
		r.Code, r.Detail = codeTLS, "the mail server offers no encryption, or its certificate was not accepted"
		if errors.Is(err, errNoTLS) {
			r.Detail = "the mail server offers no encryption"
		}
	case errors.Is(err, errNoLogin):
		r.Code, r.Detail = codeLogin, "the mail server offers no way to sign in that we know"
	case f.stage == atLogin && !broken(err):
		r.Code, r.Detail = codeLogin, "the mail server could not prove that it knows the password"
	case f.stage == atConnect:
		r.Code, r.Detail = codeConnect, unreached(err)
	case malformed(err):
		r.Code, r.Detail = codeGibberish, "the answer was not SMTP, "+f.stage.words()
	case f.stage == atReply:
		r.Code, r.Detail = codeReplyLost, "the connection was lost before the mail server said whether it took the message over"
	default:
		r.Code, r.Detail = codeConnectionLost, "the connection was lost, "+f.stage.words()
	}
	return r
}

// answered judges an answer of the server by the stage it was given at (RFC 5321, section 4.2; RFC 4954, section 6).
func answered(at stage, a *textproto.Error) notify.Result {
	code := strconv.Itoa(a.Code)
	r := notify.Result{Again: true, Code: code, Detail: code + " " + strings.ReplaceAll(a.Msg, "\n", " ")}
	switch {
	case at == atConnect:
		r.Code = codeConnect
	case at == atTLS:
		r.Code = codeTLS
	case at == atLogin, a.Code == 530, a.Code == 534, a.Code == 535, a.Code == 538:
		r.Code = codeLogin
	case a.Code/100 == 5 && at == atSender:
		r.Code = codeSender
	case a.Code/100 == 5:
		r.Again = false
	case a.Code/100 != 4:
		r.Code = codeGibberish
	}
	return r
}

func (s stage) words() string {
	switch s {
	case atSlot, atConnect:
		return "while connecting"
	case atTLS:
		return "while the connection was being encrypted"
	case atLogin:
		return "while signing in"
	case atSender, atRecipient:
		return "before the message was sent"
	case atData:
		return "while the message was sent"
	case atReply:
		return "after the message was sent"
	}
	return fmt.Sprintf("at stage %d", s)
}

// unreached says why there is no connection, in words of ours: errors of the network stack may say more than lists should show.
func unreached(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the name of the mail server could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing accepts connections at the mail server's address"
	case errors.Is(err, errNotLoopback):
		return "the name of the mail server does not lead to loopback, which ?tls=none requires"
	case malformed(err):
		return "what answers there does not speak SMTP"
	}
	return "the connection to the mail server failed"
}

func malformed(err error) bool {
	var p textproto.ProtocolError
	return errors.As(err, &p) || errors.Is(err, errTalksOn)
}

// mood knows whether the server takes mail from us at all, and says so once when that changes. It concerns the operator, not a message.
type mood struct {
	log  *slog.Logger
	host string

	mu   sync.Mutex
	code string // why it does not; "" when it does, or nobody knows
}

func (m *mood) note(r notify.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case ours[r.Code] && m.code != r.Code:
		m.log.Warn("the mail server takes no messages from us; they are tried again", "host", m.host, "code", r.Code, "detail", r.Detail)
		m.code = r.Code
	case r.Sent && m.code != "":
		m.log.Info("the mail server takes messages again", "host", m.host)
		m.code = ""
	}
}
