package harness

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Visitor is somebody with a browser without scripts: follows links, fills in forms.
type Visitor struct {
	t    testing.TB
	base func() string
	http *http.Client
	lang string
}

// Visit signs in to the console with the token of a client.
func (c *Client) Visit(language string) *Visitor {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	v := &Visitor{t: c.t, base: c.base, http: &http.Client{Timeout: 30 * time.Second, Jar: jar, Transport: c.http.Transport}, lang: language}
	v.Post("/sign-in", url.Values{"token": {c.token}}).Want(http.StatusOK)
	return v
}

// At gives the same browser at the process with this address: it has the cookies that the visitor has now, and its own from then on.
func (v *Visitor) At(base string) *Visitor {
	v.t.Helper()
	from, err := url.Parse(v.base())
	if err != nil {
		v.t.Fatal(err)
	}
	to, err := url.Parse(base)
	if err != nil {
		v.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	jar.SetCookies(to, v.http.Jar.Cookies(from))
	return &Visitor{t: v.t, base: func() string { return base }, http: &http.Client{Timeout: 30 * time.Second, Jar: jar}, lang: v.lang}
}

// Sheet is one page as it came.
type Sheet struct {
	visitor *Visitor
	Status  int
	Header  http.Header
	URL     *url.URL // after redirects
	Raw     string
	Packed  int // bytes of it as they came, compressed as browsers ask for
	Doc     *html.Node
}

// Get reads a page, following redirects.
func (v *Visitor) Get(path string) *Sheet {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil)
}

// Post sends a form, following redirects.
func (v *Visitor) Post(path string, values url.Values) *Sheet {
	v.t.Helper()
	return v.do(http.MethodPost, path, values)
}

func (v *Visitor) do(method, path string, values url.Values) *Sheet {
	v.t.Helper()
	target, err := url.Parse(v.base())
	if err != nil {
		v.t.Fatal(err)
	}
	if target, err = target.Parse(path); err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequest(method, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", v.lang)
	req.Header.Set("Accept-Encoding", "gzip")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	packed, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	text := packed
	if res.Header.Get("Content-Encoding") == "gzip" {
		if text, err = unpack(packed); err != nil {
			v.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	doc, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	return &Sheet{visitor: v, Status: res.StatusCode, Header: res.Header, URL: res.Request.URL, Raw: string(text), Packed: len(packed), Doc: doc}
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Want fails the test unless the status is the expected one.
func (s *Sheet) Want(status int) *Sheet {
	s.visitor.t.Helper()
	if s.Status != status {
		s.visitor.t.Fatalf("%s: %d, want %d\n%s", s.URL, s.Status, status, s.Text())
	}
	return s
}

// Says fails the test unless the page's text holds each of these.
func (s *Sheet) Says(texts ...string) *Sheet {
	s.visitor.t.Helper()
	all := s.Text()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			s.visitor.t.Errorf("%s does not say %q:\n%s", s.URL, text, all)
		}
	}
	return s
}

// Silent fails the test when the page's text holds one of these.
func (s *Sheet) Silent(texts ...string) *Sheet {
	s.visitor.t.Helper()
	all := s.Text()
	for _, text := range texts {
		if strings.Contains(all, text) {
			s.visitor.t.Errorf("%s says %q:\n%s", s.URL, text, all)
		}
	}
	return s
}

// Text gives what the page says, its words separated by single spaces.
func (s *Sheet) Text() string {
	var b strings.Builder
	for n := range s.Doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Links gives the addresses of links whose text holds this, in order.
func (s *Sheet) Links(text string) []string {
	var found []string
	for n := range s.Doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && strings.Contains(textOf(n), text) {
			found = append(found, attribute(n, "href"))
		}
	}
	return found
}

// Follow reads the page of the first link whose text holds this.
func (s *Sheet) Follow(text string) *Sheet {
	s.visitor.t.Helper()
	links := s.Links(text)
	if len(links) == 0 {
		s.visitor.t.Fatalf("%s has no link %q:\n%s", s.URL, text, s.Text())
	}
	return s.visitor.Get(s.resolve(links[0]))
}

func (s *Sheet) resolve(href string) string {
	u, err := s.URL.Parse(href)
	if err != nil {
		s.visitor.t.Fatal(err)
	}
	return u.RequestURI()
}

// Form is a form of a page, as a browser would send it.
type Form struct {
	sheet  *Sheet
	Action string
	Values url.Values
	fields map[string]bool
}

// Form gives the first form whose action ends with this.
func (s *Sheet) Form(action string) *Form {
	s.visitor.t.Helper()
	for n := range s.Doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.HasSuffix(attribute(n, "action"), action) {
			continue
		}
		f := &Form{sheet: s, Action: attribute(n, "action"), Values: url.Values{}, fields: map[string]bool{}}
		for e := range n.Descendants() {
			f.read(e)
		}
		return f
	}
	s.visitor.t.Fatalf("%s has no form %q:\n%s", s.URL, action, s.Text())
	return nil
}

// read takes what a control of the form would send untouched.
func (f *Form) read(n *html.Node) {
	name := attribute(n, "name")
	if n.Type != html.ElementNode || name == "" {
		return
	}
	switch n.Data {
	case "input":
		f.fields[name] = true
		if kind := attribute(n, "type"); kind == "checkbox" || kind == "radio" {
			if !has(n, "checked") {
				return
			}
		}
		f.Values.Add(name, attribute(n, "value"))
	case "textarea":
		f.fields[name] = true
		f.Values.Add(name, textOf(n))
	case "select":
		f.fields[name] = true
		options, chosen := 0, ""
		for o := range n.Descendants() {
			if o.Type == html.ElementNode && o.Data == "option" {
				if options == 0 || has(o, "selected") {
					chosen = attribute(o, "value")
				}
				options++
			}
		}
		f.Values.Add(name, chosen)
	}
}

// Fill sets a field, or several values of a list of boxes. A field that the form does not have fails the test.
func (f *Form) Fill(name string, values ...string) *Form {
	f.sheet.visitor.t.Helper()
	if !f.fields[name] {
		f.sheet.visitor.t.Fatalf("%s: the form %s has no field %q", f.sheet.URL, f.Action, name)
	}
	f.Values[name] = slices.Clone(values)
	return f
}

// Send sends the form and gives the page that follows.
func (f *Form) Send() *Sheet {
	f.sheet.visitor.t.Helper()
	return f.sheet.visitor.Post(f.sheet.resolve(f.Action), f.Values)
}

// Kept gives what stands in a field of the page as it came back.
func (s *Sheet) Kept(action, name string) string {
	s.visitor.t.Helper()
	return s.Form(action).Values.Get(name)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for e := range n.Descendants() {
		if e.Type == html.TextNode {
			b.WriteString(e.Data)
		}
	}
	return b.String()
}

// String gives the form as it would be sent, for messages of tests.
func (f *Form) String() string { return fmt.Sprintf("%s %s", f.Action, f.Values.Encode()) }
