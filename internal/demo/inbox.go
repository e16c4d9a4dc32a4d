package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"landfall/internal/notify/email/emailtest"
)

//go:embed inbox
var inboxFiles embed.FS

// boxKeeps is how many messages of a kind each mailbox shows; older ones are let go, and counted.
const boxKeeps = 40

// inbox shows what each office would have received, as webhook and as e-mail, and lets a newcomer in as one of three users. Its pages hold secrets of
// role accounts, so they answer to the loopback address alone. All methods may be called concurrently.
type inbox struct {
	server string // where the console is
	now    func() time.Time
	names  map[string]string
	doors  func() map[string]string // tokens by seat; empty until the offices are seated
	pages  *template.Template

	mu      sync.Mutex
	boxes   map[string]*mailbox
	changes int           // since the start
	changed chan struct{} // closed and replaced at each
}

// mailbox is what one office got. The newest is first.
type mailbox struct {
	Code, Name           string
	Hooks, Mails         int // since the start
	LastHooks, LastMails []message
}

// message is one of either kind, as it is shown.
type message struct {
	Key         int
	ISO, At     string
	ID, Kind    string
	Text        string
	Subject, To string
	Body        string
	Refused     bool
	Again       bool

	arrival arrival // of a webhook
}

func newInbox(server string, now func() time.Time, names map[string]string, doors func() map[string]string) (*inbox, error) {
	pages, err := template.ParseFS(inboxFiles, "inbox/inbox.html")
	if err != nil {
		return nil, err
	}
	b := &inbox{
		server: server, now: now, names: names, doors: doors, pages: pages.Option("missingkey=error"),
		boxes: map[string]*mailbox{}, changed: make(chan struct{}),
	}
	for _, code := range listeners() {
		b.boxes[code] = &mailbox{Code: code, Name: names[code]}
	}
	return b, nil
}

// openInbox puts the pages beside the endpoints of the receiver and starts the mail server. The server of the play is told of both, so call it before that starts.
func (p *play) openInbox() (closeMail func() error, err error) {
	b, err := newInbox(p.server.url(), p.now, p.names, p.tokens)
	if err != nil {
		return nil, err
	}
	post, err := emailtest.Start(emailtest.Options{Security: emailtest.NoTLS, Take: b.mail})
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	b.mount(p.receiver.mux)
	p.inbox = b
	p.server.more = []string{
		"--smtp-url", post.URL(), "--mail-from", "Landfall <alerts@landfall.example.org>", "--public-url", p.server.url(), "--trusted-origin", p.receiver.url,
	}
	return post.Close, nil
}

// address is the mailbox of an office. The domain is reserved for examples (RFC 2606).
func address(code string) string { return "alerts@" + strings.ToLower(code) + ".example.org" }

// hook takes a webhook that arrived; text says what it is about.
func (b *inbox) hook(a arrival, text string) {
	m := message{ID: a.id, Kind: a.event.kind(), Text: text, Refused: a.signed != nil, Again: a.again, arrival: a}
	var pretty bytes.Buffer
	if json.Indent(&pretty, a.body, "", "  ") == nil {
		m.Body = pretty.String()
	}
	b.take(a.box, m, func(box *mailbox) (*int, *[]message) { return &box.Hooks, &box.LastHooks })
}

// mail takes an e-mail that arrived.
func (b *inbox) mail(m emailtest.Mail) {
	for _, to := range m.To {
		for _, code := range listeners() {
			if to == address(code) {
				b.take(code, message{ID: m.ID, Subject: m.Subject, Text: m.Text, To: to},
					func(box *mailbox) (*int, *[]message) { return &box.Mails, &box.LastMails })
			}
		}
	}
}

func (b *inbox) take(code string, m message, of func(*mailbox) (*int, *[]message)) {
	at := b.now()
	m.ISO, m.At = at.UTC().Format(time.RFC3339), at.Format("15:04:05")
	b.mu.Lock()
	defer b.mu.Unlock()
	box := b.boxes[code]
	if box == nil {
		return
	}
	count, last := of(box)
	*count++
	m.Key = *count
	*last = slices.Insert(*last, 0, m)
	*last = (*last)[:min(len(*last), boxKeeps)]
	b.change()
}

// seated tells readers that there are doors now.
func (b *inbox) seated() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.change()
}

// change wakes who follows. Call it with mu held.
func (b *inbox) change() {
	b.changes++
	close(b.changed)
	b.changed = make(chan struct{})
}

// watch gives how much has changed since the start, and a channel that is closed at the next change.
func (b *inbox) watch() (int, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes, b.changed
}

