package email_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"landfall/internal/notify/email"
)

func TestAddresses(t *testing.T) {
	c := newChannel(t, email.Options{SMTPURL: "smtp://mail.example.org"})
	for target, ok := range map[string]bool{
		"duty@odm.gov.dm":                        true,
		"duty.officer+night@example.org":         true,
		"D@EXAMPLE.ORG":                          true,
		"o'neil@example.org":                     true,
		"duty@île.example":                       true,
		"duty@xn--le-hia.example":                true,
		"duty@münchen.example.":                  false,
		"dutý@example.org":                       false,
		"duty":                                   false,
		"@example.org":                           false,
		"duty@":                                  false,
		"duty@localhost":                         false,
		"duty@example.123":                       false,
		"duty@192.0.2.1":                         false,
		"duty@[192.0.2.1]":                       false,
		"duty@-x.org":                            false,
		"duty@x..org":                            false,
		"duty@example.org ":                      false,
		" duty@example.org":                      false,
		"<duty@example.org>":                     false,
		"Duty <duty@example.org>":                false,
		"duty@example.org, b@c.org":              false,
		"duty@example.org;b@c.org":               false,
		"a@b@example.org":                        false,
		"a..b@example.org":                       false,
		".a@example.org":                         false,
		`"a b"@example.org`:                      false,
		"mailto:duty@example.org":                false,
		"duty@example.org\r\nRCPT TO:<":          false,
		"duty@example.org\x00":                   false,
		"duty@exa_mple.org":                      false,
		strings.Repeat("a", 65) + "@example.org": false,
		"a@" + strings.Repeat("b.", 130) + "org": false,
		strings.Repeat("a", 64) + "@" + strings.Repeat("abcdefgh.", 20) + "org": true,
	} {
		if wrong := c.CheckTarget(target); (wrong == "") != ok {
			t.Errorf("%q: %q, want accepted %t", target, wrong, ok)
		}
	}
	for target, want := range map[string]string{
		"duty@example.org": "d***@ex***.org", "a@e.org": "a***@e***.org", "duty@odm.gov.dm": "d***@od***.dm", "x@île.example": "x***@îl***.example",
		"": "…", "nonsense": "…", "@a.b": "…", "a@b": "…",
	} {
		if got := c.Mask(target); got != want {
			t.Errorf("%q is masked as %q, want %q", target, got, want)
		}
	}
}

func TestAnAddressThatIsAcceptedIsOneWordOfACommand(t *testing.T) {
	c := newChannel(t, email.Options{SMTPURL: "smtp://mail.example.org"})
	rapid.Check(t, func(t *rapid.T) {
		target := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z<>, "\\.@\r\n]{1,12}@[a-zé<>. \r\n-]{1,12}\.[a-z0-9]{1,4}`)).Draw(t, "target")
		if c.CheckTarget(target) == "" && strings.ContainsAny(target, " <>,;\"\\\r\n\x00()") {
			t.Errorf("%q was accepted", target)
		}
	})
}

func TestServersAndSenders(t *testing.T) {
	const from = "alerts@example.org"
	for _, c := range []struct {
		url, from string
		ok        bool
	}{
		{"smtp://mail.example.org", from, true},
		{"smtp://mail.example.org:25/", from, true},
		{"smtps://user:confidential@mail.example.org", "Landfall <alerts@example.org>", true},
		{"smtp://user%40example.org:p%3Aconfidential@mail.example.org?connections=1", from, true},
		{"smtp://127.0.0.1:1025?tls=none", from, true},
		{"smtp://[::1]:1025?tls=none", from, true},
		{"smtp://localhost:1025?tls=none&connections=64", from, true},
		{"smtp://mail.example.org?tls=none", from, false},
		{"smtp://127.0.0.1.example.org?tls=none", from, false},
		{"smtps://localhost?tls=none", from, false},
		{"smtp://localhost?tls=maybe", from, false},
		{"smtp://localhost?tls=none&tls=none", from, false},
		{"smtp://localhost?insecure=1", from, false},
		{"smtp://mail.example.org?connections=0", from, false},
		{"smtp://mail.example.org?connections=65", from, false},
		{"smtp://mail.example.org?connections=x", from, false},
		{"smtp://mail.example.org/confidential", from, false},
		{"smtp://mail.example.org#confidential", from, false},
		{"smtp://mail.example.org:0", from, false},
		{"smtp://mail.example.org:confidential", from, false},
		{"smtp://user@mail.example.org", from, false},
		{"smtp://:confidential@mail.example.org", from, false},
		{"smtp://user:confi%0d%0adential@mail.example.org", from, false},
		{"http://user:confidential@mail.example.org", from, false},
		{"mail.example.org:587", from, false},
		{"smtp:", from, false},
		{"", from, false},
		{"smtp://us er:confidential@mail.example.org", from, false},
		{"smtp://mail.example.org", "", false},
		{"smtp://mail.example.org", "nobody", false},
		{"smtp://mail.example.org", "a@localhost", false},
		{"smtp://mail.example.org", "a@b.org, c@d.org", false},
		{"smtp://mail.example.org", "A <a@b.org>\r\nBcc: c@d.org", false},
	} {
		ch, err := email.New(email.Options{SMTPURL: c.url, From: c.from, Now: time.Now})
		if (err == nil) != c.ok {
			t.Errorf("%q from %q: %v, want accepted %t", c.url, c.from, err, c.ok)
		}
		if err != nil && strings.Contains(err.Error(), "confidential") {
			t.Errorf("%q: a secret is told: %v", c.url, err)
		}
		if ch != nil {
			ch.Close()
		}
	}
}
