package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"reflect"
	"strings"
	"testing"
	"time"

	"landfall/internal/notify/email/emailtest"
)

// openInbox gives an inbox behind a receiver, with a mail server, and the tokens that it will find.
func openInbox(t *testing.T, tokens map[string]string) (*receiver, *inbox, *emailtest.Server) {
	t.Helper()
	b, err := newInbox("http://127.0.0.1:9", time.Now, names(), func() map[string]string { return tokens })
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, func(a arrival) { b.hook(a, "an alert") })
	b.mount(r.mux)
	mail, err := emailtest.Start(emailtest.Options{Security: emailtest.NoTLS, Take: b.mail})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mail.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, b, mail
}

// visit gives a page of the inbox.
func visit(t *testing.T, r *receiver, path string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

func TestInboxShowsWebhookAndMailSideBySide(t *testing.T) {
	r, _, mail := openInbox(t, nil)
	if err := r.expect(antigua, secret); err != nil {
		t.Fatal(err)
	}
	if status := newSender(t, secret).send(r.target(antigua), "msg-1", told("e-1", "f")); status != http.StatusNoContent {
		t.Fatalf("answered %d", status)
	}
	if status := newSender(t, another).send(r.target(antigua), "msg-2", told("e-2", "f")); status != http.StatusUnauthorized {
		t.Fatalf("answered %d to a wrong signature", status)
	}
	letter := "From: a@example.org\r\nTo: b@example.org\r\nSubject: <Named> as a receiving state\r\nMessage-ID: <m-1@example.org>\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\nAcknowledge by 16:30.\r\n"
	at := strings.TrimPrefix(strings.SplitN(mail.URL(), "?", 2)[0], "smtp://")
	if err := smtp.SendMail(at, nil, "a@example.org", []string{address(antigua)}, []byte(letter)); err != nil {
		t.Fatal(err)
	}
	status, text, head := visit(t, r, "/box/"+antigua)
	if status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	for _, want := range []string{"an alert", "signature ok", "REFUSED", "webhook-id: msg-1", "&lt;Named&gt; as a receiving state", "Acknowledge by 16:30.", "alerts@atg.example.org"} {
		if !strings.Contains(text, want) {
			t.Errorf("the box does not show %q", want)
		}
	}
	if strings.Contains(text, "<Named>") {
		t.Error("what a message says became part of the page")
	}
	if policy := head.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "form-action http://127.0.0.1:9") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if _, text, _ := visit(t, r, "/box/"+grenada); !strings.Contains(text, "No e-mail yet.") || strings.Contains(text, "msg-1") {
		t.Error("another office's box is not empty")
	}
	if kept := len(mail.Mails()); kept != 0 {
		t.Errorf("the mail server keeps %d messages too", kept)
	}
}

func TestInboxLetsInOnlyOnceTheOfficesAreSeated(t *testing.T) {
	tokens := map[string]string{}
	r, _, _ := openInbox(t, tokens)
	if _, text, _ := visit(t, r, "/"); strings.Contains(text, "<form") || !strings.Contains(text, "being seated") {
		t.Error("there is a door before anybody sits")
	}
	tokens[stVincent+"/"+coordinator], tokens[dominica+"/"+official], tokens[saintLucia+"/"+liaison] = "lf_1", "lf_2", "lf_3"
	tokens[cdema+"/"+regionalOfficer] = "lf_4"
	_, text, _ := visit(t, r, "/?in=fr")
	for _, want := range []string{`lang="fr"`, "EXERCICE", "lf_1", "lf_2", "lf_3", `action="http://127.0.0.1:9/sign-in"`, "Sainte-Lucie"} {
		if !strings.Contains(text, want) {
			t.Errorf("the start page does not have %q", want)
		}
	}
	if strings.Contains(text, "lf_4") {
		t.Error("a token that no door needs is on the page")
	}
}

func TestInboxAnswersToThisMachineAlone(t *testing.T) {
	r, _, _ := openInbox(t, map[string]string{stVincent + "/" + coordinator: "lf_secret"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "rebound.example.org"
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusMisdirectedRequest || strings.Contains(string(text), "lf_secret") {
		t.Errorf("a name of somebody else's got %d: %s", res.StatusCode, text)
	}
}

func TestInboxHintsWhenSomethingArrives(t *testing.T) {
	r, b, _ := openInbox(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/live?since=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		switch lines.Text() {
		case ": here":
			b.mail(emailtest.Mail{To: []string{address(dominica)}, Subject: "s"})
		case "event: changed":
			return
		}
	}
	t.Fatalf("no hint came: %v", lines.Err())
}

func TestInboxLetsTheOldestGo(t *testing.T) {
	_, b, _ := openInbox(t, nil)
	for n := range 3 * boxKeeps {
		b.mail(emailtest.Mail{To: []string{address(dominica)}, Subject: fmt.Sprint(n)})
	}
	boxes, _ := b.look()
	if got := boxes[0]; got.Mails != 3*boxKeeps || len(got.LastMails) != boxKeeps || got.LastMails[0].Subject != fmt.Sprint(3*boxKeeps-1) {
		t.Errorf("%d counted, %d kept, the first is %q", got.Mails, len(got.LastMails), got.LastMails[0].Subject)
	}
}

func TestInboxSaysEverythingInBothLanguages(t *testing.T) {
	english, french := reflect.ValueOf(wordsOf("en")), reflect.ValueOf(wordsOf("fr"))
	for n := range english.NumField() {
		field := english.Type().Field(n)
		if field.Type.Kind() != reflect.String || field.Name == "Hooks" {
			continue // Webhooks are called so in both
		}
		if en, fr := english.Field(n).String(), french.Field(n).String(); en == "" || fr == "" || en == fr {
			t.Errorf("%s is %q and %q", field.Name, en, fr)
		}
	}
	for n, d := range wordsOf("en").Doors {
		if f := wordsOf("fr").Doors[n]; f.Role != d.Role || f.Who == d.Who || f.What == d.What || f.Enter == d.Enter || f.Who == "" || f.What == "" || f.Enter == "" {
			t.Errorf("door %d is %+v and %+v", n, d, f)
		}
	}
}