// look gives a copy of the mailboxes in the order of listeners, and how much had changed by then.
func (b *inbox) look() ([]mailbox, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []mailbox
	for _, code := range listeners() {
		box := *b.boxes[code]
		box.LastHooks, box.LastMails = slices.Clone(box.LastHooks), slices.Clone(box.LastMails)
		all = append(all, box)
	}
	return all, b.changes
}

// mount adds the pages.
func (b *inbox) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", b.guard(b.start))
	mux.HandleFunc("GET /box/{code}", b.guard(b.box))
	mux.HandleFunc("GET /live", b.guard(b.live))
	for name, media := range map[string]string{"inbox.css": "text/css; charset=utf-8", "inbox.js": "text/javascript; charset=utf-8"} {
		text, _ := inboxFiles.ReadFile("inbox/" + name) // it is embedded
		mux.HandleFunc("GET /"+name, b.guard(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			_, _ = w.Write(text) // a reader that went away reads again
		}))
	}
}

// guard answers only to who asks for this machine by its address: a name of somebody else's that leads here gets nothing (DNS rebinding).
func (b *inbox) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, err := url.Parse("http://" + r.Host)
		if err != nil || (host.Hostname() != "127.0.0.1" && host.Hostname() != "localhost") {
			http.Error(w, "The inbox answers to 127.0.0.1 alone.", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "+
			"frame-ancestors 'none'; form-action "+b.server)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "origin") // the console must know whose form signs in
		h.Set("X-Content-Type-Options", "nosniff")
		next(w, r)
	}
}

// inboxView is what a page shows.
type inboxView struct {
	In, Title, Server string
	T                 inboxWords
	Changes           int
	Doors             []door
	Boxes             []mailbox
	Box               mailbox
}

// door is a way into the console.
type door struct{ Role, Who, What, Enter, Token string }

func (b *inbox) view(r *http.Request) inboxView {
	in := r.URL.Query().Get("in")
	if in == "" && strings.HasPrefix(r.Header.Get("Accept-Language"), "fr") {
		in = "fr"
	}
	if in != "fr" {
		in = "en"
	}
	v := inboxView{In: in, T: wordsOf(in), Server: b.server}
	v.Title = v.T.Title
	v.Boxes, v.Changes = b.look()
	for n, box := range v.Boxes {
		v.Boxes[n].Name = v.T.name(box.Code, box.Name)
	}
	return v
}

func (b *inbox) start(w http.ResponseWriter, r *http.Request) {
	v := b.view(r)
	tokens := b.doors()
	for n, seat := range []string{stVincent + "/" + coordinator, dominica + "/" + official, saintLucia + "/" + liaison} {
		if token := tokens[seat]; token != "" {
			d := v.T.Doors[n]
			d.Token = token
			v.Doors = append(v.Doors, d)
		}
	}
	b.show(w, "start", v)
}

func (b *inbox) box(w http.ResponseWriter, r *http.Request) {
	v := b.view(r)
	n := slices.IndexFunc(v.Boxes, func(m mailbox) bool { return m.Code == r.PathValue("code") })
	if n < 0 {
		http.Error(w, v.T.NoBox, http.StatusNotFound)
		return
	}
	v.Box = v.Boxes[n]
	if v.In == "fr" {
		for i, m := range v.Box.LastHooks {
			v.Box.LastHooks[i].Text = v.T.headline(m.arrival, b.names)
		}
	}
	v.Title = v.Box.Name
	b.show(w, "box", v)
}

func (b *inbox) show(w http.ResponseWriter, name string, v inboxView) {
	var page bytes.Buffer
	if err := b.pages.ExecuteTemplate(&page, name, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w) // a reader that went away reads again
}

const (
	inboxHeartbeat = 15 * time.Second
	inboxPace      = 250 * time.Millisecond // a burst is one hint
)

// live hints that something arrived, never what, until the reader or the demo goes.
func (b *inbox) live(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	seen, err := strconv.Atoi(r.URL.Query().Get("since")) // what the page shows; something may have arrived since it was made
	if err != nil {
		seen = -1
	}
	hint := func(text string) bool {
		_ = out.SetWriteDeadline(b.now().Add(10 * time.Second)) // the server has none for answers
		_, err := w.Write([]byte(text))
		return err == nil && out.Flush() == nil
	}
	if !hint(": here\n\n") {
		return
	}
	for {
		changes, changed := b.watch()
		if changes != seen {
			if pause(r.Context(), inboxPace) != nil {
				return
			}
			if seen, _ = b.watch(); !hint("event: changed\ndata: " + strconv.Itoa(seen) + "\n\n") {
				return
			}
			continue
		}
		beat := time.NewTimer(inboxHeartbeat)
		select {
		case <-r.Context().Done():
			beat.Stop()
			return
		case <-changed:
			beat.Stop()
		case <-beat.C:
			if !hint(": still here\n\n") {
				return
			}
		}
	}
}
