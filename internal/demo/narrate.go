package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The layout: nothing is wider than a page, so that it reads well in a log too.
const (
	pageWidth = 100
	whoWidth  = 20 // the longest office name of the story
	textStart = 37 // 1 + elapsed 4 + 2 + scenario time 5 + 2 + marker 2 + who + 1
)

// The colours, used where the terminal wants them.
const (
	plain  = ""
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// narrator writes the commentary, one finished line at a time, from any goroutine.
type narrator struct {
	now    func() time.Time
	colour bool

	mu       sync.Mutex
	out      io.Writer
	terminal bool
	began    time.Time              // zero: nothing is timed yet
	scenario func(time.Time) string // what the exercise clock shows; nil: no exercise runs
	gauges   []*gauge               // bars that are shown at the foot; lines go above them
	drawn    int                    // how many of them stand on the terminal now
	redrawn  time.Time
	held     bool     // what arrives waits until it is said what it follows from
	waiting  []string // finished lines that wait
}

// begin starts the clock in front of the lines.
func (n *narrator) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.began = n.now()
}

// follow puts the time of an exercise beside every line from now on.
func (n *narrator) follow(scenario func(wall time.Time) string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.scenario = scenario
}

// print writes one line as it is.
func (n *narrator) print(format string, args ...any) { n.write(plain, fmt.Sprintf(format, args...)) }

// good and bad write one line that says how something ended.
func (n *narrator) good(format string, args ...any) { n.write(green, fmt.Sprintf(format, args...)) }
func (n *narrator) bad(format string, args ...any)  { n.write(red, fmt.Sprintf(format, args...)) }

// chapter opens a story.
func (n *narrator) chapter(title string) {
	head := fmt.Sprintf("══ %s ", title)
	n.write(bold, "", head+strings.Repeat("═", max(0, pageWidth-utf8.RuneCountInString(head))))
}

// scene opens a new part of the story.
func (n *narrator) scene(number int, title string) {
	head := fmt.Sprintf("── %d  %s ", number, title)
	n.write(bold, "", head+strings.Repeat("─", max(0, pageWidth-utf8.RuneCountInString(head))))
}

// say writes a paragraph.
func (n *narrator) say(format string, args ...any) {
	n.write(plain, indented(wrap(fmt.Sprintf(format, args...), pageWidth-2), "  ")...)
}

// hold keeps back what arrives until did, or release: an alert may be there before the demo has read the answer to the request
// that raised it.
func (n *narrator) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = true
}

// release lets out what was held back.
func (n *narrator) release() {
	n.mu.Lock()
	waiting := n.waiting
	n.held, n.waiting = false, nil
	n.mu.Unlock()
	if len(waiting) > 0 {
		n.write(plain, waiting...)
	}
}

// did says what an office, or the demo itself, has just done through the API.
func (n *narrator) did(who, format string, args ...any) {
	n.entry(plain, "  ", who, fmt.Sprintf(format, args...))
	n.release()
}

// got says what has just arrived at an office's receiver.
func (n *narrator) got(who, format string, args ...any) {
	n.entry(cyan, "→ ", who, fmt.Sprintf(format, args...))
}

// warn says what has arrived or happened that nobody wanted.
func (n *narrator) warn(who, format string, args ...any) {
	n.entry(yellow, "→ ", who, fmt.Sprintf(format, args...))
}

// entry writes one line of the log of the story: how long since the start, what the exercise clock shows, who, and what.
func (n *narrator) entry(colour, marker, who, text string) {
	n.mu.Lock()
	wall := n.now()
	elapsed, scenario := "", ""
	if !n.began.IsZero() {
		since := wall.Sub(n.began)
		elapsed = fmt.Sprintf("%d:%02d", int(since.Minutes()), int(since.Seconds())%60)
	}
	if n.scenario != nil {
		scenario = n.scenario(wall)
	}
	n.mu.Unlock()
	lines := wrap(text, pageWidth-textStart)
	first := fmt.Sprintf(" %4s  %5s  %s%-*s ", elapsed, scenario, marker, whoWidth, who)
	page := append([]string{first + lines[0]}, indented(lines[1:], strings.Repeat(" ", textStart))...)
	n.mu.Lock()
	held := n.held && marker != "  "
	if held {
		n.waiting = append(n.waiting, n.dressed(colour, page)...)
	}
	n.mu.Unlock()
	if !held {
		n.write(colour, page...)
	}
}

// write puts finished lines out, above the bars where there are any.
func (n *narrator) write(colour string, lines ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := strings.Join(n.dressed(colour, lines), "\n") + "\n"
	n.erase()
	_, _ = io.WriteString(n.out, text) // a terminal that went away ends the demo by its signal
	if len(n.gauges) > 0 {
		n.draw()
	}
}

// dressed gives the lines as they are written.
func (n *narrator) dressed(colour string, lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimRight(line, " ")
		if n.colour && colour != plain && out[i] != "" {
			out[i] = colour + out[i] + reset
		}
	}
	return out
}

// gauge is a bar at the foot of a terminal and nothing in a log.
type gauge struct {
	n           *narrator
	label       string
	done, total int64
	left        func(done, total int64) string
}

const (
	barWidth = 40
	barEvery = 100 * time.Millisecond // how often a bar is drawn at most
)

// gauge shows how much of something is done, in the words of left. Call done when no bar is needed any more.
func (n *narrator) gauge(label string, total int, left func(done, total int64) string) *gauge {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := &gauge{label: label, total: int64(total), left: left}
	if !n.terminal {
		return g
	}
	g.n = n
	n.erase()
	n.gauges = append(n.gauges, g)
	n.draw()
	return g
}

// counted says how many there are; remaining, how many seconds are left when a bar counts tenths.
func counted(done, total int64) string   { return fmt.Sprintf("%d of %d", done, total) }
func remaining(done, total int64) string { return fmt.Sprintf("%d s", (total-done+9)/10) }

// set moves the bar.
func (g *gauge) set(value int) {
	if g.n == nil {
		return
	}
	g.n.mu.Lock()
	defer g.n.mu.Unlock()
	g.done = min(int64(value), g.total)
	if now := g.n.now(); now.Sub(g.n.redrawn) >= barEvery || g.done == g.total {
		g.n.erase()
		g.n.draw()
	}
}

// done takes the bars off the page.
func (n *narrator) done() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.erase()
	n.gauges = nil
}

// erase takes the bars off the terminal: up by as many lines, and clear what follows (ECMA-48, CUU and ED). Call it with mu held.
func (n *narrator) erase() {
	if n.drawn > 0 {
		_, _ = fmt.Fprintf(n.out, "\x1b[%dA\x1b[J", n.drawn)
		n.drawn = 0
	}
}

// draw puts the bars at the foot. Call it with mu held.
func (n *narrator) draw() {
	for _, g := range n.gauges {
		full := 0
		if g.total > 0 {
			full = int(g.done * barWidth / g.total)
		}
		_, _ = fmt.Fprintf(n.out, "  %-14s %s%s %s\n", g.label, strings.Repeat("━", full), strings.Repeat("·", barWidth-full), g.left(g.done, g.total))
	}
	n.drawn, n.redrawn = len(n.gauges), n.now()
}

// noBreak is a space at which no line ends; it is written as an ordinary one.
const noBreak = "\u00a0"

// wrap breaks a text into lines of at most width signs, at ordinary spaces. There is at least one line.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		word = strings.ReplaceAll(word, noBreak, " ")
		switch {
		case word == "":
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

func indented(lines []string, by string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = by + line
	}
	return out
}
